package syntax

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Binding strengths of the binary operators, weakest first. The selector stands between comparison and `and`.
const (
	bindNone = iota
	bindOr
	bindAnd
	bindSelector
	bindCompare
	bindEqual
	bindShift
	bindAdd
	bindMul
	bindMatch
	bindIn
)

// binaryOp returns an operator and how strong it binds, or bindNone.
func binaryOp(k kind) (Operator, int) {
	switch k {
	case tOr:
		return OpOr, bindOr
	case tAnd:
		return OpAnd, bindAnd
	case tLess:
		return OpLess, bindCompare
	case tLessEq:
		return OpLessEq, bindCompare
	case tGreater:
		return OpGreater, bindCompare
	case tGreaterEq:
		return OpGreaterEq, bindCompare
	case tEqual:
		return OpEqual, bindEqual
	case tNotEqual:
		return OpNotEqual, bindEqual
	case tShiftLeft:
		return OpShiftLeft, bindShift
	case tShiftRight:
		return OpShiftRight, bindShift
	case tPlus:
		return OpAdd, bindAdd
	case tMinus:
		return OpSub, bindAdd
	case tTimes:
		return OpMul, bindMul
	case tDiv:
		return OpDiv, bindMul
	case tMod:
		return OpMod, bindMul
	case tMatch:
		return OpMatch, bindMatch
	case tNoMatch:
		return OpNoMatch, bindMatch
	case tIn:
		return OpIn, bindIn
	}
	return "", bindNone
}

// assignment reads an expression at the loosest level: an assignment, a relationship, a resource, or less.
func (p *parser) assignment() Expr {
	left := p.relationship()
	var op Operator
	switch p.kind() {
	case tAssign:
		op = OpAssign
	case tAddAssign:
		op = OpAddAssign
	case tSubAssign:
		op = OpSubAssign
	default:
		return left
	}
	p.next()
	p.enter()
	right := p.assignment()
	p.leave()
	return &Assign{exprBase: at(left.Span().To(right.Span())), Op: op, Left: left, Right: right}
}

func (p *parser) relationship() Expr {
	left := p.resource()
	for {
		var op Operator
		switch p.kind() {
		case tInEdge:
			op = OpBefore
		case tInEdgeSub:
			op = OpNotify
		case tOutEdge:
			op = OpBeforeLeft
		case tOutEdgeSub:
			op = OpNotifyLeft
		default:
			return left
		}
		p.link()
		p.next()
		right := p.resource()
		left = &Relationship{exprBase: at(left.Span().To(right.Span())), Op: op, Left: left, Right: right}
	}
}

// expression reads an expression without resources, relationships and assignments.
func (p *parser) expression() Expr { return p.binary(bindOr) }

// binary reads operators that bind at least as strong as least.
func (p *parser) binary(least int) Expr {
	left := p.unary()
	for {
		if p.kind() == tQuestion && least <= bindSelector {
			p.link()
			left = p.postfix(p.selector(left))
			continue
		}
		op, bind := binaryOp(p.kind())
		if bind == bindNone || bind < least {
			return left
		}
		p.link()
		p.next()
		right := p.binary(bind + 1)
		left = &Binary{exprBase: at(left.Span().To(right.Span())), Op: op, Left: left, Right: right}
	}
}

// unary reads the prefix operators, which bind stronger than the binary ones, and what they stand before.
func (p *parser) unary() Expr {
	p.enter()
	defer p.leave()
	t := p.tok()
	switch t.kind {
	case tNot:
		p.next()
		x := p.unary()
		return &Not{exprBase: at(p.span(t).To(x.Span())), Operand: x}
	case tMinus:
		p.next()
		x := p.unary()
		return &Minus{exprBase: at(p.span(t).To(x.Span())), Operand: x}
	case tTimes:
		p.next()
		x := p.unary()
		return &Splat{exprBase: at(p.span(t).To(x.Span())), Operand: x}
	}
	return p.postfix(p.primary())
}

// postfix reads what follows a value directly: access, calls, collectors.
func (p *parser) postfix(left Expr) Expr {
	for {
		t := p.tok()
		switch {
		case t.kind == tLBracket && !t.blank:
			left = p.access(left)
		case t.kind == tDot:
			left = p.methodCall(left)
		case t.kind == tLParen && !t.newline:
			args, lambda := p.arguments()
			left = &Call{exprBase: at(p.from(left.Span().Start)), Func: left, Args: args, Lambda: lambda, NeedsValue: true}
		case t.kind == tCollect || t.kind == tExpCollect:
			left = p.collector(left)
		default:
			return left
		}
		p.link()
	}
}

