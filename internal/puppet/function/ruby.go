package function

import (
	"fmt"
	"strings"
	"unicode"

	"kickoff/internal/value"
)

// rubyText is Ruby's to_s of a value: what join and sprintf write.
func rubyText(v value.Value) string {
	switch v.(type) {
	case *value.Array, *value.Hash:
		return rubyInspect(v)
	}
	return v.String()
}

// rubyInspect is Ruby's inspect of a value.
func rubyInspect(v value.Value) string {
	var b strings.Builder
	writeInspect(&b, v)
	return b.String()
}

func writeInspect(b *strings.Builder, v value.Value) {
	switch v := v.(type) {
	case nil, value.Undef:
		b.WriteString("nil")
	case value.Default:
		b.WriteString(":default")
	case value.String:
		writeRubyString(b, string(v))
	case *value.Array:
		b.WriteByte('[')
		for i, e := range v.Elems() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeInspect(b, e)
		}
		b.WriteByte(']')
	case *value.Hash:
		b.WriteByte('{')
		first := true
		for k, e := range v.All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			writeInspect(b, k)
			b.WriteString("=>")
			writeInspect(b, e)
		}
		b.WriteByte('}')
	case *value.Regexp:
		b.WriteString("/" + v.Source() + "/")
	default:
		b.WriteString(v.String())
	}
}

var rubyEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`, 0x1b: `\e`, '\a': `\a`, '\b': `\b`, '\f': `\f`, '\v': `\v`,
}

func writeRubyString(b *strings.Builder, s string) {
	b.WriteByte('"')
	runes := []rune(s)
	for i, r := range runes {
		switch esc, ok := rubyEscapes[r]; {
		case ok:
			b.WriteString(esc)
		case r == '#' && i+1 < len(runes) && strings.ContainsRune("{$@", runes[i+1]):
			b.WriteString(`\#`)
		case !unicode.IsPrint(r):
			if r < 0x80 {
				fmt.Fprintf(b, `\x%02X`, r)
			} else {
				fmt.Fprintf(b, `\u%04X`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
