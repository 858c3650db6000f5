package syntax

import (
	"strings"
)

// validate refuses what is grammatical, but can be refused without evaluating.
func validate(prog *Program, r *reporter) {
	v := &validator{r: r}
	v.visit(prog, atTop)
}

// validator is the second pass. It looks at each node once, together with the place it stands at.
type validator struct {
	r *reporter
	// heredocs counts how deep the text being checked is nested in heredocs of the `pp` and `epp` kinds.
	heredocs int
}

// place tells what may be defined where a node stands.
type place int

const (
	inside  place = iota // anywhere else
	inClass              // directly in the body of a class
	atTop                // directly in the file
)

// visit checks a node, then its parts.
func (v *validator) visit(n Node, where place) {
	v.check(n, where)
	v.operands(n)
	inner := inside
	switch n.(type) {
	case *Program:
		inner = atTop
	case *Block:
		inner = where
	}
	if c, ok := n.(*ClassDef); ok {
		for _, p := range c.Params {
			v.visit(p, inside)
		}
		v.visit(c.Body, inClass)
		return
	}
	Children(n, func(c Node) { v.visit(c, inner) })
}

// check has the rules of one node.
func (v *validator) check(n Node, where place) {
	switch n := n.(type) {
	case *ReservedWord:
		v.r.error(n.Src, "reserved-word", "'%s' is a reserved word", n.Word).Hint = "quote it when it is meant as text"
	case *Variable:
		v.variable(n)
	case *RegexpLiteral:
		if msg := checkRegexp(n.Pattern); msg != "" {
			v.r.error(n.Src, "bad-regexp", "invalid regular expression: %s", msg)
		}
	case *HashLiteral:
		v.hash(n)
	case *Heredoc:
		v.heredoc(n)
	case *Call:
		v.call(n)
	case *Lambda:
		v.params(n.Params, "")
		for i, p := range n.Params {
			if p.Rest && i < len(n.Params)-1 {
				v.r.error(p.Src, "rest-parameter-not-last", "only the last parameter can take all remaining arguments, $%s is not the last", p.Name)
			}
		}
	case *EPP:
		v.params(n.Params, "a template")
	case *Assign:
		v.assign(n)
	case *Case:
		v.defaults(n)
	case *Selector:
		v.selectorDefaults(n)
	case *Block:
		v.block(n.Statements)
	case *Resource:
		v.resource(n)
	case *ResourceDefaults:
		v.notVirtual(n.Form, n.Src, "resource defaults")
		v.noAppend(n.Operations, "resource defaults")
	case *ResourceOverride:
		v.notVirtual(n.Form, n.Src, "a resource override")
	case *Collector:
		v.collector(n)
	case Definition:
		v.definition(n, where)
	}
}

func (v *validator) variable(n *Variable) {
	name := n.Name
	if n.IsMatch() {
		if strings.Trim(name, "0123456789") != "" || len(name) > 1 && name[0] == '0' {
			v.r.error(n.Src, "bad-variable", "'$%s' is not a variable: a name that starts with a digit is a number", name)
		}
		return
	}
	if validVariable(name) {
		return
	}
	d := v.r.error(n.Src, "bad-variable", "'$%s' is not a valid variable name", name)
	if lower := strings.ToLower(name); validVariable(lower) {
		d.Hint = "variables start with a lower-case letter: $" + lower
	}
}

// validVariable tells whether each part of a name starts with a lower-case letter; the last one may start with an underscore.
func validVariable(name string) bool {
	parts := strings.Split(strings.TrimPrefix(name, "::"), "::")
	for i, p := range parts {
		last := i == len(parts)-1
		if !validSegment(p) && (!last || !validParameter(p)) {
			return false
		}
	}
	return true
}

// validSegment tells whether s is [a-z]\w*.
func validSegment(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && allWord(s)
}

// validParameter tells whether s is [a-z_]\w*.
func validParameter(s string) bool {
	return s != "" && (s[0] == '_' || s[0] >= 'a' && s[0] <= 'z') && allWord(s)
}

func allWord(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return false
		}
	}
	return true
}

// assign checks the target of an assignment.
func (v *validator) assign(n *Assign) {
	if n.Op != OpAssign {
		d := v.r.error(n.Src, "operator-removed", "the operator '%s' is no longer supported", n.Op)
		d.Hint = "assign the result of an expression to a new variable"
		return
	}
	v.target(n.Left)
}

func (v *validator) target(n Expr) {
	switch t := n.(type) {
	case *Variable:
		if t.IsMatch() {
			v.r.error(t.Src, "assign-numeric", "'$%s' is set by the last match and cannot be assigned", t.Name)
		} else if strings.Contains(t.Name, "::") {
			d := v.r.error(t.Src, "assign-qualified", "'$%s' cannot be assigned: it belongs to another namespace", t.Name)
			d.Hint = "a variable is assigned without a namespace"
		}
	case *ListLiteral:
		for _, e := range t.Elements {
			v.target(e)
		}
	case *Access:
		v.r.error(t.Src, "assign-target", "an element cannot be assigned").Hint = "arrays and hashes never change; make a new one with '+'"
	default:
		v.r.error(n.Span(), "assign-target", "%s cannot be assigned to", describe(n))
	}
}

