package eval

import (
	"context"
	"fmt"
	"log/slog"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// Strictness is how Puppet's setting `strict` treats what is doubtful.
type Strictness int

// The values of the setting `strict`. The zero value is what Puppet 8 does.
const (
	StrictError Strictness = iota
	StrictWarning
	StrictOff
)

// Options make an Evaluator.
type Options struct {
	// Functions are the functions in Go. Nil has none.
	Functions *Functions
	// Loader, Binder and Builder may be nil: then what needs them is refused.
	Loader  Loader
	Binder  Binder
	Builder Builder
	// Environment is the code that is compiled, or nil.
	Environment *module.Environment
	// Strict and LooseVariables are the settings that differ between Puppet 7 and 8. LooseVariables makes an unknown
	// variable undef.
	Strict         Strictness
	LooseVariables bool
	// MaxDepth bounds nested calls, MaxSteps the evaluated expressions; zero takes the defaults.
	MaxDepth int
	MaxSteps int
	// Log receives the messages of the compilation; nil drops them.
	Log func(Message)
	// Logger is for the program's own log.
	Logger *slog.Logger
}

const (
	defaultMaxDepth = 1000
	defaultMaxSteps = 50_000_000
	// checkEvery is the number of steps after which the context is asked whether to go on.
	checkEvery = 1024
)

// Evaluator is one evaluation, e.g. of one catalog. It is used by one goroutine.
type Evaluator struct {
	opt     Options
	top     *Owner
	classes map[string]*Owner
	types   map[string]types.Type
	stack   []diag.Frame
	depth   int
	steps   int
	warned  map[string]bool
	data    map[any]any
}

// New makes an Evaluator whose global variables are those of top.
func New(top *Scope, opt Options) *Evaluator {
	if opt.MaxDepth == 0 {
		opt.MaxDepth = defaultMaxDepth
	}
	if opt.MaxSteps == 0 {
		opt.MaxSteps = defaultMaxSteps
	}
	if opt.Log == nil {
		opt.Log = func(Message) {}
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Functions == nil {
		opt.Functions = &Functions{}
	}
	return &Evaluator{
		opt: opt, top: top.owner, classes: map[string]*Owner{}, types: map[string]types.Type{},
		warned: map[string]bool{}, data: map[any]any{},
	}
}

// Top is a view on the top scope.
func (e *Evaluator) Top() *Scope { return e.top.Scope() }

// Builder is the catalog under construction, or nil.
func (e *Evaluator) Builder() Builder { return e.opt.Builder }

// Binder answers lookups of data, or is nil.
func (e *Evaluator) Binder() Binder { return e.opt.Binder }

// Loader finds definitions, or is nil.
func (e *Evaluator) Loader() Loader { return e.opt.Loader }

// Environment is the code that is compiled, or nil.
func (e *Evaluator) Environment() *module.Environment { return e.opt.Environment }

// Logger is the program's own log, never nil.
func (e *Evaluator) Logger() *slog.Logger { return e.opt.Logger }

// Strict is the value of the setting `strict`.
func (e *Evaluator) Strict() Strictness { return e.opt.Strict }

// Log adds a message to the log of the compilation.
func (e *Evaluator) Log(m Message) { e.opt.Log(m) }

// Memo gives what a function keeps for the length of the compilation under a key of its own (an unexported type).
func (e *Evaluator) Memo(key any, make func() any) any {
	v, ok := e.data[key]
	if !ok {
		v = make()
		e.data[key] = v
	}
	return v
}

// SetClass makes the variables of a class reachable as $name::variable.
func (e *Evaluator) SetClass(name string, o *Owner) { e.classes[name] = o }

// ClassScope gives the scope of an evaluated class, or nil.
func (e *Evaluator) ClassScope(name string) *Owner { return e.classes[name] }

// Stack is a copy of the Puppet call stack, innermost call first.
func (e *Evaluator) Stack() []diag.Frame {
	out := make([]diag.Frame, 0, len(e.stack))
	for i := len(e.stack) - 1; i >= 0; i-- {
		out = append(out, e.stack[i])
	}
	return out
}

// Enter notes that a body (function, class, define) named name is entered from at; Leave must follow.
func (e *Evaluator) Enter(name string, at diag.Range) error {
	if e.depth++; e.depth > e.opt.MaxDepth {
		e.depth--
		return diag.New("too-deep", at, "calls are nested deeper than %d: endless recursion in %s?", e.opt.MaxDepth, name)
	}
	e.stack = append(e.stack, diag.Frame{Name: name, Range: at})
	return nil
}

// Leave ends what Enter began.
func (e *Evaluator) Leave() {
	e.depth--
	e.stack = e.stack[:len(e.stack)-1]
}

// step counts an evaluated expression.
func (e *Evaluator) step(ctx context.Context, at syntax.Node) error {
	if e.steps++; e.steps%checkEvery == 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("evaluate %s: %w", Place(at), err)
		}
	}
	if e.steps > e.opt.MaxSteps {
		return diag.New("too-many-steps", Place(at), "the evaluation took more than %d steps: endless loop?", e.opt.MaxSteps)
	}
	return nil
}

// Place is the range of a node.
func Place(n syntax.Node) diag.Range { return RangeOf(n.Span()) }

// RangeOf turns a span of the tree into a range.
func RangeOf(s syntax.Span) diag.Range {
	if s.File == nil {
		return diag.Range{}
	}
	line, col := s.File.Position(int(s.Start))
	endLine, endCol := s.File.Position(int(s.End))
	return diag.Range{
		File:  s.Filename(),
		Start: diag.Pos{Line: line, Column: col, Offset: int(s.Start)},
		End:   diag.Pos{Line: endLine, Column: endCol, Offset: int(s.End)},
	}
}

// fail makes the diagnostic of an evaluation error, with the call stack.
func (e *Evaluator) fail(code string, at syntax.Node, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, Place(at), format, args...)
	d.Stack = e.Stack()
	return d
}

// Undefined looks a variable up by name with or without "::". found is false for an unknown one.
func (e *Evaluator) Variable(s *Scope, name string) (v value.Value, found bool) {
	return e.lookupVariable(s, name)
}
