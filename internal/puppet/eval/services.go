package eval

import (
	"context"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// Binder answers lookups of data (Hiera). An Evaluator has at most one; it is used by one goroutine.
type Binder interface {
	// Lookup finds the value of a key. merge is undef, the name of a merge strategy, or a hash of options, as the
	// function lookup takes it. The variables that a hierarchy interpolates are those of scope. found is false when no
	// level has the key; an error means that the data is wrong.
	Lookup(ctx context.Context, scope *Scope, key string, merge value.Value) (v value.Value, found bool, err error)
}

// Loader finds definitions by name, reading the files of modules when they are needed. Names are lower case without a
// leading "::". A nil definition and a nil error mean that there is none.
type Loader interface {
	Function(ctx context.Context, name string) (*syntax.FunctionDef, error)
	TypeAlias(ctx context.Context, name string) (*syntax.TypeAliasDef, error)
	// Class and Define tell whether the name is known; what to do with it is the Builder's business.
	Class(ctx context.Context, name string) (*syntax.ClassDef, error)
	Define(ctx context.Context, name string) (*syntax.DefineDef, error)
	// ResourceType tells whether a resource type with a schema (file, package …) has this name.
	ResourceType(name string) bool
	// FunctionNames are the names of functions in Puppet code of this environment that were loaded so far, for hints.
	FunctionNames() []string
}

// IncludeMode is how a class gets into the catalog.
type IncludeMode int

// The functions that include classes.
const (
	Include IncludeMode = iota
	Contain
	Require
)

// Attribute is one parameter of a resource that is declared or overridden.
type Attribute struct {
	Name  string
	Value value.Value
	// Add tells that the value is added (`+>`).
	Add bool
	At  diag.Range
}

// Declaration is one resource that a resource expression or create_resources() declares.
type Declaration struct {
	Form syntax.Form
	// Type is the lower-case name of the type: "file", "apt::source", "class".
	Type  string
	Title string
	// Attributes are in source order. Undef values are still in.
	Attributes []Attribute
	At         diag.Range
}

// Builder is the catalog under construction. References are given and returned as values of the types Resource and
// Class (package types), or as text like "File[/etc/motd]"; names of classes as text too.
type Builder interface {
	// Include evaluates classes and gives their references.
	Include(ctx context.Context, scope *Scope, at diag.Range, mode IncludeMode, classes []value.Value) ([]value.Value, error)
	// Declare adds resources and gives their references.
	Declare(ctx context.Context, scope *Scope, decls []Declaration) ([]value.Value, error)
	// Defaults sets the defaults of a resource type in a scope.
	Defaults(ctx context.Context, scope *Scope, at diag.Range, typ string, attrs []Attribute) error
	// Override changes resources, now or when they are declared.
	Override(ctx context.Context, scope *Scope, at diag.Range, refs []value.Value, attrs []Attribute) ([]value.Value, error)
	// Collect adds a collector and gives its value, an operand of relationships.
	Collect(ctx context.Context, scope *Scope, c *Collection) (value.Value, error)
	// Relate orders two operands: references, collectors, or arrays of them. notify adds a notification.
	Relate(ctx context.Context, scope *Scope, at diag.Range, source, target value.Value, notify bool) error
	// Realize makes virtual resources real.
	Realize(ctx context.Context, scope *Scope, at diag.Range, refs []value.Value) error
	// Param gives the parameter of a resource; found is false when the catalog has no such resource.
	Param(ctx context.Context, scope *Scope, ref value.Value, name string) (v value.Value, found bool, err error)
	// Declared reports whether the resource or class is in the catalog.
	Declared(ref value.Value) bool
	// Tag adds tags to the resource that contains scope.
	Tag(scope *Scope, at diag.Range, tags []string) error
	// Tagged reports whether the resource that contains scope, or the catalog, has all of the tags.
	Tagged(scope *Scope, tags []string) bool
}

// Collection is a collector: `Type <| query |> { overrides }`.
type Collection struct {
	// Type is the name of the type, lower case.
	Type     string
	Exported bool
	Query    Query
	// Overrides are evaluated attributes.
	Overrides []Attribute
	At        diag.Range
}

// Query is the condition of a collector: nil matches all resources.
type Query interface{ query() }

// QueryCompare is `name == value` or `name != value`. For the name "title" it compares titles, for "tag" tags.
type QueryCompare struct {
	Name   string
	Negate bool
	Value  value.Value
}

// QueryLogic is `left and right` or `left or right`.
type QueryLogic struct {
	And         bool
	Left, Right Query
}

func (*QueryCompare) query() {}
func (*QueryLogic) query()   {}
