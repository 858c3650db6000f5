package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"kickoff/internal/diag"
)

// escapes is the set of escape sequences that a text understands. With any in it, `\\` is understood as well.
type escapes uint16

const (
	escTab escapes = 1 << iota
	escReturn
	escNewline
	escSpace
	escDollar
	escUnicode
	escLineBreak // a backslash at the end of a line joins it with the next
	escQuotes    // \" and \'

	heredocEscapes = escTab | escReturn | escNewline | escSpace | escDollar | escUnicode | escLineBreak
	stringEscapes  = heredocEscapes | escQuotes
)

// text describes a stretch of source that is a string: the inside of "…", or of a heredoc.
type text struct {
	// open is the offset of what opened it, for messages.
	open int
	// quote tells that it ends at an unescaped `"`; otherwise it ends at end.
	quote bool
	// raw tells that `$` has no meaning.
	raw     bool
	end     int
	escapes escapes
	// margin is removed from the start of each line that has it.
	margin string
}

func (l *lexer) singleQuoted() {
	start := l.pos
	p := start + 1
	escaped := false
	if strings.HasPrefix(l.src[start:l.end], "'''") {
		p++ // Puppet takes three quotes in a row for a quoted quote
	}
	for ; p < l.end && l.src[p] != '\''; p++ {
		if l.src[p] == '\\' {
			if p+1 < l.end && (l.src[p+1] == '\\' || l.src[p+1] == '\'') {
				escaped = true
				p++
			}
		}
	}
	if p >= l.end {
		l.unclosed(start, "'")
		return
	}
	value := l.src[start+1 : p]
	if escaped {
		var b strings.Builder
		for i := 0; i < len(value); i++ {
			if value[i] == '\\' && i+1 < len(value) && (value[i+1] == '\\' || value[i+1] == '\'') {
				i++
			}
			b.WriteByte(value[i])
		}
		value = b.String()
	}
	l.pos = p + 1
	l.emit(tString, start, value)
}

func (l *lexer) unclosed(start int, quote string) {
	d := l.fatal(start, start+1, "unclosed-string", "the string that starts here is not closed")
	d.Hint = "close it with " + quote
}

// interpolated cuts the text of a string from the current position: a tString when nothing is interpolated, otherwise
// tStrPre, the tokens of an expression, tStrMid, …, tStrPost.
func (l *lexer) interpolated(t text) {
	var b strings.Builder
	start := l.pos // of the piece
	if t.quote {
		start = t.open
	}
	chunk := l.skipMargin(t, l.pos) // start of what is not yet copied to b
	p, parts := chunk, 0
	piece := func(k kind, end int) {
		value := l.src[chunk:end]
		if b.Len() > 0 {
			b.WriteString(value)
			value = b.String()
			b.Reset()
		}
		l.emit(k, start, value)
	}
	for p < t.end {
		switch c := l.src[p]; {
		case c == '"' && t.quote:
			l.pos = p + 1
			piece(lastPiece(parts), p)
			return
		case c == '\\' && t.escapes != 0:
			b.WriteString(l.src[chunk:p])
			p = l.escape(&b, t, p)
			chunk = l.afterBreak(t, p)
			p = chunk
		case c == '\n' && t.margin != "":
			b.WriteString(l.src[chunk : p+1])
			chunk = l.skipMargin(t, p+1)
			p = chunk
		case c == '$' && !t.raw && p+1 < t.end && (l.src[p+1] == '{' || variableEnd(l.src[:t.end], p+1) > p+1):
			l.pos = p
			piece(firstPiece(parts), p)
			parts++
			l.pos = p
			if !l.interpolation(t) {
				return
			}
			start, chunk, p = l.pos, l.pos, l.pos
		default:
			p++
		}
	}
	if t.quote {
		l.unclosed(t.open, `"`)
		return
	}
	l.pos = p
	piece(lastPiece(parts), p)
}

func firstPiece(parts int) kind {
	if parts == 0 {
		return tStrPre
	}
	return tStrMid
}

func lastPiece(parts int) kind {
	if parts == 0 {
		return tString
	}
	return tStrPost
}

// skipMargin returns the position behind the margin when the line at p starts with it.
func (l *lexer) skipMargin(t text, p int) int {
	if t.margin != "" && strings.HasPrefix(l.src[p:t.end], t.margin) {
		return p + len(t.margin)
	}
	return p
}

// afterBreak skips the margin when an escape swallowed a line break just before p.
func (l *lexer) afterBreak(t text, p int) int {
	if t.margin != "" && l.src[p-1] == '\n' {
		return l.skipMargin(t, p)
	}
	return p
}

