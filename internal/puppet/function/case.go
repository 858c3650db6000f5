package function

import (
	"context"
	"strings"
	"unicode"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// caseTable: upper and lower case, white space at the ends.
func caseTable() []eval.Function {
	deep := func(name string, f func(string) string) eval.Function {
		return fn(name,
			sig(same, eval.Req("arg", "Numeric")),
			sig(text(f), eval.Req("arg", "String")),
			sig(deepText(f), eval.Req("arg", "Variant[Array, Hash]")))
	}
	wide := func(name string, f func(string) string) eval.Function {
		return fn(name,
			sig(same, eval.Req("arg", "Numeric")),
			sig(text(f), eval.Req("arg", "String")),
			sig(eachText(f), eval.Req("arg", "Iterable[Variant[String, Numeric]]")))
	}
	return []eval.Function{
		deep("upcase", strings.ToUpper), deep("downcase", strings.ToLower),
		wide("capitalize", capitalize), wide("camelcase", camelcase),
		wide("strip", func(s string) string { return trimLeft(trimRight(s)) }),
		wide("lstrip", trimLeft), wide("rstrip", trimRight),
		wide("chomp", chomp), wide("chop", chop),
	}
}

func same(_ context.Context, c *eval.Call) (value.Value, error) { return c.Arg(0), nil }

// rubySpace is what Ruby's strip removes.
const rubySpace = " \t\n\v\f\r\x00"

func trimLeft(s string) string  { return strings.TrimLeft(s, rubySpace) }
func trimRight(s string) string { return strings.TrimRight(s, rubySpace) }

func chomp(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

func chop(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	if r := []rune(s); len(r) > 0 {
		return string(r[:len(r)-1])
	}
	return ""
}

func capitalize(s string) string {
	r := []rune(strings.ToLower(s))
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

func camelcase(s string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(s, "_") {
		b.WriteString(capitalize(part))
	}
	return b.String()
}

// eachText changes every text among the elements of an iterable.
func eachText(f func(string) string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		elems, err := elements(c, c.Arg(0))
		if err != nil {
			return nil, err
		}
		out := make([]value.Value, len(elems))
		for i, e := range elems {
			if out[i] = e; e.TypeName() == "String" {
				out[i] = value.String(f(e.String()))
			}
		}
		return value.NewArray(out...), nil
	}
}

// deepText changes every text in a structure, keys of hashes too.
func deepText(f func(string) string) impl {
	var deep func(v value.Value) value.Value
	deep = func(v value.Value) value.Value {
		switch v := v.(type) {
		case value.String:
			return value.String(f(string(v)))
		case *value.Array:
			out := make([]value.Value, v.Len())
			for i, e := range v.Elems() {
				out[i] = deep(e)
			}
			return value.NewArray(out...)
		case *value.Hash:
			out := value.NewHash(v.Len())
			for k, e := range v.All() {
				out.Set(deep(k), deep(e))
			}
			return out
		}
		return v
	}
	return func(_ context.Context, c *eval.Call) (value.Value, error) { return deep(c.Arg(0)), nil }
}
