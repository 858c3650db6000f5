package function

import (
	"context"
	"strconv"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdArrayTable: stdlib's functions on arrays, and those that choose among values.
func stdArrayTable() []eval.Function {
	two := []eval.Param{eval.Req("a", "Array"), eval.Req("b", "Array")}
	return []eval.Function{
		fn("pick", sig(pick, eval.Rest1("values", "Any"))),
		fn("pick_default", sig(pickDefault, eval.Rest1("values", "Any"))),
		fn("any2array", sig(any2array, eval.Rest("values", "Any"))),
		fn("concat", sig(concat, eval.Req("array", "Array"), eval.Rest1("more", "Any"))),
		fn("prefix", sig(affix(func(s, p string) string { return p + s }), eval.Req("list", "Variant[Array, Hash]"), eval.Opt("prefix", "String"))),
		fn("suffix", sig(affix(func(s, p string) string { return s + p }), eval.Req("list", "Variant[Array, Hash]"), eval.Opt("suffix", "String"))),
		fn("member", sig(member, eval.Req("array", "Array"), eval.Req("value", "Any"))),
		fn("delete", sig(deleteFrom, eval.Req("from", "Variant[Array, Hash, String]"), eval.Req("what", "Any"))),
		fn("delete_at", sig(deleteAt, eval.Req("array", "Array"), eval.Req("index", "Integer"))),
		fn("grep", sig(grep(true), eval.Req("array", "Array"), eval.Req("pattern", "String"))),
		fn("reject", sig(grep(false), eval.Req("array", "Array"), eval.Req("pattern", "String"))),
		fn("union", sig(union, eval.Rest("lists", "Array"))),
		fn("intersection", sig(setOf(true), two...)),
		fn("difference", sig(setOf(false), two...)),
		fn("reverse", sig(reverse, eval.Req("value", "Variant[Array, String]"))),
		fn("count", sig(count, eval.Req("list", "Array"), eval.Opt("value", "Any"))),
		fn("range", sig(rangeOf, eval.Req("start", "Variant[Integer, String]"), eval.Opt("stop", "Variant[Integer, String]"), eval.Opt("step", "Variant[Integer, String]"))),
		fn("zip", sig(zip, eval.Req("a", "Array"), eval.Req("b", "Array"), eval.Opt("flatten", "Boolean"))),
		fn("stdlib::sort_by", sigBlock(sortBy, "Variant[Callable[1, 1], Callable[2, 2]]", eval.Req("list", "Variant[Array, Hash, String]"))),
	}
}

func picked(v value.Value) bool { return !value.IsUndef(v) && v != value.Value(value.String("")) }

func pick(_ context.Context, c *eval.Call) (value.Value, error) {
	for _, v := range c.Args {
		if picked(v) {
			return v, nil
		}
	}
	return nil, c.Errorf("pick(): must receive at least one non empty value")
}

func pickDefault(_ context.Context, c *eval.Call) (value.Value, error) {
	for _, v := range c.Args {
		if picked(v) {
			return v, nil
		}
	}
	if last := c.Args[len(c.Args)-1]; !value.IsUndef(last) {
		return last, nil
	}
	return value.String(""), nil
}

func any2array(_ context.Context, c *eval.Call) (value.Value, error) {
	if len(c.Args) != 1 {
		return value.NewArray(append([]value.Value{}, c.Args...)...), nil
	}
	switch v := c.Args[0].(type) {
	case *value.Array:
		return v, nil
	case *value.Hash:
		var out []value.Value
		for k, e := range v.All() {
			out = append(out, k, e)
		}
		return value.NewArray(out...), nil
	}
	return value.NewArray(c.Args[0]), nil
}

func concat(_ context.Context, c *eval.Call) (value.Value, error) {
	out := append([]value.Value{}, c.Arg(0).(*value.Array).Elems()...)
	for _, v := range c.Args[1:] {
		if a, ok := v.(*value.Array); ok {
			out = append(out, a.Elems()...)
			continue
		}
		out = append(out, v)
	}
	return value.NewArray(out...), nil
}

func affix(f func(s, affix string) string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		if h, ok := c.Arg(0).(*value.Hash); ok {
			out := value.NewHash(h.Len())
			for k, v := range h.All() {
				out.SetString(f(k.String(), c.Str(1)), v)
			}
			return out, nil
		}
		var out []value.Value
		for _, e := range c.Arg(0).(*value.Array).Elems() {
			out = append(out, value.String(f(e.String(), c.Str(1))))
		}
		return value.NewArray(out...), nil
	}
}

