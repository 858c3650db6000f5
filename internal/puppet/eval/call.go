package eval

import (
	"context"
	"errors"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// call is f(x), `f x`, and T(x), which is T.new(x).
func (e *Evaluator) call(ctx context.Context, s *Scope, x *syntax.Call) (value.Value, error) {
	name, ok := x.Func.(*syntax.Name)
	if !ok {
		return e.typeCall(ctx, s, x)
	}
	args, err := e.args(ctx, s, x.Args)
	if err != nil {
		return nil, err
	}
	return e.invoke(ctx, s, x, name.Value, args, x.Lambda)
}

func (e *Evaluator) methodCall(ctx context.Context, s *Scope, x *syntax.MethodCall) (value.Value, error) {
	var args []value.Value
	var err error
	if splat, ok := x.Left.(*syntax.Splat); ok {
		args, err = e.args(ctx, s, []syntax.Expr{splat})
	} else {
		var left value.Value
		left, err = e.eval(ctx, s, x.Left)
		args = []value.Value{left}
	}
	if err != nil {
		return nil, err
	}
	more, err := e.args(ctx, s, x.Args)
	if err != nil {
		return nil, err
	}
	return e.invoke(ctx, s, x, x.Name.Value, append(args, more...), x.Lambda)
}

// typeCall makes a value of a type: Integer('3').
func (e *Evaluator) typeCall(ctx context.Context, s *Scope, x *syntax.Call) (value.Value, error) {
	callee, err := e.eval(ctx, s, x.Func)
	if err != nil {
		return nil, err
	}
	args, err := e.args(ctx, s, x.Args)
	if err != nil {
		return nil, err
	}
	switch callee := callee.(type) {
	case types.Type:
		return e.invoke(ctx, s, x, "new", append([]value.Value{callee}, args...), x.Lambda)
	case value.String:
		return e.invoke(ctx, s, x, string(callee), args, x.Lambda)
	}
	return nil, e.fail("not-callable", x.Func, "%s cannot be called", article(kindOf(callee)))
}

func (e *Evaluator) invoke(ctx context.Context, s *Scope, at syntax.Node, name string, args []value.Value, block *syntax.Lambda) (value.Value, error) {
	lambda, err := e.newLambda(ctx, s, block)
	if err != nil {
		return nil, err
	}
	return e.CallFunction(ctx, s, Place(at), name, args, lambda)
}

// CallFunction calls a function by name: one in Go, else one in Puppet code. block may be nil.
func (e *Evaluator) CallFunction(ctx context.Context, s *Scope, at diag.Range, name string, args []value.Value, block *Lambda) (value.Value, error) {
	name = strings.TrimPrefix(name, "::")
	if err := e.Enter(name, at); err != nil {
		return nil, err
	}
	defer e.Leave()
	if f, ok := e.opt.Functions.lookup(name); ok {
		return e.callGo(ctx, s, at, f, args, block)
	}
	if e.opt.Loader != nil {
		def, err := e.opt.Loader.Function(ctx, name)
		if err != nil {
			return nil, e.wrap(err, at)
		}
		if def != nil {
			return e.callPuppet(ctx, s, at, def, args, block)
		}
	}
	if name == "new" && len(args) > 0 {
		return e.newValue(ctx, at, args, block)
	}
	return nil, e.unknownFunction(at, name)
}

// HasFunction reports whether a function can be called by this name.
func (e *Evaluator) HasFunction(ctx context.Context, name string) bool {
	name = strings.TrimPrefix(name, "::")
	if _, ok := e.opt.Functions.lookup(name); ok {
		return true
	}
	if e.opt.Loader == nil {
		return false
	}
	def, err := e.opt.Loader.Function(ctx, name)
	return err == nil && def != nil
}

func (e *Evaluator) unknownFunction(at diag.Range, name string) error {
	d := diag.New("unknown-function", at, "Unknown function: '%s'", name)
	d.Stack = e.Stack()[1:]
	names := e.opt.Functions.Names()
	if e.opt.Loader != nil {
		names = append(names, e.opt.Loader.FunctionNames()...)
	}
	if hint := nearest(name, names); hint != "" {
		return d.WithHint("did you mean '%s'?", hint)
	}
	return d
}

// newValue is T.new(...) where no function new was given.
func (e *Evaluator) newValue(ctx context.Context, at diag.Range, args []value.Value, block *Lambda) (value.Value, error) {
	t, ok := args[0].(types.Type)
	if !ok {
		return nil, e.wrap(errors.New("new: the first argument must be a type"), at)
	}
	v, err := types.New(t, args[1:])
	if err != nil {
		return nil, e.wrap(err, at)
	}
	if block != nil {
		return block.Call(ctx, v)
	}
	return v, nil
}

// callPuppet calls a function that is written in Puppet.
func (e *Evaluator) callPuppet(ctx context.Context, s *Scope, at diag.Range, def *syntax.FunctionDef, args []value.Value, block *Lambda) (value.Value, error) {
	if block != nil {
		return nil, e.wrap(diag.New("argument-count", at, "'%s' does not expect a block", def.Name), at)
	}
	inner := s.sealed(e.top)
	ts, err := e.paramTypes(ctx, inner, def.Params)
	if err != nil {
		return nil, err
	}
	if err := e.bind(ctx, inner, "'"+def.Name+"'", def, def.Params, ts, args); err != nil {
		if d, ok := errors.AsType[*diag.Diagnostic](err); ok && strings.HasPrefix(d.Code, "argument-") {
			d.Range = at
		}
		return nil, err
	}
	v, err := e.Body(ctx, inner, "function", def.Body)
	if err != nil {
		return nil, err
	}
	if def.Return != nil {
		t, err := e.typeExpr(ctx, inner, def.Return)
		if err != nil {
			return nil, err
		}
		if err := types.Assert("value returned from function '"+def.Name+"'", t, v); err != nil {
			return nil, e.wrap(diag.New("return-type", at, "%s", err), at)
		}
	}
	return v, nil
}

// wrap makes a diagnostic of an error at a place, unless it is one, or a jump, or the end of the context.
func (e *Evaluator) wrap(err error, at diag.Range) error {
	if err == nil || isJump(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		if !d.Range.Start.IsValid() && d.Range.File == "" {
			d.Range = at
		}
		if d.Stack == nil {
			d.Stack = e.Stack()
		}
		return err
	}
	if _, ok := errors.AsType[diag.List](err); ok {
		return err
	}
	d := diag.New("function-failed", at, "%s", err)
	d.Cause, d.Stack = err, e.Stack()
	return d
}

func isJump(err error) bool {
	if _, ok := errors.AsType[*breakError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*nextError](err); ok {
		return true
	}
	_, ok := errors.AsType[*returnError](err)
	return ok
}
