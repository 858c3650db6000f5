package function

import (
	"context"
	"math"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// mathTable: numbers, comparison.
func mathTable() []eval.Function {
	extreme := func(name string, sign int) eval.Function {
		return fn(name, sigBlock(extremum(sign), maybe2, eval.Rest1("values", "Any")))
	}
	return []eval.Function{
		fn("abs", sig(abs, eval.Req("val", "Numeric")), sig(abs, eval.Req("val", "String"))),
		fn("ceiling", sig(rounding(math.Ceil), eval.Req("val", "Numeric")), sig(rounding(math.Ceil), eval.Req("val", "String"))),
		fn("floor", sig(rounding(math.Floor), eval.Req("val", "Numeric")), sig(rounding(math.Floor), eval.Req("val", "String"))),
		fn("round", sig(rounding(math.Round), eval.Req("val", "Numeric"))),
		fn("compare",
			sig(compare, eval.Req("a", "Numeric"), eval.Req("b", "Numeric")),
			sig(compare, eval.Req("a", "String"), eval.Req("b", "String"), eval.Opt("ignore_case", "Boolean")),
			sig(compare, eval.Req("a", "SemVer"), eval.Req("b", "SemVer")),
			sig(compare, eval.Req("a", "Timestamp"), eval.Req("b", "Timestamp")),
			sig(compare, eval.Req("a", "Timespan"), eval.Req("b", "Timespan"))),
		extreme("max", 1), extreme("min", -1),
	}
}

func toNumber(c *eval.Call, v value.Value) (value.Value, error) {
	if _, ok := v.(value.String); !ok {
		return v, nil
	}
	n, err := types.ToNumber(v)
	if err != nil {
		return nil, c.Errorf("%s(): cannot convert given value to a floating point value.", c.Name)
	}
	c.Warn("The %s() function's auto conversion of String to Numeric is deprecated - change to convert input before calling", c.Name)
	return n, nil
}

func abs(_ context.Context, c *eval.Call) (value.Value, error) {
	v, err := toNumber(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	switch n := v.(type) {
	case value.Int:
		return max(n, -n), nil
	case value.Float:
		return value.Float(math.Abs(float64(n))), nil
	}
	return v, nil
}

func rounding(f func(float64) float64) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		v, err := toNumber(c, c.Arg(0))
		if err != nil {
			return nil, err
		}
		if n, ok := v.(value.Float); ok {
			return value.Int(f(float64(n))), nil
		}
		return v, nil
	}
}

func compare(_ context.Context, c *eval.Call) (value.Value, error) {
	a, b := c.Arg(0), c.Arg(1)
	if s, ok := a.(value.String); ok {
		if !c.Has(2) || value.Truthy(c.Arg(2)) {
			return number(strings.Compare(strings.ToLower(string(s)), strings.ToLower(b.String()))), nil
		}
	}
	n, err := natural(c, a, b)
	return number(n), err
}

// extremum picks the largest (sign 1) or smallest (sign -1) of the arguments, or of the elements of a single array.
func extremum(sign int) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		vs := c.Args
		if a, ok := c.Arg(0).(*value.Array); ok && len(vs) == 1 {
			vs = a.Elems()
		}
		if len(vs) == 0 {
			return nil, c.Errorf("%s(): expects at least one value", c.Name)
		}
		best := vs[0]
		for _, v := range vs[1:] {
			order, err := extremeOrder(ctx, c, v, best)
			if err != nil {
				return nil, err
			}
			if order*sign > 0 {
				best = v
			}
		}
		return best, nil
	}
}

func extremeOrder(ctx context.Context, c *eval.Call, a, b value.Value) (int, error) {
	if c.Block != nil {
		r, err := yield(ctx, c, a, b)
		if err != nil {
			return 0, err
		}
		n, ok := r.(value.Int)
		if !ok {
			return 0, c.Errorf("%s(): the block must give an Integer, got %s", c.Name, types.Generalize(types.Infer(r)))
		}
		return int(n), nil
	}
	if x, ok := a.(value.String); ok {
		if y, ok := b.(value.String); ok {
			if c := strings.Compare(strings.ToLower(string(x)), strings.ToLower(string(y))); c != 0 {
				return c, nil
			}
			return 0, nil
		}
	}
	return natural(c, a, b)
}
