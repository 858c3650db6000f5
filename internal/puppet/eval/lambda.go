package eval

import (
	"context"
	"errors"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// Lambda is a block of a call together with the scope around it. It is only valid during the call.
type Lambda struct {
	eval  *Evaluator
	def   *syntax.Lambda
	scope *Scope
	types []types.Type
	ret   types.Type
}

var _ types.Signer = (*Lambda)(nil)

// newLambda evaluates the types of a block's parameters.
func (e *Evaluator) newLambda(ctx context.Context, s *Scope, def *syntax.Lambda) (*Lambda, error) {
	if def == nil {
		return nil, nil
	}
	l := &Lambda{eval: e, def: def, scope: s}
	var err error
	if l.types, err = e.paramTypes(ctx, s, def.Params); err != nil {
		return nil, err
	}
	if def.Return != nil {
		l.ret, err = e.typeExpr(ctx, s, def.Return)
	}
	return l, err
}

func (e *Evaluator) paramTypes(ctx context.Context, s *Scope, params []*syntax.Parameter) ([]types.Type, error) {
	out := make([]types.Type, len(params))
	for i, p := range params {
		t, err := e.Type(ctx, s, p.Type)
		if err != nil {
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}

// TypeName implements value.Value.
func (*Lambda) TypeName() string { return "Callable" }

// String implements value.Value.
func (l *Lambda) String() string { return l.Signature().String() }

// At is the place of the block.
func (l *Lambda) At() diag.Range { return Place(l.def) }

// Arity is how many arguments the block takes at least and at most; max is -1 if there is no limit.
func (l *Lambda) Arity() (least, most int) { return arity(l.def.Params) }

func arity(params []*syntax.Parameter) (least, most int) {
	for _, p := range params {
		switch {
		case p.Rest:
			return least, -1
		case p.Default == nil:
			least++
		}
		most++
	}
	return least, most
}

// Signature is the type of the block.
func (l *Lambda) Signature() *types.Callable { return signature(l.def.Params, l.types, l.ret) }

func signature(params []*syntax.Parameter, ts []types.Type, ret types.Type) *types.Callable {
	tuple := types.TupleOf(ts...)
	least, most := arity(params)
	tuple.Size.Min, tuple.Size.Max = int64(least), int64(most)
	if most < 0 {
		tuple.Size.Max = int64(^uint64(0) >> 1)
	}
	tuple.Sized = true
	return &types.Callable{Params: tuple, Return: ret}
}

// Call runs the block. Arguments that it has no parameters for are dropped. `next` in it gives the result; break and return come back as errors, see IsBreak.
func (l *Lambda) Call(ctx context.Context, args ...value.Value) (value.Value, error) {
	e := l.eval
	if err := e.Enter("block", Place(l.def)); err != nil {
		return nil, err
	}
	defer e.Leave()
	if _, most := l.Arity(); most >= 0 && len(args) > most {
		args = args[:most]
	}
	inner := l.scope.block()
	if err := e.bind(ctx, inner, "block", l.def, l.def.Params, l.types, args); err != nil {
		return nil, err
	}
	v, err := e.eval(ctx, inner, l.def.Body)
	if next, ok := errors.AsType[*nextError](err); ok {
		v, err = next.value, nil
	}
	if err != nil {
		return nil, err
	}
	if l.ret != nil {
		if err := types.Assert("value returned from block", l.ret, v); err != nil {
			return nil, e.fail("return-type", l.def, "%s", err)
		}
	}
	return v, nil
}

// bind sets parameters by position: given arguments, else defaults from left to right, the rest into a splat.
func (e *Evaluator) bind(ctx context.Context, inner *Scope, who string, at syntax.Node, params []*syntax.Parameter,
	ts []types.Type, args []value.Value) error {
	least, most := arity(params)
	if len(args) < least || most >= 0 && len(args) > most {
		hi := int64(most)
		if most < 0 {
			hi = int64(^uint64(0) >> 1)
		}
		return e.fail("argument-count", at, "%s expects %s, got %d", who, types.CountText(int64(least), hi, "argument"), len(args))
	}
	for i, p := range params {
		if p.Rest {
			if err := e.bindRest(ctx, inner, who, at, p, ts[i], args[min(i, len(args)):]); err != nil {
				return err
			}
			continue
		}
		var v value.Value
		if i < len(args) {
			v = args[i]
		} else {
			var err error
			if v, err = e.eval(ctx, inner, p.Default); err != nil {
				return err
			}
		}
		if err := types.Assert(who+" parameter '"+p.Name+"'", ts[i], v); err != nil {
			return e.fail("argument-type", at, "%s", err)
		}
		inner.Define(p.Name, v)
	}
	return nil
}

func (e *Evaluator) bindRest(ctx context.Context, inner *Scope, who string, at syntax.Node, p *syntax.Parameter, t types.Type, rest []value.Value) error {
	if len(rest) == 0 && p.Default != nil {
		v, err := e.eval(ctx, inner, p.Default)
		if err != nil {
			return err
		}
		if _, ok := v.(*value.Array); !ok {
			v = value.NewArray(v)
		}
		inner.Define(p.Name, v)
		return nil
	}
	for _, v := range rest {
		if err := types.Assert(who+" parameter '"+p.Name+"'", t, v); err != nil {
			return e.fail("argument-type", at, "%s", err)
		}
	}
	inner.Define(p.Name, value.NewArray(append([]value.Value{}, rest...)...))
	return nil
}

// Body evaluates the body of a function, class, define or node, which `return` and `next` can leave. kind is what the
// body is of, for messages.
func (e *Evaluator) Body(ctx context.Context, s *Scope, kind string, body syntax.Expr) (value.Value, error) {
	s.frame = &frame{kind: kind}
	v, err := e.eval(ctx, s, body)
	if err == nil {
		return v, nil
	}
	if ret, ok := errors.AsType[*returnError](err); ok && ret.frame == s.frame {
		return ret.value, nil
	}
	if next, ok := errors.AsType[*nextError](err); ok {
		return next.value, nil
	}
	return nil, e.Escaped(err)
}

// Escaped turns the error of a jump that nothing caught into a diagnostic.
func (e *Evaluator) Escaped(err error) error {
	var at diag.Range
	if b, ok := errors.AsType[*breakError](err); ok {
		at = b.at
	} else if r, ok := errors.AsType[*returnError](err); ok {
		at = r.at
	} else if n, ok := errors.AsType[*nextError](err); ok {
		at = n.at
	} else {
		return err
	}
	if _, ok := errors.AsType[*returnError](err); ok {
		return err // the frame that it leaves may be further out
	}
	d := diag.New("illegal-jump", at, "break() from context where this is illegal")
	d.Stack = e.Stack()
	return d
}

// Illegal turns the error of any jump into a diagnostic: at top level there is nothing to leave.
func (e *Evaluator) Illegal(err error) error {
	if ret, ok := errors.AsType[*returnError](err); ok {
		return diag.New("illegal-jump", ret.at, "return() from context where this is illegal")
	}
	if next, ok := errors.AsType[*nextError](err); ok {
		return diag.New("illegal-jump", next.at, "next() from context where this is illegal")
	}
	return e.Escaped(err)
}
