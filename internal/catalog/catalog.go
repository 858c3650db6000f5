// Package catalog is the contract between server and agent: resources, their relationships and containment, and
// their form on Puppet's wire.
package catalog

import (
	"fmt"
	"strings"

	"kickoff/internal/value"
)

// Ref names a resource: Type['title']. Type is capitalised in every segment ("Concat::Fragment").
type Ref struct{ Type, Title string }

// String is the form used in messages and on the wire: File[/etc/motd].
func (r Ref) String() string { return r.Type + "[" + r.Title + "]" }

// ParseRef reads the form that String gives.
func ParseRef(s string) (Ref, error) {
	typ, rest, ok := strings.Cut(s, "[")
	if !ok || typ == "" || !strings.HasSuffix(rest, "]") {
		return Ref{}, fmt.Errorf("resource reference %q: Type[title] is wanted", s)
	}
	return Ref{CapitalizeType(typ), strings.TrimSuffix(rest, "]")}, nil
}

// CapitalizeType capitalises each segment of a type's name: concat::fragment gives Concat::Fragment.
func CapitalizeType(name string) string {
	segments := strings.Split(name, "::")
	for i, s := range segments {
		if s != "" {
			segments[i] = strings.ToUpper(s[:1]) + strings.ToLower(s[1:])
		}
	}
	return strings.Join(segments, "::")
}

// Param is one parameter of a resource.
type Param struct {
	Name  string
	Value value.Value
}

// Resource is one resource of a catalog.
type Resource struct {
	Ref
	Tags     []string
	File     string
	Line     int
	Exported bool
	// Kind is "compilable_type" for types with a schema, "class", or "unknown".
	Kind string
	// Params are in the order in which they were set. Values may be Sensitive or Deferred.
	Params []Param
}

// Param gives a parameter's value.
func (r *Resource) Param(name string) (value.Value, bool) {
	for _, p := range r.Params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return nil, false
}

// SetParam adds or replaces a parameter.
func (r *Resource) SetParam(name string, v value.Value) {
	for i := range r.Params {
		if r.Params[i].Name == name {
			r.Params[i].Value = v
			return
		}
	}
	r.Params = append(r.Params, Param{name, v})
}

// Edge says that Source contains Target. Relationships between resources are metaparameters of these.
type Edge struct{ Source, Target Ref }

// Catalog is what a node shall be.
type Catalog struct {
	Name        string
	Environment string
	// Version is the time of compilation in seconds since 1970, or what config_version gives.
	Version string
	// CodeID is the content hash of the code that was compiled.
	CodeID    string
	UUID      string
	Tags      []string
	Classes   []string
	Resources []*Resource
	Edges     []Edge
}

// Redact gives a copy that holds no Sensitive in clear: the form that may be stored.
func (c *Catalog) Redact() *Catalog {
	out := *c
	out.Resources = make([]*Resource, len(c.Resources))
	for i, r := range c.Resources {
		copied := *r
		copied.Params = make([]Param, len(r.Params))
		for j, p := range r.Params {
			copied.Params[j] = Param{p.Name, value.Redact(p.Value)}
		}
		out.Resources[i] = &copied
	}
	return &out
}
