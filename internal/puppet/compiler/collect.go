package compiler

import (
	"context"
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// collection is a collector, or a realize().
type collection struct {
	eval.Collection
	scope *eval.Scope
	// refs are what realize() was given; nil for a collector.
	refs []catalog.Ref
	// collected are the resources that were found, in the order of the catalog.
	collected []*res
	seen      map[*res]bool
	asked     bool
}

// collectorValue is the value of a collector: an operand of relationships.
type collectorValue struct{ *collection }

// TypeName implements value.Value.
func (collectorValue) TypeName() string { return "Runtime" }

// String is what Puppet shows.
func (v collectorValue) String() string { return "Catalog-Collector[" + types.Capitalize(v.Type) + "]" }

// Collect implements eval.Builder.
func (c *compilation) Collect(ctx context.Context, scope *eval.Scope, q *eval.Collection) (value.Value, error) {
	if c.loader.schema(q.Type) == nil {
		def, err := c.loader.Define(ctx, q.Type)
		if err != nil {
			return nil, err
		}
		if def == nil {
			return nil, c.fail("unknown-resource-type", q.At, "Resource type %s doesn't exist", q.Type)
		}
	}
	col := &collection{Collection: *q, scope: scope, seen: map[*res]bool{}}
	c.collections = append(c.collections, col)
	return collectorValue{col}, nil
}

// Realize implements eval.Builder.
func (c *compilation) Realize(_ context.Context, scope *eval.Scope, at diag.Range, refs []value.Value) error {
	col := &collection{Collection: eval.Collection{At: at}, scope: scope, seen: map[*res]bool{}}
	for _, v := range refs {
		ref, ok := reference(v)
		if !ok {
			return c.fail("not-a-reference", at, "realize() takes references to resources, got %s", types.FormatValue(v))
		}
		col.refs = append(col.refs, ref)
	}
	c.collections = append(c.collections, col)
	return nil
}

// evaluateCollections runs all collectors once; it reports whether any of them found something new.
func (c *compilation) evaluateCollections(ctx context.Context) (bool, error) {
	found := false
	for i := 0; i < len(c.collections); i++ {
		some, err := c.evaluateCollection(ctx, c.collections[i])
		if err != nil {
			return false, err
		}
		found = found || some
	}
	return found, nil
}

func (c *compilation) evaluateCollection(ctx context.Context, col *collection) (bool, error) {
	if col.Exported && c.compiler.opt.Exports == nil {
		if !col.asked {
			col.asked = true
			c.addLog(eval.Message{Level: eval.LevelWarning, Source: "Puppet", At: col.At,
				Text: "You cannot collect exported resources without a store of them; the collection will be ignored"})
		}
		return false, nil
	}
	if col.Exported && !col.asked {
		col.asked = true
		if err := c.importExported(ctx, col); err != nil {
			return false, err
		}
	}
	found := false
	for i := 0; i < len(c.resources); i++ {
		r := c.resources[i]
		if col.seen[r] || !c.collects(col, r) {
			continue
		}
		col.seen[r] = true
		col.collected = append(col.collected, r)
		r.virtual = false
		found = true
		if len(col.Overrides) > 0 {
			if err := c.apply(r, &override{attrs: col.Overrides, at: col.At, source: sourceOf(col.scope), collected: true}); err != nil {
				return false, err
			}
		}
	}
	return found, nil
}

// collects tells whether a resource is one that the collector is after.
func (c *compilation) collects(col *collection, r *res) bool {
	if col.refs != nil {
		for _, ref := range col.refs {
			if c.find(ref) == r {
				return true
			}
		}
		return false
	}
	if r.typ != col.Type || col.Exported && !r.exported {
		return false
	}
	return matches(col.Query, r)
}

// matches evaluates the query of a collector.
func matches(q eval.Query, r *res) bool {
	switch q := q.(type) {
	case nil:
		return true
	case *eval.QueryLogic:
		if q.And {
			return matches(q.Left, r) && matches(q.Right, r)
		}
		return matches(q.Left, r) || matches(q.Right, r)
	case *eval.QueryCompare:
		return holds(q, r) != q.Negate
	}
	return false
}

func holds(q *eval.QueryCompare, r *res) bool {
	switch q.Name {
	case "tag":
		return r.tags.has[strings.ToLower(q.Value.String())]
	case "title":
		return value.Equal(value.String(r.ref.Title), q.Value)
	}
	v, ok := r.get(q.Name)
	if !ok {
		return value.IsUndef(q.Value)
	}
	if a, ok := v.(*value.Array); ok {
		for _, e := range a.Elems() {
			if value.Equal(onWire(e), onWire(q.Value)) {
				return true
			}
		}
	}
	return value.Equal(onWire(v), onWire(q.Value))
}

// importExported adds the resources that other nodes export and the collector is after.
func (c *compilation) importExported(ctx context.Context, col *collection) error {
	typ := types.Capitalize(col.Type)
	list, err := c.compiler.opt.Exports.Exported(ctx, c.env.Name, c.req.Node, typ, col.Query)
	if err != nil {
		return c.fail("exported-resources", col.At, "find the exported %s resources of other nodes: %v", typ, err)
	}
	for _, x := range list {
		r := c.newResource(col.Type, x.Title, col.scope)
		r.exported, r.imported = true, true
		r.at = diag.Range{File: x.File, Start: diag.Pos{Line: x.Line}}
		for _, p := range x.Params {
			r.params = append(r.params, param{name: p.Name, value: p.Value, at: r.at})
		}
		for _, t := range x.Tags {
			r.tags.add(t)
		}
		if err := c.setKind(ctx, r); err != nil {
			return err
		}
		if !matches(col.Query, r) {
			continue
		}
		if old := c.find(r.ref); old != nil {
			if old.exported {
				continue
			}
			return c.fail("duplicate-declaration", col.At,
				"A duplicate resource was found while collecting exported resources, with the type and title %s (declared at %s)", r, old.at)
		}
		if err := c.addDeclared(r); err != nil {
			return err
		}
	}
	return nil
}

// checkRealized refuses a realize() of resources that never came.
func (c *compilation) checkRealized() error {
	for _, col := range c.collections {
		for _, ref := range col.refs {
			if c.find(ref) == nil {
				return c.fail("unknown-resource", col.At, "Failed to realize virtual resources %s", ref)
			}
		}
	}
	return nil
}
