package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"kickoff/internal/diag"
)

// maxInterpolation bounds how deep interpolations and heredocs may be nested inside each other.
const maxInterpolation = 200

// lexer cuts a source into tokens, all at once. It reports what is wrong and goes on where that makes sense.
type lexer struct {
	file *File
	src  string
	pos  int
	// end is where the text being cut ends: the end of the source, or of the heredoc that an interpolation stands in.
	end      int
	toks     []token
	comments []Comment
	diags    *reporter
	epp      bool
	tasks    bool
	// jump is where the next line goes on when heredoc texts follow the current line; 0 when there are none.
	jump int
	// depth counts nested interpolations.
	depth int
	// noSlash is an offset from which on no `/` follows any more: it keeps the search for the end of a regexp linear.
	noSlash int
	// tag is the offset of the template tag that the code being cut stands in, or -1.
	tag int
	// dead is set after an error that makes the rest of the text meaningless.
	dead bool
	// blank and newline describe what was skipped before the next token.
	blank, newline bool
}

func newLexer(file *File, opt Options, diags *reporter) *lexer {
	return &lexer{
		file: file, src: file.Source, end: len(file.Source), diags: diags, epp: opt.EPP, tasks: opt.Tasks,
		noSlash: len(file.Source), toks: make([]token, 0, len(file.Source)/6+16), blank: true, newline: true, tag: -1,
	}
}

// run cuts the whole source. The last token is tEOF.
func (l *lexer) run() []token {
	if !l.checkEncoding() {
		l.dead = true
	}
	if l.epp && !l.dead {
		l.eppText()
	}
	if !l.dead {
		l.code(false)
	}
	if l.tag >= 0 && !l.dead {
		l.fatal(l.tag, l.tag+2, "unclosed-template-tag", "the tag that starts here is not closed").Hint = "close it with %>"
	}
	if l.dead {
		l.pos = l.end
	}
	l.emit(tEOF, l.pos, "")
	return l.toks
}

// checkEncoding refuses a text that is not UTF-8, or starts with a byte order mark.
func (l *lexer) checkEncoding() bool {
	if strings.HasPrefix(l.src, "\ufeff") {
		l.errorAt(0, 3, "byte-order-mark", "the file starts with a UTF-8 byte order mark").Hint = "save the file without a byte order mark"
		return false
	}
	if utf8.ValidString(l.src) {
		return true
	}
	for i := 0; i < len(l.src); {
		r, n := utf8.DecodeRuneInString(l.src[i:])
		if r == utf8.RuneError && n == 1 {
			l.errorAt(i, i+1, "invalid-utf8", "byte 0x%02X is not valid UTF-8", l.src[i]).Hint = "save the file as UTF-8"
			return false
		}
		i += n
	}
	return true
}

func (l *lexer) errorAt(start, end int, code, format string, args ...any) *diag.Diagnostic {
	return l.diags.error(Span{File: l.file, Start: uint32(start), End: uint32(end)}, code, format, args...)
}

// fatal reports an error after which the rest cannot be understood.
func (l *lexer) fatal(start, end int, code, format string, args ...any) *diag.Diagnostic {
	l.dead = true
	l.pos = l.end
	return l.errorAt(start, end, code, format, args...)
}

func (l *lexer) emit(k kind, start int, value string) {
	l.toks = append(l.toks, token{kind: k, blank: l.blank, newline: l.newline, start: uint32(start), end: uint32(l.pos), value: value})
	l.blank, l.newline = false, false
}

// peek returns the byte n behind the current one, or 0.
func (l *lexer) peek(n int) byte {
	if l.pos+n < l.end {
		return l.src[l.pos+n]
	}
	return 0
}

// code cuts tokens up to the end of the text, or, when braced, up to the `}` that closes an interpolation. It reports
// whether that was found.
func (l *lexer) code(braced bool) bool {
	depth := 0
	for !l.dead {
		l.skipBlank()
		if l.dead || l.pos >= l.end {
			return false
		}
		switch c := l.src[l.pos]; c {
		case '{':
			depth++
		case '}':
			if depth == 0 && braced {
				return true
			}
			depth--
		}
		l.token()
	}
	return false
}

