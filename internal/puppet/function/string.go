package function

import (
	"context"
	"strconv"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stringTable: joining, splitting, matching.
func stringTable() []eval.Function {
	target := "Variant[Array[Variant[String, Sensitive[String]]], Sensitive[Array[Variant[String, Sensitive[String]]]], String, Sensitive[String]]"
	return []eval.Function{
		fn("join", sig(join, eval.Req("arg", "Array"), eval.Opt("delimiter", "String"))),
		fn("split",
			sig(split, eval.Req("str", "String"), eval.Req("pattern", "String")),
			sig(split, eval.Req("str", "String"), eval.Req("pattern", "Regexp")),
			sig(split, eval.Req("str", "String"), eval.Req("pattern", "Type[Regexp]")),
			sig(split, eval.Req("sensitive", "Sensitive[String]"), eval.Req("pattern", "Variant[String, Regexp, Type[Regexp]]"))),
		fn("regsubst",
			sig(regsubst, eval.Req("target", target), eval.Req("pattern", "String"),
				eval.Req("replacement", "Variant[String, Hash[String, String]]"),
				eval.Opt("flags", "Optional[Pattern[/^[GEIM]*$/]]"), eval.Opt("encoding", "Enum['E', 'N', 'S', 'U']")),
			sig(regsubst, eval.Req("target", target), eval.Req("pattern", "Variant[Regexp, Type[Regexp]]"),
				eval.Req("replacement", "Variant[String, Hash[String, String]]"), eval.Opt("flags", "Pattern[/^G?$/]"))),
		fn("match",
			sig(match, eval.Req("string", "String"), eval.Req("pattern", "Variant[Any, Type]")),
			sig(matchAll, eval.Req("string", "Array[String]"), eval.Req("pattern", "Variant[Any, Type]"))),
		fn("versioncmp", sig(versioncmp, eval.Req("a", "String"), eval.Req("b", "String"),
			eval.Opt("ignore_trailing_zeroes", "Boolean"))),
		fn("sprintf", sig(sprintf, eval.Req("format", "String"), eval.Rest("args", "Any"))),
		fn("shellquote", sig(shellquote, eval.Rest("args", "Any"))),
		fn("scanf", sigBlock(scanf, maybeAny, eval.Req("data", "String"), eval.Req("format", "String"))),
	}
}

func join(_ context.Context, c *eval.Call) (value.Value, error) {
	elems := flat(c.Arg(0).(*value.Array).Elems())
	parts := make([]string, len(elems))
	for i, e := range elems {
		parts[i] = rubyText(e)
	}
	return value.String(strings.Join(parts, c.Str(1))), nil
}

// pattern gives the expression of an argument: text, Regexp, or Regexp[/x/]. An empty Regexp type matches all.
func pattern(c *eval.Call, v value.Value) (*value.Regexp, error) {
	switch v := v.(type) {
	case *value.Regexp:
		return v, nil
	case *types.Regexp:
		if v.Pattern != nil {
			return v.Pattern, nil
		}
		return value.NewRegexp("")
	case value.String:
		re, err := value.NewRegexp(string(v))
		if err != nil {
			return nil, c.Errorf("%s(): %v", c.Name, err)
		}
		return re, nil
	}
	return nil, c.Errorf("%s() expects pattern of T, where T is String, Regexp, Regexp[r], Pattern[p], or Array[T]. Got %s",
		c.Name, types.Generalize(types.Infer(v)))
}

func split(_ context.Context, c *eval.Call) (value.Value, error) {
	if s, ok := c.Arg(0).(*value.Sensitive); ok {
		list, err := splitText(c, s.Unwrap().String())
		if err != nil {
			return nil, err
		}
		return value.NewSensitive(list), nil
	}
	return splitText(c, c.Str(0))
}

// splitText splits as Ruby does: an expression that matches nothing splits characters, empty parts at the end go.
func splitText(c *eval.Call, s string) (value.Value, error) {
	re, err := pattern(c, c.Arg(1))
	if err != nil {
		return nil, err
	}
	all, err := re.FindAll(s, -1)
	if err != nil {
		return nil, c.Errorf("split(): %v", err)
	}
	var parts []string
	from := 0
	for _, loc := range all {
		if loc[0] == loc[1] && (loc[0] == 0 || loc[0] >= len(s)) {
			continue
		}
		parts = append(parts, s[from:loc[0]])
		for g := 2; g+1 < len(loc); g += 2 {
			if loc[g] >= 0 {
				parts = append(parts, s[loc[g]:loc[g+1]])
			}
		}
		from = loc[1]
	}
	parts = append(parts, s[from:])
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return value.Strings(parts...), nil
}

// substitution is a regsubst with its arguments read.
type substitution struct {
	re     *value.Regexp
	text   string
	hash   *value.Hash
	global bool
}

func regsubst(_ context.Context, c *eval.Call) (value.Value, error) {
	flags := c.Str(3)
	pat := c.Arg(1)
	if s, ok := pat.(value.String); ok {
		options := ""
		if strings.Contains(flags, "I") {
			options += "i"
		}
		if strings.Contains(flags, "M") {
			options += "m"
		}
		if options != "" {
			pat = value.String("(?" + options + ":" + string(s) + ")")
		}
	}
	re, err := pattern(c, pat)
	if err != nil {
		return nil, err
	}
	sub := substitution{re: re, global: strings.Contains(flags, "G")}
	if h, ok := c.Arg(2).(*value.Hash); ok {
		sub.hash = h
	} else {
		sub.text = c.Str(2)
	}
	return sub.apply(c.Arg(0))
}

func (s substitution) apply(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			r, err := s.apply(e)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return value.NewArray(out...), nil
	case *value.Sensitive:
		r, err := s.apply(v.Unwrap())
		if err != nil {
			return nil, err
		}
		return value.NewSensitive(r), nil
	}
	return s.one(v.String())
}

