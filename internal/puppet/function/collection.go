package function

import (
	"context"
	"sort"
	"strings"
	"unicode/utf8"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// collectionTable: sizes, order, parts of arrays and hashes.
func collectionTable() []eval.Function {
	return []eval.Function{
		fn("keys", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return value.NewArray(append([]value.Value{}, c.Arg(0).(*value.Hash).Keys()...)...), nil
		}, eval.Req("hsh", "Hash"))),
		fn("values", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return value.NewArray(append([]value.Value{}, c.Arg(0).(*value.Hash).Values()...)...), nil
		}, eval.Req("hsh", "Hash"))),
		fn("empty", sig(empty, eval.Req("coll", "Variant[Collection, Sensitive[String], String, Numeric, Binary, Undef]"))),
		fn("size", sig(length, eval.Req("arg", "Variant[Collection, String, Binary]"))),
		fn("length", sig(length, eval.Req("arg", "Variant[Collection, String, Binary]"))),
		fn("flatten", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return value.NewArray(flat(c.Args)...), nil
		}, eval.Rest("args", "Any"))),
		fn("unique",
			sigBlock(uniqueText, "Optional[Callable[String]]", eval.Req("string", "String")),
			sigBlock(uniqueHash, "Optional[Callable[Any]]", eval.Req("hash", "Hash")),
			sigBlock(uniqueList, "Optional[Callable[Any]]", eval.Req("iterable", "Iterable"))),
		fn("sort",
			sigBlock(sortText, maybe2, eval.Req("string_value", "String")),
			sigBlock(sortList, maybe2, eval.Req("array_value", "Array"))),
	}
}

func empty(_ context.Context, c *eval.Call) (value.Value, error) {
	v := c.Arg(0)
	if s, ok := v.(*value.Sensitive); ok {
		v = s.Unwrap()
	}
	switch v := v.(type) {
	case *value.Array:
		return value.Bool(v.Len() == 0), nil
	case *value.Hash:
		return value.Bool(v.Len() == 0), nil
	case value.String:
		return value.Bool(v == ""), nil
	case *value.Binary:
		return value.Bool(len(v.Bytes()) == 0), nil
	case value.Undef:
		return value.Bool(true), nil
	}
	c.Warn("Calling function empty() with Numeric value is deprecated.")
	return value.Bool(false), nil
}

func length(_ context.Context, c *eval.Call) (value.Value, error) {
	switch v := c.Arg(0).(type) {
	case *value.Array:
		return number(v.Len()), nil
	case *value.Hash:
		return number(v.Len()), nil
	case *value.Binary:
		return number(len(v.Bytes())), nil
	}
	return number(utf8.RuneCountInString(c.Str(0))), nil
}

// uniqueBy keeps the first of the elements that share a key.
func uniqueBy(ctx context.Context, c *eval.Call, elems []value.Value, of func(value.Value) value.Value) ([]value.Value, error) {
	seen := map[string]bool{}
	var out []value.Value
	for _, e := range elems {
		key := of(e)
		if c.Block != nil {
			var err error
			if key, err = yield(ctx, c, key); err != nil {
				return nil, err
			}
		}
		if k := value.Key(key); !seen[k] {
			seen[k] = true
			out = append(out, e)
		}
	}
	return out, nil
}

func itself(v value.Value) value.Value { return v }

func uniqueText(ctx context.Context, c *eval.Call) (value.Value, error) {
	chars, _ := types.Elements(c.Arg(0))
	kept, err := uniqueBy(ctx, c, chars, itself)
	return value.String(strings.Join(texts(kept), "")), err
}

func uniqueList(ctx context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	kept, err := uniqueBy(ctx, c, elems, itself)
	return value.NewArray(kept...), err
}

