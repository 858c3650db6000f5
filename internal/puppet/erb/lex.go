package erb

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind int

const (
	tEOF     kind = iota
	tNewline      // line break or ;
	tText         // a text mark
	tOut          // an out mark
	tInt
	tFloat
	tIdent   // name, also with ? or !
	tConst   // Name
	tIvar    // @name
	tGlobal  // $name
	tKeyword //
	tLabel   // name:
	tSymbol  // :name
	tDSym    // :"
	tString  // the beginning of a string, s = the closing delimiter, open = its counterpart
	tXString // a backquote
	tRegexp
	tWords // %w
	tHeredoc
	tOp
)

// token is a token of Ruby.
type token struct {
	kind kind
	s    string
	line int
	// space tells that blanks stand before, glued that none stand after it.
	space, glued bool
	// open is the opening delimiter if it nests; raw tells that there is no interpolation.
	open byte
	raw  bool
}

// refusal stops the work on a template: it holds what the subset does not have, or what is wrong. It only travels as a panic
// inside the package.
type refusal struct {
	line int
	msg  string
}

var keywords = map[string]bool{
	"alias": true, "and": true, "begin": true, "break": true, "case": true, "class": true, "def": true, "defined?": true,
	"do": true, "else": true, "elsif": true, "end": true, "ensure": true, "false": true, "for": true, "if": true, "in": true,
	"module": true, "next": true, "nil": true, "not": true, "or": true, "redo": true, "rescue": true, "retry": true,
	"return": true, "self": true, "super": true, "then": true, "true": true, "undef": true, "unless": true, "until": true,
	"when": true, "while": true, "yield": true, "BEGIN": true, "END": true, "__FILE__": true, "__LINE__": true,
	"__method__": true,
}

// operators from long to short.
var operators = []string{
	"**=", "<=>", "===", "...", "<<=", ">>=", "&&=", "||=", "&.",
	"**", "==", "!=", ">=", "<=", "&&", "||", "=~", "!~", "..", "::", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<", ">>", "=>", "->",
	"+", "-", "*", "/", "%", "=", "<", ">", "!", "&", "|", "^", "~", "?", ":", ",", ".", "(", ")", "[", "]", "{", "}",
}

// lexer gives the tokens of the code of a template, one at a time, because the parser decides how text goes on.
type lexer struct {
	src   string
	i     int
	line  int
	texts []string
	text  int
	prev  token
	// isLocal tells whether a name is a variable.
	isLocal func(name string) bool
}

func (l *lexer) fail(line int, format string, args ...any) {
	panic(refusal{line, fmt.Sprintf(format, args...)})
}

// valueBefore tells whether the last token ends an expression, so that an operator follows.
func (l *lexer) valueBefore() bool {
	switch l.prev.kind {
	case tInt, tFloat, tIdent, tConst, tIvar, tGlobal, tSymbol, tString, tRegexp, tWords, tDSym, tHeredoc:
		return true
	case tKeyword:
		switch l.prev.s {
		case "end", "self", "true", "false", "nil", "__FILE__", "__LINE__", "__method__":
			return true
		}
	case tOp:
		return l.prev.s == ")" || l.prev.s == "]" || l.prev.s == "}"
	}
	return false
}

// next gives the next token.
func (l *lexer) next() token {
	space := l.blanks()
	t := l.scan(space)
	t.space = space
	t.glued = l.i < len(l.src) && !strings.ContainsRune(" \t\r\n", rune(l.src[l.i]))
	l.prev = t
	return t
}

// blanks skips blanks, comments and continued lines.
func (l *lexer) blanks() bool {
	start := l.i
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.i++
		case c == '#':
			if n := strings.IndexByte(l.src[l.i:], '\n'); n >= 0 {
				l.skipText(l.src[l.i : l.i+n])
				l.i += n
			} else {
				l.i = len(l.src)
			}
		case c == '\\' && strings.HasPrefix(l.src[l.i:], "\\\n"):
			l.i += 2
			l.line++
		case c == '\n' && l.leadingDot():
			l.i++
			l.line++
		default:
			return l.i > start
		}
	}
	return l.i > start
}

// skipText counts the texts that a comment swallows.
func (l *lexer) skipText(s string) { l.text += strings.Count(s, string(textMark)) }

// leadingDot tells whether the next line continues this one with a method call.
func (l *lexer) leadingDot() bool {
	rest := strings.TrimLeft(l.src[l.i:], " \t\r\n")
	return strings.HasPrefix(rest, "&.") || strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "..")
}

