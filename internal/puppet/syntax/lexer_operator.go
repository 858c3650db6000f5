package syntax

import (
	"strings"
	"unicode/utf8"
)

// regexpAllowed decides by the token before whether a `/` starts a regular expression or divides: behind a value it divides.
func (l *lexer) regexpAllowed() bool {
	if len(l.toks) == 0 {
		return true
	}
	switch l.toks[len(l.toks)-1].kind {
	case tRParen, tRBracket, tCollectEnd, tExpCollectEnd, tName, tTypeName, tString, tTrue, tFalse, tStrPost,
		tHeredoc, tRegexp, tVariable, tWord, tInteger, tFloat:
		return false
	}
	return true
}

// regexp cuts a regular expression and reports whether there is one; without a closing slash the `/` is an operator.
func (l *lexer) regexp() bool {
	start := l.pos
	if start >= l.noSlash {
		return false
	}
	escaped := false
	for p := start + 1; p < l.end; p++ {
		switch l.src[p] {
		case '\\':
			p++
			if p < l.end && l.src[p] == '/' {
				escaped = true
			}
		case '/':
			pattern := l.src[start+1 : p]
			if escaped {
				pattern = strings.ReplaceAll(pattern, `\/`, `/`)
			}
			l.pos = p + 1
			l.emit(tRegexp, start, pattern)
			return true
		}
	}
	l.noSlash = start
	return false
}

// operator cuts the tokens that are made of punctuation.
func (l *lexer) operator() {
	start := l.pos
	k, n := l.punctuation()
	if n == 0 {
		l.unexpected()
		return
	}
	l.pos += n
	if k == tEPPEnd {
		l.leaveCode(start)
		return
	}
	l.emit(k, start, "")
}

// punctuation finds the longest operator at the current position: its kind and length, or length 0.
func (l *lexer) punctuation() (kind, int) {
	c, c1 := l.src[l.pos], l.peek(1)
	switch c {
	case '{':
		return tLBrace, 1
	case '}':
		return tRBrace, 1
	case '(':
		return tLParen, 1
	case ')':
		return tRParen, 1
	case '[':
		return tLBracket, 1
	case ']':
		return tRBracket, 1
	case ',':
		return tComma, 1
	case ';':
		return tSemicolon, 1
	case '.':
		return tDot, 1
	case '?':
		return tQuestion, 1
	case '*':
		return tTimes, 1
	case '/':
		return tDiv, 1
	case '%':
		if l.epp && c1 == '>' {
			return tEPPEnd, 2
		}
		return tMod, 1
	case '@':
		return pick(c1, tAt, '@', tAtAt)
	case '!':
		return pick(c1, tNot, '=', tNotEqual, '~', tNoMatch)
	case '=':
		return pick(c1, tAssign, '=', tEqual, '~', tMatch, '>', tArrow)
	case '+':
		return pick(c1, tPlus, '=', tAddAssign, '>', tPlusArrow)
	case '-':
		if l.epp && c1 == '%' && l.peek(2) == '>' {
			return tEPPEnd, 3
		}
		return pick(c1, tMinus, '=', tSubAssign, '>', tInEdge)
	case '>':
		return pick(c1, tGreater, '=', tGreaterEq, '>', tShiftRight)
	case '~':
		if c1 == '>' {
			return tInEdgeSub, 2
		}
	case '|':
		if c1 == '>' && l.peek(2) == '>' {
			return tExpCollectEnd, 3
		}
		return pick(c1, tPipe, '>', tCollectEnd)
	case '<':
		if c1 == '<' && l.peek(2) == '|' {
			return tExpCollect, 3
		}
		return pick(c1, tLess, '=', tLessEq, '<', tShiftLeft, '|', tCollect, '-', tOutEdge, '~', tOutEdgeSub)
	}
	return tInvalid, 0
}

// pick chooses between a one-character operator and its two-character relatives, given as pairs of byte and kind.
func pick(next byte, single kind, pairs ...any) (kind, int) {
	for i := 0; i < len(pairs); i += 2 {
		if rune(next) == pairs[i].(rune) {
			return pairs[i+1].(kind), 2
		}
	}
	return single, 1
}

// unexpected complains about a character that starts no token.
func (l *lexer) unexpected() {
	start := l.pos
	r, n := utf8.DecodeRuneInString(l.src[l.pos:l.end])
	l.pos += n
	d := l.errorAt(start, l.pos, "unexpected-character", "unexpected character %q", r)
	switch r {
	case '“', '”', '„', '‘', '’', '`':
		d.Hint = "strings are quoted with ' or \""
	case '–', '—', '−':
		d.Hint = "this is a dash, not a minus sign"
	case '&':
		d.Hint = "use 'and'"
	case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff':
		d.Hint = "an invisible character: delete it"
	}
	l.emit(tInvalid, start, "")
}