// hash refuses keys that are literally the same.
func (v *validator) hash(n *HashLiteral) {
	if len(n.Entries) < 2 {
		return
	}
	seen := make(map[string]bool, len(n.Entries))
	for _, e := range n.Entries {
		key, ok := literalKey(e.Key)
		if !ok {
			continue
		}
		if seen[key] {
			v.r.error(e.Key.Span(), "duplicate-key", "the key %s is given more than once", e.Key.Span().Text())
		}
		seen[key] = true
	}
}

// literalKey gives a text that is the same for keys that are the same without evaluating.
func literalKey(e Expr) (string, bool) {
	switch e := e.(type) {
	case *StringLiteral:
		return "s" + e.Value, true
	case *Name:
		return "s" + e.Value, true
	case *RegexpLiteral:
		return "r" + e.Pattern, true
	case *IntegerLiteral, *FloatLiteral, *BooleanLiteral, *UndefLiteral, *DefaultLiteral:
		if i, ok := e.(*IntegerLiteral); ok {
			e = &IntegerLiteral{Value: i.Value, Radix: 10}
		}
		return "l" + Dump(e), true
	case *ListLiteral:
		var b strings.Builder
		for _, item := range e.Elements {
			key, ok := literalKey(item)
			if !ok {
				return "", false
			}
			b.WriteString("\x00" + key)
		}
		return "[" + b.String() + "\x00]", true
	}
	return "", false
}

func (v *validator) call(n *Call) {
	switch n.Func.(type) {
	case *Name, *TypeName, *Access:
		return
	case *ReservedWord: // already complained about
		return
	}
	v.r.error(n.Func.Span(), "not-a-function", "%s cannot be called as a function", describe(n.Func))
}

// defaults refuses a second default of a case.
func (v *validator) defaults(n *Case) {
	found := false
	for _, o := range n.Options {
		for _, value := range o.Values {
			if _, ok := value.(*DefaultLiteral); !ok {
				continue
			}
			if found {
				v.r.error(value.Span(), "duplicate-default", "the 'case' already has a default")
			}
			found = true
		}
	}
}

// selectorDefaults refuses a second default of a selector.
func (v *validator) selectorDefaults(n *Selector) {
	found := false
	for _, e := range n.Entries {
		if _, ok := e.Match.(*DefaultLiteral); !ok {
			continue
		}
		if found {
			v.r.error(e.Match.Span(), "duplicate-default", "the selector already has a default")
		}
		found = true
	}
}

func (v *validator) resource(n *Resource) {
	if n.Form != Regular && n.IsClass() {
		v.r.error(n.Src, "not-virtualizable", "a class cannot be virtual or exported")
	}
	for _, b := range n.Bodies {
		v.noAppend(b.Operations, "a resource")
		splats := 0
		for _, op := range b.Operations {
			if s, ok := op.(*AttributesOperation); ok {
				if splats++; splats > 1 {
					v.r.error(s.Src, "duplicate-splat", "'* =>' can only be used once per resource")
				}
			}
		}
	}
}

func (v *validator) notVirtual(form Form, at Span, what string) {
	if form != Regular {
		v.r.error(at, "not-virtualizable", "%s cannot be virtual or exported", what)
	}
}

// noAppend refuses +> where there is nothing to add to.
func (v *validator) noAppend(ops []AttributeOp, what string) {
	for _, op := range ops {
		if a, ok := op.(*AttributeOperation); ok && a.Op == OpAddAttribute {
			d := v.r.error(a.Src, "illegal-append", "'+>' cannot be used in %s (attribute '%s')", what, a.Name)
			d.Hint = "use => here; +> is for overrides and collectors"
		}
	}
}

func (v *validator) collector(n *Collector) {
	if _, ok := n.Type.(*TypeName); !ok {
		v.r.error(n.Type.Span(), "bad-collector", "%s cannot be collected: it is not a type", describe(n.Type))
	}
	if n.Query != nil {
		v.query(n.Query)
	}
}

// query refuses operators that a collector does not know.
func (v *validator) query(n Expr) {
	switch q := n.(type) {
	case *Paren:
		v.query(q.Inner)
		return
	case *Binary:
		switch q.Op {
		case OpAnd, OpOr:
			v.query(q.Left)
			v.query(q.Right)
			return
		case OpEqual, OpNotEqual:
			return
		}
	case *Variable, *Name, *StringLiteral, *IntegerLiteral, *FloatLiteral, *BooleanLiteral:
		return
	}
	v.r.error(n.Span(), "bad-query", "%s cannot be used in a query", describe(n)).Hint = "a query is made of == != and or"
}
