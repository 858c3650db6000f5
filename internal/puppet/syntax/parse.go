package syntax

import (
	"fmt"
	"math"
	"slices"

	"kickoff/internal/diag"
)

// Options tell how a text is read. The zero value is right for a manifest.
type Options struct {
	// EPP tells that the text is a template.
	EPP bool
	// Tasks makes `plan` a keyword.
	Tasks bool
	// SkipValidation leaves out the pass that refuses what is grammatical but meaningless.
	SkipValidation bool
}

// maxErrors is how many errors are reported for one file; maxDepth is how deep constructs may be nested; maxChain is how
// many operators may follow each other in one statement, and maxSource is how many bytes a text may have. The last three
// keep the recursion of every pass over the tree bounded.
const (
	maxErrors = 20
	maxDepth  = 2000
	maxChain  = 20000
	maxSource = 64 << 20
)

// Parse reads a whole text. The Program is nil when a diagnostic of severity Error was found.
func Parse(file string, src []byte, opt Options) (*Program, diag.List) {
	f := NewFile(file, string(src))
	r := &reporter{file: f}
	if len(src) > maxSource {
		r.error(Span{File: f}, "source-too-long", "the text is longer than %d MiB", maxSource>>20)
		return nil, r.list
	}
	lex := newLexer(f, opt, r)
	p := &parser{file: f, toks: lex.run(), diags: r, dead: lex.dead}
	prog := p.program(opt.EPP)
	if !r.failed() {
		prog.Comments = lex.comments
		if !opt.SkipValidation {
			validate(prog, r)
		}
	}
	r.sort()
	if r.failed() {
		return nil, r.list
	}
	return prog, r.list
}

// reporter collects diagnostics.
type reporter struct {
	file   *File
	list   diag.List
	errors int
}

// Range gives the place of a span for a diagnostic.
func (s Span) Range() diag.Range {
	if s.File == nil {
		return diag.Range{}
	}
	pos := func(offset uint32) diag.Pos {
		line, column := s.File.Position(int(offset))
		return diag.Pos{Line: line, Column: column, Offset: int(offset)}
	}
	return diag.Range{File: s.File.Name, Start: pos(s.Start), End: pos(s.End)}
}

// error adds a diagnostic of severity Error; beyond maxErrors it is made, but not kept.
func (r *reporter) error(s Span, code, format string, args ...any) *diag.Diagnostic {
	r.errors++
	if r.errors > maxErrors {
		return &diag.Diagnostic{}
	}
	d := diag.New(code, s.Range(), format, args...)
	r.list = append(r.list, d)
	return d
}

func (r *reporter) failed() bool { return r.list.HasErrors() }

func (r *reporter) sort() {
	slices.SortStableFunc(r.list, func(a, b *diag.Diagnostic) int { return a.Range.Start.Offset - b.Range.Start.Offset })
}

// parser builds the tree from the tokens by recursive descent. A syntax error unwinds to the innermost statement list by a
// panic with a syntaxError, which goes on behind the broken statement.
type parser struct {
	file  *File
	toks  []token
	pos   int
	diags *reporter
	defs  []Definition
	// classes are the names of the classes around the current statement.
	classes []string
	depth   int
	// chain counts operators of the current statement.
	chain int
	// dead tells that the lexer gave up, so that an unexpected end was already explained.
	dead bool
}

// syntaxError unwinds to the innermost statement list; abort unwinds to program.
type (
	syntaxError struct{}
	abort       struct{}
)

func (p *parser) program(epp bool) (prog *Program) {
	prog = &Program{File: p.file}
	prog.Src = Span{File: p.file, End: uint32(len(p.file.Source))}
	prog.Body = &Nop{}
	defer func() {
		switch r := recover(); r.(type) {
		case nil, abort, syntaxError:
		default:
			panic(r)
		}
	}()
	if epp {
		prog.Body = p.template()
	} else {
		prog.Body = p.block(tEOF)
	}
	prog.Definitions = p.defs
	return prog
}

func (p *parser) tok() *token { return &p.toks[p.pos] }

func (p *parser) kind() kind { return p.toks[p.pos].kind }

// ahead returns the kind of the token behind the current one.
func (p *parser) ahead() kind {
	if p.pos+1 < len(p.toks) {
		return p.toks[p.pos+1].kind
	}
	return tEOF
}

func (p *parser) next() *token {
	t := &p.toks[p.pos]
	if t.kind != tEOF {
		p.pos++
	}
	return t
}

// accept goes over the token if it is of the kind.
func (p *parser) accept(k kind) bool {
	if p.kind() == k {
		p.next()
		return true
	}
	return false
}

// expect goes over a token of the kind, or reports what was expected.
func (p *parser) expect(k kind, what string) *token {
	if p.kind() != k {
		p.unexpected(what)
	}
	return p.next()
}

func (p *parser) span(t *token) Span { return Span{File: p.file, Start: t.start, End: t.end} }

