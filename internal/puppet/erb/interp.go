package erb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kickoff/internal/value"
)

// Bounds of one rendering.
const (
	maxSteps = 50_000_000
	maxDepth = 400
	maxText  = 16 << 20
)

// Host is what a template sees of the world: the scope that calls it, and how the language writes data.
type Host interface {
	// Variable is a variable that can be seen from the scope without its full name; found is false if there is none.
	Variable(name string) (v value.Value, found bool)
	// Lookup is scope.lookupvar: an unknown variable is an error if the settings say so.
	Lookup(ctx context.Context, name string) (value.Value, error)
	// Call calls a function of Puppet.
	Call(ctx context.Context, name string, args []value.Value) (value.Value, error)
	// Has reports whether there is a function of this name.
	Has(ctx context.Context, name string) bool
	// Format is Ruby's sprintf, YAML is to_yaml.
	Format(format string, args []value.Value) (string, error)
	YAML(v value.Value) string
	// File is the path of the template, "" for an inline one.
	File() string
}

// interp renders one template.
type interp struct {
	ctx  context.Context
	host Host
	// file is the path of the template.
	out   strings.Builder
	ivars map[string]any
	defs  map[string]*defNode
	last  *match
	line  int
	steps int
	depth int
	// yields are the blocks of the methods that run, innermost last.
	yields []*proc
}

// env holds local variables.
type env struct {
	vars  map[string]any
	outer *env
	// method is what `return` leaves, block what `next` and `break` leave.
	method, block *frame
}

// frame is one run of a method, a block, a loop or the template.
type frame struct {
	// home is the call that a break of a block ends.
	home *frame
	// top is set for the template itself.
	top bool
}

// rubyError is an exception on its way.
type rubyError struct {
	exc   *exception
	line  int
	cause error
}

// jump is next, break or return on its way.
type jump struct {
	kind string
	v    any
	to   *frame
}

// Render gives the text of the template.
func (t *Template) Render(ctx context.Context, host Host) (s string, err error) {
	in := &interp{ctx: ctx, host: host, ivars: map[string]any{}, defs: map[string]*defNode{}, line: 1}
	defer func() {
		if r := recover(); r != nil {
			s, err = "", in.recovered(r)
		}
	}()
	in.eval(t.body, &env{vars: map[string]any{}, method: &frame{top: true}})
	return in.out.String(), nil
}

// recovered makes the error of a panic of the evaluator; other panics go on.
func (in *interp) recovered(r any) error {
	switch r := r.(type) {
	case refusal:
		if r.line == 0 {
			r.line = in.line
		}
		return &Error{Line: r.line, Message: r.msg}
	case rubyError:
		return &Error{Line: r.line, Message: r.exc.msg, cause: r.cause}
	case jump:
		return &Error{Line: in.line, Message: "'" + r.kind + "' outside of a block or method"}
	case *Error:
		return r
	}
	panic(r)
}

// step counts the work.
func (in *interp) step() {
	if in.steps++; in.steps&0x3ff == 0 {
		if in.ctx.Err() != nil {
			panic(contextError(in.ctx, in.line))
		}
		if in.steps > maxSteps {
			in.refuse("the template takes too many steps")
		}
	}
}

// cost counts the work of a new text of n bytes.
func (in *interp) cost(n int) { in.grow(n, n) }

// grow counts the work of making a text total bytes long by adding some.
func (in *interp) grow(total, added int) {
	if total > maxText {
		in.refuse("a text grows beyond %d bytes", maxText)
	}
	in.steps += added >> 4 &^ 0x3ff
	in.step()
}

func (in *interp) deeper() func() {
	if in.depth++; in.depth > maxDepth {
		in.refuse("the template nests too deeply")
	}
	return func() { in.depth-- }
}

// refuse ends the rendering: the template needs what the subset does not have. Nothing rescues it.
func (in *interp) refuse(format string, args ...any) {
	panic(refusal{in.line, fmt.Sprintf(format, args...)})
}

// raise raises an exception.
func (in *interp) raise(class, msg string) {
	panic(rubyError{exc: &exception{class, msg}, line: in.line})
}

// puppetError turns the error of a function or variable into an exception. A context that ended stays what it is.
func (in *interp) puppetError(err error) {
	if in.ctx.Err() != nil && errors.Is(err, in.ctx.Err()) {
		panic(contextError(in.ctx, in.line))
	}
	panic(rubyError{exc: &exception{"Puppet::Error", err.Error()}, line: in.line, cause: err})
}

func (in *interp) write(s string) {
	in.out.WriteString(s)
	in.grow(in.out.Len(), len(s))
}

func (e *env) find(name string) (*env, bool) {
	for ; e != nil; e = e.outer {
		if _, ok := e.vars[name]; ok {
			return e, true
		}
	}
	return nil, false
}

func (e *env) set(name string, v any) {
	if o, ok := e.find(name); ok {
		o.vars[name] = v
		return
	}
	e.vars[name] = v
}