func (l *lexer) scan(space bool) token {
	t := token{line: l.line}
	if l.i >= len(l.src) {
		return t
	}
	c := l.src[l.i]
	switch {
	case c == textMark:
		l.i++
		t.kind, t.s = tText, l.texts[l.text]
		l.text++
	case c == outMark:
		l.i++
		t.kind = tOut
	case c == '\n' || c == ';':
		l.i++
		t.kind = tNewline
		if c == '\n' {
			l.line++
			t.s = "\n"
		}
	case c >= '0' && c <= '9':
		l.number(&t)
	case c == '@':
		l.sigil(&t, tIvar)
	case c == '$':
		l.sigil(&t, tGlobal)
	case isWordStart(c):
		l.word(&t)
	default:
		if !l.quote(&t, c, space) {
			l.operator(&t)
		}
	}
	return t
}

func isWordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func isWord(c byte) bool { return isWordStart(c) || c >= '0' && c <= '9' }

func (l *lexer) number(t *token) {
	start := l.i
	t.kind = tInt
	if strings.HasPrefix(l.src[l.i:], "0x") || strings.HasPrefix(l.src[l.i:], "0b") || strings.HasPrefix(l.src[l.i:], "0o") {
		l.i += 2
		for l.i < len(l.src) && isWord(l.src[l.i]) {
			l.i++
		}
		t.s = l.src[start:l.i]
		return
	}
	digits := func() {
		for l.i < len(l.src) && (l.src[l.i] >= '0' && l.src[l.i] <= '9' || l.src[l.i] == '_') {
			l.i++
		}
	}
	digits()
	if l.i+1 < len(l.src) && l.src[l.i] == '.' && l.src[l.i+1] >= '0' && l.src[l.i+1] <= '9' {
		t.kind = tFloat
		l.i++
		digits()
	}
	if l.i+1 < len(l.src) && (l.src[l.i] == 'e' || l.src[l.i] == 'E') && strings.ContainsRune("0123456789+-", rune(l.src[l.i+1])) {
		t.kind = tFloat
		l.i += 2
		digits()
	}
	t.s = l.src[start:l.i]
}

// sigil reads @name or $name.
func (l *lexer) sigil(t *token, k kind) {
	start := l.i
	l.i++
	if strings.HasPrefix(l.src[l.i:], "@") {
		l.fail(l.line, "class variables are not supported")
	}
	if k == tGlobal && l.i < len(l.src) && strings.IndexByte("~&`'!0;,/\\.<>_*$?:\"", l.src[l.i]) >= 0 {
		l.i++
	}
	for l.i < len(l.src) && isWord(l.src[l.i]) {
		l.i++
	}
	t.kind, t.s = k, l.src[start:l.i]
	if len(t.s) < 2 {
		l.fail(l.line, "unexpected '%s'", t.s)
	}
}

// word reads a name, a keyword or a label.
func (l *lexer) word(t *token) {
	start := l.i
	for l.i < len(l.src) && isWord(l.src[l.i]) {
		l.i++
	}
	peek := func(n int) byte {
		if l.i+n < len(l.src) {
			return l.src[l.i+n]
		}
		return 0
	}
	if c := peek(0); (c == '?' || c == '!') && peek(1) != '=' || (c == '?' || c == '!') && (peek(1) == '=' && (peek(2) == '=' || peek(2) == '~')) {
		l.i++
	}
	t.s = l.src[start:l.i]
	afterDot := l.prev.kind == tOp && (l.prev.s == "." || l.prev.s == "&.")
	ternary := l.prev.kind == tOp && l.prev.s == "?"
	if peek(0) == ':' && peek(1) != ':' && !afterDot && !ternary && strings.IndexByte(" \t\n,)", peek(1)) >= 0 {
		l.i++
		t.kind = tLabel
		return
	}
	switch {
	case keywords[t.s] && !afterDot && !(l.prev.kind == tKeyword && l.prev.s == "def"):
		t.kind = tKeyword
	case t.s[0] >= 'A' && t.s[0] <= 'Z':
		t.kind = tConst
	default:
		t.kind = tIdent
	}
}

func (l *lexer) operator(t *token) {
	rest := l.src[l.i:]
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			t.kind, t.s = tOp, op
			l.i += len(op)
			return
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	l.fail(l.line, "unexpected %q", r)
}
