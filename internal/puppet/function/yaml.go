package function

import (
	"regexp"
	"strings"

	"kickoff/internal/puppet/hiera"
	"kickoff/internal/value"
)

// YAML writes a document as Ruby's Psych does.
func YAML(v value.Value) string {
	var b strings.Builder
	b.WriteString("---")
	w := yamlWriter{&b}
	switch {
	case isEmptyOrScalar(v):
		b.WriteByte(' ')
		w.scalar(v, "")
		b.WriteByte('\n')
	default:
		b.WriteByte('\n')
		w.block(v, "")
	}
	return b.String()
}

type yamlWriter struct{ b *strings.Builder }

func isEmptyOrScalar(v value.Value) bool {
	switch v := v.(type) {
	case *value.Array:
		return v.Len() == 0
	case *value.Hash:
		return v.Len() == 0
	}
	return true
}

// block writes a collection that is not empty, each entry on lines of its own.
func (w yamlWriter) block(v value.Value, indent string) {
	switch v := v.(type) {
	case *value.Array:
		for _, e := range v.Elems() {
			w.b.WriteString(indent + "-")
			if isEmptyOrScalar(e) {
				w.entry(e, indent)
				continue
			}
			// the first entry of a nested collection stands on the line of the dash
			var inner strings.Builder
			yamlWriter{&inner}.block(e, indent+"  ")
			w.b.WriteString(" " + strings.TrimPrefix(inner.String(), indent+"  "))
		}
	case *value.Hash:
		for k, e := range v.All() {
			w.b.WriteString(indent)
			w.scalar(k, indent)
			w.b.WriteByte(':')
			if isEmptyOrScalar(e) {
				w.entry(e, indent)
				continue
			}
			w.b.WriteByte('\n')
			deeper := indent + "  "
			if _, ok := e.(*value.Array); ok {
				deeper = indent
			}
			w.block(e, deeper)
		}
	}
}

func (w yamlWriter) entry(e value.Value, indent string) {
	if !value.IsUndef(e) {
		w.b.WriteByte(' ')
		w.scalar(e, indent)
	}
	w.b.WriteByte('\n')
}

func (w yamlWriter) scalar(v value.Value, indent string) {
	switch v := v.(type) {
	case *value.Array:
		w.b.WriteString("[]")
	case *value.Hash:
		w.b.WriteString("{}")
	case value.String:
		w.text(string(v), indent)
	case value.Float:
		s := v.String()
		switch s {
		case "Infinity":
			s = ".inf"
		case "-Infinity":
			s = "-.inf"
		case "NaN":
			s = ".nan"
		}
		w.b.WriteString(s)
	case value.Int, value.Bool, value.Undef:
		w.b.WriteString(v.String())
	default:
		w.text(v.String(), indent)
	}
}

var (
	yamlIndicator = regexp.MustCompile("^[-?:,\\[\\]{}#&*!|>'\"%@`]")
	yamlPlainHead = regexp.MustCompile("^[-?:][^ \\t]")
)

// text writes a string: as a block if it has lines, in quotes where it would be read as something else.
func (w yamlWriter) text(s, indent string) {
	switch {
	case strings.Contains(s, "\n") && !strings.ContainsAny(s, "\x00\x07\x08\x0b\x0c\x1b"):
		w.literal(s, indent)
	case s == "" || s == "y" || s == "Y" || s == "n" || s == "N" && needsQuotes(s):
		w.b.WriteString("'" + s + "'")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		w.b.WriteString(doubleQuoted(s))
	case needsQuotes(s) && strings.HasPrefix(s, "'"):
		w.b.WriteString(doubleQuoted(s))
	case needsQuotes(s):
		w.b.WriteString("'" + strings.ReplaceAll(s, "'", "''") + "'")
	default:
		w.b.WriteString(s)
	}
}

func needsQuotes(s string) bool {
	if !plainText(s) {
		return true
	}
	_, isText := hiera.ScalarOf(s).(value.String)
	return !isText || s == "y" || s == "n" || s == "Y" || s == "N"
}

// plainText reports whether YAML's grammar lets s stand without quotes.
func plainText(s string) bool {
	switch {
	case s != strings.TrimSpace(s), strings.Contains(s, ": "), strings.Contains(s, " #"), strings.HasSuffix(s, ":"),
		strings.HasPrefix(s, "---"), strings.HasPrefix(s, "..."), s == "=", s == "<<":
		return false
	case yamlIndicator.MatchString(s):
		return yamlPlainHead.MatchString(s)
	}
	return true
}

// literal writes lines as a block scalar with the chomping that keeps the end of the text.
func (w yamlWriter) literal(s, indent string) {
	head := "|"
	if strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\n") {
		head = "|2"
	}
	body := strings.TrimSuffix(s, "\n")
	switch {
	case !strings.HasSuffix(s, "\n"):
		head += "-"
	case strings.HasSuffix(body, "\n") || body == "":
		head += "+"
	}
	w.b.WriteString(head)
	for line := range strings.SplitSeq(body, "\n") {
		w.b.WriteByte('\n')
		if line != "" {
			w.b.WriteString(indent + "  " + line)
		}
	}
}

func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			if esc, ok := rubyEscapes[r]; ok {
				b.WriteString(esc)
			} else {
				const hex = "0123456789ABCDEF"
				b.WriteString(`\x` + string(hex[r>>4]) + string(hex[r&15]))
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
