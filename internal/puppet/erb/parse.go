package erb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// maxNesting bounds the depth of the program.
const maxNesting = 500

// Error is a template that is not valid or that uses something outside of the subset.
type Error struct {
	// Line is the line in the template, from 1.
	Line int
	// Message says what is wrong.
	Message string
	// cause is a context that ended, or the error of a Puppet function.
	cause error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// Unwrap gives the error behind it.
func (e *Error) Unwrap() error { return e.cause }

// Template is a parsed template. It is not changed by rendering; several goroutines may use it.
type Template struct{ body node }

// Parse reads a template with the trim mode "-", as Puppet's are.
func Parse(src string) (t *Template, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case refusal:
			err = &Error{Line: r.line, Message: r.msg}
		default:
			panic(r)
		}
	}()
	s := scan(src)
	p := &parser{lexer: lexer{src: s.code, line: 1, texts: s.texts}}
	p.locals = []map[string]bool{{}}
	p.isLocal = p.local
	p.advance()
	body := p.statements()
	if p.tok.kind != tEOF {
		p.unexpected()
	}
	return &Template{body}, nil
}

// parser is a recursive descent over the tokens.
type parser struct {
	lexer
	tok token
	// locals are the names of the variables in use, innermost last; a nil entry ends what is visible (def).
	locals []map[string]bool
	depth  int
	// noDo tells that a `do` belongs to the loop around the expression.
	noDo bool
	// inArgs counts the lists of arguments and elements that the parser is in.
	inArgs int
}

func (p *parser) advance() { p.tok = p.lexer.next() }

func (p *parser) local(name string) bool {
	for i := len(p.locals) - 1; i >= 0 && p.locals[i] != nil; i-- {
		if p.locals[i][name] {
			return true
		}
	}
	return false
}

func (p *parser) declare(name string) {
	if !p.local(name) {
		p.locals[len(p.locals)-1][name] = true
	}
}

func (p *parser) enter() func() {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.tok.line, "the template nests too deeply")
	}
	return func() { p.depth-- }
}

func (p *parser) unexpected() {
	switch p.tok.kind {
	case tEOF:
		p.fail(p.tok.line, "unexpected end of the template")
	case tText:
		p.fail(p.tok.line, "unexpected text of the template inside of an expression")
	case tNewline:
		p.fail(p.tok.line, "unexpected end of line")
	}
	p.fail(p.tok.line, "unexpected '%s'", p.tok.s)
}

func (p *parser) isOp(s string) bool      { return p.tok.kind == tOp && p.tok.s == s }
func (p *parser) isKeyword(s string) bool { return p.tok.kind == tKeyword && p.tok.s == s }

func (p *parser) accept(op string) bool {
	if p.isOp(op) {
		p.advance()
		return true
	}
	return false
}

func (p *parser) acceptKeyword(s string) bool {
	if p.isKeyword(s) {
		p.advance()
		return true
	}
	return false
}

func (p *parser) expect(op string) {
	if !p.accept(op) {
		p.unexpected()
	}
}

func (p *parser) expectKeyword(s string) {
	if !p.acceptKeyword(s) {
		p.unexpected()
	}
}

func (p *parser) newlines() {
	for p.tok.kind == tNewline {
		p.advance()
	}
}

func (p *parser) here() at { return at(p.tok.line) }

// statements reads up to something that ends a body; the caller looks what it is.
func (p *parser) statements() node {
	seq := &seqNode{at: p.here()}
	for {
		p.newlines()
		if p.endsBody() {
			return seq
		}
		marked := p.tok.kind == tText || p.tok.kind == tOut
		seq.list = append(seq.list, p.statement())
		if p.tok.kind != tNewline && !p.endsBody() && (!marked || p.tok.kind != tText) {
			p.unexpected()
		}
	}
}

func (p *parser) endsBody() bool {
	switch p.tok.kind {
	case tEOF:
		return true
	case tKeyword:
		switch p.tok.s {
		case "end", "else", "elsif", "when", "in", "rescue", "ensure":
			return true
		}
	case tOp:
		return p.tok.s == "}" || p.tok.s == ")"
	}
	return false
}

// statement reads an expression with its modifiers.
func (p *parser) statement() node {
	defer p.enter()()
	n := p.simple()
	for p.tok.kind == tKeyword {
		pos := p.here()
		switch p.tok.s {
		case "if":
			p.advance()
			n = &ifNode{at: pos, cond: p.expression(), yes: n}
		case "unless":
			p.advance()
			n = &ifNode{at: pos, cond: p.expression(), no: n}
		case "while", "until":
			until := p.tok.s == "until"
			p.advance()
			if _, ok := n.(*beginNode); ok {
				p.fail(int(pos), "begin … end while is not supported")
			}
			n = &whileNode{at: pos, until: until, cond: p.expression(), body: n}
		case "rescue":
			p.advance()
			n = &beginNode{at: pos, body: n, rescues: []rescue{{body: p.expression()}}}
		default:
			return n
		}
	}
	return n
}

func (p *parser) simple() node {
	switch pos := p.here(); {
	case p.tok.kind == tText:
		n := &textNode{pos, p.tok.s}
		p.advance()
		return n
	case p.tok.kind == tOut:
		p.advance()
		return &outNode{pos, p.primary()}
	case p.isOp("*"):
		return p.multiple(nil)
	}
	n := p.expression()
	if p.isOp(",") && assignable(n) {
		return p.multiple(n)
	}
	return n
}