// access reads [keys] behind an expression.
func (p *parser) access(left Expr) Expr {
	p.next()
	keys := p.list(tRBracket, p.expression)
	if len(keys) == 0 {
		p.unexpected("a key")
	}
	p.expect(tRBracket, "',' or ']'")
	return &Access{exprBase: at(p.from(left.Span().Start)), Left: left, Keys: keys}
}

func (p *parser) methodCall(left Expr) Expr {
	p.next()
	t := p.tok()
	if t.kind != tName && t.kind != tType {
		p.unexpected("the name of a function")
	}
	p.next()
	name := &Name{exprBase: at(p.span(t)), Value: p.text(t)}
	m := &MethodCall{Left: left, Name: name}
	if p.kind() == tLParen && !p.tok().newline {
		m.Args, m.Lambda = p.arguments()
	} else if p.kind() == tPipe {
		m.Lambda = p.lambda()
	}
	m.exprBase = at(p.from(left.Span().Start))
	return m
}

// arguments reads (args) and a lambda behind it.
func (p *parser) arguments() ([]Expr, *Lambda) {
	p.next()
	args := p.elements(tRParen)
	p.expect(tRParen, "',' or ')'")
	if p.kind() == tPipe {
		return args, p.lambda()
	}
	return args, nil
}

// elements reads comma separated expressions up to the closing token.
func (p *parser) elements(end kind) []Expr {
	if end == tRBracket {
		return p.list(end, func() Expr { return p.word(tArrow, tComma, tRBracket) })
	}
	return p.list(end, func() Expr { return p.word(tArrow) })
}

// word reads an expression; the words type and function are strings when one of the given tokens follows.
func (p *parser) word(before ...kind) Expr {
	t := p.tok()
	if (t.kind == tType || t.kind == tFunction) && slices.Contains(before, p.ahead()) {
		p.next()
		return &StringLiteral{exprBase: at(p.span(t)), Value: p.text(t)}
	}
	return p.assignment()
}

// list reads comma separated expressions up to the closing token. Neighbouring `key => value` become one hash.
func (p *parser) list(end kind, element func() Expr) []Expr {
	var list []Expr
	var hash *HashLiteral
	for p.kind() != end {
		x := element()
		if p.kind() == tArrow {
			e := p.hashEntry(x)
			if hash == nil {
				hash = &HashLiteral{exprBase: at(e.Src)}
				list = append(list, hash)
			}
			hash.Entries = append(hash.Entries, e)
			hash.Src = hash.Src.To(e.Src)
		} else {
			hash = nil
			list = append(list, x)
		}
		if !p.accept(tComma) {
			break
		}
	}
	return list
}

func (p *parser) hashEntry(key Expr) *HashEntry {
	p.expect(tArrow, "'=>'")
	value := p.word(tComma, tRBrace)
	return &HashEntry{base: base{key.Span().To(value.Span())}, Key: key, Value: value}
}

func (p *parser) hash() *HashLiteral {
	open := p.expect(tLBrace, "'{'")
	var entries []*HashEntry
	for p.kind() != tRBrace {
		entries = append(entries, p.hashEntry(p.word(tArrow)))
		if !p.accept(tComma) {
			break
		}
	}
	p.expect(tRBrace, "',' or '}'")
	return &HashLiteral{exprBase: at(p.from(open.start)), Entries: entries}
}

func (p *parser) selector(left Expr) Expr {
	p.next()
	s := &Selector{Left: left}
	if p.accept(tLBrace) {
		s.Entries = append(s.Entries, p.selectorEntry())
		for p.accept(tComma) && p.kind() != tRBrace {
			s.Entries = append(s.Entries, p.selectorEntry())
		}
		p.expect(tRBrace, "',' or '}'")
	} else {
		s.Entries = append(s.Entries, p.selectorEntry())
	}
	s.exprBase = at(p.from(left.Span().Start))
	return s
}

func (p *parser) selectorEntry() *SelectorEntry {
	match := p.expression()
	p.expect(tArrow, "'=>'")
	value := p.expression()
	return &SelectorEntry{base: base{match.Span().To(value.Span())}, Match: match, Value: value}
}

// text is a token's value, or its source where it has none of its own.
func (p *parser) text(t *token) string {
	if t.value != "" {
		return t.value
	}
	return p.file.Source[t.start:t.end]
}

