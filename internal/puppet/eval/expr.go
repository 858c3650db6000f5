package eval

import (
	"context"
	"strings"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// Evaluate gives the value of an expression in a scope.
func (e *Evaluator) Evaluate(ctx context.Context, s *Scope, x syntax.Expr) (value.Value, error) {
	return e.eval(ctx, s, x)
}

// eval is the heart: one case per kind of expression.
func (e *Evaluator) eval(ctx context.Context, s *Scope, x syntax.Expr) (value.Value, error) {
	if err := e.step(ctx, x); err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case *syntax.Nop, *syntax.UndefLiteral:
		return value.Undef{}, nil
	case *syntax.StringLiteral:
		return value.String(x.Value), nil
	case *syntax.IntegerLiteral:
		return value.Int(x.Value), nil
	case *syntax.FloatLiteral:
		return value.Float(x.Value), nil
	case *syntax.BooleanLiteral:
		return value.Bool(x.Value), nil
	case *syntax.DefaultLiteral:
		return value.Default{}, nil
	case *syntax.RegexpLiteral:
		return e.regexp(x, x.Pattern)
	case *syntax.Name:
		return value.String(x.Value), nil
	case *syntax.ReservedWord:
		return value.String(x.Word), nil
	case *syntax.TypeName:
		return e.typeByName(ctx, x, x.Name)
	case *syntax.Variable:
		return e.variable(s, x)
	case *syntax.ListLiteral:
		return e.list(ctx, s, x)
	case *syntax.HashLiteral:
		return e.hash(ctx, s, x)
	case *syntax.InterpolatedString:
		return e.interpolate(ctx, s, x)
	case *syntax.Interpolation:
		v, err := e.eval(ctx, s, x.Expr)
		if err != nil {
			return nil, err
		}
		return value.String(v.String()), nil
	case *syntax.Heredoc:
		return e.eval(ctx, s, x.Text)
	case *syntax.Paren:
		return e.eval(ctx, s, x.Inner)
	case *syntax.Block:
		return e.block(ctx, s, x)
	}
	return e.evalOperation(ctx, s, x)
}

// evalOperation goes on where eval ends: operators, calls, control, and what changes the catalog.
func (e *Evaluator) evalOperation(ctx context.Context, s *Scope, x syntax.Expr) (value.Value, error) {
	switch x := x.(type) {
	case *syntax.Binary:
		return e.binary(ctx, s, x)
	case *syntax.Not:
		v, err := e.eval(ctx, s, x.Operand)
		return value.Bool(!value.Truthy(v)), err
	case *syntax.Minus:
		return e.minus(ctx, s, x)
	case *syntax.Splat:
		v, err := e.eval(ctx, s, x.Operand)
		if err != nil {
			return nil, err
		}
		return value.NewArray(splatted(v)...), nil
	case *syntax.Assign:
		return e.assign(ctx, s, x)
	case *syntax.Access:
		return e.access(ctx, s, x)
	case *syntax.Call:
		return e.call(ctx, s, x)
	case *syntax.MethodCall:
		return e.methodCall(ctx, s, x)
	case *syntax.If:
		return e.ifElse(ctx, s, x.Test, x.Then, x.Else, true)
	case *syntax.Unless:
		return e.ifElse(ctx, s, x.Test, x.Then, x.Else, false)
	case *syntax.Case:
		return e.caseOf(ctx, s, x)
	case *syntax.Selector:
		return e.selector(ctx, s, x)
	case *syntax.Resource:
		return e.resource(ctx, s, x)
	case *syntax.ResourceDefaults:
		return e.resourceDefaults(ctx, s, x)
	case *syntax.ResourceOverride:
		return e.resourceOverride(ctx, s, x)
	case *syntax.Collector:
		return e.collector(ctx, s, x)
	case *syntax.Relationship:
		return e.relationship(ctx, s, x)
	case *syntax.RenderText:
		s.write(x.Text)
		return value.Undef{}, nil
	case *syntax.RenderExpr:
		return e.render(ctx, s, x)
	case syntax.Definition:
		// Definitions were hoisted by whoever loaded the file; as a statement they do nothing.
		return value.Undef{}, nil
	}
	return nil, e.fail("unsupported", x, "%s is not supported here", syntaxName(x))
}

