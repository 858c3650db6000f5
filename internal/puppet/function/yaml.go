package function

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

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
		w.entry(v, "")
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

// Psych's reasons for quotes, in the order in which it looks for them.
var (
	yamlLines   = regexp.MustCompile(`\n[^\n]|\n\n`)                   // more lines than one
	yamlSpecial = regexp.MustCompile(`(?m)^[^\p{L}\p{N}\p{M}_][^"]*$`) // a line that begins with a sign
	yamlOctal   = regexp.MustCompile(`^0[0-7]*\.[0-9]`)
)

// text writes a string in the style that Psych chooses.
func (w yamlWriter) text(s, indent string) {
	_, isText := hiera.ScalarOf(s).(value.String)
	switch {
	case yamlLines.MatchString(s):
		w.literal(s, indent)
	case s == "<<":
		w.b.WriteString("!!str '<<'")
	case s == "y" || s == "Y" || s == "n" || s == "N" || s != "" && yamlSpecial.MatchString(s) || hasControl(s):
		w.doubleQuoted(s, indent)
	case !isText || yamlOctal.MatchString(s) || !plainText(s):
		w.singleQuoted(s, indent)
	default:
		w.folded(s, indent)
	}
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f })
}

// plainText reports whether YAML's grammar lets s stand without quotes.
func plainText(s string) bool {
	switch {
	case s == "", s != strings.TrimSpace(s), strings.Contains(s, ": "), strings.Contains(s, " #"), strings.HasSuffix(s, ":"),
		strings.Contains(s, "\n"), strings.HasPrefix(s, "---"), strings.HasPrefix(s, "..."), s == "=":
		return false
	}
	return true
}

// lineWidth is where lines are broken at the next blank.
const lineWidth = 80

// column is the width of the line that is being written.
func (w yamlWriter) column() int {
	text := w.b.String()
	return utf8.RuneCountInString(text[strings.LastIndexByte(text, '\n')+1:])
}

// folded writes text, a line break in place of a single blank behind the line's width.
func (w yamlWriter) folded(s, indent string) {
	col := w.column()
	for i, r := range s {
		if r == ' ' && col > lineWidth && i > 0 && i+1 < len(s) && s[i+1] != ' ' && s[i-1] != ' ' {
			w.b.WriteString("\n" + indent + "  ")
			col = len(indent) + 2
			continue
		}
		w.b.WriteRune(r)
		col++
	}
}

// singleQuoted writes a text in single quotes; a line break at its end is an empty line.
func (w yamlWriter) singleQuoted(s, indent string) {
	body, lineEnd := strings.CutSuffix(s, "\n")
	w.b.WriteByte('\'')
	w.folded(strings.ReplaceAll(body, "'", "''"), indent)
	if lineEnd {
		w.b.WriteString("\n\n" + indent + "  ")
	}
	w.b.WriteByte('\'')
}

// doubleQuoted writes a text in double quotes with escapes.
func (w yamlWriter) doubleQuoted(s, indent string) {
	var b strings.Builder
	for _, r := range s {
		esc, ok := rubyEscapes[r]
		switch {
		case ok:
			b.WriteString(esc)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	w.b.WriteByte('"')
	w.folded(b.String(), indent)
	w.b.WriteByte('"')
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