func keySet(vs []value.Value) map[string]bool {
	set := make(map[string]bool, len(vs))
	for _, v := range vs {
		set[value.Key(v)] = true
	}
	return set
}

func member(_ context.Context, c *eval.Call) (value.Value, error) {
	have := keySet(c.Arg(0).(*value.Array).Elems())
	want := []value.Value{c.Arg(1)}
	if a, ok := c.Arg(1).(*value.Array); ok {
		want = a.Elems()
	}
	for _, v := range want {
		if !have[value.Key(v)] {
			return value.Bool(false), nil
		}
	}
	return value.Bool(true), nil
}

func deleteFrom(_ context.Context, c *eval.Call) (value.Value, error) {
	what := flat([]value.Value{c.Arg(1)})
	switch v := c.Arg(0).(type) {
	case *value.Hash:
		return v.Without(what...), nil
	case *value.Array:
		drop := keySet(what)
		var out []value.Value
		for _, e := range v.Elems() {
			if !drop[value.Key(e)] {
				out = append(out, e)
			}
		}
		return value.NewArray(out...), nil
	}
	s := c.Str(0)
	for _, w := range what {
		s = strings.ReplaceAll(s, w.String(), "")
	}
	return value.String(s), nil
}

func deleteAt(_ context.Context, c *eval.Call) (value.Value, error) {
	list, i := c.Arg(0).(*value.Array).Elems(), int(c.Arg(1).(value.Int))
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return nil, c.Errorf("delete_at(): the index is outside of the array")
	}
	return value.NewArray(append(append([]value.Value{}, list[:i]...), list[i+1:]...)...), nil
}

func grep(keep bool) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		re, err := pattern(c, c.Arg(1))
		if err != nil {
			return nil, err
		}
		var out []value.Value
		for _, e := range c.Arg(0).(*value.Array).Elems() {
			loc, err := re.Find(e.String())
			if err != nil {
				return nil, c.Errorf("%s(): %v", c.Name, err)
			}
			if (loc != nil) == keep {
				out = append(out, e)
			}
		}
		return value.NewArray(out...), nil
	}
}

func union(ctx context.Context, c *eval.Call) (value.Value, error) {
	var all []value.Value
	for _, a := range c.Args {
		all = append(all, a.(*value.Array).Elems()...)
	}
	out, err := uniqueBy(ctx, c, all, itself)
	return value.NewArray(out...), err
}

// setOf keeps the elements of the first list that are in the second, or that are not.
func setOf(in bool) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		other := keySet(c.Arg(1).(*value.Array).Elems())
		var out []value.Value
		for _, e := range c.Arg(0).(*value.Array).Elems() {
			if other[value.Key(e)] == in {
				out = append(out, e)
			}
		}
		if in {
			unique, err := uniqueBy(ctx, c, out, itself)
			return value.NewArray(unique...), err
		}
		return value.NewArray(out...), nil
	}
}

func reverse(_ context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	out := make([]value.Value, len(elems))
	for i, e := range elems {
		out[len(elems)-1-i] = e
	}
	if _, ok := c.Arg(0).(value.String); ok {
		return value.String(strings.Join(texts(out), "")), nil
	}
	return value.NewArray(out...), nil
}

func count(_ context.Context, c *eval.Call) (value.Value, error) {
	n := 0
	for _, e := range c.Arg(0).(*value.Array).Elems() {
		if c.Has(1) && value.Key(e) == value.Key(c.Arg(1)) || !c.Has(1) && picked(e) {
			n++
		}
	}
	return number(n), nil
}