// skipBlank goes over white space, comments, and the texts of heredocs that started on a line now complete.
func (l *lexer) skipBlank() {
	for l.pos < l.end {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.pos++
			l.blank = true
		case c == '\n':
			l.pos++
			l.blank, l.newline = true, true
			if l.jump > l.pos {
				l.pos = l.jump
			}
			l.jump = 0
		case c == '#':
			start := l.pos
			if n := strings.IndexByte(l.src[l.pos:l.end], '\n'); n >= 0 {
				l.pos += n
			} else {
				l.pos = l.end
			}
			l.comment(start)
		case c == '/' && l.peek(1) == '*':
			start := l.pos
			n := strings.Index(l.src[l.pos+2:l.end], "*/")
			if n < 0 {
				l.fatal(start, start+2, "unclosed-comment", "the comment that starts here is not closed").Hint = "close it with */"
				return
			}
			l.pos += n + 4
			l.comment(start)
			l.newline = false
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(l.src[l.pos:l.end])
			if !unicode.Is(unicode.Zs, r) {
				return
			}
			l.pos += n
			l.blank = true
		default:
			return
		}
	}
}

func (l *lexer) comment(start int) {
	l.blank = true
	l.comments = append(l.comments, Comment{Span: Span{File: l.file, Start: uint32(start), End: uint32(l.pos)}})
}

// token cuts one token; the position is on its first character.
func (l *lexer) token() {
	start := l.pos
	switch c := l.src[start]; {
	case c >= 'a' && c <= 'z' || c == '_':
		l.word()
	case c >= 'A' && c <= 'Z':
		l.typeName()
	case c == '$':
		l.variable()
	case c >= '0' && c <= '9':
		l.number()
	case c == '\'':
		l.singleQuoted()
	case c == '"':
		l.pos++
		if strings.HasPrefix(l.src[start:l.end], `"""`) {
			l.pos += 2 // Puppet takes three quotes in a row for a quoted quote
			l.emit(tString, start, `"`)
			return
		}
		l.interpolated(text{open: start, quote: true, end: l.end, escapes: stringEscapes})
	case c == ':':
		l.colon()
	case c == '@' && l.peek(1) == '(':
		l.heredoc()
	case c == '/' && l.regexpAllowed() && l.regexp():
	default:
		l.operator()
	}
}

