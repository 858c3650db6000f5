package function

import (
	"context"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// typeTable: types of values, conversion, Sensitive.
func typeTable() []eval.Function {
	return []eval.Function{
		fn("assert_type",
			sigBlock(assertType, "Optional[Callable[Type, Type]]", eval.Req("type", "Type"), eval.Req("value", "Any")),
			sigBlock(assertType, "Optional[Callable[Type, Type]]", eval.Req("type_string", "String"), eval.Req("value", "Any"))),
		fn("type", sig(typeOf, eval.Req("value", "Any"),
			eval.Opt("inference_method", "Enum['detailed', 'reduced', 'generalized']"))),
		fn("new", sigBlock(construct, maybeAny, eval.Req("type", "Variant[Type, String]"), eval.Rest("args", "Any"))),
		fn("convert_to", sigBlock(convertTo, maybe1, eval.Req("value", "Any"), eval.Req("type", "Type"), eval.Rest("args", "Any"))),
		fn("unwrap",
			sigBlock(unwrap, maybeAny, eval.Req("arg", "Any"))),
	}
}

func typeArg(c *eval.Call, v value.Value) (types.Type, error) {
	if t, ok := v.(types.Type); ok {
		return t, nil
	}
	t, err := types.Parse(v.String())
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	return t, nil
}

func assertType(ctx context.Context, c *eval.Call) (value.Value, error) {
	t, err := typeArg(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	if types.Instance(t, c.Arg(1)) {
		return c.Arg(1), nil
	}
	if c.Block != nil {
		return yield(ctx, c, t, types.InferDetailed(c.Arg(1)))
	}
	return nil, c.Errorf("assert_type(): %s", types.Mismatch(t, c.Arg(1)))
}

func typeOf(_ context.Context, c *eval.Call) (value.Value, error) {
	switch c.Str(1) {
	case "reduced":
		return types.Infer(c.Arg(0)), nil
	case "generalized":
		return types.Generalize(types.Infer(c.Arg(0))), nil
	}
	return types.InferDetailed(c.Arg(0)), nil
}

func construct(ctx context.Context, c *eval.Call) (value.Value, error) {
	t, err := typeArg(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	v, err := types.New(t, c.Args[1:])
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	if c.Block != nil {
		return yield(ctx, c, v)
	}
	return v, nil
}

func convertTo(ctx context.Context, c *eval.Call) (value.Value, error) {
	v, err := types.New(c.Arg(1).(types.Type), append([]value.Value{c.Arg(0)}, c.Args[2:]...))
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	if c.Block != nil {
		return yield(ctx, c, v)
	}
	return v, nil
}

func unwrap(ctx context.Context, c *eval.Call) (value.Value, error) {
	v := c.Arg(0)
	if s, ok := v.(*value.Sensitive); ok {
		v = s.Unwrap()
	}
	if c.Block != nil {
		return yield(ctx, c, v)
	}
	return v, nil
}
