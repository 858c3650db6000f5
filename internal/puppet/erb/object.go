package erb

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"kickoff/internal/value"
)

// The objects of a template are any of: nil, bool, int64, float64, symbol, and pointers to the types below.
type (
	symbol string
	// str is a String; it can change.
	str   struct{ s string }
	array struct{ e []any }
	rng   struct {
		lo, hi any
		excl   bool
	}
	regex struct {
		re     *value.Regexp
		source string
		flags  string
	}
	// match is a MatchData.
	match struct {
		s   string
		loc []int
	}
	class struct{ name string }
	// exception is an Exception with the name of its class.
	exception struct{ class, msg string }
	// opaque is a value of Puppet that Ruby's own classes do not have.
	opaque struct{ v value.Value }
	// scopeObject is what `scope` gives, selfObject what `self` is.
	scopeObject struct{}
	selfObject  struct{}
	// proc is a block, a lambda, or the name of a method (&:name).
	proc struct {
		block *blockNode
		env   *env
		name  string
		// native is a block that the evaluator made itself.
		native func(args []any) any
		home   *frame
	}
	// enumerator is what an iteration without a block gives.
	enumerator struct {
		src    any
		method string
		elems  []any
	}
)

// hash is an ordered Hash.
type hash struct {
	keys, vals []any
	index      map[string]int
	// other is the default value, maker the default block.
	other any
	maker *proc
}

func newStr(s string) *str { return &str{s} }

func newHash() *hash { return &hash{index: map[string]int{}} }

func (h *hash) get(key any) (any, bool) {
	if i, ok := h.index[hashKey(key)]; ok {
		return h.vals[i], true
	}
	return nil, false
}

func (h *hash) set(key, v any) {
	k := hashKey(key)
	if i, ok := h.index[k]; ok {
		h.vals[i] = v
		return
	}
	if s, ok := key.(*str); ok {
		key = newStr(s.s)
	}
	h.index[k] = len(h.keys)
	h.keys, h.vals = append(h.keys, key), append(h.vals, v)
}

func (h *hash) delete(key any) any {
	i, ok := h.index[hashKey(key)]
	if !ok {
		return nil
	}
	old := h.vals[i]
	keys, vals := h.keys, h.vals
	h.keys, h.vals, h.index = nil, nil, map[string]int{}
	for j := range keys {
		if j != i {
			h.set(keys[j], vals[j])
		}
	}
	return old
}

// pairs are the entries as arrays of two.
func (h *hash) pairs() []any {
	list := make([]any, len(h.keys))
	for i := range h.keys {
		list[i] = &array{[]any{h.keys[i], h.vals[i]}}
	}
	return list
}

func (h *hash) copy() *hash {
	n := newHash()
	n.other, n.maker = h.other, h.maker
	for i := range h.keys {
		n.set(h.keys[i], h.vals[i])
	}
	return n
}

// walker bounds a walk through a structure, which can contain itself.
type walker struct{ steps, depth int }

func (w *walker) enter() {
	w.steps++
	if w.depth++; w.depth > maxDepth || w.steps > maxSteps/50 {
		panic(refusal{0, "a structure that nests too deeply is not supported"})
	}
}

func (w *walker) leave() { w.depth-- }

func (w *walker) length(n int) {
	if n > maxText {
		panic(refusal{0, "a text grows too long"})
	}
}

// hashKey is equal for objects that are eql?.
func hashKey(x any) string { return new(walker).hashKey(x) }

func (w *walker) hashKey(x any) string {
	switch x := x.(type) {
	case nil:
		return "n"
	case bool:
		return "b" + strconv.FormatBool(x)
	case int64:
		return "i" + strconv.FormatInt(x, 10)
	case float64:
		return "f" + strconv.FormatFloat(x, 'g', -1, 64)
	case symbol:
		return ":" + string(x)
	case *str:
		return "s" + x.s
	case *array:
		var b strings.Builder
		w.enter()
		defer w.leave()
		b.WriteByte('a')
		for _, e := range x.e {
			k := w.hashKey(e)
			fmt.Fprintf(&b, "%d,%s", len(k), k)
			w.length(b.Len())
		}
		return b.String()
	case *hash:
		return "h" + inspect(x)
	case *opaque:
		return "o" + value.Key(x.v)
	}
	return fmt.Sprintf("p%p", x)
}

// newRegex compiles a regular expression with Ruby's options.
func newRegex(source, flags string) (*regex, error) {
	text := source
	if flags != "" {
		text = "(?" + flags + ")" + source
	}
	re, err := value.NewRegexp(text)
	if err != nil {
		return nil, fmt.Errorf("regular expression /%s/ is not supported", source)
	}
	return &regex{re, source, flags}, nil
}

func truthy(x any) bool { return x != nil && x != false }