// rangeOf lists integers, or names with a number at their end: range('host01', 'host10').
func rangeOf(_ context.Context, c *eval.Call) (value.Value, error) {
	from, to := c.Str(0), c.Str(1)
	if !c.Has(1) {
		var ok bool
		if from, to, ok = strings.Cut(strings.Replace(from, "...", "-", 1), ".."); !ok {
			if from, to, ok = strings.Cut(c.Str(0), "-"); !ok {
				return nil, c.Errorf("range(): '%s' is no range", c.Str(0))
			}
		}
	}
	step := int64(1)
	if c.Has(2) {
		n, err := types.ToNumber(c.Arg(2))
		s, ok := n.(value.Int)
		if err != nil || !ok || s == 0 {
			return nil, c.Errorf("range(): the step must be an Integer")
		}
		step = max(int64(s), -int64(s))
	}
	head := strings.TrimRight(from, "0123456789")
	lo, lerr := strconv.ParseInt(from[len(head):], 10, 64)
	hi, herr := strconv.ParseInt(strings.TrimPrefix(to, head), 10, 64)
	if lerr != nil || herr != nil {
		return letters(c, from, to, step)
	}
	if (max(lo, hi)-min(lo, hi))/step > 1_000_000 {
		return nil, c.Errorf("range(): more than a million elements")
	}
	width := 0
	if len(from) > len(head)+1 && from[len(head)] == '0' {
		width = len(from) - len(head)
	}
	var out []value.Value
	for i := lo; i <= hi; i += step {
		if head == "" && width == 0 {
			out = append(out, value.Int(i))
			continue
		}
		digits := strconv.FormatInt(i, 10)
		out = append(out, value.String(head+strings.Repeat("0", max(0, width-len(digits)))+digits))
	}
	return value.NewArray(out...), nil
}

func letters(c *eval.Call, from, to string, step int64) (value.Value, error) {
	if len(from) != 1 || len(to) != 1 {
		return nil, c.Errorf("range(): from '%s' to '%s' is not supported", from, to)
	}
	var out []value.Value
	for ch := int64(from[0]); ch <= int64(to[0]); ch += step {
		out = append(out, value.String(string(rune(ch))))
	}
	return value.NewArray(out...), nil
}

// indexRange reads a position: 3, "3", "1-3", "1..3".
func indexRange(v value.Value) (lo, hi int64, ok bool) {
	from, to, isRange := strings.Cut(strings.Replace(v.String(), "..", "-", 1), "-")
	lo, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if !isRange {
		return lo, lo, true
	}
	hi, err = strconv.ParseInt(to, 10, 64)
	return lo, hi, err == nil
}

func zip(_ context.Context, c *eval.Call) (value.Value, error) {
	a, b := c.Arg(0).(*value.Array), c.Arg(1).(*value.Array)
	var out []value.Value
	for i, e := range a.Elems() {
		var other value.Value = value.Undef{}
		if i < b.Len() {
			other = b.At(i)
		}
		if value.Truthy(c.Arg(2)) {
			out = append(out, e, other)
			continue
		}
		out = append(out, value.NewArray(e, other))
	}
	return value.NewArray(out...), nil
}

func sortBy(ctx context.Context, c *eval.Call) (value.Value, error) {
	w, err := newWalk(c, 1)
	if err != nil {
		return nil, err
	}
	if w.isHash && !types.Assignable(types.Counted(1, 1), c.Block.Signature()) {
		w.arity = 2
	}
	var pairs []value.Value
	err = w.each(ctx, func(e, key value.Value) (bool, error) {
		pairs = append(pairs, value.NewArray(key, value.Int(len(pairs)), e))
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	plain := *c
	plain.Block = nil
	ordered, err := sorted(ctx, &plain, pairs)
	if err != nil {
		return nil, err
	}
	out := make([]value.Value, len(ordered))
	for i, p := range ordered {
		out[i] = p.(*value.Array).At(2)
	}
	switch c.Arg(0).(type) {
	case *value.Hash:
		return hashOfPairs(out), nil
	case value.String:
		return value.String(strings.Join(texts(out), "")), nil
	}
	return value.NewArray(out...), nil
}