// primary reads an operand.
func (p *parser) primary() Expr {
	t := p.tok()
	s := p.span(t)
	switch t.kind {
	case tName:
		p.next()
		return &Name{exprBase: at(s), Value: t.value}
	case tWord:
		p.next()
		return &StringLiteral{exprBase: at(s), Value: t.value}
	case tTypeName:
		p.next()
		return &TypeName{exprBase: at(s), Name: t.value}
	case tVariable:
		p.next()
		return &Variable{exprBase: at(s), Name: t.value}
	case tString:
		p.next()
		return &StringLiteral{exprBase: at(s), Value: t.value}
	case tStrPre:
		return p.interpolated()
	case tInteger, tFloat:
		return p.number()
	case tHeredoc:
		return p.heredoc()
	case tRegexp:
		p.next()
		return &RegexpLiteral{exprBase: at(s), Pattern: t.value}
	case tTrue, tFalse:
		p.next()
		return &BooleanLiteral{exprBase: at(s), Value: t.kind == tTrue}
	case tUndef:
		p.next()
		return &UndefLiteral{at(s)}
	case tDefault:
		p.next()
		return &DefaultLiteral{at(s)}
	case tPrivate, tAttr:
		p.next()
		return &ReservedWord{exprBase: at(s), Word: p.text(t)}
	case tLBracket:
		p.next()
		list := p.elements(tRBracket)
		p.expect(tRBracket, "',' or ']'")
		return &ListLiteral{exprBase: at(p.from(t.start)), Elements: list}
	case tLBrace:
		return p.hash()
	case tLParen:
		p.next()
		x := p.assignment()
		p.expect(tRParen, "')'")
		return &Paren{exprBase: at(p.from(t.start)), Inner: x}
	}
	return p.construct(t)
}

// construct reads the operands that start with a keyword, and template parts.
func (p *parser) construct(t *token) Expr {
	switch t.kind {
	case tIf:
		return p.ifElse()
	case tUnless:
		return p.unless()
	case tCase:
		return p.caseOf()
	case tClass:
		return p.classDef()
	case tDefine:
		return p.defineDef()
	case tNode:
		return p.nodeDef()
	case tFunction, tPlan:
		return p.functionDef()
	case tType:
		if p.ahead() == tLParen {
			p.next()
			return &Name{exprBase: at(p.span(t)), Value: "type"}
		}
		return p.typeDef()
	case tRenderText:
		p.next()
		return &RenderText{exprBase: at(p.span(t)), Text: t.value}
	case tRenderExpr:
		return p.renderExpr()
	}
	p.unexpected("")
	return nil
}

// interpolated reads the pieces of a string with interpolations.
func (p *parser) interpolated() Expr {
	start := p.tok()
	var segments []Expr
	for {
		t := p.next()
		if t.value != "" {
			segments = append(segments, &StringLiteral{exprBase: at(p.span(t)), Value: t.value})
		}
		if t.kind == tStrPost {
			return &InterpolatedString{exprBase: at(p.from(start.start)), Segments: segments}
		}
		first := p.tok().start
		x := p.assignment()
		if p.kind() != tStrMid && p.kind() != tStrPost {
			p.unexpected("'}'")
		}
		segments = append(segments, &Interpolation{exprBase: at(Span{File: p.file, Start: first, End: p.tok().start}), Expr: x})
	}
}

func (p *parser) heredoc() Expr {
	t := p.next()
	var body Expr
	if p.kind() == tStrPre {
		body = p.interpolated()
	} else {
		s := p.expect(tString, "the text of the heredoc")
		body = &StringLiteral{exprBase: at(p.span(s)), Value: s.value}
	}
	return &Heredoc{exprBase: at(p.span(t)), Syntax: t.value, Text: body}
}

// number makes a literal; a number that was already complained about has the value "0".
func (p *parser) number() Expr {
	t := p.next()
	s := p.span(t)
	text := p.text(t)
	if t.kind == tFloat {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) {
			p.diags.error(s, "number-out-of-range", "the number %s does not fit in a Float", text)
		}
		return &FloatLiteral{exprBase: at(s), Value: f}
	}
	switch {
	case len(text) > 2 && (text[1] == 'x' || text[1] == 'X'):
		return &IntegerLiteral{exprBase: at(s), Value: p.integer(t, text[2:], 16), Radix: 16}
	case len(text) > 1 && strings.HasPrefix(text, "0"):
		return &IntegerLiteral{exprBase: at(s), Value: p.integer(t, text[1:], 8), Radix: 8}
	}
	return &IntegerLiteral{exprBase: at(s), Value: p.integer(t, text, 10), Radix: 10}
}
