package function

import (
	"context"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// controlTable: jumps, and functions that only call their lambda or another function.
func controlTable() []eval.Function {
	return []eval.Function{
		fn("break", sig(func(_ context.Context, c *eval.Call) (value.Value, error) { return nil, c.Break() })),
		fn("next", sig(func(_ context.Context, c *eval.Call) (value.Value, error) { return nil, c.Next(c.Arg(0)) },
			eval.Opt("value", "Any"))),
		fn("return", sig(func(_ context.Context, c *eval.Call) (value.Value, error) { return nil, c.Return(c.Arg(0)) },
			eval.Opt("value", "Any"))),
		fn("with", sigBlock(func(ctx context.Context, c *eval.Call) (value.Value, error) {
			return yield(ctx, c, c.Args...)
		}, anyBlock, eval.Rest("arg", "Any"))),
		fn("then", sigBlock(func(ctx context.Context, c *eval.Call) (value.Value, error) {
			if value.IsUndef(c.Arg(0)) {
				return undef()
			}
			return yield(ctx, c, c.Arg(0))
		}, block1, eval.Req("arg", "Any"))),
		fn("lest", sigBlock(func(ctx context.Context, c *eval.Call) (value.Value, error) {
			if !value.IsUndef(c.Arg(0)) {
				return c.Arg(0), nil
			}
			return yield(ctx, c)
		}, noBlock, eval.Req("arg", "Any"))),
		fn("call",
			sigBlock(callByName, maybeAny, eval.Req("function_name", "String"), eval.Rest("arguments", "Any")),
			sig(callDeferred, eval.Req("deferred", "Deferred"))),
	}
}

// yield calls the lambda.
func yield(ctx context.Context, c *eval.Call, args ...value.Value) (value.Value, error) {
	return c.Block.Call(ctx, args...)
}

func callByName(ctx context.Context, c *eval.Call) (value.Value, error) {
	return c.Func(ctx, c.Str(0), c.Args[1:], c.Block)
}

// callDeferred makes the call of a Deferred at once, arguments that are Deferred first.
func callDeferred(ctx context.Context, c *eval.Call) (value.Value, error) {
	return resolveDeferred(ctx, c, c.Arg(0))
}

func resolveDeferred(ctx context.Context, c *eval.Call, v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case *value.Deferred:
		args, err := resolveDeferred(ctx, c, v.Args)
		if err != nil {
			return nil, err
		}
		list := args.(*value.Array).Elems()
		if len(v.Name) > 1 && v.Name[0] == '$' {
			found, ok := c.Eval.Variable(c.Scope, v.Name[1:])
			if !ok || len(list) == 0 {
				return orUndef(found), nil
			}
			return c.Func(ctx, "dig", append([]value.Value{found}, list...), nil)
		}
		return c.Func(ctx, v.Name, list, nil)
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			r, err := resolveDeferred(ctx, c, e)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return value.NewArray(out...), nil
	case *value.Hash:
		out := value.NewHash(v.Len())
		for k, e := range v.All() {
			r, err := resolveDeferred(ctx, c, e)
			if err != nil {
				return nil, err
			}
			out.Set(k, r)
		}
		return out, nil
	}
	return v, nil
}

func orUndef(v value.Value) value.Value {
	if v == nil {
		return value.Undef{}
	}
	return v
}
