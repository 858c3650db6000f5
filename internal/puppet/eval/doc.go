// Package eval evaluates Puppet expressions: scopes, operators, calls, lambdas, templates.
//
// It knows nothing of catalogs. What an expression does to a catalog goes through the interface Builder, what needs
// data bindings through Binder, what needs a file's definitions through Loader; package compiler implements or wires
// them. Functions come as tables (see Function).
//
//	Evaluator   one compilation: options, services, the budget of steps; used by one goroutine
//	Scope       variables by name, the scope's containing resource, its defaults
//	Lambda      a block with the scope that it closes over
//	Function    a function in Go, as data
//
// Every error that user code caused is a *diag.Diagnostic with its place and the Puppet call stack.
package eval
