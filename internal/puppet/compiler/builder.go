package compiler

import (
	"context"
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

var _ eval.Builder = (*compilation)(nil)

// newResource makes a resource that is not in the catalog yet.
func (c *compilation) newResource(typ, title string, scope *eval.Scope) *res {
	r := &res{ref: refOf(typ, title), typ: typ, kind: "unknown", scope: scope, tags: newTags()}
	if scope != nil {
		r.source = sourceOf(scope)
	}
	return r
}

// sourceOf is the class or define whose code runs in a scope.
func sourceOf(scope *eval.Scope) *res {
	r, _ := scope.Container().(*res)
	return r
}

// add puts a resource into the catalog.
func (c *compilation) add(r *res) {
	c.resources = append(c.resources, r)
	c.byRef[r.ref] = r
}

// namesOf are the tags that a type and a title give.
func namesOf(typ, title string) *tags {
	t := newTags()
	t.addName(typ)
	t.addName(title)
	return t
}

// tagDeclared sets the tags that a resource has from its declaration.
func (c *compilation) tagDeclared(r *res) {
	if v, ok := r.get("tag"); ok {
		for _, e := range flat(v) {
			r.tags.addName(e.String())
		}
	}
	if r.typ == "class" {
		name := strings.ToLower(r.ref.Title)
		own := newTags()
		own.merge(r.tags)
		own.merge(namesOf("class", name))
		r.tags.merge(own)
		c.catalogTags.merge(own)
	} else {
		r.tags.merge(namesOf(r.typ, r.ref.Title))
	}
	c.tagFromContainer(r)
}

// tagFromContainer adds the tags of the resource that r was declared in, which may have got more meanwhile.
func (c *compilation) tagFromContainer(r *res) {
	if r.scope == nil {
		return
	}
	if outer, ok := r.scope.Container().(*res); ok && outer != r {
		r.tags.merge(outer.tags)
	}
}

// Declare implements eval.Builder.
func (c *compilation) Declare(ctx context.Context, scope *eval.Scope, decls []eval.Declaration) ([]value.Value, error) {
	refs := make([]value.Value, 0, len(decls))
	for i := range decls {
		d := &decls[i]
		var err error
		if d.Type == "class" {
			err = c.declareClass(ctx, scope, d)
			refs = append(refs, types.NewClass(d.Title))
		} else {
			err = c.declareResource(ctx, scope, d)
			refs = append(refs, types.NewReference(d.Type, d.Title))
		}
		if err != nil {
			return nil, err
		}
	}
	return refs, nil
}

func (c *compilation) declareClass(ctx context.Context, scope *eval.Scope, d *eval.Declaration) error {
	if d.Form != syntax.Regular {
		return c.fail("virtual-class", d.At, "Classes are not virtualizable")
	}
	name := lowerName(d.Title)
	def, err := c.loader.Class(ctx, name)
	if err != nil {
		return err
	}
	if def == nil {
		return c.unknownClass(name, d.At)
	}
	if old := c.classes[name]; old != nil {
		return c.duplicateResource(old.ref, old, d.At)
	}
	if err := c.ensureParent(ctx, scope, d.At, def, nil); err != nil {
		return err
	}
	if old := c.classes[name]; old != nil {
		return c.duplicateResource(old.ref, old, d.At)
	}
	r := c.newResource("class", name, scope)
	r.kind, r.class, r.at = "class", def, d.At
	if err := c.setAttributes(r, d.Attributes); err != nil {
		return err
	}
	c.tagDeclared(r)
	if err := c.addClass(r, &d.At); err != nil {
		return err
	}
	if err := c.applyPending(r); err != nil {
		return err
	}
	return c.evaluateClass(ctx, r, d.At)
}

func (c *compilation) setAttributes(r *res, attrs []eval.Attribute) error {
	for _, a := range attrs {
		if a.Add {
			return c.fail("illegal-addition", a.At, "Illegal +> operation on attribute '%s'. This operator can not be used in a Resource Expression", a.Name)
		}
		r.params = append(r.params, param{name: a.Name, value: a.Value, at: a.At})
	}
	return nil
}

func (c *compilation) duplicateResource(ref catalog.Ref, old *res, at diag.Range) error {
	where := ""
	if old.at.Start.IsValid() {
		where = " at (" + old.at.String() + ")"
	}
	return c.fail("duplicate-declaration", at, "Duplicate declaration: %s is already declared%s; cannot redeclare", ref, where)
}

func (c *compilation) declareResource(ctx context.Context, scope *eval.Scope, d *eval.Declaration) error {
	r := c.newResource(d.Type, d.Title, scope)
	r.at = d.At
	r.virtual = d.Form != syntax.Regular
	r.exported = d.Form == syntax.Exported
	if err := c.setKind(ctx, r); err != nil {
		return err
	}
	if err := c.setAttributes(r, d.Attributes); err != nil {
		return err
	}
	return c.addDeclared(r)
}

// setKind finds out what a resource's type is.
func (c *compilation) setKind(ctx context.Context, r *res) error {
	if r.schema = c.loader.schema(r.typ); r.schema != nil {
		r.kind = "compilable_type"
		return nil
	}
	def, err := c.loader.Define(ctx, r.typ)
	if err != nil {
		return err
	}
	if def == nil {
		return c.unknownType(r.typ, r.at)
	}
	r.define, r.kind = def, "defined_type"
	return nil
}

func (c *compilation) unknownType(typ string, at diag.Range) error {
	d := c.fail("unknown-resource-type", at, "Unknown resource type: '%s'", typ)
	names := c.compiler.opt.Types.Names()
	for n := range c.loader.defines {
		names = append(names, n)
	}
	if hint := eval.Nearest(typ, append(names, c.knownClasses(typ)...)); hint != "" {
		d.Hint = "did you mean '" + hint + "'?"
	}
	return d
}

// addDeclared checks that a resource is unique, and adds it with its containment, tags and waiting overrides.
func (c *compilation) addDeclared(r *res) error {
	if old := c.find(r.ref); old != nil {
		return c.duplicateResource(r.ref, old, r.at)
	}
	if key, ok := nameKey(r); ok {
		if old := c.find(key); old != nil {
			return c.duplicateResource(key, old, r.at)
		}
		c.aliases[key] = r
	}
	c.addDefaults(r)
	c.tagDeclared(r)
	c.add(r)
	if outer, ok := r.scope.Container().(*res); ok && r.typ != "stage" {
		r.containedBy(outer)
	}
	return c.applyPending(r)
}

// nameKey is the reference by which a resource is known through a name variable that differs from its title. Types
// whose resources may share a name have none.
func nameKey(r *res) (catalog.Ref, bool) {
	if r.schema == nil || r.typ == "exec" || len(r.schema.NameVars) != 1 {
		return catalog.Ref{}, false
	}
	v, ok := r.get(r.schema.NameVar())
	if !ok {
		path, slashes := cleanPath(r)
		if !slashes {
			return catalog.Ref{}, false
		}
		v = path
		r.set(r.schema.NameVar(), v, r.at)
	}
	s, ok := v.(value.String)
	if !ok || s == "" {
		return catalog.Ref{}, false
	}
	key := refOf(r.typ, string(s))
	return key, key != r.ref
}

// cleanPath is the path that the title of a file with slashes at its end stands for.
func cleanPath(r *res) (value.Value, bool) {
	title := r.ref.Title
	path := strings.TrimRight(title, "/")
	if r.typ != "file" || path == title || path == "" {
		return nil, false
	}
	return value.String(path), true
}

// find gives a resource by title or alias, or nil.
func (c *compilation) find(ref catalog.Ref) *res {
	if r := c.byRef[ref]; r != nil {
		return r
	}
	if r := c.aliases[ref]; r != nil {
		return r
	}
	if ref.Type == "File" && len(ref.Title) > 1 && strings.HasSuffix(ref.Title, "/") {
		return c.find(catalog.Ref{Type: ref.Type, Title: strings.TrimRight(ref.Title, "/")})
	}
	return nil
}

// reference reads a value that names a resource; ok is false when it names none.
func reference(v value.Value) (catalog.Ref, bool) {
	switch v := v.(type) {
	case *types.Resource:
		if v.HasTitle {
			return refOf(v.Kind, v.Title), true
		}
	case *types.Class:
		if v.Class != "" {
			return refOf("class", v.Class), true
		}
	case value.String:
		ref, err := catalog.ParseRef(string(v))
		if err != nil {
			return ref, false
		}
		return refOf(strings.ToLower(ref.Type), ref.Title), true
	}
	return catalog.Ref{}, false
}

// Param implements eval.Builder.
func (c *compilation) Param(_ context.Context, _ *eval.Scope, ref value.Value, name string) (value.Value, bool, error) {
	key, ok := reference(ref)
	if !ok {
		return nil, false, nil
	}
	r := c.find(key)
	if r == nil {
		return nil, false, nil
	}
	if v, ok := r.get(name); ok {
		return v, true, nil
	}
	if c.knowsParam(r, name) {
		return value.Undef{}, true, nil
	}
	return nil, true, c.fail("unknown-parameter", diag.Range{}, "The resource %s does not have a parameter called '%s'", r, name)
}

func (c *compilation) knowsParam(r *res, name string) bool {
	if _, ok := resource.Metaparameter(name); ok || name == "name" || name == "title" {
		return true
	}
	var params []*syntax.Parameter
	switch {
	case r.schema != nil:
		_, ok := r.schema.Attribute(name)
		return ok
	case r.define != nil:
		params = r.define.Params
	case r.class != nil:
		params = r.class.Params
	}
	for _, p := range params {
		if p.Name == name {
			return true
		}
	}
	return false
}

// Declared implements eval.Builder.
func (c *compilation) Declared(ref value.Value) bool {
	key, ok := reference(ref)
	return ok && c.find(key) != nil
}

// Tag implements eval.Builder.
func (c *compilation) Tag(scope *eval.Scope, at diag.Range, names []string) error {
	r, ok := scope.Container().(*res)
	if !ok {
		return nil
	}
	for _, n := range names {
		if !r.tags.addName(n) {
			return c.fail("bad-tag", at, "Invalid tag '%s'", n)
		}
	}
	return nil
}

// Tagged implements eval.Builder.
func (c *compilation) Tagged(scope *eval.Scope, names []string) bool {
	r, _ := scope.Container().(*res)
	for _, n := range names {
		n = strings.ToLower(n)
		if !c.catalogTags.has[n] && (r == nil || !r.tags.has[n]) {
			return false
		}
	}
	return true
}
