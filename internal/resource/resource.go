// Package resource says what a resource type is: its attributes, how their values are checked and brought into one
// form, which attribute names the resource, and which other resources it requires by itself. All of it is data, also
// for types that have no provider here: the compiler rejects what no agent would accept, the agent orders and checks.
//
//	Registry   types by name
//	Type       attributes, name variables, title patterns, autorequires, checks across attributes
//	Attribute  a property (has a state on the node), a parameter (says how), or a metaparameter (every type has it)
package resource

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"kickoff/internal/value"
)

// Kind tells what an attribute is for.
type Kind int

// The kinds of attributes.
const (
	// Property is an attribute with a state on the node that can be out of sync.
	Property Kind = iota + 1
	// Param is an attribute that tells how a resource is managed.
	Param
	// Meta is an attribute that every type has.
	Meta
)

// String is the word that Puppet uses.
func (k Kind) String() string {
	switch k {
	case Property:
		return "property"
	case Param:
		return "param"
	case Meta:
		return "meta"
	}
	return "unknown"
}

// Attribute is one attribute of a type.
type Attribute struct {
	Name string
	Kind Kind
	// Values are the words that are allowed, in Puppet's order. Empty: any value is, as far as Munge takes it.
	Values []string
	// Aliases are further words, each with the value that it stands for.
	Aliases map[string]string
	// Patterns allow further text besides Values.
	Patterns []*regexp.Regexp
	// List keeps an array as it is, and makes one of a single value.
	List bool
	// Munge checks a value and brings it into the form in which providers see it. It is called after Values,
	// element by element if List is set.
	Munge func(value.Value) (value.Value, error)
	// Default is the value of an attribute that is not set; nil if there is none.
	Default value.Value
	// DefaultFrom names the attribute whose value is the default, "" if there is none.
	DefaultFrom string
	// Secret marks values that are never shown, as if they had been given as Sensitive.
	Secret bool
}

// Params are the attributes of one resource by name.
type Params map[string]value.Value

// Text gives an attribute as text, or "" if it is not set.
func (p Params) Text(name string) string {
	if v, ok := p[name]; ok && !value.IsUndef(v) {
		return v.String()
	}
	return ""
}

// Texts gives an attribute as a list of texts, also if it is a single value.
func (p Params) Texts(name string) []string {
	v, ok := p[name]
	if !ok || value.IsUndef(v) {
		return nil
	}
	arr, ok := v.(*value.Array)
	if !ok {
		return []string{v.String()}
	}
	out := make([]string, 0, arr.Len())
	for _, e := range arr.Elems() {
		out = append(out, e.String())
	}
	return out
}

// Auto is a relationship that a type adds by itself if both resources are in the catalog.
type Auto struct {
	// Type is the type of the other resource, in lower case.
	Type string
	// Nearest makes only the first title count that is in the catalog (the nearest managed parent directory).
	Nearest bool
	// Titles gives the names of resources that are required.
	Titles func(Params) []string
}

// TitlePattern takes name variables out of a title.
type TitlePattern struct {
	Regexp *regexp.Regexp
	// Names are the attributes that the groups of Regexp give.
	Names []string
}

// Type is a resource type.
type Type struct {
	// Name is in lower case: "file".
	Name string
	// NameVars are the attributes that identify a resource; for all types but a few it is one.
	NameVars []string
	// Ensurable is set for types with the property ensure.
	Ensurable bool
	// EnsureDefault is the value of ensure if it is not set and another property is.
	EnsureDefault string
	// TitlePatterns are tried in order; none: the title is the value of the first name variable.
	TitlePatterns []TitlePattern
	// Autorequire are the relationships that the type adds by itself.
	Autorequire []Auto
	// Check looks at munged attributes together. It sees the values inside of Sensitive, and may see Deferred ones.
	Check func(title string, p Params) error

	attributes []Attribute
	index      map[string]int
}