// interpolation cuts `$name` or `${…}` of a string; it reports whether the string can go on.
func (l *lexer) interpolation(t text) bool {
	start := l.pos
	if l.src[start+1] != '{' {
		l.pos = variableEnd(l.src[:t.end], start+1)
		l.emit(tVariable, start, l.src[start+1:l.pos])
		return true
	}
	if l.depth++; l.depth > maxInterpolation {
		l.fatal(start, start+2, "nesting-too-deep", "interpolations are nested more than %d deep", maxInterpolation)
		return false
	}
	defer func(end int) { l.end, l.depth = end, l.depth-1 }(l.end)
	if !t.quote {
		defer func(jump int) { l.jump = jump }(l.jump)
		l.jump = 0
	}
	l.end = t.end
	l.pos += 2
	first := len(l.toks)
	if !l.code(true) {
		if !l.dead {
			l.fatal(start, start+2, "unclosed-interpolation", "the interpolation that starts here is not closed").Hint = "close it with }"
		}
		return false
	}
	if len(l.toks) == first {
		l.errorAt(start, l.pos+1, "empty-interpolation", "the interpolation is empty")
		l.emit(tInvalid, start, "")
	}
	l.pos++
	l.blank, l.newline = false, false
	l.toVariable(first)
	return true
}

// toVariable makes a variable of a bare word (or number) that an interpolation starts with, when it stands alone or `.` or
// `[` follows.
func (l *lexer) toVariable(first int) {
	t := &l.toks[first]
	if n := len(l.toks) - first; n > 1 {
		next := &l.toks[first+1]
		if next.kind != tDot && (next.kind != tLBracket || next.blank) {
			return
		}
	}
	switch {
	case t.kind == tInteger || t.kind == tFloat:
		t.value = l.src[t.start:t.end]
	case t.kind == tTrue, t.kind == tFalse:
		d := l.errorAt(int(t.start), int(t.end), "bad-variable", "'%s' in an interpolation would be a variable", l.src[t.start:t.end])
		d.Hint = "write it without ${…}"
	case t.kind == tName, t.kind == tWord, t.kind.isKeyword():
	default:
		return
	}
	t.kind = tVariable
}

// escape copies the character that the escape sequence at p stands for to b, and returns the position behind it.
func (l *lexer) escape(b *strings.Builder, t text, p int) int {
	if p+1 >= t.end {
		b.WriteByte('\\')
		return p + 1
	}
	c := l.src[p+1]
	for _, e := range simpleEscapes {
		if e.char == c && (e.flag == 0 || t.escapes&e.flag != 0) {
			b.WriteByte(e.value)
			return p + 2
		}
	}
	switch {
	case c == 'u' && t.escapes&escUnicode != 0:
		return l.unicodeEscape(b, t, p)
	case c == '\n' && t.escapes&escLineBreak != 0:
		return p + 2
	case c == '\r' && t.escapes&escLineBreak != 0 && p+2 < t.end && l.src[p+2] == '\n':
		return p + 3
	}
	if t.quote {
		_, n := utf8.DecodeRuneInString(l.src[p+1 : t.end])
		d := l.errorAt(p, p+1+n, "unknown-escape", "unrecognized escape sequence '%s'", l.src[p:p+1+n])
		d.Severity = diag.Warning
		d.Hint = `write \\ for a backslash`
	}
	b.WriteByte('\\')
	return p + 1
}

var simpleEscapes = []struct {
	char, value byte
	flag        escapes
}{
	{'\\', '\\', 0}, {'n', '\n', escNewline}, {'t', '\t', escTab}, {'r', '\r', escReturn}, {'s', ' ', escSpace},
	{'$', '$', escDollar}, {'"', '"', escQuotes}, {'\'', '\'', escQuotes},
}

// unicodeEscape does \uXXXX and \u{X…}; anything else that starts with \u is taken as it stands.
func (l *lexer) unicodeEscape(b *strings.Builder, t text, p int) int {
	rest := l.src[p+2 : t.end]
	var digits string
	n := 0
	if strings.HasPrefix(rest, "{") {
		if end := strings.IndexByte(rest, '}'); end > 1 && end <= 7 {
			digits, n = rest[1:end], end+1
		}
	} else if len(rest) >= 4 {
		digits, n = rest[:4], 4
	}
	for i := range len(digits) {
		if !isHex(digits[i]) {
			n = 0
		}
	}
	if n == 0 {
		b.WriteString(`\u`)
		return p + 2
	}
	code, _ := strconv.ParseUint(digits, 16, 32)
	if !utf8.ValidRune(rune(code)) {
		l.errorAt(p, p+2+n, "bad-escape", "'%s' is not a Unicode character", l.src[p:p+2+n])
		code = utf8.RuneError
	}
	b.WriteRune(rune(code))
	return p + 2 + n
}
