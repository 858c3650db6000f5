package compiler

import (
	"context"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// relation is one arrow: its operands are resolved when all resources are known.
type relation struct {
	source, target value.Value
	notify         bool
	at             diag.Range
}

// Relate implements eval.Builder.
func (c *compilation) Relate(_ context.Context, _ *eval.Scope, at diag.Range, source, target value.Value, notify bool) error {
	for _, side := range []value.Value{source, target} {
		if err := c.checkOperand(side, at); err != nil {
			return err
		}
	}
	c.relations = append(c.relations, relation{source, target, notify, at})
	return nil
}

// checkOperand refuses what cannot be related.
func (c *compilation) checkOperand(v value.Value, at diag.Range) error {
	if _, ok := v.(collectorValue); ok {
		return nil
	}
	if _, ok := v.(*eval.Fallback); ok {
		return nil // its parts were checked when they were operands themselves
	}
	if a, ok := v.(*value.Array); ok {
		for _, e := range a.Elems() {
			if err := c.checkOperand(e, at); err != nil {
				return err
			}
		}
		return nil
	}
	if _, ok := reference(v); ok {
		return nil
	}
	what := types.FormatValue(v)
	return c.fail("bad-relationship", at, "Illegal relationship operand, can not form a relationship with %s. A Catalog type is required.", what)
}

// operands gives the references that one side of an arrow means.
func operands(v value.Value) []catalog.Ref {
	switch v := v.(type) {
	case *eval.Fallback:
		if refs := operands(v.First); len(refs) > 0 {
			return refs
		}
		return operands(v.Else)
	case collectorValue:
		refs := make([]catalog.Ref, len(v.collected))
		for i, r := range v.collected {
			refs[i] = r.ref
		}
		return refs
	case *value.Array:
		var out []catalog.Ref
		for _, e := range v.Elems() {
			out = append(out, operands(e)...)
		}
		return out
	}
	ref, _ := reference(v)
	return []catalog.Ref{ref}
}

// evaluateRelations turns arrows into the metaparameters before and notify of their sources.
func (c *compilation) evaluateRelations() error {
	for _, rel := range c.relations {
		name := "before"
		if rel.notify {
			name = "notify"
		}
		targets := operands(rel.target)
		for _, s := range operands(rel.source) {
			for _, t := range targets {
				source := c.find(s)
				if source == nil {
					return c.fail("unknown-resource", rel.at, "Could not find resource '%s' for relationship on '%s'", s, t)
				}
				if c.find(t) == nil {
					return c.fail("unknown-resource", rel.at, "Could not find resource '%s' for relationship from '%s'", t, s)
				}
				source.add(name, value.NewArray(value.String(t.String())), rel.at)
			}
		}
	}
	return nil
}

// checkRelations refuses metaparameters that name resources which are not in the catalog.
func (c *compilation) checkRelations() error {
	for _, r := range c.resources {
		if r.virtual {
			continue
		}
		for _, name := range resource.Relationships() {
			v, ok := r.get(name)
			if !ok {
				continue
			}
			for _, e := range flat(v) {
				ref, ok := reference(e)
				if !ok {
					return c.fail("bad-relationship", r.at, "%s: parameter '%s': %s is no reference to a resource", r, name, types.FormatValue(e))
				}
				if c.find(ref) == nil {
					return c.fail("unknown-resource", r.at, "Could not find resource '%s' in parameter '%s' of %s", ref, name, r)
				}
			}
		}
	}
	return nil
}
