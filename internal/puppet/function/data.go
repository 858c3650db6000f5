package function

import (
	"context"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// dataTable: lookup and its older sisters.
func dataTable() []eval.Function {
	name, merge := "Variant[String, Array[String]]", "Variant[String[1], Hash[String, Scalar]]"
	options := "Hash[String, Any]"
	hiera := func(fnName, merge string) eval.Function {
		return fn(fnName,
			sigBlock(hieraCall(merge), maybe1, eval.Req("key", "String"), eval.Opt("default", "Any"), eval.Opt("override", "Any")))
	}
	return []eval.Function{
		fn("lookup",
			sigBlock(lookupArgs, maybe1, eval.Req("name", name), eval.Opt("value_type", "Type"), eval.Opt("merge", merge)),
			sigBlock(lookupNameOptions, maybe1, eval.Req("name", name), eval.Req("options_hash", options)),
			sig(lookupArgs, eval.Req("name", name), eval.Req("value_type", "Optional[Type]"),
				eval.Req("merge", "Optional["+merge+"]"), eval.Req("default_value", "Any")),
			sigBlock(lookupOptions, maybe1, eval.Req("options_hash", options))),
		hiera("hiera", ""), hiera("hiera_array", "unique"), hiera("hiera_hash", "hash"),
		fn("hiera_include", sigBlock(hieraInclude, maybe1, eval.Req("key", "String"), eval.Opt("default", "Any"),
			eval.Opt("override", "Any"))),
	}
}

// query is a lookup with its arguments read.
type query struct {
	names    []string
	typ      types.Type
	merge    value.Value
	fallback value.Value // nil: none
	override *value.Hash
	defaults *value.Hash
}

func names(v value.Value) []string {
	if a, ok := v.(*value.Array); ok {
		return texts(a.Elems())
	}
	return []string{v.String()}
}

func lookupArgs(ctx context.Context, c *eval.Call) (value.Value, error) {
	q := query{names: names(c.Arg(0)), merge: c.Arg(2)}
	q.typ, _ = c.Arg(1).(types.Type)
	if c.Has(3) {
		q.fallback = c.Arg(3)
	}
	return q.run(ctx, c)
}

func lookupNameOptions(ctx context.Context, c *eval.Call) (value.Value, error) {
	q := query{names: names(c.Arg(0))}
	if err := q.read(c, c.Arg(1).(*value.Hash)); err != nil {
		return nil, err
	}
	return q.run(ctx, c)
}

func lookupOptions(ctx context.Context, c *eval.Call) (value.Value, error) {
	h := c.Arg(0).(*value.Hash)
	name, ok := h.GetString("name")
	if !ok {
		return nil, c.Errorf("'lookup' parameter 'options_hash' expects a value for key 'name'")
	}
	q := query{names: names(name)}
	if err := q.read(c, h); err != nil {
		return nil, err
	}
	return q.run(ctx, c)
}

// read takes the options of the hash form.
func (q *query) read(c *eval.Call, h *value.Hash) error {
	for k, v := range h.All() {
		ok := true
		switch k.String() {
		case "name":
		case "value_type":
			q.typ, ok = v.(types.Type)
			ok = ok || value.IsUndef(v)
		case "merge":
			q.merge = v
		case "default_value":
			q.fallback = v
		case "override":
			q.override, ok = v.(*value.Hash)
			ok = ok || value.IsUndef(v)
		case "default_values_hash":
			q.defaults, ok = v.(*value.Hash)
			ok = ok || value.IsUndef(v)
		default:
			return c.Errorf("'lookup' parameter 'options_hash' unrecognized key '%s'", k)
		}
		if !ok {
			return c.Errorf("'lookup' option '%s' has a wrong type: %s", k, types.Generalize(types.Infer(v)))
		}
	}
	return nil
}

// run looks in the overrides, in the data, in the defaults; then the default value and the lambda have their turn.
func (q *query) run(ctx context.Context, c *eval.Call) (value.Value, error) {
	for _, n := range q.names {
		if v, ok := q.override.GetString(n); ok {
			return q.checked(c, "Found value", v)
		}
	}
	binder := c.Eval.Binder()
	for _, n := range q.names {
		if binder == nil {
			break
		}
		merge := q.merge
		if merge == nil {
			merge = value.Undef{}
		}
		v, found, err := binder.Lookup(ctx, c.Scope, n, merge)
		if err != nil {
			return nil, err
		}
		if found {
			return q.checked(c, "Found value", v)
		}
	}
	for _, n := range q.names {
		if v, ok := q.defaults.GetString(n); ok {
			return q.checked(c, "Found value", v)
		}
	}
	switch {
	case c.Block != nil:
		v, err := yield(ctx, c, nameValue(q.names))
		if err != nil {
			return nil, err
		}
		return q.checked(c, "Value returned from default block", v)
	case q.fallback != nil:
		return q.checked(c, "Default value", q.fallback)
	case len(q.names) == 1:
		return nil, c.Errorf("Function lookup() did not find a value for the name '%s'", q.names[0])
	}
	return nil, c.Errorf("Function lookup() did not find a value for any of the names ['%s']", strings.Join(q.names, "', '"))
}

func nameValue(names []string) value.Value {
	if len(names) == 1 {
		return value.String(names[0])
	}
	return value.Strings(names...)
}

func (q *query) checked(c *eval.Call, what string, v value.Value) (value.Value, error) {
	if q.typ == nil || types.Instance(q.typ, v) {
		return v, nil
	}
	return nil, c.Errorf("%s has wrong type, %s", what, types.Mismatch(q.typ, v))
}

func hieraQuery(c *eval.Call, merge string) *query {
	q := &query{names: []string{c.Str(0)}, merge: value.Undef{}}
	if merge != "" {
		q.merge = value.String(merge)
	}
	if c.Has(1) {
		q.fallback = c.Arg(1)
	}
	return q
}

func hieraCall(merge string) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		if c.Has(2) && !value.IsUndef(c.Arg(2)) {
			return nil, c.Errorf("%s(): the override of a level is not supported; use lookup()", c.Name)
		}
		return hieraQuery(c, merge).run(ctx, c)
	}
}

func hieraInclude(ctx context.Context, c *eval.Call) (value.Value, error) {
	v, err := hieraQuery(c, "unique").run(ctx, c)
	if err != nil {
		return nil, err
	}
	list, ok := v.(*value.Array)
	if !ok {
		list = value.NewArray(v)
	}
	if list.Len() == 0 {
		return undef()
	}
	return c.Func(ctx, "include", list.Elems(), nil)
}
