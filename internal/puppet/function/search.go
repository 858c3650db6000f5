package function

import (
	"context"
	"strings"
	"unicode/utf8"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// searchTable: index.
func searchTable() []eval.Function {
	return []eval.Function{
		fn("index",
			sigBlock(indexBlock(2), block2, eval.Req("hash", "Hash")),
			sigBlock(indexBlock(1), block1, eval.Req("hash", "Hash")),
			sigBlock(indexBlock(2), block2, eval.Req("enumerable", "Iterable")),
			sigBlock(indexBlock(1), block1, eval.Req("enumerable", "Iterable")),
			sig(indexText, eval.Req("str", "String"), eval.Req("match", "Variant[String, Regexp]")),
			sig(indexValue, eval.Req("enumerable", "Iterable"), eval.Req("match", "Any"))),
	}
}

func indexBlock(arity int) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		w, err := newWalk(c, arity)
		if err != nil {
			return nil, err
		}
		var found value.Value = value.Undef{}
		i := -1
		err = w.each(ctx, func(e, result value.Value) (bool, error) {
			if i++; !value.Truthy(result) {
				return true, nil
			}
			if found = value.Int(i); w.isHash {
				found = e.(*value.Array).At(0)
			}
			return false, nil
		})
		return found, err
	}
}

func indexText(_ context.Context, c *eval.Call) (value.Value, error) {
	s, at := c.Str(0), -1
	if re, ok := c.Arg(1).(*value.Regexp); ok {
		loc, err := re.Find(s)
		if err != nil {
			return nil, c.Errorf("index(): %v", err)
		}
		if loc != nil {
			at = loc[0]
		}
	} else {
		at = strings.Index(s, c.Str(1))
	}
	if at < 0 {
		return undef()
	}
	return number(utf8.RuneCountInString(s[:at])), nil
}

func indexValue(_ context.Context, c *eval.Call) (value.Value, error) {
	if h, ok := c.Arg(0).(*value.Hash); ok {
		for k, v := range h.All() {
			if value.Key(v) == value.Key(c.Arg(1)) {
				return k, nil
			}
		}
		return undef()
	}
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	for i, e := range elems {
		if value.Key(e) == value.Key(c.Arg(1)) {
			return number(i), nil
		}
	}
	return undef()
}
