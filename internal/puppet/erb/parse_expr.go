package erb

import "strings"

// precedence of the binary operators, from low to high.
var precedence = map[string]int{
	"..": 1, "...": 1, "||": 2, "&&": 3,
	"<=>": 4, "==": 4, "===": 4, "!=": 4, "=~": 4, "!~": 4,
	"<": 5, "<=": 5, ">": 5, ">=": 5, "|": 6, "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
	"**": 12,
}

// binary reads operators that bind at least as strongly as min.
func (p *parser) binary(min int) node {
	defer p.enter()()
	l := p.unary()
	for p.tok.kind == tOp {
		op := p.tok.s
		prec := precedence[op]
		if prec == 0 || prec < min {
			return l
		}
		pos := p.here()
		p.advance()
		if prec == 1 && (p.isOp("]") || p.isOp(")")) {
			return &rangeNode{pos, l, nil, op == "..."}
		}
		p.newlines()
		next := prec + 1
		if op == "**" {
			next = prec
		}
		r := p.binary(next)
		l = p.combine(pos, op, l, r)
		if prec == 4 && p.tok.kind == tOp && precedence[p.tok.s] == 4 {
			p.unexpected()
		}
	}
	return l
}

func (p *parser) combine(pos at, op string, l, r node) node {
	switch op {
	case "..", "...":
		return &rangeNode{pos, l, r, op == "..."}
	case "||", "&&":
		return &logicNode{pos, op == "||", l, r}
	case "!=":
		return &notNode{pos, &callNode{at: pos, recv: l, name: "==", args: []node{r}}}
	case "!~":
		return &notNode{pos, &callNode{at: pos, recv: l, name: "=~", args: []node{r}}}
	}
	return &callNode{at: pos, recv: l, name: op, args: []node{r}}
}

func (p *parser) unary() node {
	defer p.enter()()
	pos := p.here()
	switch {
	case p.accept("!"):
		return &notNode{pos, p.unary()}
	case p.isOp("-"):
		p.advance()
		if k := p.tok.kind; (k == tInt || k == tFloat) && !p.tok.space {
			return p.negative(pos)
		}
		return &callNode{at: pos, recv: p.binary(12), name: "-@"}
	case p.accept("+"):
		return &callNode{at: pos, recv: p.unary(), name: "+@"}
	case p.isOp("~"):
		p.fail(int(pos), "the operator ~ is not supported")
	case p.isKeyword("defined?"):
		return p.defined()
	case p.isOp("&") || p.isOp("::"):
		p.unexpected()
	}
	return p.postfix()
}

// negative reads a number after its minus; -2 ** 2 is -(2 ** 2).
func (p *parser) negative(pos at) node {
	n := p.postfixOf(p.negated(pos))
	if p.isOp("**") {
		p.fail(int(pos), "the power of a negative literal is not supported")
	}
	return n
}

func (p *parser) negated(pos at) node {
	n := p.primary().(*litNode)
	switch v := n.v.(type) {
	case int64:
		return &litNode{pos, -v}
	case float64:
		return &litNode{pos, -v}
	}
	return n
}

func (p *parser) postfix() node { return p.postfixOf(p.primary()) }

// postfixOf reads the method calls, indices and blocks after n.
func (p *parser) postfixOf(n node) node {
	for {
		pos := p.here()
		switch {
		case p.isOp(".") || p.isOp("&."):
			safe := p.tok.s == "&."
			p.advance()
			p.newlines()
			n = p.method(n, pos, safe)
		case p.isOp("::"):
			n = p.constant(n, pos)
		case p.isOp("[") && !p.tok.space, p.isOp("[") && indexable(n):
			p.advance()
			n = &callNode{at: pos, recv: n, name: "[]", args: p.arguments("]", nil)}
		case p.isOp("{") && takesBlock(n):
			p.block(n.(*callNode), "}")
		case p.isKeyword("do") && !p.noDo && takesBlock(n):
			p.block(n.(*callNode), "end")
		default:
			return n
		}
	}
}

// indexable tells whether `n [` is an index although there is a blank.
func indexable(n node) bool {
	switch n := n.(type) {
	case *localNode, *ivarNode:
		return true
	case *callNode:
		return !n.bare
	}
	return false
}

func takesBlock(n node) bool {
	c, ok := n.(*callNode)
	return ok && c.block == nil && c.pass == nil && c.name != "[]" && precedence[c.name] == 0
}

func (p *parser) constant(n node, pos at) node {
	p.advance()
	c, ok := n.(*constNode)
	if ok && p.tok.kind == tConst {
		name := c.name + "::" + p.tok.s
		p.advance()
		return &constNode{c.at, name}
	}
	return p.method(n, pos, false)
}

// method reads the name and the arguments of a call after the dot.
func (p *parser) method(recv node, pos at, safe bool) node {
	c := &callNode{at: pos, recv: recv, safe: safe}
	switch p.tok.kind {
	case tIdent, tConst:
		c.name = p.tok.s
	case tOp:
		switch {
		case p.isOp("("): // x.(…)
			c.name = "call"
			p.advance()
			c.args = p.arguments(")", c)
			return c
		case precedence[p.tok.s] > 3 || p.tok.s == "!":
			c.name = p.tok.s
		default:
			p.unexpected()
		}
	default:
		p.unexpected()
	}
	p.advance()
	p.callArguments(c)
	return c
}

// callArguments reads the arguments of a call, with or without parentheses.
func (p *parser) callArguments(c *callNode) {
	switch {
	case p.isOp("(") && !p.tok.space:
		p.advance()
		c.args = p.arguments(")", c)
	case p.startsArgument(), strings.HasSuffix(c.name, "?") && (p.tok.kind == tIdent || p.tok.kind == tIvar):
		p.commandArguments(c)
	default:
		c.bare = true
	}
}