func (l *lexer) colon() {
	start := l.pos
	if l.peek(1) != ':' {
		l.pos++
		l.emit(tColon, start, "")
		return
	}
	switch c := l.peek(2); {
	case c >= 'A' && c <= 'Z':
		l.typeName()
	case c >= 'a' && c <= 'z' || c == '_':
		l.word()
	default:
		l.pos += 2
		l.errorAt(start, l.pos, "bad-name", "a name must follow '::'")
		l.emit(tInvalid, start, "")
	}
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// word cuts a name, keyword or bare word: segments joined by `::`; each starts with a lower-case letter or underscore and
// may have hyphens inside.
func (l *lexer) word() {
	start, plain := l.pos, true
	for {
		p := l.pos
		if strings.HasPrefix(l.src[p:l.end], "::") {
			p += 2
		}
		if p >= l.end || (l.src[p] < 'a' || l.src[p] > 'z') && l.src[p] != '_' || p == l.pos && p != start {
			break
		}
		if l.src[p] == '_' {
			plain = false
		}
		p++
		last := p
		for p < l.end && (isWordByte(l.src[p]) || l.src[p] == '-') {
			p++
			if l.src[p-1] != '-' {
				last = p
			}
		}
		if strings.IndexByte(l.src[l.pos:last], '-') >= 0 {
			plain = false
		}
		l.pos = last
	}
	word := l.src[start:l.pos]
	if strings.HasPrefix(l.src[l.pos:l.end], "::") && !(l.peek(2) >= 'A' && l.peek(2) <= 'Z') {
		l.errorAt(start, l.pos+2, "bad-name", "'%s::' is not a complete name", word)
		l.pos += 2
	}
	if plain {
		l.emit(keyword(word, l.tasks), start, word)
		return
	}
	l.emit(tWord, start, word)
}

// typeName cuts Foo::Bar.
func (l *lexer) typeName() {
	start := l.pos
	for {
		p := l.pos
		if strings.HasPrefix(l.src[p:l.end], "::") {
			p += 2
		}
		if p >= l.end || l.src[p] < 'A' || l.src[p] > 'Z' || p == l.pos && p != start {
			break
		}
		for p < l.end && isWordByte(l.src[p]) {
			p++
		}
		l.pos = p
	}
	name := l.src[start:l.pos]
	if strings.HasPrefix(l.src[l.pos:l.end], "::") {
		l.pos += 2
		for l.pos < l.end && (isWordByte(l.src[l.pos]) || l.src[l.pos] == ':') {
			l.pos++
		}
		d := l.errorAt(start, l.pos, "bad-name", "illegal type name '%s'", l.src[start:l.pos])
		d.Hint = "every part of a type's name starts with a capital letter"
	}
	l.emit(tTypeName, start, name)
}

// variableEnd returns where the variable name that starts at p ends: (::)?(\w+::)*\w+. It returns p when there is none.
func variableEnd(s string, p int) int {
	start := p
	if strings.HasPrefix(s[p:], "::") {
		p += 2
	}
	end := start
	for {
		q := p
		for q < len(s) && isWordByte(s[q]) {
			q++
		}
		if q == p {
			return end
		}
		end = q
		if !strings.HasPrefix(s[q:], "::") {
			return end
		}
		p = q + 2
	}
}

func (l *lexer) variable() {
	start := l.pos
	l.pos = variableEnd(l.src[:l.end], start+1)
	name := l.src[start+1 : l.pos]
	if name == "" {
		l.pos = start + 1
		d := l.errorAt(start, start+1, "bad-variable", "a variable name must follow '$'")
		if l.peek(0) == '{' {
			d.Hint = "${…} is only meant for the inside of strings; here it is $name"
		}
		l.emit(tInvalid, start, "")
		return
	}
	l.emit(tVariable, start, name)
}

// number cuts an integer or a float. Whether it fits is seen by the parser.
func (l *lexer) number() {
	start := l.pos
	k := tInteger
	digits := func() (n int) {
		for l.peek(0) >= '0' && l.peek(0) <= '9' {
			l.pos++
			n++
		}
		return n
	}
	if l.src[l.pos] == '0' && (l.peek(1)|0x20) == 'x' {
		l.pos += 2
		for isHex(l.peek(0)) {
			l.pos++
		}
	} else {
		digits()
		if l.peek(0) == '.' && l.peek(1) >= '0' && l.peek(1) <= '9' {
			k = tFloat
			l.pos++
			digits()
		}
		if l.peek(0)|0x20 == 'e' {
			k = tFloat
			l.pos++
			if l.peek(0) == '-' {
				l.pos++
			}
			if digits() == 0 {
				l.badNumber(start)
				return
			}
		}
	}
	text := l.src[start:l.pos]
	if isWordByte(l.peek(0)) || len(text) == 2 && text[1]|0x20 == 'x' || !leadingZeroOK(text, k) {
		l.badNumber(start)
		return
	}
	l.emit(k, start, "")
}

// leadingZeroOK reports whether a number that starts with 0 is a valid octal, hexadecimal or float.
func leadingZeroOK(s string, k kind) bool {
	if len(s) < 2 || s[0] != '0' || s[1]|0x20 == 'x' {
		return true
	}
	if k == tFloat {
		return s[1] < '0' || s[1] > '9'
	}
	return strings.Trim(s, "01234567") == ""
}

func (l *lexer) badNumber(start int) {
	for isWordByte(l.peek(0)) {
		l.pos++
	}
	text := l.src[start:l.pos]
	d := l.errorAt(start, l.pos, "bad-number", "'%s' is not a valid number", text)
	switch {
	case len(text) > 1 && text[1]|0x20 == 'x':
		d.Hint = "a hexadecimal number is 0x and digits 0-9, a-f"
	case text[0] == '0':
		d.Hint = "a number with a leading zero is octal: digits 0-7 only; quote it when it is meant as text"
	default:
		d.Hint = "quote it when it is meant as text"
	}
	l.toks = append(l.toks, token{kind: tInteger, blank: l.blank, newline: l.newline, start: uint32(start), end: uint32(l.pos), value: "0"})
	l.blank, l.newline = false, false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
