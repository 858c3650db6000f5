package syntax

import "slices"

// block refuses statements whose value is lost and that do nothing else. The last one gives the block's value.
func (v *validator) block(stmts []Expr) {
	for _, s := range stmts[:len(stmts)-1] {
		if !hasEffect(s) {
			d := v.r.error(s.Span(), "no-effect", "%s has no effect here: its value is not used", describe(s))
			if n, ok := s.(*Name); ok {
				d.Hint = "a function is called with parentheses: " + n.Value + "()"
			}
		}
	}
}

// bodyEnd refuses that the body of a definition without a value ends in a mere value.
func (v *validator) bodyEnd(body Expr, what string) {
	b, ok := body.(*Block)
	if !ok {
		return
	}
	if last := b.Statements[len(b.Statements)-1]; !hasEffect(last) {
		v.r.error(last.Span(), "no-effect", "%s has no effect here: %s has no value", describe(last), what)
	}
}

// hasEffect tells whether evaluating something can do more than give a value. It follows Puppet in what it looks into:
// operators count as mere values, whatever they are applied to.
func hasEffect(n Expr) bool {
	switch n := n.(type) {
	case nil, *Nop, *IntegerLiteral, *FloatLiteral, *StringLiteral, *BooleanLiteral, *UndefLiteral, *DefaultLiteral, *RegexpLiteral,
		*ListLiteral, *HashLiteral, *InterpolatedString, *Heredoc, *Name, *TypeName, *ReservedWord, *Variable, *Access,
		*NamedAccess, *Not, *Minus, *Splat, *Selector:
		return false
	case *Binary:
		// A match sets $0, $1 …
		return n.Op == OpMatch || n.Op == OpNoMatch
	case *Paren:
		return hasEffect(n.Inner)
	case *Block:
		return slices.ContainsFunc(n.Statements, hasEffect)
	case *If:
		for part := n; ; {
			if hasEffect(part.Test) || hasEffect(part.Then) {
				return true
			}
			next, ok := part.Else.(*If)
			if !ok {
				return hasEffect(part.Else)
			}
			part = next
		}
	case *Unless:
		return hasEffect(n.Test) || hasEffect(n.Then) || hasEffect(n.Else)
	case *Case:
		return caseHasEffect(n)
	}
	return true
}

func caseHasEffect(n *Case) bool {
	if hasEffect(n.Test) {
		return true
	}
	for _, o := range n.Options {
		if slices.ContainsFunc(o.Values, hasEffect) {
			return true
		}
		if hasEffect(o.Then) {
			return true
		}
	}
	return false
}

// operands refuses collectors and definitions where a value is needed. Puppet does not look at arguments, titles and keys.
func (v *validator) operands(n Node) {
	switch n := n.(type) {
	case *Assign:
		v.needValue(n.Right)
	case *ListLiteral:
		v.needValue(n.Elements...)
	case *HashEntry:
		v.needValue(n.Key, n.Value)
	case *Interpolation:
		v.needValue(n.Expr)
	case *AttributeOperation:
		v.needValue(n.Value)
	case *AttributesOperation:
		v.needValue(n.Value)
	case *If:
		v.needValue(n.Test)
	case *Unless:
		v.needValue(n.Test)
	case *Case:
		v.needValue(n.Test)
	case *CaseOption:
		v.needValue(n.Values...)
	case *Selector:
		v.needValue(n.Left)
	case *SelectorEntry:
		v.needValue(n.Match)
	case *Binary:
		v.needValue(n.Left, n.Right)
	case *Not:
		v.needValue(n.Operand)
	case *Minus:
		v.needValue(n.Operand)
	case *Splat:
		v.needValue(n.Operand)
	case *Paren:
		v.needValue(n.Inner)
	}
}

func (v *validator) needValue(list ...Expr) {
	for _, e := range list {
		if c, ok := e.(*Collector); ok {
			v.r.error(c.Src, "no-value", "a collector has no value")
		}
	}
}
