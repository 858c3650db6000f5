package erb

import "strings"

func (in *interp) nilMethod(c *call) (any, bool) {
	switch c.name {
	case "to_a":
		return &array{}, true
	case "to_h":
		return newHash(), true
	case "to_i":
		return int64(0), true
	case "to_f":
		return 0.0, true
	case "&":
		in.arg(c, 0)
		return false, true
	case "|":
		return truthy(in.arg(c, 0)), true
	}
	return nil, false
}

func (in *interp) boolMethod(c *call, b bool) (any, bool) {
	switch c.name {
	case "&":
		return b && truthy(in.arg(c, 0)), true
	case "|":
		return b || truthy(in.arg(c, 0)), true
	case "^":
		return b != truthy(in.arg(c, 0)), true
	}
	return nil, false
}

func (in *interp) symbolMethod(c *call, s symbol) (any, bool) {
	switch c.name {
	case "to_sym":
		return s, true
	case "to_proc":
		return &proc{name: string(s)}, true
	case "length", "size", "[]", "=~", "empty?", "start_with?", "end_with?":
		return in.stringMethod(c, newStr(string(s)))
	case "upcase", "downcase", "capitalize":
		v, ok := in.stringMethod(c, newStr(string(s)))
		return symbol(text(v)), ok
	}
	return nil, false
}

func (in *interp) regexMethod(c *call, r *regex) (any, bool) {
	switch c.name {
	case "match", "=~", "match?":
		x := in.arg(c, 0)
		if x == nil {
			if c.name != "match?" {
				in.last = nil
			}
			if c.name == "match?" {
				return false, true
			}
			return nil, true
		}
		return in.matchResult(c.name, r, text(x)), true
	case "source":
		return newStr(r.source), true
	}
	return nil, false
}

// match finds the first match and keeps it for $~ and $1.
func (in *interp) match(r *regex, s string, _ int) *match {
	loc, err := r.re.Find(s)
	if err != nil {
		in.refuse("%v", err)
	}
	in.last = nil
	if loc != nil {
		in.last = &match{s, loc}
	}
	return in.last
}

// matchResult is the result of =~, match or match?.
func (in *interp) matchResult(name string, r *regex, s string) any {
	before := in.last
	m := in.match(r, s, 0)
	switch {
	case name == "match?":
		in.last = before
		return m != nil
	case m == nil:
		return nil
	case name == "=~":
		return int64(len([]rune(s[:m.loc[0]])))
	}
	return m
}

func (in *interp) matchMethod(c *call, m *match) (any, bool) {
	groups := func(from int) *array {
		a := &array{}
		for i := from; 2*i < len(m.loc); i++ {
			a.e = append(a.e, m.groupObject(i))
		}
		return a
	}
	switch c.name {
	case "[]":
		if i, ok := in.arg(c, 0).(int64); ok {
			if i < 0 {
				i += int64(len(m.loc) / 2)
			}
			return m.groupObject(int(i)), true
		}
	case "captures":
		return groups(1), true
	case "to_a":
		return groups(0), true
	case "pre_match":
		return newStr(m.s[:m.loc[0]]), true
	case "post_match":
		return newStr(m.s[m.loc[1]:]), true
	}
	return nil, false
}

// expandReplacement writes the replacement of sub and gsub: \1, \0, \&, \\.
func (in *interp) expandReplacement(b *strings.Builder, repl string, m *match) {
	for i := 0; i < len(repl); i++ {
		if repl[i] != '\\' || i+1 == len(repl) {
			b.WriteByte(repl[i])
			continue
		}
		i++
		switch c := repl[i]; {
		case c >= '0' && c <= '9':
			b.WriteString(m.group(int(c - '0')))
		case c == '&':
			b.WriteString(m.group(0))
		case c == '\\':
			b.WriteByte('\\')
		case c == 'k', c == '`', c == '\'':
			in.refuse("\\%c in a replacement is not supported", c)
		default:
			b.WriteString("\\" + string(c))
		}
	}
}
