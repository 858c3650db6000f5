package syntax

import "strings"

// define notes a definition for Program.Definitions. The place is taken before the body is read, so that the outer ones
// come first.
func (p *parser) define(d Definition) { p.defs = append(p.defs, d) }

// definedName reads the name of a definition. Whether it is a proper one is the validator's business.
func (p *parser) definedName(what string) (string, Span) {
	t := p.tok()
	switch t.kind {
	case tName, tWord, tTypeName:
		p.next()
		return t.value, p.span(t)
	case tString, tStrPre:
		p.failHint(p.span(t), "leave the quotes out", "quoted-name", "a quoted string is not valid as the name of a %s", what)
	}
	p.unexpected("the name of a " + what)
	return "", Span{}
}

// qualify completes a name with the names of the classes around it.
func (p *parser) qualify(name string) string {
	if len(p.classes) == 0 {
		return name
	}
	return p.classes[len(p.classes)-1] + "::" + strings.TrimPrefix(name, "::")
}

func (p *parser) optionalParams() []*Parameter {
	if !p.accept(tLParen) {
		return nil
	}
	params := p.params(tRParen)
	p.expect(tRParen, "',' or ')'")
	return params
}

func (p *parser) classDef() Expr {
	t := p.next()
	d := &ClassDef{}
	p.define(d)
	name, span := p.definedName("class")
	d.Name, d.NameSpan = p.qualify(name), span
	d.Params = p.optionalParams()
	if p.accept(tInherits) {
		if k := p.tok(); k.kind == tDefault {
			d.Parent, d.ParentSpan = "default", p.span(p.next())
		} else {
			d.Parent, d.ParentSpan = p.definedName("class")
		}
	}
	p.classes = append(p.classes, d.Name)
	d.Body = p.braced()
	p.classes = p.classes[:len(p.classes)-1]
	d.exprBase = at(p.from(t.start))
	return d
}

func (p *parser) defineDef() Expr {
	t := p.next()
	d := &DefineDef{}
	p.define(d)
	name, span := p.definedName("defined type")
	d.Name, d.NameSpan = p.qualify(name), span
	d.Params = p.optionalParams()
	d.Body = p.braced()
	d.exprBase = at(p.from(t.start))
	return d
}

func (p *parser) functionDef() Expr {
	t := p.next()
	name, span := p.definedName(p.file.Source[t.start:t.end])
	if t.kind == tPlan {
		d := &PlanDef{Name: name, NameSpan: span}
		p.define(d)
		d.Params, d.Return, d.Body = p.optionalParams(), p.returnType(), p.braced()
		d.exprBase = at(p.from(t.start))
		return d
	}
	d := &FunctionDef{Name: name, NameSpan: span}
	p.define(d)
	d.Params, d.Return, d.Body = p.optionalParams(), p.returnType(), p.braced()
	d.exprBase = at(p.from(t.start))
	return d
}

func (p *parser) nodeDef() Expr {
	t := p.next()
	d := &NodeDef{}
	p.define(d)
	d.Matches = append(d.Matches, p.nodeMatch())
	for p.accept(tComma) && p.kind() != tLBrace && p.kind() != tInherits {
		d.Matches = append(d.Matches, p.nodeMatch())
	}
	if p.accept(tInherits) {
		d.Parent = p.nodeMatch()
	}
	d.Body = p.braced()
	d.exprBase = at(p.from(t.start))
	return d
}

// nodeMatch reads one thing that a node's name is compared with: a string, a dotted name, a regular expression, default.
func (p *parser) nodeMatch() Expr {
	t := p.tok()
	switch t.kind {
	case tDefault, tRegexp, tString, tHeredoc:
		return p.primary()
	case tStrPre:
		p.fail(p.span(t), "interpolated-node-name", "the name of a node cannot be interpolated")
	case tWord:
		p.next()
		return &StringLiteral{exprBase: at(p.span(t)), Value: t.value}
	case tName, tInteger, tFloat:
	default:
		p.unexpected("the name of a node")
	}
	for {
		switch k := p.kind(); k {
		case tName, tInteger, tFloat:
			p.next()
		default:
			p.unexpected("a part of the node's name")
		}
		if !p.accept(tDot) {
			break
		}
	}
	src := p.from(t.start)
	return &StringLiteral{exprBase: at(src), Value: strings.Join(strings.Fields(src.Text()), "")}
}

// typeDef reads type Name = Type and its relatives.
func (p *parser) typeDef() Expr {
	t := p.next()
	name := p.expect(tTypeName, "the name of a type, which starts with a capital letter")
	switch p.kind() {
	case tLBracket:
		if !p.tok().blank {
			return p.typeMapping(t)
		}
	case tLBrace, tInherits:
		d := &TypeDef{Name: name.value, NameSpan: p.span(name)}
		p.define(d)
		if p.accept(tInherits) {
			d.Parent = p.expect(tTypeName, "the name of a type").value
		}
		d.Body = p.braced()
		d.exprBase = at(p.from(t.start))
		return d
	}
	p.expect(tAssign, "'='")
	d := &TypeAliasDef{Name: name.value, NameSpan: p.span(name)}
	p.define(d)
	d.Type = p.aliasedType()
	d.exprBase = at(p.from(t.start))
	return d
}

// aliasedType reads the right side of a type alias. A hash stands for an Object type; with a type before it, that is the
// parent.
func (p *parser) aliasedType() Expr {
	switch p.kind() {
	case tLBrace:
		return objectType(p.hash())
	case tLBracket:
		return p.primary()
	}
	left := p.typeExpr()
	parent, named := left.(*TypeName)
	if p.kind() != tLBrace || !named {
		return left
	}
	h := p.hash()
	switch parent.Name {
	case "Object":
	case "TypeSet":
		return &Access{exprBase: at(parent.Src.To(h.Src)), Left: parent, Keys: []Expr{h}}
	default:
		key := &Name{exprBase: at(parent.Src), Value: "parent"}
		h.Entries = append(h.Entries, &HashEntry{base: base{parent.Src}, Key: key, Value: parent})
	}
	return objectType(h)
}

func objectType(h *HashLiteral) Expr {
	return &Access{exprBase: at(h.Src), Left: &TypeName{exprBase: at(h.Src), Name: "Object"}, Keys: []Expr{h}}
}

func (p *parser) typeMapping(t *token) Expr {
	p.pos--
	d := &TypeMappingDef{Type: p.typeExpr()}
	p.define(d)
	p.expect(tAssign, "'='")
	d.Mapping = p.aliasedType()
	d.exprBase = at(p.from(t.start))
	return d
}
