package syntax

import "strings"

// leaveCode ends the code part of a template at `%>` or `-%>`, which starts at start, and goes on with text.
func (l *lexer) leaveCode(start int) {
	trim := l.src[start] == '-'
	l.tag = -1
	for i := len(l.toks) - 1; i >= 0; i-- {
		if k := l.toks[i].kind; k == tRenderExpr {
			l.emit(tEPPEnd, start, "")
			break
		} else if k == tRenderText || k == tEPPEnd {
			break
		}
	}
	if trim && l.pos < l.end {
		l.trimLine()
		if l.pos == l.end {
			// Puppet renders the empty text that is left of the last line; it counts as the template's last statement.
			l.emit(tRenderText, l.pos, "")
			return
		}
	}
	l.eppText()
}

// trimLine skips blanks and one line break behind `-%>`.
func (l *lexer) trimLine() {
	for l.peek(0) == ' ' || l.peek(0) == '\t' {
		l.pos++
	}
	if l.peek(0) == '\r' {
		l.pos++
	}
	if l.peek(0) == '\n' {
		l.pos++
	}
}

// eppText cuts template text up to the next tag that opens code.
func (l *lexer) eppText() {
	var b strings.Builder
	start := l.pos
	for {
		n := strings.Index(l.src[l.pos:l.end], "<%")
		if n < 0 {
			plainText(&b, l.src[l.pos:l.end])
			l.pos = l.end
			break
		}
		plainText(&b, l.src[l.pos:l.pos+n])
		l.pos += n
		tag := l.pos
		switch c := l.peek(2); c {
		case '%':
			b.WriteString("<%")
			l.pos += 3
			continue
		case '#':
			if !l.eppComment(&b) {
				return
			}
			continue
		case '=':
			l.renderText(start, b.String(), tag)
			l.pos, l.tag = tag+3, tag
			l.emit(tRenderExpr, tag, "")
			return
		case '-':
			l.renderText(start, strings.TrimRight(b.String(), " \t"), tag)
			l.pos, l.tag = tag+3, tag
			return
		}
		l.renderText(start, b.String(), tag)
		l.pos, l.tag = tag+2, tag
		return
	}
	l.renderText(start, b.String(), l.pos)
}

// eppComment goes over <%# … %>.
func (l *lexer) eppComment(b *strings.Builder) bool {
	start := l.pos
	if l.peek(3) == '-' {
		text := strings.TrimRight(b.String(), " \t")
		b.Reset()
		b.WriteString(text)
	}
	n := strings.Index(l.src[l.pos:l.end], "%>")
	if n < 0 {
		l.fatal(start, start+3, "unclosed-template-tag", "the comment that starts here is not closed").Hint = "close it with %>"
		return false
	}
	trim := l.src[l.pos+n-1] == '-'
	l.pos += n + 2
	l.comment(start)
	if trim {
		l.trimLine()
	}
	return true
}

// plainText copies text; `%%>` stands for `%>` in it.
func plainText(b *strings.Builder, s string) {
	b.WriteString(strings.ReplaceAll(s, "%%>", "%>"))
}

// renderText emits text, unless there is none.
func (l *lexer) renderText(start int, s string, end int) {
	if s == "" {
		return
	}
	pos := l.pos
	l.pos = end
	l.emit(tRenderText, start, s)
	l.pos = pos
}
