package syntax

// Walk calls visit for a node and, as long as visit returns true, for everything in it, in source order. Nil parts are left out.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	Children(n, func(c Node) { Walk(c, visit) })
}

// Children calls f for each direct part of a node, in source order. Nil parts are left out.
func Children(n Node, f func(Node)) {
	w := walker(f)
	switch n := n.(type) {
	case *Program:
		w.expr(n.Body)
	case *ListLiteral:
		w.exprs(n.Elements)
	case *HashLiteral:
		for _, e := range n.Entries {
			f(e)
		}
	case *HashEntry:
		w.expr(n.Key, n.Value)
	case *InterpolatedString:
		w.exprs(n.Segments)
	case *Interpolation:
		w.expr(n.Expr)
	case *Heredoc:
		w.expr(n.Text)
	case *Access:
		w.expr(n.Left)
		w.exprs(n.Keys)
	case *NamedAccess:
		w.expr(n.Left, n.Right)
	case *Call:
		w.expr(n.Func)
		w.exprs(n.Args)
		w.lambda(n.Lambda)
	case *MethodCall:
		w.expr(n.Left, n.Name)
		w.exprs(n.Args)
		w.lambda(n.Lambda)
	case *Lambda:
		w.params(n.Params)
		w.expr(n.Return, n.Body)
	case *Parameter:
		w.expr(n.Type, n.Default)
	case *Binary:
		w.expr(n.Left, n.Right)
	case *Not:
		w.expr(n.Operand)
	case *Minus:
		w.expr(n.Operand)
	case *Splat:
		w.expr(n.Operand)
	case *Paren:
		w.expr(n.Inner)
	case *Assign:
		w.expr(n.Left, n.Right)
	case *Relationship:
		w.expr(n.Left, n.Right)
	case *RenderExpr:
		w.expr(n.Expr)
	default:
		w.statement(n)
	}
}

// walker hands parts to a function.
type walker func(Node)

func (w walker) statement(n Node) {
	switch n := n.(type) {
	case *Block:
		w.exprs(n.Statements)
	case *If:
		w.expr(n.Test, n.Then, n.Else)
	case *Unless:
		w.expr(n.Test, n.Then, n.Else)
	case *Case:
		w.expr(n.Test)
		for _, o := range n.Options {
			w(o)
		}
	case *CaseOption:
		w.exprs(n.Values)
		w.expr(n.Then)
	case *Selector:
		w.expr(n.Left)
		for _, e := range n.Entries {
			w(e)
		}
	case *SelectorEntry:
		w.expr(n.Match, n.Value)
	case *Resource:
		w.expr(n.Type)
		for _, b := range n.Bodies {
			w(b)
		}
	case *ResourceBody:
		w.expr(n.Title)
		w.ops(n.Operations)
	case *AttributeOperation:
		w.expr(n.Value)
	case *AttributesOperation:
		w.expr(n.Value)
	case *ResourceDefaults:
		w.expr(n.Type)
		w.ops(n.Operations)
	case *ResourceOverride:
		w.expr(n.Resources)
		w.ops(n.Operations)
	case *Collector:
		w.expr(n.Type, n.Query)
		w.ops(n.Operations)
	default:
		w.definition(n)
	}
}

func (w walker) definition(n Node) {
	switch n := n.(type) {
	case *ClassDef:
		w.params(n.Params)
		w.expr(n.Body)
	case *DefineDef:
		w.params(n.Params)
		w.expr(n.Body)
	case *NodeDef:
		w.exprs(n.Matches)
		w.expr(n.Parent, n.Body)
	case *FunctionDef:
		w.params(n.Params)
		w.expr(n.Return, n.Body)
	case *PlanDef:
		w.params(n.Params)
		w.expr(n.Return, n.Body)
	case *TypeAliasDef:
		w.exprs(n.Params)
		w.expr(n.Type)
	case *TypeDef:
		w.expr(n.Body)
	case *TypeMappingDef:
		w.expr(n.Type, n.Mapping)
	case *EPP:
		w.params(n.Params)
		w.expr(n.Body)
	}
}

func (w walker) expr(list ...Expr) { w.exprs(list) }

func (w walker) exprs(list []Expr) {
	for _, e := range list {
		if e != nil {
			w(e)
		}
	}
}

func (w walker) params(list []*Parameter) {
	for _, p := range list {
		w(p)
	}
}

func (w walker) ops(list []AttributeOp) {
	for _, op := range list {
		w(op)
	}
}

func (w walker) lambda(l *Lambda) {
	if l != nil {
		w(l)
	}
}