// assignable tells whether an assignment to n makes sense.
func assignable(n node) bool {
	switch n := n.(type) {
	case *localNode, *ivarNode, *globalNode, *multiNode:
		return true
	case *callNode:
		return n.recv == nil && n.bare || n.recv != nil && n.block == nil && (n.bare || n.name == "[]")
	case *splatNode:
		return true
	}
	return false
}

// multiple reads `a, b = …`; first is the target that was read.
func (p *parser) multiple(first node) node {
	m := &multiNode{at: p.here()}
	if first != nil {
		m.targets = append(m.targets, p.target(first))
		p.expect(",")
	}
	for !p.isOp("=") {
		m.targets = append(m.targets, p.oneTarget())
		if !p.accept(",") {
			break
		}
	}
	p.expect("=")
	p.newlines()
	m.x = p.list(p.ternary())
	return m
}

func (p *parser) oneTarget() node {
	pos := p.here()
	if p.accept("*") {
		return &splatNode{pos, p.target(p.postfix())}
	}
	if p.accept("(") {
		m := &multiNode{at: pos}
		for {
			m.targets = append(m.targets, p.oneTarget())
			if !p.accept(",") {
				break
			}
		}
		p.expect(")")
		return m
	}
	return p.target(p.postfix())
}

// target makes a variable out of a name that was read as a call.
func (p *parser) target(n node) node {
	if !assignable(n) {
		p.fail(n.pos(), "cannot assign to this expression")
	}
	if c, ok := n.(*callNode); ok && c.recv == nil {
		p.declare(c.name)
		return &localNode{c.at, c.name}
	}
	return n
}

// list reads the rest of `a, b, *c` into an array if there is a comma.
func (p *parser) list(first node) node {
	if !p.isOp(",") {
		return first
	}
	a := &arrayNode{at: at(first.pos()), elems: []node{first}}
	for p.accept(",") {
		p.newlines()
		if pos := p.here(); p.accept("*") {
			a.elems = append(a.elems, &splatNode{pos, p.ternary()})
		} else {
			a.elems = append(a.elems, p.ternary())
		}
	}
	return a
}

// expression reads down to `and`, `or` and `not`.
func (p *parser) expression() node {
	defer p.enter()()
	l := p.negation()
	for p.isKeyword("and") || p.isKeyword("or") {
		pos, or := p.here(), p.tok.s == "or"
		p.advance()
		p.newlines()
		l = &logicNode{pos, or, l, p.negation()}
	}
	return l
}

func (p *parser) negation() node {
	if pos := p.here(); p.acceptKeyword("not") {
		return &notNode{pos, p.negation()}
	}
	return p.assignment()
}

var assignOps = map[string]string{
	"+=": "+", "-=": "-", "*=": "*", "/=": "/", "%=": "%", "**=": "**", "||=": "||", "&&=": "&&", "<<=": "<<", "|=": "|", "&=": "&",
}

// assignment reads `x = y`, `x += y` and what is below.
func (p *parser) assignment() node {
	defer p.enter()()
	n := p.ternary()
	if p.tok.kind != tOp || !assignable(n) {
		return n
	}
	pos := p.here()
	if p.isOp("=") {
		p.advance()
		p.newlines()
		n = p.target(n)
		return &assignNode{pos, n, p.assigned(pos)}
	}
	if op, ok := assignOps[p.tok.s]; ok {
		p.advance()
		p.newlines()
		n = p.target(n)
		return &opAssignNode{pos, n, op, p.rescued(p.assignment())}
	}
	return n
}

// assigned reads the right side of an assignment. A list without brackets is only one where no arguments are read.
func (p *parser) assigned(pos at) node {
	if p.accept("*") {
		x := p.list(&splatNode{pos, p.ternary()})
		if s, ok := x.(*splatNode); ok {
			return &arrayNode{at: pos, elems: []node{s}}
		}
		return x
	}
	x := p.rescued(p.assignment())
	if p.inArgs == 0 {
		return p.list(x)
	}
	return x
}

// rescued reads the modifier that belongs to the value of an assignment.
func (p *parser) rescued(x node) node {
	if pos := p.here(); p.acceptKeyword("rescue") {
		return &beginNode{at: pos, body: x, rescues: []rescue{{body: p.assignment()}}}
	}
	return x
}

func (p *parser) ternary() node {
	defer p.enter()()
	if p.isKeyword("defined?") {
		return p.defined()
	}
	cond := p.binary(0)
	pos := p.here()
	if !p.accept("?") {
		return cond
	}
	p.newlines()
	yes := p.assignment()
	p.newlines()
	p.expect(":")
	p.newlines()
	return &ifNode{pos, cond, yes, p.assignment()}
}

func (p *parser) defined() node {
	pos := p.here()
	p.advance()
	return &definedNode{pos, p.unary()}
}

// integer reads the digits of an integer.
func (p *parser) integer(s string) int64 {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		p.fail(p.tok.line, "the integer %s is not supported", s)
	}
	return n
}

// contextError makes the error of a context that ended.
func contextError(ctx context.Context, line int) *Error {
	msg := "rendering took too long"
	if errors.Is(ctx.Err(), context.Canceled) {
		msg = "rendering was cancelled"
	}
	return &Error{Line: line, Message: msg, cause: ctx.Err()}
}
