package syntax

// resource reads an expression and, when `{` follows, what it declares: a resource, defaults or overrides. In front of it may
// stand @ or @@.
func (p *parser) resource() Expr {
	if k := p.kind(); k == tAt || k == tAtAt {
		return p.virtual()
	}
	var left Expr
	if p.kind() == tClass && p.ahead() == tLBrace {
		t := p.next()
		left = p.bodies(&Name{exprBase: at(p.span(t)), Value: "class"})
	} else {
		left = p.expression()
	}
	for p.kind() == tLBrace {
		p.link()
		left = p.declaration(left)
	}
	return left
}

// declaration reads { … } behind an expression.
func (p *parser) declaration(left Expr) Expr {
	switch k := p.ahead(); {
	case k == tRBrace, k == tComma:
	case k == tTimes && p.kindAt(2) == tArrow:
	case attributeName(k) && (p.kindAt(2) == tArrow || p.kindAt(2) == tPlusArrow):
	default:
		return p.bodies(left)
	}
	return p.withoutTitle(left)
}

// kindAt is the kind of the token n behind the current one.
func (p *parser) kindAt(n int) kind {
	if p.pos+n < len(p.toks) {
		return p.toks[p.pos+n].kind
	}
	return tEOF
}

func (p *parser) virtual() Expr {
	t := p.next()
	form := Virtual
	if t.kind == tAtAt {
		form = Exported
	}
	p.enter()
	x := p.resource()
	p.leave()
	whole := p.span(t).To(x.Span())
	switch r := x.(type) {
	case *Resource:
		r.Form, r.Src = form, whole
	case *ResourceDefaults:
		r.Form, r.Src = form, whole
	case *ResourceOverride:
		r.Form, r.Src = form, whole
	default:
		p.fail(whole, "not-virtualizable", "%s can only be applied to a resource", p.file.Source[t.start:t.end])
	}
	return x
}

// bodies reads { title: attributes; title: attributes }.
func (p *parser) bodies(left Expr) Expr {
	p.next()
	r := &Resource{Type: left}
	for {
		r.Bodies = append(r.Bodies, p.body())
		if !p.accept(tSemicolon) || p.kind() == tRBrace {
			break
		}
	}
	p.expect(tRBrace, "',', ';' or '}'")
	r.exprBase = at(p.from(left.Span().Start))
	return r
}

func (p *parser) body() *ResourceBody {
	start := p.tok().start
	b := &ResourceBody{Title: p.expression()}
	p.expect(tColon, "':' behind the title")
	b.Operations = p.operations()
	b.Src = p.from(start)
	return b
}

// operations reads attributes, separated by commas.
func (p *parser) operations() []AttributeOp {
	var ops []AttributeOp
	p.accept(tComma) // Puppet lets a list start with a comma
	for {
		t := p.tok()
		switch {
		case t.kind == tTimes:
			p.next()
			p.expect(tArrow, "'=>'")
			op := &AttributesOperation{Value: p.expression()}
			op.Src = p.from(t.start)
			ops = append(ops, op)
		case attributeName(t.kind):
			ops = append(ops, p.attribute())
		default:
			return ops
		}
		if !p.accept(tComma) {
			return ops
		}
	}
}

// attributeName tells whether a token can be the name of an attribute: keywords can, true and false cannot.
func attributeName(k kind) bool {
	return k == tName || k.isKeyword() && k != tTrue && k != tFalse
}

func (p *parser) attribute() *AttributeOperation {
	t := p.next()
	op := &AttributeOperation{Name: p.text(t), NameSpan: p.span(t), Op: OpSetAttribute}
	switch p.kind() {
	case tArrow:
	case tPlusArrow:
		op.Op = OpAddAttribute
	default:
		p.unexpected("'=>'")
	}
	p.next()
	op.Value = p.expression()
	op.Src = p.from(t.start)
	return op
}

// withoutTitle reads { attributes } behind an expression, whose form tells what is meant.
func (p *parser) withoutTitle(left Expr) Expr {
	open := p.next()
	ops := p.operations()
	p.expect(tRBrace, "',' or '}'")
	src := at(p.from(left.Span().Start))
	switch l := left.(type) {
	case *TypeName:
		return &ResourceDefaults{exprBase: src, Type: left, Operations: ops}
	case *Access:
		return &ResourceOverride{exprBase: src, Resources: left, Operations: ops}
	case *Name:
		if isStatementCall(l.Value) {
			if h := p.hashOf(open, ops); h != nil {
				return &Call{exprBase: src, Func: l, Args: []Expr{h}, Statement: true}
			}
		}
		p.failHint(l.Src, "a resource is type { title: attribute => value }", "resource-without-title",
			"the resource '%s' has no title", l.Value)
	}
	p.failHint(left.Span(), "a resource is type { title: attribute => value }", "resource-without-title",
		"%s cannot be followed by attributes", describe(left))
	return nil
}

// hashOf makes a hash of attributes, for `notice { a => 1 }`. It is nil when they hold a splat.
func (p *parser) hashOf(open *token, ops []AttributeOp) *HashLiteral {
	h := &HashLiteral{exprBase: at(p.from(open.start))}
	for _, op := range ops {
		a, ok := op.(*AttributeOperation)
		if !ok {
			return nil
		}
		key := &StringLiteral{exprBase: at(a.NameSpan), Value: a.Name}
		h.Entries = append(h.Entries, &HashEntry{base: a.base, Key: key, Value: a.Value})
	}
	return h
}

// collector reads <| query |> and overrides behind an expression.
func (p *parser) collector(left Expr) Expr {
	c := &Collector{Type: left}
	end := tCollectEnd
	if p.next().kind == tExpCollect {
		c.Exported, end = true, tExpCollectEnd
	}
	if p.kind() != end {
		c.Query = p.expression()
	}
	what := "'|>'"
	if c.Exported {
		what = "'|>>'"
	}
	p.expect(end, what)
	if p.accept(tLBrace) {
		c.Operations = p.operations()
		p.expect(tRBrace, "',' or '}'")
	}
	c.exprBase = at(p.from(left.Span().Start))
	return c
}
