package compiler

import (
	"regexp"
	"slices"
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// res is a resource of the catalog in the making.
type res struct {
	ref catalog.Ref
	// typ is the type's name in lower case.
	typ               string
	kind              string
	params            []param
	virtual, exported bool
	// imported tells that another node exports the resource.
	imported bool
	tags     *tags
	// scope is where the resource was declared; nil for those that no code declares.
	scope *eval.Scope
	at    diag.Range
	// containers are the resources that contain this one, in the order of their edges.
	containers []*res
	// schema is set for types with a schema, define and class for those written in Puppet.
	schema *resource.Type
	define *syntax.DefineDef
	class  *syntax.ClassDef
	// evaluated tells that the body was run; defaulted that resource defaults were added.
	evaluated, defaulted bool
	// origin is the classification that asked for a class, or nil.
	origin *Class
	// source is the class whose code declared the resource, for the rule on overrides.
	source *res
}

// param is one parameter with the place where it was set.
type param struct {
	name  string
	value value.Value
	at    diag.Range
	// preset tells that the value is a resource default, which every override may replace.
	preset bool
}

// String is the reference, see eval.Container.
func (r *res) String() string { return r.ref.String() }

// refOf gives the reference by which a resource of a lower-case type is known.
func refOf(typ, title string) catalog.Ref {
	switch typ {
	case "class":
		title = strings.TrimPrefix(title, "::")
		if title != "main" {
			title = types.Capitalize(strings.ToLower(title))
		}
	}
	return catalog.Ref{Type: types.Capitalize(typ), Title: title}
}

func (r *res) get(name string) (value.Value, bool) {
	for i := range r.params {
		if r.params[i].name == name {
			return r.params[i].value, true
		}
	}
	return nil, false
}

// isPreset tells that a parameter has its value from a resource default.
func (r *res) isPreset(name string) bool {
	return slices.ContainsFunc(r.params, func(p param) bool { return p.name == name && p.preset })
}

func (r *res) set(name string, v value.Value, at diag.Range) {
	for i := range r.params {
		if r.params[i].name == name {
			r.params[i].value, r.params[i].at, r.params[i].preset = v, at, false
			return
		}
	}
	r.params = append(r.params, param{name: name, value: v, at: at})
}

// add adds v to what a parameter already has, making an array of it.
func (r *res) add(name string, v value.Value, at diag.Range) {
	old, ok := r.get(name)
	if !ok || value.IsUndef(old) {
		r.set(name, v, at)
		return
	}
	r.set(name, value.NewArray(append(flat(old), flat(v)...)...), at)
}

// flat gives the elements of nested arrays in a slice of its own.
func flat(v value.Value) []value.Value {
	a, ok := v.(*value.Array)
	if !ok {
		if value.IsUndef(v) {
			return nil
		}
		return []value.Value{v}
	}
	var out []value.Value
	for _, e := range a.Elems() {
		out = append(out, flat(e)...)
	}
	return out
}

// tags is an ordered set of tags.
type tags struct {
	order []string
	has   map[string]bool
}

func newTags() *tags { return &tags{has: map[string]bool{}} }

func (t *tags) add(tag string) {
	if !t.has[tag] {
		t.has[tag] = true
		t.order = append(t.order, tag)
	}
}

func (t *tags) list() []string { return append([]string{}, t.order...) }

func (t *tags) merge(o *tags) {
	for _, tag := range o.order {
		t.add(tag)
	}
}

var tagPattern = regexp.MustCompile(`\A[\p{L}\p{N}_][\p{L}\p{N}_:.-]*\z`)

// addName adds a name and the segments of a qualified one, in lower case; it reports whether the name may be a tag.
func (t *tags) addName(name string) bool {
	name = strings.ToLower(name)
	if !tagPattern.MatchString(name) {
		return false
	}
	t.add(name)
	if strings.Contains(name, "::") {
		for part := range strings.SplitSeq(name, "::") {
			if part != "" {
				t.add(part)
			}
		}
	}
	return true
}

// wire gives the form of the catalog.
func (r *res) wire() *catalog.Resource {
	out := &catalog.Resource{
		Ref: r.ref, Tags: r.tags.list(), File: r.at.File, Line: r.at.Start.Line, Exported: r.exported, Kind: r.kind,
	}
	for _, p := range r.params {
		if value.IsUndef(p.value) || r.isName(p) {
			continue
		}
		v := onWire(p.value)
		if _, ok := v.(*value.Array); ok && slices.Contains(resource.Relationships(), p.name) {
			v = value.NewArray(flat(v)...)
		}
		out.Params = append(out.Params, catalog.Param{Name: p.name, Value: v})
	}
	return out
}

// isName tells that a parameter only repeats the title: it is left out.
func (r *res) isName(p param) bool {
	name := "name"
	if r.schema != nil && len(r.schema.NameVars) == 1 {
		name = r.schema.NameVar()
	}
	if p.name != name || r.ref.Title == "main" && (r.typ == "stage" || r.typ == "class") {
		return false
	}
	s, ok := p.value.(value.String)
	return ok && string(s) == r.ref.Title
}

// onWire replaces references by their text.
func onWire(v value.Value) value.Value {
	switch v := v.(type) {
	case *types.Resource:
		if v.HasTitle {
			return value.String(refOf(v.Kind, v.Title).String())
		}
	case *types.Class:
		if v.Class != "" {
			return value.String("Class[" + types.Capitalize(v.Class) + "]")
		}
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			out[i] = onWire(e)
		}
		return value.NewArray(out...)
	case *value.Hash:
		out := value.NewHash(v.Len())
		for k, e := range v.All() {
			out.Set(onWire(k), onWire(e))
		}
		return out
	case *value.Sensitive:
		return value.NewSensitive(onWire(v.Unwrap()))
	case *types.Iteration:
		return onWire(value.NewArray(v.Elems()...))
	}
	return v
}

// edges are the containment edges that end at r.
func (r *res) edges() []catalog.Edge {
	out := make([]catalog.Edge, 0, len(r.containers))
	for _, c := range r.containers {
		out = append(out, catalog.Edge{Source: c.ref, Target: r.ref})
	}
	return out
}

func (r *res) containedBy(c *res) {
	if slices.Contains(r.containers, c) {
		return
	}
	r.containers = append(r.containers, c)
}
