package eval

import (
	"context"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// Fallback is an operand of a relationship inside a chain: First, or Else if First turns out to be empty. In
// `A -> File<||> -> B` A comes before B also when no file is collected.
type Fallback struct{ First, Else value.Value }

// TypeName implements value.Value.
func (*Fallback) TypeName() string { return "Runtime" }

// String is the text of First.
func (f *Fallback) String() string { return f.First.String() }

// relationship is left -> right and its sisters. Its value is the right operand, as a list.
func (e *Evaluator) relationship(ctx context.Context, s *Scope, x *syntax.Relationship) (value.Value, error) {
	v, err := e.chain(ctx, s, x)
	if err != nil {
		return nil, err
	}
	right := v.First
	if _, ok := right.(*value.Array); !ok {
		right = value.NewArray(right)
	}
	return right, nil
}

// chain relates the operands of one arrow, and gives what the next arrow of a chain starts from.
func (e *Evaluator) chain(ctx context.Context, s *Scope, x *syntax.Relationship) (*Fallback, error) {
	b, err := e.builder(x, "a relationship")
	if err != nil {
		return nil, err
	}
	var left value.Value
	if inner, ok := x.Left.(*syntax.Relationship); ok {
		if err := e.step(ctx, inner); err != nil {
			return nil, err
		}
		left, err = e.chain(ctx, s, inner)
	} else {
		left, err = e.eval(ctx, s, x.Left)
	}
	if err != nil {
		return nil, err
	}
	right, err := e.eval(ctx, s, x.Right)
	if err != nil {
		return nil, err
	}
	at := Place(x)
	switch x.Op {
	case syntax.OpBefore, syntax.OpNotify:
		err = b.Relate(ctx, s, at, left, right, x.Op == syntax.OpNotify)
	default:
		err = b.Relate(ctx, s, at, right, left, x.Op == syntax.OpNotifyLeft)
	}
	if err != nil {
		return nil, e.wrap(err, at)
	}
	return &Fallback{First: right, Else: left}, nil
}
