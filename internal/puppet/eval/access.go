package eval

import (
	"context"
	"strings"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// access is x[keys]: characters, elements, entries, parameters of types, parameters of resources.
func (e *Evaluator) access(ctx context.Context, s *Scope, x *syntax.Access) (value.Value, error) {
	left, err := e.eval(ctx, s, x.Left)
	if err != nil {
		return nil, err
	}
	keys, err := e.args(ctx, s, x.Keys)
	if err != nil {
		return nil, err
	}
	switch l := left.(type) {
	case value.String:
		return e.accessString(x, l, keys)
	case *value.Array:
		return e.accessArray(x, l, keys)
	case *types.Iteration:
		return e.accessArray(x, value.NewArray(l.Elems()...), keys)
	case *value.Hash:
		return e.accessHash(x, l, keys)
	case types.Type:
		return e.accessType(ctx, s, x, l, keys)
	case *value.Sensitive:
		return nil, e.fail("not-applicable", x.Left, "Operator '[]' is not applicable to a Sensitive.")
	}
	return nil, e.fail("not-applicable", x.Left, "Operator '[]' is not applicable to %s.", article(kindOf(left)))
}

// integers reads keys that must be integers.
func (e *Evaluator) integers(x *syntax.Access, kind string, keys []value.Value) ([]int64, error) {
	if len(keys) < 1 || len(keys) > 2 {
		return nil, e.fail("bad-access", x, "A %s[] cannot use %d arguments: one or two are needed", kind, len(keys))
	}
	out := make([]int64, len(keys))
	for i, k := range keys {
		switch k := k.(type) {
		case value.Int:
			out[i] = int64(k)
		case value.Float:
			out[i] = int64(k)
		case value.String:
			n, err := e.number(x.Keys[min(i, len(x.Keys)-1)], k)
			if err != nil {
				return nil, err
			}
			out[i] = int64(toFloat(n))
		default:
			return nil, e.fail("bad-access", x.Keys[min(i, len(x.Keys)-1)],
				"A substring operation does not accept %s as a character index. Expected an Integer", article(kindOf(k)))
		}
	}
	return out, nil
}

// stretch turns [start, count] into a range of a sequence of n; negative counts go to that place from the end. ok is
// false when it lies outside.
func stretch(start, count int64, n int) (lo, hi int, ok bool) {
	size := int64(n)
	if start < 0 {
		if start += size; start < 0 {
			// What lies before the first element is cut off.
			if count >= 0 {
				count += start
			}
			start = 0
			if count < 0 {
				return 0, 0, true
			}
		}
	}
	if start > size {
		return 0, 0, false
	}
	end := start + count
	if count < 0 {
		end = size + count + 1
	}
	end = max(min(end, size), start)
	return int(start), int(end), true
}

func (e *Evaluator) accessString(x *syntax.Access, text value.String, keys []value.Value) (value.Value, error) {
	ints, err := e.integers(x, "String", keys)
	if err != nil {
		return nil, err
	}
	runes := []rune(string(text))
	count := int64(1)
	if len(ints) == 2 {
		count = ints[1]
	} else if i := ints[0]; i >= int64(len(runes)) || i < -int64(len(runes)) {
		return value.String(""), nil
	}
	lo, hi, ok := stretch(ints[0], count, len(runes))
	if !ok {
		return value.String(""), nil
	}
	return value.String(runes[lo:hi]), nil
}

func (e *Evaluator) accessArray(x *syntax.Access, a *value.Array, keys []value.Value) (value.Value, error) {
	for i, k := range keys {
		switch k.(type) {
		case value.Int:
		default:
			return nil, e.fail("bad-access", x.Keys[min(i, len(x.Keys)-1)],
				"%s is not usable as an index of an Array", article(kindOf(k)))
		}
	}
	ints, err := e.integers(x, "Array", keys)
	if err != nil {
		return nil, err
	}
	if len(ints) == 1 {
		i := ints[0]
		if i < 0 {
			i += int64(a.Len())
		}
		if i < 0 || i >= int64(a.Len()) {
			return value.Undef{}, nil
		}
		return a.At(int(i)), nil
	}
	lo, hi, ok := stretch(ints[0], ints[1], a.Len())
	if !ok {
		return value.NewArray(), nil
	}
	return value.NewArray(a.Elems()[lo:hi:hi]...), nil
}

func (e *Evaluator) accessHash(x *syntax.Access, h *value.Hash, keys []value.Value) (value.Value, error) {
	if len(keys) == 0 {
		return nil, e.fail("bad-access", x, "A Hash[] needs at least one key")
	}
	if len(keys) == 1 {
		if v, ok := h.Get(keys[0]); ok {
			return v, nil
		}
		return value.Undef{}, nil
	}
	var out []value.Value
	for _, k := range keys {
		if v, ok := h.Get(k); ok && !value.IsUndef(v) {
			out = append(out, v)
		}
	}
	return value.NewArray(out...), nil
}

// accessType is Type[params]; for a reference to a resource or class it reads a parameter of that.
func (e *Evaluator) accessType(ctx context.Context, s *Scope, x *syntax.Access, t types.Type, keys []value.Value) (value.Value, error) {
	switch r := t.(type) {
	case *types.Resource:
		if r.HasTitle {
			return e.resourceParams(ctx, s, x, t, keys)
		}
	case *types.Class:
		if r.Class != "" {
			return e.resourceParams(ctx, s, x, t, keys)
		}
	}
	v, err := types.Access(t, keys)
	if err != nil {
		return nil, e.fail("bad-type-parameter", x, "%s", strings.TrimSuffix(err.Error(), "."))
	}
	return v, nil
}

func (e *Evaluator) resourceParams(ctx context.Context, s *Scope, x *syntax.Access, ref types.Type, keys []value.Value) (value.Value, error) {
	if e.opt.Builder == nil {
		return nil, e.unavailable(x, "access to the parameters of a resource")
	}
	if len(keys) == 0 {
		return nil, e.fail("bad-access", x, "%s[] needs the name of a parameter", ref)
	}
	out := make([]value.Value, len(keys))
	for i, k := range keys {
		name, ok := k.(value.String)
		if !ok {
			return nil, e.fail("bad-access", x, "%s[] cannot use %s where a String is expected", ref, article(kindOf(k)))
		}
		v, found, err := e.opt.Builder.Param(ctx, s, ref, string(name))
		if err != nil {
			return nil, e.wrap(err, Place(x))
		}
		if !found {
			return nil, e.fail("unknown-resource", x, "Resource not found: %s", ref)
		}
		out[i] = v
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return value.NewArray(out...), nil
}

// unavailable refuses what needs a service that this evaluation does not have.
func (e *Evaluator) unavailable(at syntax.Node, what string) error {
	return e.fail("unavailable", at, "%s is not possible here: no catalog is being compiled", what)
}

// typeByName finds the type that a capitalised name means: a built-in type, an alias of a module, else a resource type.
func (e *Evaluator) typeByName(ctx context.Context, at syntax.Node, name string) (types.Type, error) {
	lower := strings.ToLower(strings.TrimPrefix(name, "::"))
	if t, ok := types.Builtin(lower); ok {
		return t, nil
	}
	if t, ok := e.types[lower]; ok {
		return t, nil
	}
	t, err := e.aliasType(ctx, at, lower)
	if err != nil {
		return nil, err
	}
	if t == nil {
		if err := e.knowsResourceType(ctx, at, name, lower); err != nil {
			return nil, err
		}
		t = types.NewResource(lower)
	}
	e.types[lower] = t
	return t, nil
}

// knowsResourceType refuses a name that is neither a data type nor a resource type.
func (e *Evaluator) knowsResourceType(ctx context.Context, at syntax.Node, name, lower string) error {
	if e.opt.Loader == nil || e.opt.Loader.ResourceType(lower) {
		return nil
	}
	def, err := e.opt.Loader.Define(ctx, lower)
	if err != nil {
		return e.wrap(err, Place(at))
	}
	if def == nil {
		return e.fail("unknown-resource-type", at, "Resource type not found: %s", types.Capitalize(name))
	}
	return nil
}

func (e *Evaluator) aliasType(ctx context.Context, at syntax.Node, lower string) (types.Type, error) {
	if e.opt.Loader == nil {
		return nil, nil
	}
	def, err := e.opt.Loader.TypeAlias(ctx, lower)
	if err != nil {
		return nil, e.wrap(err, Place(at))
	}
	if def == nil {
		return nil, nil
	}
	alias := types.NewAlias(def.Name, func() (types.Type, error) {
		return e.typeExpr(ctx, e.Top(), def.Type)
	})
	e.types[lower] = alias
	if _, err := alias.Resolve(); err != nil {
		return nil, err
	}
	return alias, nil
}

// typeExpr evaluates an expression that must give a type.
func (e *Evaluator) typeExpr(ctx context.Context, s *Scope, x syntax.Expr) (types.Type, error) {
	v, err := e.eval(ctx, s, x)
	if err != nil {
		return nil, err
	}
	t, ok := v.(types.Type)
	if !ok {
		return nil, e.fail("not-a-type", x, "%s is used where a type is wanted", article(kindOf(v)))
	}
	return t, nil
}

// Type gives the type of a parameter: its type expression, or Any.
func (e *Evaluator) Type(ctx context.Context, s *Scope, x syntax.Expr) (types.Type, error) {
	if x == nil {
		return types.Any, nil
	}
	return e.typeExpr(ctx, s, x)
}