// uniqueHash groups the keys of equal values: {[k1, k2] => [v, v]}, values once.
func uniqueHash(ctx context.Context, c *eval.Call) (value.Value, error) {
	type group struct{ keys, vals []value.Value }
	groups := map[string]*group{}
	var order []*group
	for k, v := range c.Arg(0).(*value.Hash).All() {
		by := v
		if c.Block != nil {
			var err error
			if by, err = yield(ctx, c, v); err != nil {
				return nil, err
			}
		}
		g := groups[value.Key(by)]
		if g == nil {
			g = &group{}
			groups[value.Key(by)] = g
			order = append(order, g)
		}
		g.keys = append(g.keys, k)
		known := false
		for _, have := range g.vals {
			known = known || value.Key(have) == value.Key(v)
		}
		if !known {
			g.vals = append(g.vals, v)
		}
	}
	out := value.NewHash(len(order))
	for _, g := range order {
		out.Set(value.NewArray(g.keys...), value.NewArray(g.vals...))
	}
	return out, nil
}

func sortText(ctx context.Context, c *eval.Call) (value.Value, error) {
	chars, _ := types.Elements(c.Arg(0))
	sorted, err := sorted(ctx, c, chars)
	return value.String(strings.Join(texts(sorted), "")), err
}

func sortList(ctx context.Context, c *eval.Call) (value.Value, error) {
	out, err := sorted(ctx, c, c.Arg(0).(*value.Array).Elems())
	return value.NewArray(out...), err
}

// sorted orders elements by the lambda, or by nature: texts by code points, numbers, times.
func sorted(ctx context.Context, c *eval.Call, elems []value.Value) ([]value.Value, error) {
	out := append([]value.Value{}, elems...)
	var failed error
	sort.SliceStable(out, func(i, j int) bool {
		if failed != nil {
			return false
		}
		var order int
		if c.Block == nil {
			order, failed = natural(c, out[i], out[j])
			return order < 0
		}
		r, err := yield(ctx, c, out[i], out[j])
		if err != nil {
			failed = err
			return false
		}
		n, ok := r.(value.Int)
		if !ok {
			failed = c.Errorf("sort(): the block must give an Integer, got %s", types.Generalize(types.Infer(r)))
		}
		return n < 0
	})
	return out, failed
}

// natural is Ruby's <=>.
func natural(c *eval.Call, a, b value.Value) (int, error) {
	switch x := a.(type) {
	case value.String:
		if y, ok := b.(value.String); ok {
			return strings.Compare(string(x), string(y)), nil
		}
	case value.Int, value.Float:
		switch b.(type) {
		case value.Int, value.Float:
			return compareNumbers(a, b), nil
		}
	case *value.Array:
		if y, ok := b.(*value.Array); ok {
			return naturalArrays(c, x, y)
		}
	case *types.SemVer:
		if y, ok := b.(*types.SemVer); ok {
			return x.Compare(y), nil
		}
	case *types.Timestamp:
		if y, ok := b.(*types.Timestamp); ok {
			return x.Compare(y), nil
		}
	case *types.Timespan:
		if y, ok := b.(*types.Timespan); ok {
			return x.Compare(y), nil
		}
	}
	if value.Key(a) == value.Key(b) {
		return 0, nil
	}
	return 0, c.Errorf("comparison of %s with %s failed", a.TypeName(), rubyInspect(b))
}

func naturalArrays(c *eval.Call, x, y *value.Array) (int, error) {
	for i := 0; i < x.Len() && i < y.Len(); i++ {
		if n, err := natural(c, x.At(i), y.At(i)); n != 0 || err != nil {
			return n, err
		}
	}
	return x.Len() - y.Len(), nil
}

func asFloat(v value.Value) float64 {
	switch v := v.(type) {
	case value.Int:
		return float64(v)
	case value.Float:
		return float64(v)
	}
	return 0
}

func compareNumbers(a, b value.Value) int {
	if x, ok := a.(value.Int); ok {
		if y, ok := b.(value.Int); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	switch x, y := asFloat(a), asFloat(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
