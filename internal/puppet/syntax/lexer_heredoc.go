package syntax

import (
	"strings"
)

// heredoc cuts @(TAG:syntax/escapes) and its text, which starts on the next line, or behind the text of the heredoc before
// it on the same line.
func (l *lexer) heredoc() {
	start := l.pos
	closing := strings.IndexAny(l.src[start:l.end], ")\n")
	if closing < 0 || l.src[start+closing] == '\n' {
		d := l.fatal(start, min(start+2, l.end), "bad-heredoc", "'@(' is not closed on its line")
		d.Hint = `a heredoc is @(TAG), @("TAG"), @(TAG:syntax) or @(TAG/escapes)`
		return
	}
	head := l.src[start+2 : start+closing]
	tag, syntax, flags, ok := l.heredocHead(start, head)
	if !ok {
		return
	}
	l.pos = start + closing + 1
	raw := true
	if len(tag) > 1 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		raw = false
		tag = strings.TrimSpace(tag[1 : len(tag)-1])
	}
	if tag == "" {
		l.fatal(start, l.pos, "bad-heredoc", "the heredoc has an empty end tag")
		return
	}
	l.emit(tHeredoc, start, syntax)
	l.heredocText(start, tag, text{open: start, raw: raw, escapes: flags})
}

// heredocHead takes the inside of @(…) apart.
func (l *lexer) heredocHead(start int, head string) (tag, syntax string, flags escapes, ok bool) {
	end := start + 2 + len(head) + 1
	if i := strings.LastIndexByte(head, '/'); i >= 0 {
		if flags, ok = l.heredocFlags(start, end, strings.TrimRight(head[i+1:], " \t")); !ok {
			return "", "", 0, false
		}
		head = head[:i]
	}
	if i := strings.IndexByte(head, ':'); i >= 0 {
		syntax = strings.TrimSpace(head[i+1:])
		head = head[:i]
		if !validSyntaxTag(syntax) {
			l.fatal(start, end, "bad-heredoc", "'%s' is not a valid syntax name of a heredoc", syntax)
			return "", "", 0, false
		}
	}
	tag = strings.TrimSpace(head)
	if tag == "" || strings.ContainsAny(tag, ":/\r") {
		d := l.fatal(start, end, "bad-heredoc", "the heredoc has no valid end tag")
		d.Hint = `a heredoc is @(TAG), @("TAG"), @(TAG:syntax) or @(TAG/escapes)`
		return "", "", 0, false
	}
	return tag, syntax, flags, true
}

func validSyntaxTag(s string) bool {
	if len(s) < 2 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isWordByte(s[i]) && s[i] != '+' {
			return false
		}
	}
	return true
}

// heredocFlags reads the letters behind the slash; none at all means every escape.
func (l *lexer) heredocFlags(start, end int, letters string) (escapes, bool) {
	if letters == "" {
		return heredocEscapes, true
	}
	known := map[byte]escapes{'t': escTab, 'r': escReturn, 'n': escNewline, 's': escSpace, 'u': escUnicode, 'L': escLineBreak, '$': escDollar}
	var flags escapes
	for i := range len(letters) {
		flag, ok := known[letters[i]]
		if !ok {
			l.fatal(start, end, "bad-heredoc", "'%c' is not an escape of a heredoc", letters[i]).Hint = "the escapes are t r n s u L $"
			return 0, false
		}
		if flags&flag != 0 {
			l.fatal(start, end, "bad-heredoc", "the escape '%c' is given twice", letters[i])
			return 0, false
		}
		flags |= flag
	}
	return flags, true
}

// heredocText finds the text of a heredoc, cuts it, and notes where the line after it starts.
func (l *lexer) heredocText(start int, tag string, t text) {
	after := l.pos
	begin := l.jump
	if begin <= l.pos {
		n := strings.IndexByte(l.src[l.pos:l.end], '\n')
		if n < 0 {
			l.fatal(start, l.pos, "unclosed-heredoc", "no text follows the heredoc '%s'", tag)
			return
		}
		begin = l.pos + n + 1
	}
	for p := begin; p < l.end; {
		line, next := l.src[p:l.end], l.end
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line, next = line[:n], p+n+1
		}
		margin, pipe, dash, ok := endTag(line, tag)
		if !ok {
			p = next
			continue
		}
		t.end = p
		if pipe {
			t.margin = margin
		}
		if dash && t.end > begin {
			t.end--
			if t.end > begin && l.src[t.end-1] == '\r' {
				t.end--
			}
		}
		end := l.end
		l.pos = begin
		l.blank, l.newline = false, false
		l.interpolated(t)
		l.end = end
		if !l.dead {
			l.pos, l.jump = after, next
		}
		return
	}
	d := l.fatal(start, l.pos, "unclosed-heredoc", "the end of the heredoc is not found")
	d.Hint = "a line with only '" + tag + "' ends it; '| " + tag + "' also removes the margin"
}

// endTag takes a line apart that may end a heredoc: margin, `|`, `-`, tag.
func endTag(line, tag string) (margin string, pipe, dash, ok bool) {
	rest := strings.TrimLeft(line, " \t")
	margin = line[:len(line)-len(rest)]
	rest = strings.TrimRight(rest, " \t\r")
	if !strings.HasSuffix(rest, tag) {
		return "", false, false, false
	}
	marks := rest[:len(rest)-len(tag)]
	if after, found := strings.CutPrefix(marks, "|"); found {
		pipe, marks = true, strings.TrimLeft(after, " \t")
	}
	if after, found := strings.CutPrefix(marks, "-"); found {
		dash, marks = true, strings.TrimLeft(after, " \t")
	}
	return margin, pipe, dash, marks == ""
}
