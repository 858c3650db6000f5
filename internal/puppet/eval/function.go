package eval

import (
	"context"
	"errors"
	"fmt"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// Function is a function of the Puppet language that is written in Go, as data. Tables of them are given to
// NewFunctions; there is no registration by init.
type Function struct {
	// Name is the full name, e.g. "split" or "stdlib::shell_escape".
	Name string
	// Dispatches are tried in order; the first whose parameters accept the arguments is called.
	Dispatches []Dispatch
}

// Dispatch is one signature of a function with its implementation.
type Dispatch struct {
	// Params are the parameters in order: required ones, then optional ones, then at most one repeated.
	Params []Param
	// Block is the type of the lambda: "" = none is allowed, "Callable[1,2]" = required,
	// "Optional[Callable[1,2]]" = may be given.
	Block string
	// Return is the type of the result, only checked in tests; "" is Any.
	Return string
	// Call runs the function. The arguments in c were checked against Params, so type assertions that follow from
	// these types cannot fail.
	Call func(ctx context.Context, c *Call) (value.Value, error)
}

// Param is one parameter of a Dispatch.
type Param struct {
	Name string
	// Type is in Puppet's syntax, e.g. "Variant[String, Regexp]". It may use names of Puppet's own types only.
	Type string
	// Optional parameters may be left out, Repeated ones take all that follows (at least one argument unless Optional).
	Optional, Repeated bool
}

// Req is a required parameter.
func Req(name, typ string) Param { return Param{Name: name, Type: typ} }

// Opt is an optional parameter.
func Opt(name, typ string) Param { return Param{Name: name, Type: typ, Optional: true} }

// Rest is a parameter that takes any number of arguments, also none.
func Rest(name, typ string) Param {
	return Param{Name: name, Type: typ, Optional: true, Repeated: true}
}

// Rest1 is a parameter that takes one or more arguments.
func Rest1(name, typ string) Param { return Param{Name: name, Type: typ, Repeated: true} }

// Call is one call of a Function. It is valid until the implementation returns.
type Call struct {
	// Name is the name by which the function was called.
	Name string
	// Args are the arguments.
	Args []value.Value
	// Block is the lambda, or nil.
	Block *Lambda
	// Scope is the scope of the caller.
	Scope *Scope
	// At is the place of the call in the Puppet source.
	At diag.Range
	// Eval gives the services of the compilation. It is never nil; the services in it may be, see there.
	Eval *Evaluator
}

// NArgs is the number of arguments.
func (c *Call) NArgs() int { return len(c.Args) }

// Arg gives argument i (from 0), or undef if it was not given.
func (c *Call) Arg(i int) value.Value {
	if i < len(c.Args) {
		return c.Args[i]
	}
	return value.Undef{}
}

// Has reports whether argument i (from 0) was given.
func (c *Call) Has(i int) bool { return i < len(c.Args) }

// Str gives argument i as text, "" if it was not given.
func (c *Call) Str(i int) string { return c.Arg(i).String() }

// Errorf makes the diagnostic of a call that failed, at the place of the call.
// Any other error that an implementation returns is wrapped in such a diagnostic by the evaluator.
func (c *Call) Errorf(format string, args ...any) error {
	return diag.New("function-failed", c.At, format, args...)
}

// Log writes a message to the log of the compilation, as notice() and its sisters do.
func (c *Call) Log(level Level, message string) {
	c.Eval.Log(Message{Level: level, Text: message, Source: c.Scope.String(), At: c.At})
}

// Warn logs a warning at the place of the call.
func (c *Call) Warn(format string, args ...any) { c.Log(LevelWarning, fmt.Sprintf(format, args...)) }

// Func calls another function by name, as Puppet code at this place would. block may be nil.
func (c *Call) Func(ctx context.Context, name string, args []value.Value, block *Lambda) (value.Value, error) {
	return c.Eval.CallFunction(ctx, c.Scope, c.At, name, args, block)
}

// Environment is the code that is compiled: it finds files and templates of modules. It is nil for an evaluation
// without an environment.
func (c *Call) Environment() *module.Environment { return c.Eval.Environment() }

// Level is the level of a log message.
type Level string

// The levels of Puppet's log.
const (
	LevelDebug   Level = "debug"
	LevelInfo    Level = "info"
	LevelNotice  Level = "notice"
	LevelWarning Level = "warning"
	LevelErr     Level = "err"
	LevelAlert   Level = "alert"
	LevelEmerg   Level = "emerg"
	LevelCrit    Level = "crit"
)

// Message is one line of the log of a compilation.
type Message struct {
	Level Level
	Text  string
	// Source is what Puppet names as the source: "Scope(Class[main])", "Puppet".
	Source string
	At     diag.Range
}

// Flow errors travel through Go code when a lambda jumps out of itself. An implementation that iterates checks each
// error of Lambda.Call with IsBreak: true ends the iteration without an error; every other error is returned as it is.
// `next` is handled inside of Lambda.Call. `return` passes through as an error and ends the calling Puppet function.

// breakError is the `break()` of a lambda.
type breakError struct{ at diag.Range }

// Error tells what happens when nothing iterates around the break.
func (e *breakError) Error() string {
	return e.at.String() + ": break() from context where this is illegal"
}

// nextError is the `next(v)` of a lambda, class, define or function.
type nextError struct {
	value value.Value
	at    diag.Range
}

// Error tells what happens when there is nothing to continue with.
func (e *nextError) Error() string {
	return e.at.String() + ": next() from context where this is illegal"
}

// returnError is `return(v)`.
type returnError struct {
	value value.Value
	at    diag.Range
	// frame is the body that is left: the one that the `return` stands in, not one that calls it.
	frame *frame
}

// Error tells what happens when there is nothing to return from.
func (e *returnError) Error() string {
	return e.at.String() + ": return() from context where this is illegal"
}

// IsBreak reports whether err is the break() of the lambda that was called.
func IsBreak(err error) bool {
	_, ok := errors.AsType[*breakError](err)
	return ok
}

// Break, Next and Return make the errors by which the functions of these names jump.
func (c *Call) Break() error { return &breakError{c.At} }

// Next makes the error by which next(v) leaves a block.
func (c *Call) Next(v value.Value) error { return &nextError{v, c.At} }

// Return makes the error by which return(v) leaves a function, class or define.
func (c *Call) Return(v value.Value) error {
	return &returnError{value: v, at: c.At, frame: c.Scope.frame}
}
