package syntax

// ifElse reads if, its elsifs and its else. An elsif nests in the Else of the one before; that is read in a loop.
func (p *parser) ifElse() Expr {
	first := p.ifPart()
	last := first
	for p.kind() == tElsif {
		p.link()
		part := p.ifPart()
		last.Else = part
		last = part
	}
	if p.accept(tElse) {
		last.Else = p.braced()
	}
	// The spans of the outer parts end where the last one does.
	end := p.from(first.Src.Start).End
	for part := first; part != nil; {
		part.Src.End = end
		part, _ = part.Else.(*If)
	}
	return first
}

func (p *parser) ifPart() *If {
	t := p.next()
	n := &If{}
	n.Test = p.expression()
	n.Then = p.braced()
	n.exprBase = at(p.from(t.start))
	return n
}

func (p *parser) unless() Expr {
	t := p.next()
	n := &Unless{}
	n.Test = p.expression()
	n.Then = p.braced()
	if p.accept(tElse) {
		n.Else = p.braced()
	} else if p.kind() == tElsif {
		p.failHint(p.span(p.tok()), "write the condition the other way round with 'if'", "syntax-error", "'unless' has no 'elsif'")
	}
	n.exprBase = at(p.from(t.start))
	return n
}

func (p *parser) caseOf() Expr {
	t := p.next()
	c := &Case{Test: p.expression()}
	p.expect(tLBrace, "'{'")
	for {
		c.Options = append(c.Options, p.caseOption())
		if p.accept(tRBrace) {
			break
		}
	}
	c.exprBase = at(p.from(t.start))
	return c
}

func (p *parser) caseOption() *CaseOption {
	start := p.tok().start
	o := &CaseOption{Values: []Expr{p.expression()}}
	for p.accept(tComma) {
		o.Values = append(o.Values, p.expression())
	}
	p.expect(tColon, "',' or ':'")
	o.Then = p.braced()
	o.Src = p.from(start)
	return o
}

// lambda reads |params| >> Type { body }.
func (p *parser) lambda() *Lambda {
	t := p.tok()
	l := &Lambda{Params: p.pipedParams()}
	l.Return = p.returnType()
	l.Body = p.braced()
	l.exprBase = at(p.from(t.start))
	return l
}

// pipedParams reads |params|.
func (p *parser) pipedParams() []*Parameter {
	p.expect(tPipe, "'|'")
	params := p.params(tPipe)
	p.expect(tPipe, "',' or '|'")
	return params
}

// returnType reads >> Type, if it is there.
func (p *parser) returnType() Expr {
	if !p.accept(tShiftRight) {
		return nil
	}
	return p.typeExpr()
}

// typeExpr reads a type as it stands before a parameter: a name, perhaps with one access.
func (p *parser) typeExpr() Expr {
	t := p.expect(tTypeName, "a type")
	var x Expr = &TypeName{exprBase: at(p.span(t)), Name: t.value}
	if p.kind() == tLBracket && !p.tok().blank {
		x = p.access(x)
	}
	return x
}

// params reads parameters up to the closing token.
func (p *parser) params(end kind) []*Parameter {
	var list []*Parameter
	for p.kind() != end {
		list = append(list, p.param())
		if !p.accept(tComma) {
			break
		}
	}
	return list
}

func (p *parser) param() *Parameter {
	start := p.tok().start
	n := &Parameter{}
	if p.kind() == tTypeName {
		n.Type = p.typeExpr()
	}
	n.Rest = p.accept(tTimes)
	what := "a parameter"
	if n.Type != nil || n.Rest {
		what = "a variable"
	}
	t := p.expect(tVariable, what)
	n.Name, n.NameSpan = t.value, p.span(t)
	if p.accept(tAssign) {
		n.Default = p.expression()
	}
	n.Src = p.from(start)
	return n
}

// template reads an EPP template: its parameters, then statements.
func (p *parser) template() Expr {
	e := &EPP{exprBase: at(Span{File: p.file, End: uint32(len(p.file.Source))})}
	if p.kind() == tPipe {
		e.HasParams = true
		if !p.templateParams(e) {
			return e
		}
	}
	e.Body = p.block(tEOF)
	return e
}

// templateParams reads the parameters; it reports whether they could be read.
func (p *parser) templateParams(e *EPP) (ok bool) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case syntaxError:
			ok = false
		default:
			panic(r)
		}
	}()
	e.Params = p.pipedParams()
	return true
}

// renderExpr reads <%= expr %>, or <%= { statements } %>.
func (p *parser) renderExpr() Expr {
	t := p.next()
	n := &RenderExpr{}
	if p.kind() == tLBrace {
		n.Expr = p.renderBlock()
	} else {
		n.Expr = p.expression()
	}
	p.expect(tEPPEnd, "'%>'")
	n.exprBase = at(p.from(t.start))
	return n
}

// renderBlock reads what stands behind `<%= {`: a hash when `=>` stands directly in the braces, otherwise statements.
func (p *parser) renderBlock() Expr {
	depth := 0
	for i := p.pos; i < len(p.toks); i++ {
		switch p.toks[i].kind {
		case tLBrace, tLBracket, tLParen:
			depth++
		case tRBrace, tRBracket, tRParen:
			if depth--; depth == 0 {
				return p.braced()
			}
		case tArrow:
			if depth == 1 {
				return p.expression()
			}
		case tEPPEnd:
			return p.braced()
		}
	}
	return p.braced()
}