// Attributes gives the type's own attributes, without metaparameters.
func (t *Type) Attributes() []Attribute { return t.attributes }

// Attribute finds an attribute, metaparameters included.
func (t *Type) Attribute(name string) (*Attribute, bool) {
	if i, ok := t.index[name]; ok {
		return &t.attributes[i], true
	}
	return Metaparameter(name)
}

// Names gives the names of all attributes of the type, metaparameters last; for suggestions.
func (t *Type) Names() []string {
	names := make([]string, 0, len(t.attributes)+len(metaparameters))
	for i := range t.attributes {
		names = append(names, t.attributes[i].Name)
	}
	for i := range metaparameters {
		names = append(names, metaparameters[i].Name)
	}
	return names
}

// NameVar is the first name variable.
func (t *Type) NameVar() string { return t.NameVars[0] }

// IsNameVar reports whether an attribute identifies the resource.
func (t *Type) IsNameVar(name string) bool { return slices.Contains(t.NameVars, name) }

// Ref is how messages name a resource of the type: File[/etc/motd].
func (t *Type) Ref(title string) string {
	segments := strings.Split(t.Name, "::")
	for i, s := range segments {
		segments[i] = strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.Join(segments, "::") + "[" + title + "]"
}

// build makes the index; it is called once for each type of a table.
func (t *Type) build() *Type {
	t.index = make(map[string]int, len(t.attributes))
	for i := range t.attributes {
		t.index[t.attributes[i].Name] = i
		if t.attributes[i].Name == "ensure" {
			t.Ensurable = true
		}
	}
	return t
}

// New makes a type of attributes that are known only by name, as of types that modules define in Ruby. Everything is
// accepted as a value.
func New(name string, nameVars []string, properties, params []string) *Type {
	t := &Type{Name: strings.ToLower(name), NameVars: nameVars}
	for _, p := range properties {
		t.attributes = append(t.attributes, Attribute{Name: p, Kind: Property})
	}
	for _, p := range params {
		t.attributes = append(t.attributes, Attribute{Name: p, Kind: Param})
	}
	return t.build()
}

// Registry holds types by name. It is not changed while it is read.
type Registry struct{ types map[string]*Type }

// NewRegistry makes a registry of the given types.
func NewRegistry(types ...*Type) *Registry {
	r := &Registry{make(map[string]*Type, len(types))}
	for _, t := range types {
		r.types[t.Name] = t
	}
	return r
}

// With gives a copy of the registry that knows further types.
func (r *Registry) With(types ...*Type) *Registry {
	out := &Registry{maps.Clone(r.types)}
	for _, t := range types {
		out.types[t.Name] = t
	}
	return out
}

// Lookup finds a type by name, in any case.
func (r *Registry) Lookup(name string) (*Type, bool) {
	if t, ok := r.types[name]; ok {
		return t, true
	}
	t, ok := r.types[strings.ToLower(name)]
	return t, ok
}

// Names gives the names of all types, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.types)) }

// Builtin gives the types that Puppet 7 and the modules that come with it define.
func Builtin() *Registry {
	return NewRegistry(slices.Concat(managedTypes(), fileTypes(), accountTypes(), otherTypes())...)
}

// UnknownError says that a type has no such attribute.
type UnknownError struct {
	Type, Title, Name string
}

// Error is Puppet's text.
func (e *UnknownError) Error() string { return fmt.Sprintf("no parameter named '%s'", e.Name) }

// ValueError says that an attribute cannot have a value.
type ValueError struct {
	// Ref names the resource, Name the attribute; Name is "" if several attributes do not fit together.
	Ref, Name string
	Reason    string
}

// Error is Puppet's text.
func (e *ValueError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("Validation of %s failed: %s", e.Ref, e.Reason)
	}
	return fmt.Sprintf("Parameter %s failed on %s: %s", e.Name, e.Ref, e.Reason)
}