func (s substitution) one(in string) (value.Value, error) {
	n := 1
	if s.global {
		n = -1
	}
	all, err := s.re.FindAll(in, n)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	from := 0
	for _, loc := range all {
		b.WriteString(in[from:loc[0]])
		if s.hash != nil {
			if v, ok := s.hash.GetString(in[loc[0]:loc[1]]); ok {
				b.WriteString(v.String())
			}
		} else {
			s.expand(&b, in, loc)
		}
		from = loc[1]
	}
	b.WriteString(in[from:])
	return value.String(b.String()), nil
}

// expand writes the replacement with \0 … \9, \k<name>, \& and \\ replaced.
func (s substitution) expand(b *strings.Builder, in string, loc []int) {
	r := s.text
	for i := 0; i < len(r); i++ {
		if r[i] != '\\' || i+1 == len(r) {
			b.WriteByte(r[i])
			continue
		}
		i++
		switch d := r[i]; {
		case d >= '0' && d <= '9':
			if g := 2 * int(d-'0'); g+1 < len(loc) && loc[g] >= 0 {
				b.WriteString(in[loc[g]:loc[g+1]])
			}
		case d == '&':
			b.WriteString(in[loc[0]:loc[1]])
		case d == '`':
			b.WriteString(in[:loc[0]])
		case d == '\'':
			b.WriteString(in[loc[1]:])
		case d == '\\':
			b.WriteByte('\\')
		default:
			b.WriteString(r[i-1 : i+1])
		}
	}
}

func match(_ context.Context, c *eval.Call) (value.Value, error) {
	return matchOne(c, c.Str(0), c.Arg(1))
}

func matchAll(_ context.Context, c *eval.Call) (value.Value, error) {
	list := c.Arg(0).(*value.Array)
	out := make([]value.Value, list.Len())
	for i, e := range list.Elems() {
		m, err := matchOne(c, e.String(), c.Arg(1))
		if err != nil {
			return nil, err
		}
		out[i] = m
	}
	return value.NewArray(out...), nil
}

