package function

import (
	"context"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdHashTable: stdlib's functions on hashes.
func stdHashTable() []eval.Function {
	merge := []eval.Dispatch{
		sig(mergeHashes, eval.Rest("args", "Variant[Hash, Undef, String[0, 0]]")),
		sigBlock(mergeIterable, "Variant[Callable[3, 3], Callable[2, 2]]", eval.Req("args", "Iterable")),
	}
	return []eval.Function{
		{Name: "merge", Dispatches: merge}, {Name: "stdlib::merge", Dispatches: merge},
		fn("deep_merge", sig(deepMerge, eval.Rest1("args", "Variant[Hash, Undef, String[0, 0]]"))),
		fn("has_key", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			_, ok := c.Arg(0).(*value.Hash).Get(c.Arg(1))
			return value.Bool(ok), nil
		}, eval.Req("hash", "Hash"), eval.Req("key", "Any"))),
		fn("join_keys_to_values", sig(joinKeys, eval.Req("hash", "Hash"), eval.Req("separator", "String"))),
		fn("delete_undef_values", sig(deleteUndef, eval.Req("arg", "Variant[Array, Hash]"))),
		fn("delete_values", sig(deleteValues, eval.Req("hash", "Hash"), eval.Req("value", "Any"))),
		fn("hash", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return types.New(types.HashOf(types.Any, types.Any), c.Args)
		}, eval.Req("array", "Array"))),
		fn("values_at", sig(valuesAt, eval.Req("array", "Array"), eval.Req("positions", "Any"))),
		fn("stdlib::nested_values", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return value.NewArray(nestedValues(c.Arg(0))...), nil
		}, eval.Req("hash", "Hash"))),
	}
}

func mergeHashes(_ context.Context, c *eval.Call) (value.Value, error) {
	out := value.NewHash(4)
	for _, a := range c.Args {
		if h, ok := a.(*value.Hash); ok {
			out = out.Merge(h)
		}
	}
	return out, nil
}

// mergeIterable merges the hashes that the lambda gives for the elements; it sees what there is so far.
func mergeIterable(ctx context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	three := types.Assignable(types.Counted(3, 3), c.Block.Signature())
	_, isHash := c.Arg(0).(*value.Hash)
	out := value.NewHash(len(elems))
	for i, e := range elems {
		args := []value.Value{out, e}
		switch {
		case three && isHash:
			pair := e.(*value.Array)
			args = []value.Value{out, pair.At(0), pair.At(1)}
		case three:
			args = []value.Value{out, value.Int(i), e}
		}
		v, err := yield(ctx, c, args...)
		if err != nil {
			return nil, err
		}
		if h, ok := v.(*value.Hash); ok {
			out = out.Merge(h)
		}
	}
	return out, nil
}

func deepMerge(_ context.Context, c *eval.Call) (value.Value, error) {
	out := value.NewHash(4)
	for _, a := range c.Args {
		if h, ok := a.(*value.Hash); ok {
			out = deepMerged(out, h)
		}
	}
	return out, nil
}

func deepMerged(a, b *value.Hash) *value.Hash {
	out := a.Copy()
	for k, v := range b.All() {
		if had, ok := out.Get(k); ok {
			x, xok := had.(*value.Hash)
			y, yok := v.(*value.Hash)
			if xok && yok {
				out.Set(k, deepMerged(x, y))
				continue
			}
		}
		out.Set(k, v)
	}
	return out
}

func joinKeys(_ context.Context, c *eval.Call) (value.Value, error) {
	var out []value.Value
	for k, v := range c.Arg(0).(*value.Hash).All() {
		vals := []value.Value{v}
		if a, ok := v.(*value.Array); ok {
			vals = a.Elems()
		}
		for _, e := range vals {
			out = append(out, value.String(k.String()+c.Str(1)+e.String()))
		}
	}
	return value.NewArray(out...), nil
}

func deleteUndef(_ context.Context, c *eval.Call) (value.Value, error) {
	switch v := c.Arg(0).(type) {
	case *value.Hash:
		out := value.NewHash(v.Len())
		for k, e := range v.All() {
			if !value.IsUndef(e) {
				out.Set(k, e)
			}
		}
		return out, nil
	case *value.Array:
		var out []value.Value
		for _, e := range v.Elems() {
			if !value.IsUndef(e) {
				out = append(out, e)
			}
		}
		return value.NewArray(out...), nil
	}
	return c.Arg(0), nil
}

func deleteValues(_ context.Context, c *eval.Call) (value.Value, error) {
	out := value.NewHash(4)
	for k, v := range c.Arg(0).(*value.Hash).All() {
		if value.Key(v) != value.Key(c.Arg(1)) {
			out.Set(k, v)
		}
	}
	return out, nil
}

// valuesAt picks elements by index, a list of indices, or ranges like "1-3".
func valuesAt(_ context.Context, c *eval.Call) (value.Value, error) {
	list := c.Arg(0).(*value.Array)
	var out []value.Value
	for _, p := range flat([]value.Value{c.Arg(1)}) {
		lo, hi, ok := indexRange(p)
		if !ok {
			return nil, c.Errorf("values_at(): %s is no position", types.FormatValue(p))
		}
		for i := lo; i <= hi && i < int64(list.Len()); i++ {
			out = append(out, list.At(int(i)))
		}
	}
	return value.NewArray(out...), nil
}

func nestedValues(v value.Value) []value.Value {
	h, ok := v.(*value.Hash)
	if !ok {
		return []value.Value{v}
	}
	var out []value.Value
	for _, e := range h.Values() {
		out = append(out, nestedValues(e)...)
	}
	return out
}