// className is the name of the class of an object.
func className(x any) string {
	switch x := x.(type) {
	case nil:
		return "NilClass"
	case bool:
		if x {
			return "TrueClass"
		}
		return "FalseClass"
	case int64:
		return "Integer"
	case float64:
		return "Float"
	case symbol:
		return "Symbol"
	case *str:
		return "String"
	case *array:
		return "Array"
	case *hash:
		return "Hash"
	case *rng:
		return "Range"
	case *regex:
		return "Regexp"
	case *match:
		return "MatchData"
	case *class:
		return "Class"
	case *exception:
		return x.class
	case *proc:
		return "Proc"
	case *enumerator:
		return "Enumerator"
	case *scopeObject:
		return "Puppet::Parser::Scope"
	case *selfObject:
		return "Puppet::Parser::TemplateWrapper"
	case *opaque:
		return "Puppet's " + x.v.TypeName()
	}
	return "Object"
}

// inspect is Ruby's inspect.
func inspect(x any) string {
	var b strings.Builder
	new(walker).inspect(&b, x)
	return b.String()
}

func (w *walker) inspect(b *strings.Builder, x any) {
	w.enter()
	defer w.leave()
	w.length(b.Len())
	switch x := x.(type) {
	case nil:
		b.WriteString("nil")
	case *str:
		writeString(b, x.s)
	case symbol:
		b.WriteByte(':')
		if plainSymbol(string(x)) {
			b.WriteString(string(x))
		} else {
			writeString(b, string(x))
		}
	case *array:
		b.WriteByte('[')
		for i, e := range x.e {
			if i > 0 {
				b.WriteString(", ")
			}
			w.inspect(b, e)
		}
		b.WriteByte(']')
	case *hash:
		b.WriteByte('{')
		for i, k := range x.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			w.inspect(b, k)
			b.WriteString("=>")
			w.inspect(b, x.vals[i])
		}
		b.WriteByte('}')
	case *rng:
		w.inspect(b, x.lo)
		b.WriteString(map[bool]string{false: "..", true: "..."}[x.excl])
		w.inspect(b, x.hi)
	case *regex:
		b.WriteString("/" + x.source + "/" + sorted(x.flags))
	case *exception:
		b.WriteString("#<" + x.class + ": " + x.msg + ">")
	case bool, int64, float64, *class, *opaque:
		b.WriteString(text(x))
	default:
		panic(refusal{0, "inspect of a " + className(x) + " is not supported"})
	}
}

// sorted gives the options of a regular expression in the order of inspect.
func sorted(flags string) string {
	var out strings.Builder
	for _, f := range "mix" {
		if strings.ContainsRune(flags, f) {
			out.WriteString(string(f))
		}
	}
	return out.String()
}

func plainSymbol(s string) bool {
	switch s {
	case "[]", "[]=", "<=>", "===", "==", "=~", "!=", "**", "<<", ">>", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "!":
		return true
	}
	s = strings.TrimPrefix(s, "@")
	if n := len(s); n > 1 && strings.IndexByte("?!=", s[n-1]) >= 0 {
		s = s[:n-1]
	}
	if s == "" || !isWordStart(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isWord(s[i]) {
			return false
		}
	}
	return true
}

var inspectEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`, 0x1b: `\e`, '\a': `\a`, '\b': `\b`, '\f': `\f`, '\v': `\v`,
}

func writeString(b *strings.Builder, s string) {
	b.WriteByte('"')
	runes := []rune(s)
	for i, r := range runes {
		switch esc, ok := inspectEscapes[r]; {
		case ok:
			b.WriteString(esc)
		case r == '#' && i+1 < len(runes) && strings.ContainsRune("{$@", runes[i+1]):
			b.WriteString(`\#`)
		case !unicode.IsPrint(r) && r < 0x80:
			fmt.Fprintf(b, `\x%02X`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// text is Ruby's to_s.
func text(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return value.FormatFloat(x)
	case symbol:
		return string(x)
	case *str:
		return x.s
	case *array, *hash:
		return inspect(x)
	case *rng:
		return text(x.lo) + map[bool]string{false: "..", true: "..."}[x.excl] + text(x.hi)
	case *class:
		return x.name
	case *exception:
		return x.msg
	case *opaque:
		return x.v.String()
	case *match:
		return x.group(0)
	case *regex:
		return x.text()
	}
	panic(refusal{0, "to_s of a " + className(x) + " is not supported"})
}

// text is the form (?-mix:…).
func (r *regex) text() string {
	on := sorted(r.flags)
	off := ""
	for _, f := range "mix" {
		if !strings.ContainsRune(on, f) {
			off += string(f)
		}
	}
	if off != "" {
		off = "-" + off
	}
	return "(?" + on + off + ":" + r.source + ")"
}

// group is the text of a group of a match, "" if it took no part.
func (m *match) group(i int) string {
	if s, ok := m.groupObject(i).(*str); ok {
		return s.s
	}
	return ""
}

func (m *match) groupObject(i int) any {
	if m == nil || i < 0 || 2*i+1 >= len(m.loc) || m.loc[2*i] < 0 {
		return nil
	}
	return newStr(m.s[m.loc[2*i]:m.loc[2*i+1]])
}
