package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Source gives the text of a file by its name, or false when it is not at hand.
type Source func(file string) ([]byte, bool)

// Render writes each diagnostic with its source line and a mark under the place. src may be nil.
func Render(w io.Writer, list List, src Source) error {
	for _, d := range list {
		if err := renderOne(w, d, src); err != nil {
			return err
		}
	}
	return nil
}

func renderOne(w io.Writer, d *Diagnostic, src Source) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", d.Severity, d.Summary)
	if d.Code != "" {
		fmt.Fprintf(&b, " [%s]", d.Code)
	}
	b.WriteByte('\n')
	if d.Range.File != "" || d.Range.Start.IsValid() {
		fmt.Fprintf(&b, "  --> %s\n", d.Range)
	}
	if line, ok := sourceLine(d.Range, src); ok {
		excerpt(&b, d.Range, line)
	}
	if d.Detail != "" {
		fmt.Fprintf(&b, "  = %s\n", d.Detail)
	}
	if d.Hint != "" {
		fmt.Fprintf(&b, "  hint: %s\n", d.Hint)
	}
	for _, f := range d.Stack {
		fmt.Fprintf(&b, "  at %s (%s)\n", f.Name, f.Range)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxExcerpt bounds the characters of a source line that are shown: generated files have very long ones.
const maxExcerpt = 160

func excerpt(b *strings.Builder, r Range, line string) {
	runes := []rune(strings.ReplaceAll(line, "\t", " "))
	col := max(r.Start.Column, 1)
	width := 1
	if r.End.Line == r.Start.Line && r.End.Column > r.Start.Column {
		width = r.End.Column - r.Start.Column
	}
	if col > maxExcerpt {
		cut := min(col-maxExcerpt/2, len(runes))
		runes, col = runes[cut:], col-cut
	}
	runes = runes[:min(len(runes), maxExcerpt)]
	width = max(1, min(width, len(runes)-col+1))
	num := fmt.Sprint(r.Start.Line)
	fmt.Fprintf(b, " %s | %s\n", num, string(runes))
	fmt.Fprintf(b, " %s | %s%s\n", strings.Repeat(" ", len(num)), strings.Repeat(" ", col-1), strings.Repeat("^", width))
}

func sourceLine(r Range, src Source) (string, bool) {
	if src == nil || !r.Start.IsValid() {
		return "", false
	}
	text, ok := src(r.File)
	if !ok {
		return "", false
	}
	for range r.Start.Line - 1 {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return "", false
		}
		text = text[i+1:]
	}
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	line := strings.TrimSuffix(string(text), "\r")
	return line, utf8.ValidString(line)
}
