package compiler

import (
	"context"

	"kickoff/internal/catalog"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// finish completes all resources when nothing more is evaluated, and checks the whole.
func (c *compilation) finish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.evaluateRelations(); err != nil {
		return err
	}
	if err := c.checkRealized(); err != nil {
		return err
	}
	if err := c.checkPending(); err != nil {
		return err
	}
	for _, r := range c.resources {
		c.inheritMeta(r)
		c.tagFromContainer(r)
		if err := c.checkSchema(r); err != nil {
			return err
		}
	}
	for _, r := range c.resources {
		if err := c.addAliases(r); err != nil {
			return err
		}
	}
	if err := c.checkRelations(); err != nil {
		return err
	}
	if cycle := c.findCycle(); cycle != nil {
		c.addLog(eval.Message{Level: eval.LevelWarning, Text: "Found a dependency cycle, which no agent will apply: " +
			cycleText(cycle), Source: "Puppet", At: cycle[0].at})
	}
	return nil
}

// inherited are the metaparameters that resources in a define get from its instance.
var inherited = []string{"noop", "schedule", "audit", "loglevel", "alias", "tag"}

// inheritMeta gives a resource in a define the metaparameters of the instance.
func (c *compilation) inheritMeta(r *res) {
	if r.scope == nil || r.typ == "class" {
		return
	}
	outer, ok := r.scope.Container().(*res)
	if !ok || outer.define == nil {
		return
	}
	for _, name := range inherited {
		v, ok := outer.get(name)
		if !ok || value.IsUndef(v) {
			continue
		}
		if old, ok := r.get(name); !ok || value.IsUndef(old) {
			r.set(name, v, r.at)
		}
	}
}

// checkSchema refuses attributes that the type does not have.
func (c *compilation) checkSchema(r *res) error {
	for _, p := range r.params {
		if what := unfit(p.value); what != "" && !r.virtual {
			return c.fail("unsupported-value", r.at, "%s: the value of parameter '%s' holds %s, which a catalog cannot carry", r, p.name, what)
		}
	}
	if r.schema == nil {
		return nil
	}
	for _, p := range r.params {
		if _, ok := r.schema.Attribute(p.name); ok {
			continue
		}
		at := p.at
		if !at.Start.IsValid() {
			at = r.at
		}
		d := c.fail("unknown-parameter", at, "no parameter named '%s' on %s", p.name, r)
		if hint := eval.Nearest(p.name, r.schema.Names()); hint != "" {
			d.Hint = "did you mean '" + hint + "'?"
		}
		return d
	}
	return nil
}

// unfit names what a value holds that has no form in a catalog, or is "".
func unfit(v value.Value) string {
	switch v := v.(type) {
	case *types.Resource:
		if !v.HasTitle {
			return "the type " + v.String()
		}
	case *types.Class:
		if v.Class == "" {
			return "the type Class"
		}
	case types.Type:
		return "the data type " + v.String()
	case *types.Iteration, *eval.Lambda:
		return "an " + v.TypeName()
	case *value.Array:
		for _, e := range v.Elems() {
			if what := unfit(e); what != "" {
				return what
			}
		}
	case *value.Hash:
		for k, e := range v.All() {
			if what := unfit(k); what != "" {
				return what
			}
			if what := unfit(e); what != "" {
				return what
			}
		}
	}
	return ""
}

// addAliases makes a resource known under the names of its metaparameter alias.
func (c *compilation) addAliases(r *res) error {
	v, ok := r.get("alias")
	if !ok || r.virtual {
		return nil
	}
	for _, e := range flat(v) {
		ref := catalog.Ref{Type: r.ref.Type, Title: e.String()}
		if old := c.find(ref); old != nil && old != r {
			return c.fail("duplicate-declaration", r.at, "Cannot alias %s to %s; the resource is already declared at %s", r, ref, old.at)
		}
		c.aliases[ref] = r
	}
	return nil
}