// startsArgument tells whether the token begins an argument of a call without parentheses.
func (p *parser) startsArgument() bool {
	t := p.tok
	if !t.space {
		return false
	}
	switch t.kind {
	case tInt, tFloat, tIdent, tConst, tIvar, tGlobal, tLabel, tSymbol, tDSym, tString, tRegexp, tWords, tHeredoc:
		return true
	case tKeyword:
		switch t.s {
		case "nil", "true", "false", "self", "not", "defined?", "case", "__FILE__", "__LINE__":
			return true
		}
	case tOp:
		switch t.s {
		case "[", "-", "*", "&", "::", "**":
			return t.glued && t.s != "::"
		case "!", "->":
			return true
		case "(":
			return true
		}
	}
	return false
}

func (p *parser) commandArguments(c *callNode) {
	p.inArgs++
	defer func() { p.inArgs-- }()
	for {
		p.argument(&c.args, c)
		if !p.accept(",") {
			return
		}
		p.newlines()
	}
}

// arguments reads up to the closing delimiter. c is the call that may get a block as &x, or nil.
func (p *parser) arguments(end string, c *callNode) []node {
	noDo := p.noDo
	p.noDo = false
	p.inArgs++
	defer func() { p.noDo = noDo; p.inArgs-- }()
	var args []node
	p.newlines()
	for !p.isOp(end) {
		p.argument(&args, c)
		p.newlines()
		if !p.accept(",") {
			break
		}
		p.newlines()
	}
	p.expect(end)
	return args
}

// argument reads one argument; pairs are collected in one hash at the end.
func (p *parser) argument(args *[]node, c *callNode) {
	pos := p.here()
	switch {
	case p.accept("*"):
		*args = append(*args, &splatNode{pos, p.ternary()})
		return
	case p.isOp("&"):
		if c == nil || c.pass != nil {
			p.unexpected()
		}
		p.advance()
		c.pass = p.ternary()
		return
	}
	if key, x, ok := p.pair(); ok {
		h, isHash := lastHash(*args)
		if !isHash {
			h = &hashNode{at: pos}
			*args = append(*args, &bareHash{h})
		}
		h.pairs = append(h.pairs, key, x)
		return
	} else if x != nil {
		*args = append(*args, x)
	}
}

// bareHash is the hash of the pairs in a list of arguments.
type bareHash struct{ *hashNode }

func lastHash(args []node) (*hashNode, bool) {
	if len(args) == 0 {
		return nil, false
	}
	h, ok := args[len(args)-1].(*bareHash)
	if !ok {
		return nil, false
	}
	return h.hashNode, true
}

// pair reads `key => value`, `key: value`, or gives the expression if it is neither.
func (p *parser) pair() (key, x node, ok bool) {
	pos := p.here()
	switch {
	case p.tok.kind == tLabel:
		key = &litNode{pos, symbol(p.tok.s)}
		p.advance()
		p.newlines()
		return key, p.assignment(), true
	case p.accept("**"):
		return nil, p.ternary(), true
	}
	x = p.notOrAssignment()
	if s, isStr := x.(*strNode); isStr && p.isOp(":") && !p.tok.space {
		p.advance()
		p.newlines()
		return &symNode{pos, s}, p.assignment(), true
	}
	if p.accept("=>") {
		p.newlines()
		return x, p.assignment(), true
	}
	return nil, x, false
}

func (p *parser) notOrAssignment() node {
	if p.isKeyword("not") {
		return p.negation()
	}
	return p.assignment()
}

// block reads the block of c up to `}` or `end`.
func (p *parser) block(c *callNode, end string) {
	b := &blockNode{at: p.here()}
	p.advance()
	p.locals = append(p.locals, map[string]bool{})
	noDo, inArgs := p.noDo, p.inArgs
	p.noDo, p.inArgs = false, 0
	if p.isOp("||") {
		p.advance()
	} else if p.accept("|") {
		b.params = p.parameters("|")
		p.expect("|")
	}
	p.blockBody(b, end)
	p.noDo, p.inArgs = noDo, inArgs
	c.block, c.bare = b, false
}

// blockBody reads the statements of a block; the scope of its variables ends with it.
func (p *parser) blockBody(b *blockNode, end string) {
	if end == "}" {
		b.body = p.statements()
		p.locals = p.locals[:len(p.locals)-1]
		p.expect("}")
		return
	}
	b.body = p.body(b.at)
	p.locals = p.locals[:len(p.locals)-1]
	p.expectKeyword("end")
}

// parameters reads the parameters of a block or method up to the delimiter, which stays.
func (p *parser) parameters(end string) *params {
	ps := &params{}
	for !p.isOp(end) {
		p.newlines()
		switch {
		case p.accept("*"):
			name := ""
			if p.tok.kind == tIdent {
				name = p.name()
			}
			ps.list = append(ps.list, param{name: name, rest: true})
		case p.accept("("):
			ps.list = append(ps.list, param{inner: p.parameters(")")})
			p.expect(")")
		case p.isOp("&") || p.isOp("**") || p.tok.kind == tLabel:
			p.fail(p.tok.line, "keyword and block parameters are not supported")
		default:
			pr := param{name: p.name()}
			if p.accept("=") {
				pr.def = p.binary(7) // above |
			}
			ps.list = append(ps.list, pr)
		}
		p.newlines()
		if !p.accept(",") {
			break
		}
	}
	return ps
}

// name reads the name of a variable and makes it known.
func (p *parser) name() string {
	if p.tok.kind != tIdent {
		p.unexpected()
	}
	name := p.tok.s
	p.locals[len(p.locals)-1][name] = true
	p.advance()
	return name
}