// from is the span from a start to the end of the token before the current one.
func (p *parser) from(start uint32) Span {
	end := start
	if p.pos > 0 {
		end = max(end, p.toks[p.pos-1].end)
	}
	return Span{File: p.file, Start: start, End: end}
}

// at makes the base of an expression.
func at(s Span) exprBase { return exprBase{base{s}} }

// fail reports an error at a place and unwinds.
func (p *parser) fail(s Span, code, format string, args ...any) {
	p.diags.error(s, code, format, args...)
	panic(syntaxError{})
}

// failHint is fail with a hint.
func (p *parser) failHint(s Span, hint, code, format string, args ...any) {
	p.diags.error(s, code, format, args...).Hint = hint
	panic(syntaxError{})
}

// unexpected reports the current token as not fitting and unwinds. what says what would fit.
func (p *parser) unexpected(what string) {
	t := p.tok()
	if t.kind == tInvalid || t.kind == tEOF && (p.dead || p.diags.errors > 0 && p.unclosed() == nil) {
		panic(syntaxError{})
	}
	d := p.diags.error(p.span(t), "syntax-error", "%s", p.unexpectedText(t, what))
	d.Hint = p.hint(t)
	panic(syntaxError{})
}

func (p *parser) unexpectedText(t *token, what string) string {
	s := "unexpected " + p.describe(t)
	if what != "" {
		s += ", expected " + what
	}
	return s
}

// describe names a token in a message.
func (p *parser) describe(t *token) string {
	switch t.kind {
	case tEOF:
		return "end of input"
	case tRenderText:
		return "template text"
	case tStrMid, tStrPost:
		return "end of interpolation"
	}
	text := p.file.Source[t.start:t.end]
	if r := []rune(text); len(r) > 40 {
		text = string(r[:40]) + "…"
	}
	if name := tokenNames[t.kind]; name != "" && t.kind < tLBrace && t.kind != tRenderExpr && t.kind != tEPPEnd {
		return fmt.Sprintf("%s %q", name, text)
	}
	if t.kind.isKeyword() {
		return fmt.Sprintf("keyword '%s'", text)
	}
	return "'" + text + "'"
}

// hint looks for a well-known reason of an error at t.
func (p *parser) hint(t *token) string {
	if t.kind == tEOF {
		if open := p.unclosed(); open != nil {
			line, _ := p.file.Position(int(open.start))
			return fmt.Sprintf("the '%s' on line %d is not closed", p.file.Source[open.start:open.end], line)
		}
		return ""
	}
	var prev *token
	if p.pos > 0 {
		prev = &p.toks[p.pos-1]
	}
	switch {
	case t.kind == tAssign && p.ahead() == tGreater:
		return "write => without a blank"
	case t.kind == tElse || t.kind == tElsif:
		return "there is no 'if' before it that it could belong to"
	case t.kind.isKeyword() && (p.ahead() == tArrow || prev != nil && prev.kind == tDot):
		return "this word is reserved; quote it when it is meant as text"
	case t.newline && (t.kind == tName || t.kind.isKeyword()) && p.ahead() == tArrow:
		return "is a comma missing at the end of the line before?"
	}
	return ""
}

