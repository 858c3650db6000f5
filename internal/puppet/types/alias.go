package types

import (
	"sync"

	"kickoff/internal/value"
)

// Alias is a named type: type Name = .... Its meaning is resolved when it is first needed, so that it can refer to
// itself.
type Alias struct {
	typeValue
	name string
	once sync.Once
	from func() (Type, error)
	to   Type
	err  error
}

// NewAlias gives an alias whose type resolve finds. resolve is called once, when the alias is used first; it may be
// called by any goroutine that uses the type.
func NewAlias(name string, resolve func() (Type, error)) *Alias {
	return &Alias{name: name, from: resolve}
}

// Name implements Type: the alias's own name.
func (a *Alias) Name() string { return a.name }

// Resolve gives the type that the alias stands for.
func (a *Alias) Resolve() (Type, error) {
	a.once.Do(func() {
		if a.from == nil {
			a.to = Any
			return
		}
		if a.to, a.err = a.from(); a.err != nil || a.to == nil {
			a.to = Any
		}
	})
	return a.to, a.err
}

// String implements value.Value.
func (a *Alias) String() string {
	if a.name == "" {
		return "TypeAlias"
	}
	return a.name
}

// Key implements value.Keyer.
func (a *Alias) Key() string { return "alias " + a.name }

// Reference is a name that no loader knows.
type Reference struct {
	typeValue
	Text string
}

// Name implements Type.
func (*Reference) Name() string { return "TypeReference" }

// Object is a type made by `type X = Object[{...}]` or `Object[{...}]`. Values of such types are Instances.
type Object struct {
	typeValue
	ObjectName string
	Parent     Type
	Attributes []Attribute
	// Init is the hash that made the type.
	Init *value.Hash
}

// Attribute is one attribute of an Object.
type Attribute struct {
	Name    string
	Type    Type
	Kind    string
	Default value.Value // nil: required
}

// Name implements Type.
func (o *Object) Name() string {
	if o.ObjectName != "" {
		return o.ObjectName
	}
	return "Object"
}

// unalias follows aliases to a type that is none. A cycle of aliases without any other type ends at Any.
func unalias(t Type) Type {
	for range 100 {
		a, ok := t.(*Alias)
		if !ok {
			return t
		}
		t, _ = a.Resolve()
	}
	return Any
}
