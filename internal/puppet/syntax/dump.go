package syntax

import (
	"fmt"
	"strconv"
	"strings"
)

// Dump writes a tree as a nested list, in the form that Puppet's own tree dumper has: (= $a (+ 1 2)). It is meant for
// people who look at how something was understood, and for comparing with Puppet.
func Dump(n Node) string {
	d := &dumper{}
	d.node(n)
	return d.b.String()
}

// dumper writes nested lists; a list that was broken over several lines indents what is in it.
type dumper struct {
	b      strings.Builder
	indent int
}

func (d *dumper) write(s string) { d.b.WriteString(s) }

func (d *dumper) newline() {
	d.write("\n" + strings.Repeat("  ", d.indent))
}

// list writes (head item item …).
func (d *dumper) list(head string, items ...any) {
	d.write("(" + head)
	d.items(items...)
	d.write(")")
}

// items writes each item behind a blank: a string as it is, nodes as their dump, nil not at all.
func (d *dumper) items(items ...any) {
	for _, item := range items {
		switch item := item.(type) {
		case nil:
			continue
		case string:
			d.write(" " + item)
		case func():
			d.write(" ")
			item()
		case []Expr:
			for _, e := range item {
				d.write(" ")
				d.node(e)
			}
		case *Lambda:
			if item != nil {
				d.write(" ")
				d.lambda(item)
			}
		case Node:
			d.write(" ")
			d.node(item)
		}
	}
}

// nested writes items each on a line of its own.
func (d *dumper) nested(items ...func()) {
	d.indent++
	for _, item := range items {
		d.newline()
		item()
	}
	d.indent--
}

func (d *dumper) node(n Node) {
	switch n := n.(type) {
	case *Nop:
		d.write("()")
	case *IntegerLiteral:
		d.write(integerText(n))
	case *FloatLiteral:
		d.write(floatText(n.Value))
	case *StringLiteral:
		d.write("'" + n.Value + "'")
	case *BooleanLiteral:
		d.write(strconv.FormatBool(n.Value))
	case *UndefLiteral:
		d.write(":undef")
	case *DefaultLiteral:
		d.write(":default")
	case *RegexpLiteral:
		d.write("/" + strings.ReplaceAll(n.Pattern, "/", `\/`) + "/")
	case *ListLiteral:
		d.list("[]", n.Elements)
	case *HashLiteral:
		d.list("{}", hashItems(d, n)...)
	case *InterpolatedString:
		d.list("cat", n.Segments)
	case *Interpolation:
		d.list("str", n.Expr)
	case *Heredoc:
		d.write("(@(" + n.Syntax + ")")
		d.nested(func() { d.node(n.Text) })
		d.newline()
		d.write(")")
	case *Name:
		d.write(n.Value)
	case *TypeName:
		d.write(n.Name)
	case *ReservedWord:
		d.list("reserved", n.Word)
	case *Variable:
		d.write("$" + n.Name)
	case *Paren:
		d.node(n.Inner)
	case *Block:
		d.block(n)
	default:
		d.operation(n)
	}
}

func hashItems(d *dumper, h *HashLiteral) []any {
	var items []any
	for _, e := range h.Entries {
		items = append(items, func() { d.write("("); d.node(e.Key); d.items(e.Value); d.write(")") })
	}
	return items
}

func (d *dumper) operation(n Node) {
	switch n := n.(type) {
	case *Access:
		if len(n.Keys) == 1 {
			d.list("slice", n.Left, n.Keys)
			return
		}
		d.list("slice", n.Left, func() { d.group(n.Keys) })
	case *NamedAccess:
		d.list(".", n.Left, n.Right)
	case *Call:
		head := "invoke"
		if n.NeedsValue {
			head = "call"
		}
		d.list(head, n.Func, n.Args, n.Lambda)
	case *MethodCall:
		d.list("call-method", func() { d.list(".", n.Left, n.Name) }, n.Args, n.Lambda)
	case *Lambda:
		d.lambda(n)
	case *Binary:
		d.list(binaryName(n.Op), n.Left, n.Right)
	case *Not:
		d.list("!", n.Operand)
	case *Minus:
		d.list("-", n.Operand)
	case *Splat:
		d.list("unfold", n.Operand)
	case *Assign:
		d.list(string(n.Op), n.Left, n.Right)
	case *Relationship:
		d.list(string(n.Op), n.Left, n.Right)
	default:
		d.control(n)
	}
}

func binaryName(op Operator) string {
	switch op {
	case OpAnd:
		return "&&"
	case OpOr:
		return "||"
	}
	return string(op)
}

// group writes (a b c).
func (d *dumper) group(list []Expr) {
	d.write("(")
	for i, e := range list {
		if i > 0 {
			d.write(" ")
		}
		d.node(e)
	}
	d.write(")")
}

func (d *dumper) block(b *Block) {
	d.write("(block")
	for _, s := range b.Statements {
		d.nested(func() { d.node(s) })
	}
	d.newline()
	d.write(")")
}

// branch writes (head body); a body of one statement is written without its block.
func (d *dumper) branch(head string, body Expr) func() {
	return func() {
		if b, ok := body.(*Block); ok && len(b.Statements) == 1 {
			body = b.Statements[0]
		}
		d.list(head, body)
	}
}

