package compiler

import (
	"context"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// typeDefaults are the defaults of one type in one scope, in order.
type typeDefaults struct{ params []param }

// Defaults implements eval.Builder.
func (c *compilation) Defaults(_ context.Context, scope *eval.Scope, at diag.Range, typ string, attrs []eval.Attribute) error {
	owner := scope.Owner()
	byType := c.defaults[owner]
	if byType == nil {
		byType = map[string]*typeDefaults{}
		c.defaults[owner] = byType
	}
	d := byType[typ]
	if d == nil {
		d = &typeDefaults{}
		byType[typ] = d
	}
	for _, a := range attrs {
		for _, old := range d.params {
			if old.name == a.Name {
				return c.fail("duplicate-default", a.At, "Default already defined for %s { %s }; cannot redefine (first at %s)",
					refOf(typ, "").Type, a.Name, old.at)
			}
		}
		d.params = append(d.params, param{name: a.Name, value: a.Value, at: a.At, preset: true})
	}
	return nil
}

// addDefaults gives a resource the defaults of its type, those of the nearest scope first. An attribute that was set to
// undef has no default. It happens when the resource is declared: defaults that come later do not count.
func (c *compilation) addDefaults(r *res) {
	if r.defaulted || r.scope == nil {
		return
	}
	r.defaulted = true
	for o := r.scope.Owner(); o != nil; o = o.Dynamic() {
		d := c.defaults[o][r.typ]
		if d == nil {
			continue
		}
		for _, p := range d.params {
			if _, ok := r.get(p.name); ok {
				continue
			}
			r.params = append(r.params, p)
			if p.name == "tag" {
				for _, e := range flat(p.value) {
					r.tags.addName(e.String())
				}
			}
		}
	}
}

// override are new values for a resource.
type override struct {
	attrs  []eval.Attribute
	at     diag.Range
	source *res
	// collected tells that the override comes from a collector, which may override everything.
	collected bool
}

// Override implements eval.Builder.
func (c *compilation) Override(_ context.Context, scope *eval.Scope, at diag.Range, refs []value.Value, attrs []eval.Attribute) ([]value.Value, error) {
	o := &override{attrs: attrs, at: at, source: sourceOf(scope)}
	for _, v := range refs {
		ref, ok := reference(v)
		if !ok {
			return nil, c.fail("not-a-reference", at, "%s is no reference to a resource", v)
		}
		if r := c.find(ref); r != nil {
			if err := c.apply(r, o); err != nil {
				return nil, err
			}
			continue
		}
		c.pending[ref] = append(c.pending[ref], o)
	}
	return refs, nil
}

// applyPending applies the overrides that waited for a resource.
func (c *compilation) applyPending(r *res) error {
	waiting := c.pending[r.ref]
	delete(c.pending, r.ref)
	for _, o := range waiting {
		if err := c.apply(r, o); err != nil {
			return err
		}
	}
	return nil
}

// apply overrides parameters of a resource.
func (c *compilation) apply(r *res, o *override) error {
	if r.evaluated && (r.define != nil || r.class != nil) {
		if err := c.late(r, o); err != nil {
			return err
		}
	}
	inherits := o.collected || c.inherits(o.source, r.source)
	if !inherits && o.source != r.source {
		return c.fail("illegal-override", o.at, "Only subclasses can override parameters")
	}
	for _, a := range o.attrs {
		old, ok := r.get(a.Name)
		switch {
		case a.Add:
			r.add(a.Name, a.Value, a.At)
		case ok && !inherits && !value.IsUndef(old) && !r.isPreset(a.Name):
			return c.fail("illegal-override", a.At, "Parameter '%s' is already set on %s by %s at %s; cannot redefine",
				a.Name, r, r.source, r.at)
		default:
			r.set(a.Name, a.Value, a.At)
		}
		if a.Name == "tag" {
			for _, e := range flat(a.Value) {
				r.tags.addName(e.String())
			}
		}
	}
	return nil
}

// late is an override that comes after the resource's body was run with the old values.
func (c *compilation) late(r *res, o *override) error {
	text := "Attempt to override an already evaluated resource, defined at " + r.at.String() + ", with new values"
	switch c.compiler.opt.Strict {
	case eval.StrictError:
		return c.fail("late-override", o.at, "%s", text)
	case eval.StrictWarning:
		c.addLog(eval.Message{Level: eval.LevelWarning, Text: text, Source: "Puppet", At: o.at})
	}
	return nil
}

// inherits tells whether class a inherits class b, directly or not.
func (c *compilation) inherits(a, b *res) bool {
	for a != nil && a.class != nil && a.class.Parent != "" {
		a = c.classes[lowerName(a.class.Parent)]
		if a == b {
			return a != nil
		}
	}
	return false
}

// checkPending refuses overrides of resources that never came.
func (c *compilation) checkPending() error {
	var first *catalog.Ref
	var at diag.Range
	for ref, os := range c.pending {
		if first == nil || os[0].at.File < at.File || os[0].at.File == at.File && os[0].at.Start.Offset < at.Start.Offset {
			first, at = &ref, os[0].at
		}
	}
	if first == nil {
		return nil
	}
	return c.fail("unknown-resource", at, "Could not find resource(s) %s for overriding", first)
}
