package eval

import (
	"fmt"

	"kickoff/internal/diag"
	"kickoff/internal/value"
)

// Container is the resource that what is declared in a scope belongs to; package compiler implements it.
type Container interface {
	// String is the reference, e.g. "Class[main]".
	String() string
}

// Owner is a scope with a name: the top scope, that of the node, of a class, of a define's instance. Its variables live
// as long as the compilation.
type Owner struct {
	vars map[string]value.Value
	// dynamic is the scope that declared this one: resource defaults come from there.
	dynamic *Owner
	// inherited is the scope of the class that this one inherits, enclosing the node's or the top scope: unqualified
	// names are looked up there.
	inherited, enclosing *Owner
	container            Container
	module               string
	name                 string
}

// locals are the variables of a lambda, a function or a template with parameters.
type locals struct {
	vars  map[string]value.Value
	outer *locals
}

// matchSet is what the last successful match captured: $0, $1 ....
type matchSet struct{ groups []value.Value }

// frame is the identity of a body that `return` can leave.
type frame struct{ kind string }

// Scope is a view on variables at one place of the program. It is used by one goroutine.
type Scope struct {
	owner *Owner
	local *locals
	match *matchSet
	frame *frame
	// out collects the text of the template that is rendered, nil outside of templates.
	out *output
}

// NewTop makes the top scope. name and container are what it is called and what it declares into.
func NewTop(container Container) *Scope {
	return &Scope{owner: &Owner{vars: map[string]value.Value{}, container: container, name: "top"}}
}

// Spec describes a new named scope.
type Spec struct {
	// Name is what the scope is called in messages, e.g. "Class[a]".
	Name      string
	Container Container
	// Module is the module whose code runs in the scope, or "".
	Module string
	// Inherited is the scope of the inherited class, or nil.
	Inherited *Owner
	// Enclosing is the scope of the node, or nil for the top scope.
	Enclosing *Owner
}

// Named makes a named scope, declared from s.
func (s *Scope) Named(spec Spec) *Scope {
	o := &Owner{
		vars: map[string]value.Value{}, dynamic: s.owner, inherited: spec.Inherited, enclosing: spec.Enclosing,
		container: spec.Container, module: spec.Module, name: spec.Name,
	}
	if spec.Inherited != nil {
		o.dynamic = spec.Inherited
	}
	return &Scope{owner: o}
}

// Owner is the named scope that s is in.
func (s *Scope) Owner() *Owner { return s.owner }

// Scope gives a view on the named scope itself.
func (o *Owner) Scope() *Scope { return &Scope{owner: o} }

// Dynamic is the scope that declared o, or nil for the top scope.
func (o *Owner) Dynamic() *Owner { return o.dynamic }

// Container is the resource that the scope declares into.
func (o *Owner) Container() Container { return o.container }

// Container is the resource that the scope declares into.
func (s *Scope) Container() Container { return s.owner.container }

// Module is the module whose code runs in the scope, or "".
func (s *Scope) Module() string { return s.owner.module }

// String is the form that Puppet's logs show as the source.
func (s *Scope) String() string {
	if s == nil || s.owner == nil || s.owner.container == nil {
		return "Scope()"
	}
	return "Scope(" + s.owner.container.String() + ")"
}

// block makes a scope for a lambda's or template's own variables around which those of s stay visible.
func (s *Scope) block() *Scope {
	return &Scope{
		owner: s.owner, local: &locals{vars: map[string]value.Value{}, outer: s.local}, match: s.match,
		frame: s.frame, out: s.out,
	}
}

// sealed makes a scope in which only own variables and those of top are visible: the body of a function.
func (s *Scope) sealed(top *Owner) *Scope {
	return &Scope{owner: top, local: &locals{vars: map[string]value.Value{}}}
}

// Local finds a variable by unqualified name in s and the scopes around it.
func (s *Scope) Local(name string) (value.Value, bool) {
	for l := s.local; l != nil; l = l.outer {
		if v, ok := l.vars[name]; ok {
			return v, true
		}
	}
	return s.owner.find(name)
}

// find looks through the scope, what it inherits, and the node's and top scope.
func (o *Owner) find(name string) (value.Value, bool) {
	for o != nil {
		if v, ok := o.vars[name]; ok {
			return v, true
		}
		switch {
		case o.inherited != nil:
			o = o.inherited
		default:
			o = o.enclosing
		}
	}
	return nil, false
}

// findOwn looks through the scope and what it inherits: the meaning of $class::name.
func (o *Owner) findOwn(name string) (value.Value, bool) {
	for o != nil {
		if v, ok := o.vars[name]; ok {
			return v, true
		}
		o = o.inherited
	}
	return nil, false
}

// Own is a variable of the named scope itself.
func (o *Owner) Own(name string) (value.Value, bool) {
	v, ok := o.vars[name]
	return v, ok
}

// Each calls f for the variables of the named scope itself, in no order.
func (o *Owner) Each(f func(name string, v value.Value)) {
	for name, v := range o.vars {
		f(name, v)
	}
}

// Define sets a variable of the innermost scope without asking whether the name is reserved: for facts, parameters
// and the like.
func (s *Scope) Define(name string, v value.Value) {
	if s.local != nil {
		s.local.vars[name] = v
		return
	}
	s.owner.vars[name] = v
}

// reserved are the names that user code cannot assign to.
func reserved(name string) bool {
	return name == "trusted" || name == "facts" || name == "server_facts"
}

// assign sets a variable of the innermost scope, once.
func (s *Scope) assign(name string, v value.Value, at diag.Range) error {
	if reserved(name) {
		return diag.New("reserved-variable", at, "Attempt to assign to a reserved variable name: '$%s'", name)
	}
	vars := s.owner.vars
	if s.local != nil {
		vars = s.local.vars
	}
	if _, ok := vars[name]; ok {
		return diag.New("reassigned-variable", at, "Cannot reassign variable '$%s'", name)
	}
	vars[name] = v
	return nil
}

// visible lists the names of variables that can be seen from s.
func (s *Scope) visible() []string {
	var names []string
	for l := s.local; l != nil; l = l.outer {
		for n := range l.vars {
			names = append(names, n)
		}
	}
	for o := s.owner; o != nil; {
		for n := range o.vars {
			names = append(names, n)
		}
		if o.inherited != nil {
			o = o.inherited
			continue
		}
		o = o.enclosing
	}
	return names
}

// DefineMatch sets $0, $1 ... to what a regular expression captured, undef for groups without a match.
func (s *Scope) DefineMatch(groups []value.Value) { s.match = &matchSet{groups} }

// matchVariable is $0, $1 ...: undef outside of what the last match captured.
func (s *Scope) matchVariable(name string) value.Value {
	n := 0
	if _, err := fmt.Sscanf(name, "%d", &n); err != nil || s.match == nil || n >= len(s.match.groups) {
		return value.Undef{}
	}
	return s.match.groups[n]
}