func (d *dumper) control(n Node) {
	switch n := n.(type) {
	case *If:
		d.conditional("if", n.Test, n.Then, n.Else)
	case *Unless:
		d.conditional("unless", n.Test, n.Then, n.Else)
	case *Case:
		d.write("(case")
		d.items(n.Test)
		for _, o := range n.Options {
			d.nested(func() { d.node(o) })
		}
		d.write(")")
	case *CaseOption:
		d.list("when", func() { d.group(n.Values) }, func() { d.list("then", n.Then) })
	case *Selector:
		items := []any{n.Left}
		for _, e := range n.Entries {
			items = append(items, func() { d.write("("); d.node(e.Match); d.items("=>", e.Value); d.write(")") })
		}
		d.list("?", items...)
	default:
		d.resource(n)
	}
}

func (d *dumper) conditional(head string, test, then, otherwise Expr) {
	d.write("(" + head)
	d.items(test)
	d.nested(d.branch("then", then))
	if _, empty := otherwise.(*Nop); otherwise != nil && !empty {
		d.nested(d.branch("else", otherwise))
	}
	d.write(")")
}

func (d *dumper) resource(n Node) {
	switch n := n.(type) {
	case *Resource:
		head := "resource"
		if n.Form != Regular {
			head = n.Form.String() + "-resource"
		}
		d.write("(" + head)
		d.items(n.Type)
		for _, b := range n.Bodies {
			d.nested(func() {
				d.write("(")
				d.node(b.Title)
				d.operations(b.Operations)
				d.write(")")
			})
		}
		d.write(")")
	case *ResourceDefaults:
		d.write("(resource-defaults")
		d.items(n.Type)
		d.operations(n.Operations)
		d.write(")")
	case *ResourceOverride:
		d.write("(override")
		d.items(n.Resources)
		d.operations(n.Operations)
		d.write(")")
	case *Collector:
		head := "<| |>"
		if n.Exported {
			head = "<<| |>>"
		}
		d.write("(collect")
		d.items(n.Type)
		d.nested(func() { d.list(head, n.Query) })
		d.write(")")
	default:
		d.definition(n)
	}
}

func (d *dumper) operations(ops []AttributeOp) {
	for _, op := range ops {
		d.nested(func() {
			switch op := op.(type) {
			case *AttributeOperation:
				d.list(op.Name, string(op.Op), op.Value)
			case *AttributesOperation:
				d.list("*", "=>", op.Value)
			}
		})
	}
}

func (d *dumper) definition(n Node) {
	switch n := n.(type) {
	case *ClassDef:
		var parent any
		if n.Parent != "" {
			parent = "(inherits " + n.Parent + ")"
		}
		d.list("class", n.Name, parent, d.parameters(n.Params), n.Body)
	case *DefineDef:
		d.list("define", n.Name, d.parameters(n.Params), n.Body)
	case *NodeDef:
		var parent any
		if n.Parent != nil {
			parent = func() { d.list("parent", n.Parent) }
		}
		d.list("node", func() { d.list("matches", n.Matches) }, parent, n.Body)
	case *FunctionDef:
		d.list("function", n.Name, d.parameters(n.Params), d.returns(n.Return), n.Body)
	case *PlanDef:
		d.list("plan", n.Name, d.parameters(n.Params), d.returns(n.Return), n.Body)
	case *TypeAliasDef:
		d.list("type-alias", n.Name, n.Type)
	case *TypeMappingDef:
		d.list("type-mapping", n.Type, n.Mapping)
	case *TypeDef:
		d.list("type-definition", n.Name, n.Parent, n.Body)
	case *EPP:
		d.list("lambda", d.parameters(n.Params), func() { d.list("epp", n.Body) })
	case *RenderText:
		d.list("render-s", "'"+n.Text+"'")
	case *RenderExpr:
		d.branch("render", n.Expr)()
	case *Program:
		if _, empty := n.Body.(*Nop); empty {
			d.write(":nop")
			return
		}
		if b, ok := n.Body.(*Block); ok && len(b.Statements) == 1 {
			d.node(b.Statements[0])
			return
		}
		d.node(n.Body)
	default:
		d.write(fmt.Sprintf("(%T)", n))
	}
}

func (d *dumper) lambda(l *Lambda) {
	d.list("lambda", d.parameters(l.Params), d.returns(l.Return), l.Body)
}

func (d *dumper) returns(t Expr) any {
	if t == nil {
		return nil
	}
	return func() { d.list("return_type", t) }
}

func (d *dumper) parameters(params []*Parameter) any {
	if len(params) == 0 {
		return nil
	}
	items := make([]any, len(params))
	for i, p := range params {
		items[i] = func() { d.parameter(p) }
	}
	return func() { d.list("parameters", items...) }
}

func (d *dumper) parameter(p *Parameter) {
	name := p.Name
	if p.Rest {
		name = "*" + name
	}
	switch {
	case p.Type != nil && p.Default != nil:
		d.list("=t", p.Type, name, p.Default)
	case p.Type != nil:
		d.list("t", p.Type, name)
	case p.Default != nil:
		d.list("=", name, p.Default)
	default:
		d.write(name)
	}
}

// integerText writes an integer in the radix it was written in.
func integerText(n *IntegerLiteral) string {
	switch n.Radix {
	case 8:
		return "0" + strconv.FormatInt(n.Value, 8)
	case 16:
		return "0x" + strings.ToUpper(strconv.FormatInt(n.Value, 16))
	}
	return strconv.FormatInt(n.Value, 10)
}

// floatText writes a float as Ruby does: always with a fraction, and an exponent of at least two digits below 1e-4 and from
// 1e16 on.
func floatText(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	n, _ := strconv.Atoi(exponent)
	if n < -4 || n >= 16 {
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "e" + exponent
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
