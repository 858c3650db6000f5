package eval

import (
	"context"
	"strings"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// builder is the catalog under construction, or the refusal to do what at needs it for.
func (e *Evaluator) builder(at syntax.Node, what string) (Builder, error) {
	if e.opt.Builder == nil {
		return nil, e.unavailable(at, what)
	}
	return e.opt.Builder, nil
}

// resource is type { title: attributes }.
func (e *Evaluator) resource(ctx context.Context, s *Scope, x *syntax.Resource) (value.Value, error) {
	b, err := e.builder(x, "the declaration of a resource")
	if err != nil {
		return nil, err
	}
	typeName, err := e.resourceTypeName(ctx, s, x.Type)
	if err != nil {
		return nil, err
	}
	defaults, err := e.defaultBody(ctx, s, x)
	if err != nil {
		return nil, err
	}
	var decls []Declaration
	seen := map[string]bool{}
	for _, body := range x.Bodies {
		if _, ok := body.Title.(*syntax.DefaultLiteral); ok {
			continue
		}
		titles, err := e.titles(ctx, s, body.Title)
		if err != nil {
			return nil, err
		}
		for _, t := range titles {
			if seen[t] {
				return nil, e.fail("duplicate-title", body.Title, "The title '%s' has already been used in this resource expression", t)
			}
			seen[t] = true
		}
		attrs, err := e.attributes(ctx, s, body.Operations)
		if err != nil {
			return nil, err
		}
		attrs = completed(attrs, defaults)
		for _, t := range titles {
			decls = append(decls, Declaration{Form: x.Form, Type: typeName, Title: t, Attributes: attrs, At: Place(x)})
		}
	}
	refs, err := b.Declare(ctx, s, decls)
	if err != nil {
		return nil, e.wrap(err, Place(x))
	}
	return value.NewArray(refs...), nil
}

// defaultBody evaluates the body titled default.
func (e *Evaluator) defaultBody(ctx context.Context, s *Scope, x *syntax.Resource) ([]Attribute, error) {
	var out []Attribute
	found := false
	for _, body := range x.Bodies {
		if _, ok := body.Title.(*syntax.DefaultLiteral); !ok {
			continue
		}
		if found {
			return nil, e.fail("duplicate-default", body, "This resource expression has more than one 'default' body")
		}
		found = true
		var err error
		if out, err = e.attributes(ctx, s, body.Operations); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// completed adds the defaults for attributes that attrs lacks.
func completed(attrs, defaults []Attribute) []Attribute {
	if len(defaults) == 0 {
		return attrs
	}
	has := map[string]bool{}
	for _, a := range attrs {
		has[a.Name] = true
	}
	out := make([]Attribute, 0, len(attrs)+len(defaults))
	for _, d := range defaults {
		if !has[d.Name] {
			out = append(out, d)
		}
	}
	return append(out, attrs...)
}

// resourceTypeName gives the lower-case name of the type of a resource expression.
func (e *Evaluator) resourceTypeName(ctx context.Context, s *Scope, x syntax.Expr) (string, error) {
	if n, ok := x.(*syntax.Name); ok {
		return strings.ToLower(strings.TrimPrefix(n.Value, "::")), nil
	}
	v, err := e.eval(ctx, s, x)
	if err != nil {
		return "", err
	}
	switch t := v.(type) {
	case value.String:
		return strings.ToLower(strings.TrimPrefix(string(t), "::")), nil
	case *types.Resource:
		if t.Kind != "" && !t.HasTitle {
			return t.Kind, nil
		}
	case *types.Class:
		if t.Class == "" {
			return "class", nil
		}
	}
	return "", e.fail("not-a-resource-type", x, "%s cannot be used where a resource type is wanted", article(kindOf(v)))
}

// titles evaluates a title: a text, or a list of them, nested or empty.
func (e *Evaluator) titles(ctx context.Context, s *Scope, x syntax.Expr) ([]string, error) {
	v, err := e.eval(ctx, s, x)
	if err != nil {
		return nil, err
	}
	out := []string{}
	var add func(v value.Value, index int) error
	add = func(v value.Value, index int) error {
		switch v := v.(type) {
		case *value.Array:
			for i, el := range v.Elems() {
				if err := add(el, i); err != nil {
					return err
				}
			}
			return nil
		case value.String:
			if v == "" {
				return e.fail("empty-title", x, "Empty string title at %d. Title strings must have a length > 0.", index)
			}
			out = append(out, string(v))
			return nil
		case nil, value.Undef:
			return e.fail("missing-title", x, "Missing title at %d. A title must be a non-empty String, got undef", index)
		}
		return e.fail("bad-title", x, "Illegal title type at %d. Expected String, got %s", index, kindOf(v))
	}
	return out, add(v, 0)
}

// attributes evaluates the operations of a body in order.
func (e *Evaluator) attributes(ctx context.Context, s *Scope, ops []syntax.AttributeOp) ([]Attribute, error) {
	var out []Attribute
	seen := map[string]bool{}
	add := func(at syntax.Node, a Attribute) error {
		if seen[a.Name] {
			return e.fail("duplicate-attribute", at, "The attribute '%s' has already been set", a.Name)
		}
		seen[a.Name] = true
		out = append(out, a)
		return nil
	}
	for _, op := range ops {
		switch op := op.(type) {
		case *syntax.AttributeOperation:
			v, err := e.eval(ctx, s, op.Value)
			if err != nil {
				return nil, err
			}
			if err := add(op, Attribute{op.Name, v, op.Op == syntax.OpAddAttribute, Place(op)}); err != nil {
				return nil, err
			}
		case *syntax.AttributesOperation:
			v, err := e.eval(ctx, s, op.Value)
			if err != nil {
				return nil, err
			}
			h, ok := v.(*value.Hash)
			if !ok {
				return nil, e.fail("bad-attributes", op, "The attributes after '*' must be a Hash, got %s", kindOf(v))
			}
			for k, v := range h.All() {
				name, ok := k.(value.String)
				if !ok {
					return nil, e.fail("bad-attributes", op, "The names of attributes after '*' must be Strings, got %s", kindOf(k))
				}
				if err := add(op, Attribute{string(name), v, false, Place(op)}); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// resourceDefaults is Type { attributes }.
func (e *Evaluator) resourceDefaults(ctx context.Context, s *Scope, x *syntax.ResourceDefaults) (value.Value, error) {
	b, err := e.builder(x, "the setting of resource defaults")
	if err != nil {
		return nil, err
	}
	t, err := e.eval(ctx, s, x.Type)
	if err != nil {
		return nil, err
	}
	name := ""
	if r, ok := t.(*types.Resource); ok && !r.HasTitle {
		name = r.Kind
	}
	if name == "" {
		return nil, e.fail("not-a-resource-type", x.Type, "%s cannot have resource defaults", t)
	}
	attrs, err := e.attributes(ctx, s, x.Operations)
	if err != nil {
		return nil, err
	}
	return t, e.wrap(b.Defaults(ctx, s, Place(x), name, attrs), Place(x))
}

// resourceOverride is Type['title'] { attributes }.
func (e *Evaluator) resourceOverride(ctx context.Context, s *Scope, x *syntax.ResourceOverride) (value.Value, error) {
	b, err := e.builder(x, "the override of a resource")
	if err != nil {
		return nil, err
	}
	v, err := e.eval(ctx, s, x.Resources)
	if err != nil {
		return nil, err
	}
	refs := flatten(v)
	for _, r := range refs {
		if ref, ok := r.(*types.Resource); !ok || !ref.HasTitle {
			if c, ok := r.(*types.Class); !ok || c.Class == "" {
				return nil, e.fail("not-a-reference", x.Resources, "only references to resources can be overridden, got %s", article(kindOf(r)))
			}
		}
	}
	attrs, err := e.attributes(ctx, s, x.Operations)
	if err != nil {
		return nil, err
	}
	out, err := b.Override(ctx, s, Place(x), refs, attrs)
	if err != nil {
		return nil, e.wrap(err, Place(x))
	}
	return value.NewArray(out...), nil
}

// flatten gives the elements of nested arrays.
func flatten(v value.Value) []value.Value {
	a, ok := v.(*value.Array)
	if !ok {
		return []value.Value{v}
	}
	var out []value.Value
	for _, el := range a.Elems() {
		out = append(out, flatten(el)...)
	}
	return out
}

// collector is Type <| query |> { attributes }.
func (e *Evaluator) collector(ctx context.Context, s *Scope, x *syntax.Collector) (value.Value, error) {
	b, err := e.builder(x, "a collector")
	if err != nil {
		return nil, err
	}
	t, err := e.eval(ctx, s, x.Type)
	if err != nil {
		return nil, err
	}
	c := &Collection{Exported: x.Exported, At: Place(x)}
	switch t := t.(type) {
	case *types.Resource:
		if !t.HasTitle {
			c.Type = t.Kind
		}
	case *types.Class:
		return nil, e.fail("class-collector", x.Type, "Classes cannot be collected")
	}
	if c.Type == "" {
		return nil, e.fail("not-a-resource-type", x.Type, "%s cannot be collected: a resource type is wanted", t)
	}
	if c.Query, err = e.query(ctx, s, x.Query); err != nil {
		return nil, err
	}
	if c.Overrides, err = e.attributes(ctx, s, x.Operations); err != nil {
		return nil, err
	}
	v, err := b.Collect(ctx, s, c)
	return v, e.wrap(err, Place(x))
}

// query evaluates the condition of a collector.
func (e *Evaluator) query(ctx context.Context, s *Scope, x syntax.Expr) (Query, error) {
	switch x := x.(type) {
	case nil, *syntax.Nop:
		return nil, nil
	case *syntax.Paren:
		return e.query(ctx, s, x.Inner)
	case *syntax.Binary:
		switch x.Op {
		case syntax.OpAnd, syntax.OpOr:
			left, err := e.query(ctx, s, x.Left)
			if err != nil {
				return nil, err
			}
			right, err := e.query(ctx, s, x.Right)
			if err != nil {
				return nil, err
			}
			return &QueryLogic{And: x.Op == syntax.OpAnd, Left: left, Right: right}, nil
		case syntax.OpEqual, syntax.OpNotEqual:
			return e.queryCompare(ctx, s, x)
		}
	}
	return nil, e.fail("bad-query", x, "this expression cannot be used in the query of a collector")
}

func (e *Evaluator) queryCompare(ctx context.Context, s *Scope, x *syntax.Binary) (Query, error) {
	var name string
	switch l := x.Left.(type) {
	case *syntax.Name:
		name = l.Value
	case *syntax.Variable:
		name = l.Name
	case *syntax.ReservedWord:
		name = l.Word
	default:
		return nil, e.fail("bad-query", x.Left, "the left side of a query must be the name of a parameter")
	}
	v, err := e.eval(ctx, s, x.Right)
	if err != nil {
		return nil, err
	}
	return &QueryCompare{Name: name, Negate: x.Op == syntax.OpNotEqual, Value: v}, nil
}
