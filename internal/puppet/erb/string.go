package erb

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const blanks = " \t\n\v\f\r\x00"

// stringMethod are the methods of String.
func (in *interp) stringMethod(c *call, s *str) (any, bool) {
	if bare, ok := strings.CutSuffix(c.name, "!"); ok && bare != "" {
		return in.stringBang(c, s, bare)
	}
	switch c.name {
	case "to_s", "to_str", "-@":
		return s, true
	case "+@":
		return newStr(s.s), true
	case "+":
		t := in.str(c, 0)
		in.cost(len(s.s) + len(t))
		return newStr(s.s + t), true
	case "*":
		n := in.int(c, 0)
		if n < 0 {
			in.raise("ArgumentError", "argument must be non-negative")
		}
		in.cost(int(min(n, maxText+1)) * len(s.s))
		return newStr(strings.Repeat(s.s, int(n))), true
	case "%":
		if a, ok := in.arg(c, 0).(*array); ok {
			return in.format(s.s, a.e), true
		}
		return in.format(s.s, c.args), true
	case "<<", "concat":
		t := in.str(c, 0)
		in.grow(len(s.s)+len(t), len(t))
		s.s += t
		return s, true
	case "replace":
		s.s = in.str(c, 0)
		return s, true
	case "<", ">", "<=", ">=", "between?":
		return in.ordered(c), true
	case "=~", "match", "match?":
		return in.stringMatch(c, s)
	case "length", "size":
		return int64(utf8.RuneCountInString(s.s)), true
	case "bytesize":
		return int64(len(s.s)), true
	case "empty?":
		return s.s == "", true
	case "include?":
		return strings.Contains(s.s, in.str(c, 0)), true
	case "start_with?", "end_with?":
		return in.affix(c, s.s), true
	case "[]", "slice":
		return in.stringIndex(c, s.s)
	case "index":
		return in.indexOf(c, s.s), true
	case "gsub", "sub":
		return newStr(in.substitute(c, s.s)), true
	case "split":
		return in.split(c, s.s), true
	case "lines", "each_line":
		return in.lines(c, s), true
	case "chars", "each_char":
		return in.chars(c, s), true
	}
	return in.stringConversion(c, s)
}

// stringConversion are the methods of String that make something else of it.
func (in *interp) stringConversion(c *call, s *str) (any, bool) {
	if t, ok := in.changed(c, c.name, s.s); ok {
		return newStr(t), true
	}
	switch c.name {
	case "to_sym", "intern":
		return symbol(s.s), true
	case "to_i":
		return in.leadingInt(s.s, in.toInt(in.opt(c, 0, int64(10)))), true
	case "to_f":
		return leadingFloat(s.s), true
	case "ljust", "rjust", "center":
		return newStr(in.justify(c, s.s)), true
	case "scan":
		return in.scan(c, s.s), true
	case "count":
		set := in.str(c, 0)
		if strings.ContainsAny(set, "-^\\") {
			in.refuse("String#count with ranges is not supported")
		}
		return int64(strings.Count(strings.Map(func(r rune) rune {
			if strings.ContainsRune(set, r) {
				return 'x'
			}
			return ' '
		}, s.s), "x")), true
	case "tr", "delete":
		return newStr(in.translate(c, s.s)), true
	case "ord":
		r, _ := utf8.DecodeRuneInString(s.s)
		return int64(r), true
	case "partition", "rpartition":
		return in.partition(c, s.s), true
	case "force_encoding", "encode", "unicode_normalize":
		in.str(c, 0)
		return s, true
	case "valid_encoding?":
		return utf8.ValidString(s.s), true
	case "casecmp", "casecmp?":
		t := in.str(c, 0)
		if c.name == "casecmp?" {
			return strings.EqualFold(s.s, t), true
		}
		return int64(strings.Compare(strings.ToLower(s.s), strings.ToLower(t))), true
	case "insert":
		r := []rune(s.s)
		i := in.int(c, 0)
		if i < 0 {
			i += int64(len(r)) + 1
		}
		if i < 0 || i > int64(len(r)) {
			in.raise("IndexError", "index out of string")
		}
		s.s = string(r[:i]) + in.str(c, 1) + string(r[i:])
		return s, true
	case "prepend":
		t := in.str(c, 0)
		in.cost(len(s.s) + len(t))
		s.s = t + s.s
		return s, true
	case "eql?":
		t, ok := in.arg(c, 0).(*str)
		return ok && t.s == s.s, true
	case "hex":
		return in.leadingInt(s.s, 16), true
	}
	return nil, false
}

