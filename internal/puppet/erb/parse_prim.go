package erb

import (
	"strconv"
	"strings"
)

// primary reads a literal, a variable, a call without receiver, something in parentheses, or a construct with `end`.
func (p *parser) primary() node {
	defer p.enter()()
	pos, t := p.here(), p.tok
	switch t.kind {
	case tInt:
		n := &litNode{pos, p.integer(strings.ReplaceAll(t.s, "_", ""))}
		p.advance()
		return n
	case tFloat:
		f, err := strconv.ParseFloat(strings.ReplaceAll(t.s, "_", ""), 64)
		if err != nil {
			p.fail(t.line, "the number %s is not supported", t.s)
		}
		p.advance()
		return &litNode{pos, f}
	case tSymbol:
		p.advance()
		return &litNode{pos, symbol(t.s)}
	case tIvar:
		p.advance()
		return &ivarNode{pos, t.s[1:]}
	case tGlobal:
		p.advance()
		return p.global(pos, t.s)
	case tString:
		return p.strings()
	case tDSym:
		s := &strNode{at: pos, parts: p.content(t)}
		p.advance()
		return &symNode{pos, s}
	case tRegexp:
		return p.regexp()
	case tWords:
		return p.words()
	case tIdent:
		return p.identifier()
	case tConst:
		return p.constantOrCall()
	case tKeyword:
		return p.keyword()
	case tOp:
		return p.bracket()
	}
	p.unexpected()
	return nil
}

func (p *parser) global(pos at, name string) node {
	switch {
	case name == "$~", name == "$&", name[1] >= '1' && name[1] <= '9':
		return &globalNode{pos, name}
	}
	p.fail(int(pos), "the global variable %s is not supported", name)
	return nil
}

func (p *parser) bracket() node {
	pos := p.here()
	switch {
	case p.accept("("):
		return p.parenthesis(pos)
	case p.accept("["):
		return &arrayNode{at: pos, elems: p.arguments("]", nil)}
	case p.accept("{"):
		return p.hash(pos)
	case p.accept("->"):
		return p.arrow(pos)
	case p.accept(".."), p.accept("..."):
		p.fail(int(pos), "ranges without a beginning are not supported")
	case p.isOp("::"):
		p.advance()
		return p.constantOrCall()
	}
	p.unexpected()
	return nil
}

func (p *parser) parenthesis(pos at) node {
	noDo, inArgs := p.noDo, p.inArgs
	p.noDo, p.inArgs = false, 0
	body := p.statements()
	p.noDo, p.inArgs = noDo, inArgs
	p.expect(")")
	if seq := body.(*seqNode); len(seq.list) == 1 {
		if _, ok := seq.list[0].(*multiNode); !ok {
			// in parentheses it is no target of an assignment any more
			return &seqNode{pos, seq.list}
		}
	}
	return body
}

func (p *parser) hash(pos at) node {
	noDo := p.noDo
	p.noDo = false
	p.inArgs++
	h := &hashNode{at: pos}
	p.newlines()
	for !p.isOp("}") {
		key, x, ok := p.pair()
		if !ok {
			p.unexpected()
		}
		h.pairs = append(h.pairs, key, x)
		p.newlines()
		if !p.accept(",") {
			break
		}
		p.newlines()
	}
	p.noDo = noDo
	p.inArgs--
	p.expect("}")
	return h
}

// arrow reads ->(x) { … }.
func (p *parser) arrow(pos at) node {
	b := &blockNode{at: pos, lambda: true}
	p.locals = append(p.locals, map[string]bool{})
	if p.accept("(") {
		b.params = p.parameters(")")
		p.expect(")")
	}
	switch {
	case p.accept("{"):
		p.blockBody(b, "}")
	case p.acceptKeyword("do"):
		p.blockBody(b, "end")
	default:
		p.unexpected()
	}
	return &callNode{at: pos, name: "lambda", block: b}
}

func (p *parser) identifier() node {
	pos, name := p.here(), p.tok.s
	paren := strings.HasPrefix(p.src[p.i:], "(")
	if p.local(name) && !paren {
		p.advance()
		return &localNode{pos, name}
	}
	p.advance()
	c := &callNode{at: pos, name: name}
	p.callArguments(c)
	return c
}

func (p *parser) constantOrCall() node {
	pos, name := p.here(), p.tok.s
	if p.tok.kind != tConst {
		p.unexpected()
	}
	p.advance()
	if p.isOp("(") && !p.tok.space || p.tok.kind == tString && p.tok.space {
		c := &callNode{at: pos, name: name}
		p.callArguments(c)
		return c
	}
	return &constNode{pos, name}
}

// strings reads a string and those that follow it directly.
func (p *parser) strings() node {
	s := &strNode{at: p.here()}
	for p.tok.kind == tString {
		s.parts = append(s.parts, p.content(p.tok)...)
		p.advance()
	}
	return s
}

