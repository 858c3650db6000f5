package types

import (
	"strings"

	"kickoff/internal/value"
)

// delimiters are what stands around the elements.
func (f stringFormat) delimiters(usual byte) (left, right string) {
	open := f.open
	if open == 0 {
		if f.space {
			return "", ""
		}
		open = usual
	}
	pairs := map[byte]string{'[': "]", '(': ")", '{': "}", '<': ">", '|': "|"}
	return string(open), pairs[open]
}

func (f stringFormat) separators() (between, arrow string) {
	between, arrow = ", ", " => "
	if f.sep != nil {
		between = *f.sep
		if !f.alt && !strings.HasSuffix(between, " ") && f.verb == 'h' {
			between += " "
		}
	}
	if f.sep2 != nil {
		arrow = *f.sep2
	}
	return between, arrow
}

// inner writes the elements of a container: by its own formats if it has some, nested containers like the outer one.
func (w stringWriter) inner(f stringFormat) stringWriter {
	in := stringWriter{formats: f.elems, inside: true}
	if f.elems == nil {
		for _, tf := range w.formats {
			switch tf.t.Name() {
			case "Array", "Hash", "Collection", "Tuple", "Struct":
				in.formats = append(in.formats, tf)
			}
		}
		return in
	}
	for _, tf := range w.formats {
		if n := tf.t.Name(); n == "Array" || n == "Hash" {
			in.formats = append(in.formats, tf)
		}
	}
	return in
}

func indentation(level int) string { return strings.Repeat("  ", level) }

func isContainer(v value.Value) bool {
	switch v.(type) {
	case *value.Array, *value.Hash:
		return true
	}
	return false
}

// array writes [a, b]. With the flag # each element that is a container begins a line.
func (w stringWriter) array(f stringFormat, a *value.Array, level int) (string, error) {
	switch f.verb {
	case 'a', 's', 'p':
	default:
		return "", f.bad("Array", "asp")
	}
	left, right := f.delimiters('[')
	between, _ := f.separators()
	in := w.inner(f)
	var b strings.Builder
	b.WriteString(left)
	broken := false
	for i, e := range a.Elems() {
		s, err := in.text(e, level+1)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString(between)
		}
		if f.alt && f.verb == 'a' && (isContainer(e) || broken) {
			text := strings.TrimRight(b.String(), " ")
			b.Reset()
			b.WriteString(text + "\n" + indentation(level+1))
			broken = true
		}
		b.WriteString(s)
	}
	b.WriteString(right)
	return b.String(), nil
}

// hash writes {k => v}. With the flag # each entry has a line.
func (w stringWriter) hash(f stringFormat, h *value.Hash, level int) (string, error) {
	switch f.verb {
	case 'h', 's', 'p':
	case 'a':
		pairs, _ := Elements(h)
		f.alt = false
		return w.array(f, value.NewArray(pairs...), level)
	default:
		return "", f.bad("Hash", "hasp")
	}
	left, right := f.delimiters('{')
	between, arrow := f.separators()
	in := w.inner(f)
	lines := f.alt && f.verb == 'h'
	var parts []string
	for k, v := range h.All() {
		ks, err := in.text(k, level+1)
		if err != nil {
			return "", err
		}
		vs, err := in.text(v, level+1)
		if err != nil {
			return "", err
		}
		parts = append(parts, ks+arrow+vs)
	}
	if !lines {
		return left + strings.Join(parts, between) + right, nil
	}
	indent := "\n" + indentation(level+1)
	if len(parts) == 0 {
		indent = "\n"
	}
	return left + indent + strings.Join(parts, strings.TrimRight(between, " ")+indent) + "\n" + indentation(level) + right, nil
}
