package erb

import (
	"strings"
)

var closers = map[byte]byte{'(': ')', '[': ']', '{': '}', '<': '>'}

// argumentSpace tells whether an operator glued to what follows begins an argument: `puts -1`, `foo [1]`, `foo %w(a)`.
func (l *lexer) argumentSpace(space bool) bool {
	if l.prev.kind != tIdent || l.isLocal(l.prev.s) || !space || l.i+1 >= len(l.src) {
		return false
	}
	return !strings.ContainsRune(" \t\n=", rune(l.src[l.i+1]))
}

// quote reads the beginning of a string, symbol, regular expression or list of words.
func (l *lexer) quote(t *token, c byte, space bool) bool {
	operand := !l.valueBefore()
	switch c {
	case '"', '\'', '`':
		l.i++
		t.kind, t.s, t.raw = tString, string(c), c == '\''
		if c == '`' {
			l.fail(l.line, "commands in backquotes are not supported")
		}
		return true
	case '/':
		if !operand && !l.argumentSpace(space) {
			return false
		}
		l.i++
		t.kind, t.s = tRegexp, "/"
		return true
	case ':':
		return l.symbol(t)
	case '%':
		if operand || l.argumentSpace(space) {
			return l.percent(t)
		}
	case '<':
		if (operand || l.argumentSpace(space)) && strings.HasPrefix(l.src[l.i:], "<<") {
			if rest := strings.TrimLeft(l.src[l.i+2:], "~-\"'"); rest != "" && isWordStart(rest[0]) && rest[0] != ' ' {
				l.fail(l.line, "here-documents are not supported")
			}
		}
	case '?':
		return operand && l.character(t)
	}
	return false
}

// character reads ?a.
func (l *lexer) character(t *token) bool {
	rest := l.src[l.i+1:]
	if rest == "" || rest[0] == ' ' || rest[0] == '\n' || len(rest) > 1 && isWord(rest[1]) {
		return false
	}
	l.fail(t.line, "character literals are not supported")
	return true
}

func (l *lexer) symbol(t *token) bool {
	rest := l.src[l.i+1:]
	if rest == "" || rest[0] == ':' {
		return false
	}
	switch c := rest[0]; {
	case c == '"' || c == '\'':
		if l.valueBefore() && l.prev.kind != tIdent {
			return false
		}
		l.i += 2
		t.kind, t.s, t.raw = tDSym, string(c), c == '\''
		return true
	case isWordStart(c) || c == '@':
		n := 1
		for n < len(rest) && isWord(rest[n]) {
			n++
		}
		if n < len(rest) && (rest[n] == '?' || rest[n] == '!' || rest[n] == '=' && !strings.HasPrefix(rest[n:], "=>") &&
			!strings.HasPrefix(rest[n:], "==") && !strings.HasPrefix(rest[n:], "=~")) {
			n++
		}
		l.i += 1 + n
		t.kind, t.s = tSymbol, rest[:n]
		return true
	}
	for _, op := range []string{"[]=", "[]", "<=>", "===", "==", "=~", "!=", "**", "<<", ">>", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "!"} {
		if !l.valueBefore() && strings.HasPrefix(rest, op) {
			l.i += 1 + len(op)
			t.kind, t.s = tSymbol, op
			return true
		}
	}
	return false
}

// percent reads %w[…], %q(…), %r{…} and their sisters.
func (l *lexer) percent(t *token) bool {
	rest := l.src[l.i+1:]
	if rest == "" {
		return false
	}
	letter, n := byte('Q'), 0
	if isWord(rest[0]) {
		letter, n = rest[0], 1
	}
	if n >= len(rest) || isWord(rest[n]) || rest[n] == ' ' || rest[n] == '=' || rest[n] == '\n' {
		return false
	}
	switch letter {
	case 'w', 'W', 'i':
		t.kind = tWords
	case 'q', 'Q':
		t.kind = tString
	case 'r':
		t.kind = tRegexp
	default:
		l.fail(l.line, "%%%c literals are not supported", letter)
	}
	t.raw = letter == 'q' || letter == 'w'
	end := rest[n]
	if closer, ok := closers[end]; ok {
		t.open, end = end, closer
	}
	t.s = string(end)
	if letter == 'i' {
		l.fail(l.line, "%%i literals are not supported")
	}
	if letter == 'W' {
		l.fail(l.line, "%%W literals are not supported")
	}
	l.i += 2 + n
	return true
}
