package authorizedkey

import (
	"slices"
	"strings"
)

// line is a line of an authorized_keys file. Only lines with a key have more than text.
type line struct {
	text                string
	options             []string
	keyType, key, label string
}

// knownType reports whether a word is the type of a key, as opposed to options.
func knownType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-ssh-") ||
		strings.HasPrefix(s, "sk-ecdsa-")
}

// parse splits a file into lines. Whatever is not a key stays as it is.
func parse(text string) []line {
	var out []line
	for l := range strings.Lines(text) {
		out = append(out, parseLine(strings.TrimRight(l, "\r\n")))
	}
	return out
}

func parseLine(text string) line {
	out := line{text: text}
	rest := strings.TrimLeft(text, " \t")
	if rest == "" || rest[0] == '#' {
		return out
	}
	first, after := word(rest)
	var options []string
	if !knownType(first) {
		options = splitOptions(first)
		first, after = word(after)
		if !knownType(first) {
			return out
		}
	}
	key, label := word(after)
	if key == "" {
		return out
	}
	out.options, out.keyType, out.key, out.label = options, first, key, strings.TrimSpace(label)
	return out
}

// word cuts the first word off, minding quotes in it.
func word(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t")
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return s[:i], strings.TrimLeft(s[i:], " \t")
		}
	}
	return s, ""
}

// splitOptions cuts at commas outside of quotes.
func splitOptions(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// format writes the line of a key.
func (l line) format() string {
	parts := make([]string, 0, 4)
	if len(l.options) > 0 {
		parts = append(parts, strings.Join(l.options, ","))
	}
	return strings.Join(append(parts, l.keyType, l.key, l.label), " ")
}

// find gives the index of the key with a label, or -1.
func find(lines []line, label string) int {
	return slices.IndexFunc(lines, func(l line) bool { return l.key != "" && l.label == label })
}

// join makes a file of lines.
func join(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}