// content reads the text of a string up to its end; the current token is its beginning, and stays so.
func (p *parser) content(t token) []node {
	var parts []node
	var b strings.Builder
	end, nested := t.s[0], 0
	flush := func() {
		if b.Len() > 0 {
			parts = append(parts, &rawNode{at(p.line), b.String()})
			b.Reset()
		}
	}
	for p.i < len(p.src) {
		switch c := p.src[p.i]; {
		case c == end && nested == 0:
			p.i++
			flush()
			p.prev = t
			return parts
		case c == textMark || c == outMark:
			p.fail(t.line, "a string is not closed before the end of its tag")
		case c == '\\':
			p.i++
			p.escape(&b, t)
		case c == '#' && !t.raw && strings.HasPrefix(p.src[p.i:], "#{"):
			flush()
			p.i += 2
			parts = append(parts, p.interpolation())
		case c == '#' && !t.raw && (strings.HasPrefix(p.src[p.i:], "#@") || strings.HasPrefix(p.src[p.i:], "#$")):
			p.fail(p.line, "interpolation without braces is not supported")
		default:
			switch {
			case c == '\n':
				p.line++
			case t.open != 0 && c == t.open:
				nested++
			case t.open != 0 && c == end:
				nested--
			}
			b.WriteByte(c)
			p.i++
		}
	}
	p.fail(t.line, "a string is not closed")
	return nil
}

func (p *parser) interpolation() node {
	defer p.enter()()
	noDo, inArgs := p.noDo, p.inArgs
	p.noDo, p.inArgs = false, 0
	p.prev = token{}
	p.advance()
	body := p.statements()
	if !p.isOp("}") {
		p.unexpected()
	}
	p.noDo, p.inArgs = noDo, inArgs
	return body
}

var escapes = map[byte]byte{
	'n': '\n', 't': '\t', 's': ' ', 'r': '\r', '0': 0, 'e': 0x1b, 'a': 7, 'b': 8, 'f': '\f', 'v': '\v',
}

// escape reads what follows a backslash.
func (p *parser) escape(b *strings.Builder, t token) {
	if p.i >= len(p.src) {
		return
	}
	c := p.src[p.i]
	p.i++
	if c == '\n' {
		p.line++
	}
	switch {
	case t.kind == tRegexp:
		if c != '/' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	case t.raw:
		if c != '\\' && c != t.s[0] && (t.open == 0 || c != t.open) && (t.kind != tWords || c != ' ') {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	case c == '\n':
	case c == 'u':
		p.unicode(b)
	case c == 'x' || c >= '0' && c <= '7' && (c != '0' || p.i < len(p.src) && p.src[p.i] >= '0' && p.src[p.i] <= '7'):
		p.code(b, c)
	case c == 'c' || c == 'C' || c == 'M':
		p.fail(p.line, "the escape \\%c is not supported", c)
	default:
		if e, ok := escapes[c]; ok {
			c = e
		}
		b.WriteByte(c)
	}
}

// code reads \x41 and \101.
func (p *parser) code(b *strings.Builder, c byte) {
	base, start, size := 8, p.i-1, 3
	if c == 'x' {
		base, start, size = 16, p.i, 2
	}
	n := start
	for n < len(p.src) && n < start+size && strings.IndexByte("0123456789abcdefABCDEF"[:base+6*(base/16)], p.src[n]) >= 0 {
		n++
	}
	v, err := strconv.ParseUint(p.src[start:n], base, 32)
	if err != nil || v > 0x7f {
		p.fail(p.line, "escapes of bytes above 127 are not supported")
	}
	b.WriteByte(byte(v))
	p.i = n
}

func (p *parser) unicode(b *strings.Builder) {
	digits := ""
	rest := p.src[p.i:]
	if strings.HasPrefix(rest, "{") {
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			p.fail(p.line, "invalid escape \\u")
		}
		digits = rest[1:end]
		p.i += end + 1
	} else if len(rest) >= 4 {
		digits = rest[:4]
		p.i += 4
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || v > 0x10ffff || v >= 0xd800 && v < 0xe000 {
		p.fail(p.line, "invalid escape \\u")
	}
	b.WriteRune(rune(v))
}

func (p *parser) words() node {
	t := p.tok
	a := &arrayNode{at: at(t.line)}
	for _, part := range p.content(t) {
		for w := range strings.FieldsSeq(part.(*rawNode).s) {
			a.elems = append(a.elems, &strNode{a.at, []node{&rawNode{a.at, w}}})
		}
	}
	p.advance()
	return a
}

func (p *parser) regexp() node {
	t := p.tok
	r := &regexNode{at: at(t.line)}
	r.str = &strNode{at: r.at, parts: p.content(t)}
	start := p.i
	for p.i < len(p.src) && p.src[p.i] >= 'a' && p.src[p.i] <= 'z' {
		p.i++
	}
	r.flags = p.src[start:p.i]
	if strings.Trim(r.flags, "imx") != "" {
		p.fail(t.line, "the regular expression option %q is not supported", r.flags)
	}
	if source, ok := plainText(r.str); ok {
		re, err := newRegex(source, r.flags)
		if err != nil {
			p.fail(t.line, "%v", err)
		}
		r.re = re
	}
	p.advance()
	return r
}

// plainText gives the text of a string without interpolation.
func plainText(s *strNode) (string, bool) {
	var text strings.Builder
	for _, part := range s.parts {
		raw, ok := part.(*rawNode)
		if !ok {
			return "", false
		}
		text.WriteString(raw.s)
	}
	return text.String(), true
}
