package erb

import (
	"strings"
)

// Marks in the code that the scanner makes out of a template: textMark stands for "append the text with this number",
// outMark for "append what the parenthesis after it gives". Ruby code cannot have them, see scan.
const (
	textMark = '\x01'
	outMark  = '\x02'
)

// scanned is a template as Ruby code with marks. It has the line breaks that Ruby's own ERB would make, so that a line of the
// code is the same line of the template, and a comment swallows the same text.
type scanned struct {
	code  string
	texts []string
}

// scanner turns a template with the trim mode "-" into code.
type scanner struct {
	src  string
	at   int
	line []string
	out  strings.Builder
	// content is the text or the code since the last tag, tag the open tag.
	content strings.Builder
	tag     string
	texts   []string
}

// scan reads a template.
func scan(src string) scanned {
	s := &scanner{src: strings.Map(dropMarks, src)}
	for s.at < len(s.src) {
		if s.tag == "" {
			s.outside()
		} else {
			s.inside()
		}
	}
	s.flush()
	s.newline(false)
	return scanned{s.out.String(), s.texts}
}

// dropMarks replaces what would be taken for a mark.
func dropMarks(r rune) rune {
	if r == textMark || r == outMark {
		return '\x03'
	}
	return r
}

func (s *scanner) push(code string) { s.line = append(s.line, code) }

// newline ends a line of code.
func (s *scanner) newline(end bool) {
	s.out.WriteString(strings.Join(s.line, "; "))
	s.line = s.line[:0]
	if end {
		s.out.WriteByte('\n')
	}
}

// flush makes an append of the text so far.
func (s *scanner) flush() {
	if s.content.Len() == 0 {
		return
	}
	text := s.content.String()
	s.content.Reset()
	s.texts = append(s.texts, text)
	s.push(string(textMark) + strings.Repeat("\n", strings.Count(text, "\n")))
}

// outside reads up to the next opening tag.
func (s *scanner) outside() {
	rest := s.src[s.at:]
	n := strings.Index(rest, "<%")
	if n < 0 {
		s.content.WriteString(rest)
		s.at = len(s.src)
		return
	}
	text, tag := rest[:n], rest[n:]
	s.at += n + 2
	switch {
	case strings.HasPrefix(tag, "<%%"):
		s.content.WriteString(text + "<%")
		s.at++
		return
	case strings.HasPrefix(tag, "<%-"):
		s.at++
		s.tag = "<%"
		// the blanks before go if they begin a line, or stand right after the last tag
		if bare := strings.TrimRight(text, " \t"); bare == "" || strings.HasSuffix(bare, "\n") {
			text = bare
		}
	case strings.HasPrefix(tag, "<%="), strings.HasPrefix(tag, "<%#"):
		s.at++
		s.tag = tag[:3]
	default:
		s.tag = "<%"
	}
	s.content.WriteString(text)
	s.flush()
}

// inside reads up to the closing tag.
func (s *scanner) inside() {
	rest := s.src[s.at:]
	n := strings.Index(rest, "%>")
	if n < 0 {
		s.content.WriteString(rest)
		s.at = len(s.src)
		return
	}
	s.at += n + 2
	code := rest[:n]
	if strings.HasSuffix(code, "%") {
		s.content.WriteString(code[:n-1] + "%>")
		return
	}
	trim := strings.HasSuffix(code, "-")
	s.content.WriteString(strings.TrimSuffix(code, "-"))
	s.close()
	if !trim {
		return
	}
	switch rest = s.src[s.at:]; {
	case strings.HasPrefix(rest, "\n"):
		s.at++
	case strings.HasPrefix(rest, "\r\n"):
		s.at += 2
	case rest != "":
		return
	}
	s.newline(true)
}

// close ends the tag with the code in content.
func (s *scanner) close() {
	code := s.content.String()
	s.content.Reset()
	switch s.tag {
	case "<%":
		if bare, ok := strings.CutSuffix(code, "\n"); ok {
			s.push(bare)
			s.newline(true)
		} else {
			s.push(code)
		}
	case "<%=":
		s.push(string(outMark) + "((" + code + "))")
	}
	s.tag = ""
}