// changed are the methods that also exist with a "!".
func (in *interp) changed(c *call, name, s string) (string, bool) {
	switch name {
	case "upcase":
		return strings.ReplaceAll(strings.ToUpper(s), "ß", "SS"), true
	case "downcase":
		return strings.ToLower(s), true
	case "capitalize":
		r, n := utf8.DecodeRuneInString(s)
		if n == 0 {
			return s, true
		}
		return string(unicode.ToTitle(r)) + strings.ToLower(s[n:]), true
	case "swapcase":
		return strings.Map(func(r rune) rune {
			if unicode.IsUpper(r) {
				return unicode.ToLower(r)
			}
			return unicode.ToUpper(r)
		}, s), true
	case "strip":
		return strings.TrimRight(strings.TrimLeft(s, blanks), blanks), true
	case "lstrip":
		return strings.TrimLeft(s, blanks), true
	case "rstrip":
		return strings.TrimRight(s, blanks), true
	case "chomp":
		if len(c.args) > 0 {
			return strings.TrimSuffix(s, in.str(c, 0)), true
		}
		if t, ok := strings.CutSuffix(s, "\n"); ok {
			return strings.TrimSuffix(t, "\r"), true
		}
		return strings.TrimSuffix(s, "\r"), true
	case "chop":
		_, n := utf8.DecodeLastRuneInString(s)
		return s[:len(s)-n], true
	case "reverse":
		r := []rune(s)
		for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
			r[i], r[j] = r[j], r[i]
		}
		return string(r), true
	case "squeeze":
		if len(c.args) == 0 {
			var b strings.Builder
			last := rune(-1)
			for _, r := range s {
				if r != last {
					b.WriteRune(r)
				}
				last = r
			}
			return b.String(), true
		}
		return "", false
	case "delete_prefix":
		return strings.TrimPrefix(s, in.str(c, 0)), true
	case "delete_suffix":
		return strings.TrimSuffix(s, in.str(c, 0)), true
	case "succ", "next":
		in.refuse("String#%s is not supported", name)
	}
	return "", false
}

// stringBang changes the string in place, and gives nil if nothing changed.
func (in *interp) stringBang(c *call, s *str, name string) (any, bool) {
	var t string
	switch name {
	case "gsub", "sub":
		t = in.substitute(&call{recv: c.recv, name: name, args: c.args, block: c.block}, s.s)
		c.used, c.blockUsed = len(c.args), true
	case "tr", "delete":
		in.refuse("String#%s! is not supported", name)
	default:
		var ok bool
		if t, ok = in.changed(c, name, s.s); !ok {
			return nil, false
		}
	}
	if t == s.s {
		return nil, true
	}
	s.s = t
	return s, true
}

func (in *interp) ordered(c *call) any {
	n := in.mustCompare(c.recv, in.arg(c, 0))
	switch c.name {
	case "<":
		return n < 0
	case ">":
		return n > 0
	case "<=":
		return n <= 0
	case ">=":
		return n >= 0
	}
	return n >= 0 && in.mustCompare(c.recv, in.arg(c, 1)) <= 0
}

func (in *interp) stringMatch(c *call, s *str) (any, bool) {
	switch p := in.arg(c, 0).(type) {
	case *regex:
		return in.matchResult(c.name, p, s.s), true
	case *str:
		if c.name == "=~" {
			in.raise("TypeError", "type mismatch: String given")
		}
		return in.matchResult(c.name, in.compile(p.s, ""), s.s), true
	case nil:
		if c.name == "=~" {
			return nil, true
		}
	}
	in.raise("TypeError", "wrong argument type "+className(c.args[0])+" (expected Regexp)")
	return nil, true
}

func (in *interp) affix(c *call, s string) bool {
	c.used = len(c.args)
	for _, a := range c.args {
		switch a := a.(type) {
		case *str:
			if c.name == "start_with?" && strings.HasPrefix(s, a.s) || c.name == "end_with?" && strings.HasSuffix(s, a.s) {
				return true
			}
		case *regex:
			if c.name == "start_with?" {
				if m := in.match(in.compile(`\A(?:`+a.source+`)`, a.flags), s, 0); m != nil {
					return true
				}
				continue
			}
			in.raise("TypeError", "no implicit conversion of Regexp into String")
		default:
			in.raise("TypeError", "no implicit conversion of "+typeName(a)+" into String")
		}
	}
	return false
}