// syntaxName names the kind of a node for a diagnostic.
func syntaxName(x syntax.Expr) string {
	switch x.(type) {
	case *syntax.EPP:
		return "a template"
	case *syntax.NamedAccess:
		return "access by name"
	case *syntax.Lambda:
		return "a lambda"
	}
	return "this expression"
}

// block evaluates statements; its value is that of the last one. A name that stands before an argument list as a
// statement call was already made a Call by the parser.
func (e *Evaluator) block(ctx context.Context, s *Scope, x *syntax.Block) (value.Value, error) {
	var last value.Value = value.Undef{}
	for _, stmt := range x.Statements {
		v, err := e.eval(ctx, s, stmt)
		if err != nil {
			return nil, err
		}
		last = v
	}
	return last, nil
}

func (e *Evaluator) list(ctx context.Context, s *Scope, x *syntax.ListLiteral) (value.Value, error) {
	elems, err := e.args(ctx, s, x.Elements)
	if err != nil {
		return nil, err
	}
	return value.NewArray(elems...), nil
}

// args evaluates expressions of which some may be splatted.
func (e *Evaluator) args(ctx context.Context, s *Scope, exprs []syntax.Expr) ([]value.Value, error) {
	out := make([]value.Value, 0, len(exprs))
	for _, x := range exprs {
		if splat, ok := x.(*syntax.Splat); ok {
			v, err := e.eval(ctx, s, splat.Operand)
			if err != nil {
				return nil, err
			}
			out = append(out, splatted(v)...)
			continue
		}
		v, err := e.eval(ctx, s, x)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// splatted are the elements that *v stands for: undef none, a hash its pairs, anything else itself.
func splatted(v value.Value) []value.Value {
	switch v := v.(type) {
	case *value.Array:
		return v.Elems()
	case *value.Hash:
		return pairs(v)
	case *types.Iteration:
		return v.Elems()
	}
	if value.IsUndef(v) {
		return nil
	}
	return []value.Value{v}
}

func pairs(h *value.Hash) []value.Value {
	out := make([]value.Value, 0, h.Len())
	for k, v := range h.All() {
		out = append(out, value.NewArray(k, v))
	}
	return out
}

func (e *Evaluator) hash(ctx context.Context, s *Scope, x *syntax.HashLiteral) (value.Value, error) {
	h := value.NewHash(len(x.Entries))
	for _, entry := range x.Entries {
		k, err := e.eval(ctx, s, entry.Key)
		if err != nil {
			return nil, err
		}
		v, err := e.eval(ctx, s, entry.Value)
		if err != nil {
			return nil, err
		}
		h.Set(k, v)
	}
	return h, nil
}

func (e *Evaluator) interpolate(ctx context.Context, s *Scope, x *syntax.InterpolatedString) (value.Value, error) {
	var b strings.Builder
	for _, seg := range x.Segments {
		if lit, ok := seg.(*syntax.StringLiteral); ok {
			b.WriteString(lit.Value)
			continue
		}
		v, err := e.eval(ctx, s, seg)
		if err != nil {
			return nil, err
		}
		b.WriteString(v.String())
		if b.Len() > maxText {
			return nil, e.fail("too-large", x, "a string of more than %d bytes", maxText)
		}
	}
	return value.String(b.String()), nil
}

func (e *Evaluator) regexp(at syntax.Node, pattern string) (value.Value, error) {
	re, err := value.NewRegexp(pattern)
	if err != nil {
		return nil, e.fail("bad-regexp", at, "Invalid regular expression: %v", err)
	}
	return re, nil
}

// variable gives the value of $x. An unknown variable is an error unless the settings say otherwise.
func (e *Evaluator) variable(s *Scope, x *syntax.Variable) (value.Value, error) {
	if x.IsMatch() {
		return s.matchVariable(x.Name), nil
	}
	if v, ok := e.lookupVariable(s, x.Name); ok {
		return v, nil
	}
	if e.opt.LooseVariables || quietVariable(x.Name) {
		if !quietVariable(x.Name) {
			e.warnOnce(x, s, "Unknown variable: '"+x.Name+"'")
		}
		return value.Undef{}, nil
	}
	d := e.fail("unknown-variable", x, "Unknown variable: '%s'", x.Name)
	if hint := nearest(x.Name, s.visible()); hint != "" {
		d = d.WithHint("did you mean '$%s'?", hint)
	}
	return nil, d
}

// quietVariable are names that Puppet lets pass when they are not set.
func quietVariable(name string) bool {
	switch name {
	case "module_name", "caller_module_name", "::module_name", "::caller_module_name":
		return true
	}
	return false
}

func (e *Evaluator) warnOnce(at syntax.Node, s *Scope, text string) {
	if e.warned[text] {
		return
	}
	e.warned[text] = true
	e.Log(Message{Level: LevelWarning, Text: text, Source: s.String(), At: Place(at)})
}

func (e *Evaluator) lookupVariable(s *Scope, name string) (value.Value, bool) {
	i := strings.LastIndex(name, "::")
	if i < 0 {
		return s.Local(name)
	}
	class, base := strings.TrimPrefix(name[:i], "::"), name[i+2:]
	if class == "" {
		return e.top.Own(base)
	}
	if o := e.classes[class]; o != nil {
		return o.findOwn(base)
	}
	return nil, false
}

func (e *Evaluator) assign(ctx context.Context, s *Scope, x *syntax.Assign) (value.Value, error) {
	if x.Op != syntax.OpAssign {
		return nil, e.fail("unsupported", x, "The operator '%s' is no longer supported", x.Op)
	}
	v, err := e.eval(ctx, s, x.Right)
	if err != nil {
		return nil, err
	}
	return v, e.assignTo(s, x, x.Left, v)
}

// assignTo assigns to a variable or, element by element or key by key, to a list of them.
func (e *Evaluator) assignTo(s *Scope, at *syntax.Assign, left syntax.Expr, v value.Value) error {
	switch left := left.(type) {
	case *syntax.Variable:
		if strings.Contains(left.Name, "::") {
			return e.fail("qualified-assignment", left,
				"Illegal attempt to assign to '%s'. Cannot assign to variables in other namespaces", "$"+left.Name)
		}
		if left.IsMatch() {
			return e.fail("match-assignment", left,
				"Illegal attempt to assign to the numeric match result variable '$%s'. Numeric variables are not assignable", left.Name)
		}
		return s.assign(left.Name, v, Place(at))
	case *syntax.ListLiteral:
		if h, ok := v.(*value.Hash); ok {
			return e.assignKeys(s, at, left, h)
		}
		arr, ok := v.(*value.Array)
		if !ok {
			arr = value.NewArray(splatted(v)...)
		}
		if arr.Len() != len(left.Elements) {
			return e.fail("destructuring", at,
				"Mismatched number of assignable entries and values, expected %d, got %d", len(left.Elements), arr.Len())
		}
		for i, target := range left.Elements {
			if err := e.assignTo(s, at, target, arr.At(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return e.fail("illegal-assignment", left, "Illegal attempt to assign to an expression that is no variable")
}

func (e *Evaluator) assignKeys(s *Scope, at *syntax.Assign, left *syntax.ListLiteral, h *value.Hash) error {
	for _, target := range left.Elements {
		v, ok := target.(*syntax.Variable)
		if !ok {
			return e.fail("destructuring", target, "only variables can be assigned from a hash")
		}
		val, ok := h.GetString(v.Name)
		if !ok {
			return e.fail("destructuring", at, "No value for required variable '$%s' in the assigned hash", v.Name)
		}
		if err := e.assignTo(s, at, v, val); err != nil {
			return err
		}
	}
	return nil
}
