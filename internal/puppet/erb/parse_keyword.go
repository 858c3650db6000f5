package erb

import "slices"

// keyword reads what begins with a keyword.
func (p *parser) keyword() node {
	pos, word := p.here(), p.tok.s
	switch word {
	case "nil", "true", "false":
		p.advance()
		return &litNode{pos, map[string]any{"nil": nil, "true": true, "false": false}[word]}
	case "if", "unless":
		p.advance()
		return p.conditional(pos, word == "unless")
	case "while", "until":
		p.advance()
		n := &whileNode{at: pos, until: word == "until", cond: p.loopHead()}
		n.body = p.statements()
		p.expectKeyword("end")
		return n
	case "for":
		p.advance()
		return p.forLoop(pos)
	case "case":
		p.advance()
		return p.caseOf(pos)
	case "begin":
		p.advance()
		body := p.body(pos)
		p.expectKeyword("end")
		if _, ok := body.(*beginNode); !ok {
			body = &beginNode{at: pos, body: body}
		}
		return body
	case "def":
		return p.define(pos)
	case "next", "break", "return":
		p.advance()
		return p.jump(pos, word)
	case "yield":
		p.advance()
		c := &callNode{at: pos}
		p.callArguments(c)
		return &yieldNode{pos, c.args}
	case "defined?":
		return p.defined()
	case "not":
		return p.negation()
	}
	p.fail(int(pos), "'%s' is not supported here", word)
	return nil
}

// then skips the end of a condition.
func (p *parser) then() {
	if p.isKeyword("then") {
		p.advance()
		return
	}
	if p.tok.kind != tNewline && p.tok.kind != tText {
		p.unexpected()
	}
	p.newlines()
	p.acceptKeyword("then")
}

// condition reads the condition of an if: the arguments around it have nothing to do with it.
func (p *parser) condition() node {
	noDo, inArgs := p.noDo, p.inArgs
	p.noDo, p.inArgs = false, 0
	defer func() { p.noDo, p.inArgs = noDo, inArgs }()
	return p.statement()
}

func (p *parser) conditional(pos at, negate bool) node {
	n := &ifNode{at: pos, cond: p.condition()}
	p.then()
	body := p.statements()
	var other node
	switch here := p.here(); {
	case p.isKeyword("elsif") && !negate:
		p.advance()
		n.yes, n.no = body, p.conditional(here, false)
		return n
	case p.acceptKeyword("else"):
		other = p.statements()
	}
	p.expectKeyword("end")
	n.yes, n.no = body, other
	if negate {
		n.yes, n.no = n.no, n.yes
	}
	return n
}

// loopHead reads the condition of a loop, whose `do` does not begin a block.
func (p *parser) loopHead() node {
	noDo := p.noDo
	p.noDo = true
	cond := p.expression()
	p.noDo = noDo
	if !p.acceptKeyword("do") && p.tok.kind != tNewline {
		p.unexpected()
	}
	return cond
}

func (p *parser) forLoop(pos at) node {
	n := &forNode{at: pos}
	m := &multiNode{at: pos}
	for {
		m.targets = append(m.targets, p.oneTarget())
		if !p.accept(",") {
			break
		}
	}
	n.target = m
	if len(m.targets) == 1 {
		n.target = m.targets[0]
	}
	p.expectKeyword("in")
	n.list = p.loopHead()
	n.body = p.statements()
	p.expectKeyword("end")
	return n
}

func (p *parser) caseOf(pos at) node {
	n := &caseNode{at: pos}
	if p.tok.kind != tNewline && !p.isKeyword("when") {
		n.subject = p.statement()
	}
	p.newlines()
	for p.acceptKeyword("when") {
		var w when
		for {
			if here := p.here(); p.accept("*") {
				w.conds = append(w.conds, &splatNode{here, p.ternary()})
			} else {
				w.conds = append(w.conds, p.ternary())
			}
			if !p.accept(",") {
				break
			}
			p.newlines()
		}
		p.then()
		w.body = p.statements()
		n.whens = append(n.whens, w)
	}
	if len(n.whens) == 0 {
		p.unexpected()
	}
	if p.acceptKeyword("else") {
		n.other = p.statements()
	}
	p.expectKeyword("end")
	return n
}

// body reads statements with the handlers of exceptions after them.
func (p *parser) body(pos at) node {
	noDo, inArgs := p.noDo, p.inArgs
	p.noDo, p.inArgs = false, 0
	defer func() { p.noDo, p.inArgs = noDo, inArgs }()
	b := &beginNode{at: pos, body: p.statements()}
	for p.isKeyword("rescue") {
		p.advance()
		b.rescues = append(b.rescues, p.rescue())
	}
	if len(b.rescues) > 0 && p.acceptKeyword("else") {
		b.otherwise = p.statements()
	}
	if p.acceptKeyword("ensure") {
		b.ensure = p.statements()
	}
	if len(b.rescues) == 0 && b.ensure == nil {
		return b.body
	}
	return b
}

func (p *parser) rescue() rescue {
	var r rescue
	for p.tok.kind == tConst {
		r.classes = append(r.classes, p.ternary())
		if !p.accept(",") {
			break
		}
	}
	if p.accept("=>") {
		r.name = p.target(p.primary())
	}
	if !p.isKeyword("then") && p.tok.kind != tNewline && p.tok.kind != tText {
		p.unexpected()
	}
	p.acceptKeyword("then")
	r.body = p.statements()
	return r
}

// refusedDefs are names of methods whose redefinition would change what the evaluator does itself.
var refusedDefs = []string{"scope", "method_missing", "to_s", "inspect", "initialize", "respond_to?"}

func (p *parser) define(pos at) node {
	p.advance()
	if p.tok.kind != tIdent && p.tok.kind != tConst {
		p.fail(int(pos), "'def %s' is not supported", p.tok.s)
	}
	d := &defNode{at: pos, name: p.tok.s}
	if slices.Contains(refusedDefs, d.name) {
		p.fail(int(pos), "'def %s' is not supported", d.name)
	}
	p.advance()
	if p.isOp(".") || p.isOp("=") {
		p.fail(int(pos), "'def' of anything but a simple method is not supported")
	}
	p.locals = append(p.locals, nil, map[string]bool{})
	if p.accept("(") {
		d.params = p.parameters(")")
		p.expect(")")
	} else if p.tok.kind != tNewline {
		d.params = p.parameters("\n")
	}
	d.body = p.body(pos)
	p.locals = p.locals[:len(p.locals)-2]
	p.expectKeyword("end")
	return d
}

func (p *parser) jump(pos at, word string) node {
	n := &jumpNode{at: pos, kind: word}
	if p.isKeyword("if") || p.isKeyword("unless") || p.tok.kind == tNewline || p.tok.kind == tText || p.endsBody() || p.isOp(":") {
		return n
	}
	n.x = p.list(p.ternary())
	return n
}