// stringIndex is s[i], s[i, n], s[range], s["text"], s[/re/, group].
func (in *interp) stringIndex(c *call, s string) (any, bool) {
	r := []rune(s)
	switch x := in.arg(c, 0).(type) {
	case int64:
		n := int64(1)
		if len(c.args) > 1 {
			n = in.int(c, 1)
		}
		start, end, ok := span(x, n, int64(len(r)))
		if !ok || len(c.args) == 1 && start == end {
			return nil, true
		}
		return newStr(string(r[start:end])), true
	case *rng:
		start, end, ok := in.rangeSpan(x, int64(len(r)))
		if !ok {
			return nil, true
		}
		return newStr(string(r[start:end])), true
	case *str:
		if strings.Contains(s, x.s) {
			return newStr(x.s), true
		}
		return nil, true
	case *regex:
		return in.match(x, s, 0).groupObject(int(in.toInt(in.opt(c, 1, int64(0))))), true
	}
	return nil, false
}

// span is the range of n elements from start of size elements.
func span(start, n, size int64) (from, to int64, ok bool) {
	if start < 0 {
		start += size
	}
	if start < 0 || start > size || n < 0 {
		return 0, 0, false
	}
	return start, start + min(n, size-start), true
}

// rangeSpan is the same for a Range.
func (in *interp) rangeSpan(r *rng, size int64) (from, to int64, ok bool) {
	lo, hi := in.toInt(r.lo), size-1
	if r.hi != nil {
		hi = in.toInt(r.hi)
		if hi < 0 {
			hi += size
		}
		if r.excl {
			hi--
		}
	}
	if lo < 0 {
		lo += size
	}
	return span(lo, max(0, hi-lo+1), size)
}

func (in *interp) indexOf(c *call, s string) any {
	at := -1
	switch x := in.arg(c, 0).(type) {
	case *str:
		at = strings.Index(s, x.s)
	case *regex:
		if m := in.match(x, s, 0); m != nil {
			at = m.loc[0]
		}
	default:
		in.raise("TypeError", "no implicit conversion of "+typeName(x)+" into String")
	}
	if at < 0 {
		return nil
	}
	return int64(utf8.RuneCountInString(s[:at]))
}

// leadingInt is to_i: the digits at the beginning.
func (in *interp) leadingInt(s string, base int64) any {
	s = strings.ReplaceAll(strings.TrimLeft(s, blanks), "_", "")
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	if base == 16 && strings.HasPrefix(strings.ToLower(s[n:]), "0x") {
		s = s[:n] + s[n+2:]
	}
	for n < len(s) {
		if _, err := strconv.ParseInt(s[n:n+1], int(base), 64); err != nil {
			break
		}
		n++
	}
	v, err := strconv.ParseInt(strings.TrimPrefix(s[:n], "+"), int(base), 64)
	if err != nil && n > 17 {
		in.refuse("integers of more than 64 bits are not supported")
	}
	return v
}

func leadingFloat(s string) any {
	s = strings.ReplaceAll(strings.TrimLeft(s, blanks), "_", "")
	for n := len(s); n > 0; n-- {
		if c := s[n-1]; c < '0' || c > '9' {
			continue
		}
		if strings.ContainsAny(s[:n], "xXpPnNiI") {
			continue
		}
		if f, err := strconv.ParseFloat(s[:n], 64); err == nil {
			return f
		}
	}
	return 0.0
}

func (in *interp) justify(c *call, s string) string {
	width := in.int(c, 0)
	pad := text(in.opt(c, 1, newStr(" ")))
	missing := int(min(width, maxText+1)) - utf8.RuneCountInString(s)
	if pad == "" {
		in.raise("ArgumentError", "zero width padding")
	}
	if missing <= 0 {
		return s
	}
	in.cost(missing * 2)
	fill := func(n int) string {
		return string([]rune(strings.Repeat(pad, n/utf8.RuneCountInString(pad)+1))[:n])
	}
	switch c.name {
	case "ljust":
		return s + fill(missing)
	case "rjust":
		return fill(missing) + s
	}
	return fill(missing/2) + s + fill(missing-missing/2)
}
