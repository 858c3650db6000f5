package erb

import (
	"regexp"
	"slices"
	"strings"
)

// substitute is sub and gsub: with a text, a Hash or a block.
func (in *interp) substitute(c *call, s string) string {
	var re *regex
	switch p := in.arg(c, 0).(type) {
	case *regex:
		re = p
	case *str:
		re = in.compile(regexp.QuoteMeta(p.s), "")
	default:
		in.raise("TypeError", "wrong argument type "+className(p)+" (expected Regexp)")
	}
	limit := -1
	if c.name == "sub" {
		limit = 1
	}
	all := in.findAll(re, s, limit)
	if strings.Contains(re.source, "(?<") && len(c.args) > 1 && strings.Contains(text(c.args[1]), `\`) {
		in.refuse("\\ in the replacement for a regular expression with (?< is not supported")
	}
	var b strings.Builder
	end := 0
	in.last = nil
	for _, loc := range all {
		m := &match{s, loc}
		in.last = m
		b.WriteString(s[end:loc[0]])
		switch {
		case len(c.args) < 2:
			b.WriteString(text(in.yield(c, m.groupObject(0))))
		default:
			if h, ok := in.arg(c, 1).(*hash); ok {
				v, _ := h.get(m.groupObject(0))
				b.WriteString(text(v))
			} else {
				in.expandReplacement(&b, in.str(c, 1), m)
			}
		}
		end = loc[1]
		in.grow(b.Len(), 0)
	}
	if len(all) == 0 {
		c.used, c.blockUsed = len(c.args), true
		if len(c.args) < 2 && c.block == nil {
			in.refuse("'%s' without a replacement is not supported", c.name)
		}
	}
	b.WriteString(s[end:])
	return b.String()
}

// findAll gives the matches. Ruby's ^ does not match after the line break that ends the text.
func (in *interp) findAll(re *regex, s string, limit int) [][]int {
	all, err := re.re.FindAll(s, limit)
	if err != nil {
		in.refuse("%v", err)
	}
	if n := len(all); n > 0 && strings.HasPrefix(re.source, "^") && strings.HasSuffix(s, "\n") && all[n-1][0] == len(s) {
		all = all[:n-1]
	}
	return all
}

func (in *interp) split(c *call, s string) any {
	limit := int(in.toInt(in.opt(c, 1, int64(0))))
	a := &array{}
	var parts []string
	switch p := in.opt(c, 0, nil).(type) {
	case nil:
		parts = splitBlanks(s, limit)
	case *str:
		switch {
		case p.s == " ":
			parts = splitBlanks(s, limit)
		case s == "":
		case limit > 0:
			parts = strings.SplitN(s, p.s, limit)
		default:
			parts = strings.Split(s, p.s)
		}
	case *regex:
		parts = in.splitRegex(p, s, limit)
	default:
		in.raise("TypeError", "wrong argument type "+className(p)+" (expected Regexp)")
	}
	if limit == 0 {
		for len(parts) > 0 && parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
	}
	in.cost(len(s))
	for _, p := range parts {
		a.e = append(a.e, newStr(p))
	}
	return a
}

// splitBlanks is the split of awk.
func splitBlanks(s string, limit int) []string {
	if limit == 0 {
		return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(blanks, r) })
	}
	var parts []string
	s = strings.TrimLeft(s, blanks)
	for s != "" && (limit < 0 || len(parts) < limit-1) {
		n := strings.IndexAny(s, blanks)
		if n < 0 {
			break
		}
		parts = append(parts, s[:n])
		s = strings.TrimLeft(s[n:], blanks)
		if s == "" {
			return append(parts, "")
		}
	}
	if s != "" {
		parts = append(parts, s)
	}
	return parts
}

func (in *interp) splitRegex(re *regex, s string, limit int) []string {
	all, err := re.re.FindAll(s, -1)
	if err != nil {
		in.refuse("%v", err)
	}
	if s == "" {
		return nil
	}
	var parts []string
	start := 0
	for _, loc := range all {
		if limit > 0 && len(parts) == limit-1 {
			break
		}
		if loc[0] == loc[1] && (loc[0] == start || loc[0] >= len(s)) {
			continue
		}
		parts = append(parts, s[start:loc[0]])
		for g := 2; g+1 < len(loc); g += 2 {
			if loc[g] >= 0 {
				parts = append(parts, s[loc[g]:loc[g+1]])
			}
		}
		start = loc[1]
	}
	return append(parts, s[start:])
}

func (in *interp) lines(c *call, s *str) any {
	a := &array{}
	for _, line := range strings.SplitAfter(s.s, "\n") {
		if line != "" {
			a.e = append(a.e, newStr(line))
		}
	}
	return in.eachOf(c, s, a, "each_line")
}

func (in *interp) chars(c *call, s *str) any {
	a := &array{}
	for _, r := range s.s {
		a.e = append(a.e, newStr(string(r)))
	}
	in.cost(len(s.s))
	return in.eachOf(c, s, a, "each_char")
}

// eachOf yields the elements if the method is the iterating one, and gives them otherwise.
func (in *interp) eachOf(c *call, s *str, a *array, iterator string) any {
	if c.name != iterator || c.block == nil {
		return a
	}
	for _, e := range a.e {
		in.yield(c, e)
	}
	return s
}

func (in *interp) scan(c *call, s string) any {
	var re *regex
	switch p := in.arg(c, 0).(type) {
	case *regex:
		re = p
	case *str:
		re = in.compile(regexp.QuoteMeta(p.s), "")
	default:
		in.raise("TypeError", "wrong argument type "+className(p)+" (expected Regexp)")
	}
	all := in.findAll(re, s, -1)
	a := &array{}
	for _, loc := range all {
		m := &match{s, loc}
		in.last = m
		var x any = m.groupObject(0)
		if len(loc) > 2 {
			groups := &array{}
			for g := 1; 2*g < len(loc); g++ {
				groups.e = append(groups.e, m.groupObject(g))
			}
			x = groups
		}
		if c.block != nil {
			in.yield(c, x)
			continue
		}
		a.e = append(a.e, x)
	}
	if c.block != nil {
		return c.recv
	}
	return a
}

// characters expands a-z in the arguments of tr and delete.
func (in *interp) characters(set string) (list []rune, negate bool) {
	if strings.Contains(set, `\`) {
		in.refuse("\\ in the characters of tr or delete is not supported")
	}
	if len(set) > 1 && set[0] == '^' {
		set, negate = set[1:], true
	}
	r := []rune(set)
	for i := 0; i < len(r); i++ {
		if i+2 < len(r) && r[i+1] == '-' {
			for x := r[i]; x <= r[i+2]; x++ {
				list = append(list, x)
			}
			i += 2
			continue
		}
		list = append(list, r[i])
	}
	return list, negate
}

func (in *interp) translate(c *call, s string) string {
	from, negate := in.characters(in.str(c, 0))
	var to []rune
	if c.name == "tr" {
		to, _ = in.characters(in.str(c, 1))
	}
	return strings.Map(func(r rune) rune {
		i := slices.Index(from, r)
		if i >= 0 == negate {
			return r
		}
		switch {
		case len(to) == 0:
			return -1
		case negate || i >= len(to):
			return to[len(to)-1]
		}
		return to[i]
	}, s)
}

func (in *interp) partition(c *call, s string) any {
	sep, ok := in.arg(c, 0).(*str)
	if !ok {
		in.refuse("String#%s with a Regexp is not supported", c.name)
	}
	list := func(a, b, c string) any { return &array{[]any{newStr(a), newStr(b), newStr(c)}} }
	if c.name == "partition" {
		if a, b, ok := strings.Cut(s, sep.s); ok {
			return list(a, sep.s, b)
		}
		return list(s, "", "")
	}
	if i := strings.LastIndex(s, sep.s); i >= 0 {
		return list(s[:i], sep.s, s[i+len(sep.s):])
	}
	return list("", "", s)
}
