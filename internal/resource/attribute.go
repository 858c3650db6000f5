package resource

import (
	"regexp"

	"kickoff/internal/value"
)

// The tables of types are written with these constructors.

// prop is a property whose values munge takes; nil takes all.
func prop(name string, munge func(value.Value) (value.Value, error)) Attribute {
	return Attribute{Name: name, Kind: Property, Munge: munge}
}

// param is a parameter whose values munge takes; nil takes all.
func param(name string, munge func(value.Value) (value.Value, error)) Attribute {
	return Attribute{Name: name, Kind: Param, Munge: munge}
}

// props are properties that take everything.
func props(names ...string) []Attribute { return plain(Property, names) }

// params are parameters that take everything.
func params(names ...string) []Attribute { return plain(Param, names) }

func plain(kind Kind, names []string) []Attribute {
	out := make([]Attribute, len(names))
	for i, n := range names {
		out[i] = Attribute{Name: n, Kind: kind}
	}
	return out
}

// words is a property of the given words.
func words(name string, values ...string) Attribute {
	return Attribute{Name: name, Kind: Property, Values: values}
}

// choice is a parameter of the given words.
func choice(name string, values ...string) Attribute {
	return Attribute{Name: name, Kind: Param, Values: values}
}

// flag is a parameter that is true or false, also written yes or no.
func flag(name string) Attribute {
	return Attribute{Name: name, Kind: Param, Values: []string{"true", "false", "yes", "no"}, Munge: boolean}
}

// ensure is the property ensure of present and absent, followed by further words.
func ensure(more ...string) Attribute {
	return Attribute{Name: "ensure", Kind: Property, Values: append([]string{"present", "absent"}, more...)}
}

// or gives the attribute a default.
func (a Attribute) or(v value.Value) Attribute {
	a.Default = v
	return a
}

// list makes the attribute take several values.
func (a Attribute) list() Attribute {
	a.List = true
	return a
}

// alias adds words that stand for others, in pairs.
func (a Attribute) alias(pairs ...string) Attribute {
	a.Aliases = make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		a.Aliases[pairs[i]] = pairs[i+1]
	}
	return a
}

// matching allows further text.
func (a Attribute) matching(patterns ...string) Attribute {
	for _, p := range patterns {
		a.Patterns = append(a.Patterns, regexp.MustCompile(p))
	}
	return a
}

// secret marks values that are never shown.
func (a Attribute) secret() Attribute {
	a.Secret = true
	return a
}

// typ makes a type of groups of attributes.
func typ(t Type, groups ...[]Attribute) *Type {
	for _, g := range groups {
		t.attributes = append(t.attributes, g...)
	}
	return t.build()
}

// reference checks what relationship metaparameters are given. Type references are not values that this package
// knows, so only plain text is looked at.
var refPattern = regexp.MustCompile(`\A[A-Za-z_:][\w:]*\[.+\]\z`)

func reference(v value.Value) (value.Value, error) {
	if s, ok := v.(value.String); ok && !refPattern.MatchString(string(s)) {
		return nil, &noReferenceError{string(s)}
	}
	return v, nil
}

type noReferenceError struct{ text string }

// Error is Puppet's text.
func (e *noReferenceError) Error() string {
	return "No title provided and " + inspect(value.String(e.text)) + " is not a valid resource reference"
}

// metaparameters are the attributes of every type.
var metaparameters = []Attribute{
	{Name: "noop", Kind: Meta, Values: []string{"true", "false"}},
	{Name: "schedule", Kind: Meta},
	{Name: "audit", Kind: Meta, List: true},
	{Name: "loglevel", Kind: Meta, Values: []string{
		"debug", "info", "notice", "warning", "err", "alert", "emerg", "crit", "verbose"}},
	{Name: "alias", Kind: Meta, List: true},
	{Name: "tag", Kind: Meta, List: true},
	{Name: "require", Kind: Meta, List: true, Munge: reference},
	{Name: "subscribe", Kind: Meta, List: true, Munge: reference},
	{Name: "before", Kind: Meta, List: true, Munge: reference},
	{Name: "notify", Kind: Meta, List: true, Munge: reference},
	{Name: "stage", Kind: Meta},
}

// Metaparameter finds an attribute that every type has.
func Metaparameter(name string) (*Attribute, bool) {
	for i := range metaparameters {
		if metaparameters[i].Name == name {
			return &metaparameters[i], true
		}
	}
	return nil, false
}

// Relationships are the metaparameters that order resources.
func Relationships() []string { return []string{"require", "before", "subscribe", "notify"} }