// unclosed returns the innermost bracket that is open at the current position, or nil.
func (p *parser) unclosed() *token {
	var open []*token
	for i := range p.toks[:p.pos] {
		switch t := &p.toks[i]; t.kind {
		case tLBrace, tLParen, tLBracket:
			open = append(open, t)
		case tRBrace, tRParen, tRBracket:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

// enter counts a level of nesting; every enter is followed by a leave, unless parsing ends.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		d := p.diags.error(p.span(p.tok()), "nesting-too-deep", "constructs are nested too deep here")
		d.Hint = "split it up with variables or defined types"
		panic(abort{})
	}
}

func (p *parser) leave() { p.depth-- }

// link counts an operator of a chain, whose tree gets deeper with every one.
func (p *parser) link() {
	if p.chain++; p.chain > maxChain {
		p.diags.error(p.span(p.tok()), "expression-too-long", "more than %d operators in one statement", maxChain)
		panic(abort{})
	}
}

// block reads statements up to the token that ends them, without going over it.
func (p *parser) block(end kind) Expr {
	start := p.tok().start
	stmts := p.statements(end)
	if len(stmts) == 0 {
		return &Nop{at(Span{File: p.file, Start: start, End: start})}
	}
	return &Block{exprBase: at(stmts[0].Span().To(stmts[len(stmts)-1].Span())), Statements: stmts}
}

// braced reads { statements }.
func (p *parser) braced() Expr {
	p.expect(tLBrace, "'{'")
	body := p.block(tRBrace)
	p.expect(tRBrace, "'}' or a statement")
	return body
}

// statements reads statements up to the token that ends them. A statement call without parentheses (`include a, b`) first
// shows up as a name and then a list; that is put together here.
func (p *parser) statements(end kind) []Expr {
	var stmts []Expr
	p.enter()
	defer p.leave()
	chain := p.chain
	for p.kind() != end && p.kind() != tEOF {
		p.chain = 0
		list, ok := p.statement()
		if !ok {
			p.resync(end)
			continue
		}
		stmts = p.addStatement(stmts, list)
		if p.kind() == tSemicolon {
			p.next()
			if p.kind() == end || p.kind() == tEOF {
				p.trailingSemicolon()
			}
		}
	}
	p.chain = chain
	return stmts
}

func (p *parser) trailingSemicolon() {
	prev := &p.toks[p.pos-1]
	d := p.diags.error(p.span(prev), "syntax-error", "a statement must follow ';'")
	d.Hint = "';' separates statements; remove it behind the last one"
}

// addStatement appends what one statement gave, or makes it the arguments of the statement call before it.
func (p *parser) addStatement(stmts []Expr, list []Expr) []Expr {
	if len(stmts) > 0 {
		if n, ok := stmts[len(stmts)-1].(*Name); ok && isStatementCall(n.Value) {
			call := &Call{exprBase: at(n.Src.To(list[len(list)-1].Span())), Func: n, Args: list, Statement: true}
			stmts[len(stmts)-1] = call
			return stmts
		}
	}
	if len(list) > 1 {
		d := p.diags.error(list[1].Span(), "illegal-argument-list", "illegal comma separated list")
		d.Hint = "only some functions, such as include, can be called without parentheses"
		return append(stmts, list[0])
	}
	if c, ok := list[0].(*Call); ok {
		c.NeedsValue = false
	}
	return append(stmts, list[0])
}

// isStatementCall tells the functions that can be called without parentheses.
func isStatementCall(name string) bool {
	switch name {
	case "require", "realize", "include", "contain", "tag", "debug", "info", "notice", "warning", "err", "fail", "import",
		"break", "next", "return":
		return true
	}
	return false
}

// statement reads one statement, which may be a list of arguments for the statement call before it. ok is false when there
// was an error.
func (p *parser) statement() (list []Expr, ok bool) {
	depth, classes := p.depth, len(p.classes)
	start := p.pos
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case syntaxError:
			p.depth, p.classes = depth, p.classes[:classes]
			p.skipStatement(start)
			list, ok = nil, false
		default:
			panic(r)
		}
	}()
	list = append(make([]Expr, 0, 1), p.assignment())
	for p.kind() == tComma {
		p.next()
		list = append(list, p.assignment())
	}
	return list, true
}

// skipStatement goes on behind a broken statement that began at token start: to a closing brace of the list around it, or to
// something on a new line that looks like a statement.
func (p *parser) skipStatement(start int) {
	if p.diags.errors >= maxErrors {
		panic(abort{})
	}
	open := 0
	for i := start; i < p.pos; i++ {
		switch p.toks[i].kind {
		case tLBrace:
			open++
		case tRBrace:
			open--
		}
	}
	for ; p.kind() != tEOF; p.next() {
		t := p.tok()
		switch {
		case t.kind == tLBrace:
			open++
		case t.kind == tRBrace && open <= 0:
			return
		case t.kind == tRBrace:
			open--
		case open <= 0 && p.pos > start && t.newline && p.startsStatement():
			return
		case open <= 0 && (t.kind == tSemicolon || t.kind == tEPPEnd):
			p.next()
			return
		case open <= 0 && p.pos > start && t.kind == tRenderText:
			return
		}
	}
}

// startsStatement guesses whether the current token, the first of its line, starts a statement.
func (p *parser) startsStatement() bool {
	switch t := p.tok(); t.kind {
	case tClass, tDefine, tNode, tFunction, tType, tIf, tUnless, tCase, tAt, tAtAt:
		return p.ahead() != tArrow
	case tVariable:
		return p.ahead() == tAssign || p.ahead() == tDot
	case tName:
		return p.ahead() == tLBrace || p.ahead() == tLParen || isStatementCall(p.file.Source[t.start:t.end]) && p.ahead() != tArrow
	case tTypeName:
		return p.ahead() == tLBrace || p.ahead() == tLBracket || p.ahead() == tCollect
	}
	return false
}

// resync makes sure that a broken statement list goes on: a closing bracket that closes nothing is gone over.
func (p *parser) resync(end kind) {
	if p.kind() == tRBrace && end != tRBrace {
		p.next()
	}
}

// integer checks that a literal fits.
func (p *parser) integer(t *token, digits string, radix int) int64 {
	var v uint64
	for i := range len(digits) {
		d := uint64(digits[i] - '0')
		if digits[i] > '9' {
			d = uint64(digits[i]|0x20-'a') + 10
		}
		if v > (math.MaxInt64-d)/uint64(radix) {
			p.diags.error(p.span(t), "number-out-of-range", "the number %s does not fit in 64 bits", p.file.Source[t.start:t.end])
			return 0
		}
		v = v*uint64(radix) + d
	}
	return int64(v)
}