// matchOne gives the match and its groups, or undef. Of several patterns the first that matches counts.
func matchOne(c *eval.Call, s string, pat value.Value) (value.Value, error) {
	var several []value.Value
	switch p := pat.(type) {
	case *value.Array:
		several = p.Elems()
	case *types.Pattern:
		for _, re := range p.Patterns {
			several = append(several, re)
		}
	default:
		several = []value.Value{pat}
	}
	for _, p := range several {
		re, err := pattern(c, p)
		if err != nil {
			return nil, err
		}
		loc, err := re.Find(s)
		if err != nil {
			return nil, c.Errorf("match(): %v", err)
		}
		if loc != nil {
			return groups(s, loc), nil
		}
	}
	return undef()
}

func groups(s string, loc []int) value.Value {
	out := make([]value.Value, 0, len(loc)/2)
	for g := 0; g+1 < len(loc); g += 2 {
		if loc[g] < 0 {
			out = append(out, value.Undef{})
			continue
		}
		out = append(out, value.String(s[loc[g]:loc[g+1]]))
	}
	return value.NewArray(out...)
}

func shellquote(_ context.Context, c *eval.Call) (value.Value, error) {
	args := flat(c.Args)
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = quoteWord(rubyText(a))
	}
	return value.String(strings.Join(parts, " ")), nil
}

const (
	safeWord   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-"
	unsafeIn2s = "!\"`$\\"
)

// quoteWord quotes for a shell only as much as needed.
func quoteWord(s string) string {
	switch {
	case s != "" && strings.Trim(s, safeWord) == "":
		return s
	case !strings.ContainsAny(s, unsafeIn2s):
		return `"` + s + `"`
	case !strings.Contains(s, "'"):
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if strings.IndexByte(unsafeIn2s, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// scanf reads by a format of %d, %i, %x, %o, %f, %s, %c and literal text; it stops where the text does not fit.
func scanf(ctx context.Context, c *eval.Call) (value.Value, error) {
	out := []value.Value{}
	data, format := c.Str(0), c.Str(1)
	for i := 0; i < len(format); i++ {
		switch ch := format[i]; {
		case ch == ' ' || ch == '\t' || ch == '\n':
			data = strings.TrimLeft(data, " \t\n")
			continue
		case ch != '%':
			if !strings.HasPrefix(data, string(ch)) {
				i = len(format)
				continue
			}
			data = data[1:]
			continue
		}
		if i++; i >= len(format) {
			break
		}
		v, rest, ok := scanOne(format[i], data)
		if !ok {
			break
		}
		out, data = append(out, v), rest
	}
	list := value.NewArray(out...)
	if c.Block != nil {
		return yield(ctx, c, list)
	}
	return list, nil
}

func scanOne(verb byte, data string) (value.Value, string, bool) {
	if verb != 'c' {
		data = strings.TrimLeft(data, " \t\n")
	}
	take := func(set string) (string, string) {
		n := 0
		for n < len(data) && strings.IndexByte(set, data[n]) >= 0 {
			n++
		}
		return data[:n], data[n:]
	}
	bases := map[byte]int{'d': 10, 'i': 0, 'u': 10, 'x': 16, 'o': 8}
	switch verb {
	case 'd', 'i', 'u', 'x', 'o':
		word, rest := take("+-0123456789abcdefABCDEFxX")
		for ; word != ""; word, rest = word[:len(word)-1], word[len(word)-1:]+rest {
			if n, err := strconv.ParseInt(word, bases[verb], 64); err == nil {
				return value.Int(n), rest, true
			}
		}
	case 'f', 'e', 'g':
		word, rest := take("+-.0123456789eE")
		if f, err := strconv.ParseFloat(word, 64); err == nil {
			return value.Float(f), rest, true
		}
	case 's':
		if n := strings.IndexAny(data, " \t\n"); n != 0 && data != "" {
			if n < 0 {
				n = len(data)
			}
			return value.String(data[:n]), data[n:], true
		}
	case 'c':
		if data != "" {
			return value.String(data[:1]), data[1:], true
		}
	}
	return nil, data, false
}
