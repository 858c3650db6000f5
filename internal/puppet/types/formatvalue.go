package types

import (
	"strings"

	"kickoff/internal/value"
)

// FormatValue writes a value as a Puppet literal: strings quoted, undef and default as words. It is the %p of sprintf.
func FormatValue(v value.Value) string {
	var b strings.Builder
	writeLiteral(&b, v)
	return b.String()
}

func writeLiteral(b *strings.Builder, v value.Value) {
	switch v := v.(type) {
	case nil, value.Undef:
		b.WriteString("undef")
	case value.String:
		b.WriteString(quote(string(v)))
	case *value.Regexp:
		b.WriteString(regexpText(v))
	case *value.Array:
		b.WriteByte('[')
		for i, e := range v.Elems() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeLiteral(b, e)
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
			writeLiteral(b, k)
			b.WriteString(" => ")
			writeLiteral(b, e)
		}
		b.WriteByte('}')
	default:
		b.WriteString(v.String())
	}
}
