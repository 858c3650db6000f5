package function

import (
	"context"
	"strconv"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// digTable: reaching into structures.
func digTable() []eval.Function {
	return []eval.Function{
		fn("dig", sig(dig, eval.Req("data", "Optional[Collection]"), eval.Rest1("arg", "Any"))),
		fn("get", sigBlock(get, maybe1, eval.Req("value", "Any"), eval.Opt("dotted_string", "String"),
			eval.Opt("default_value", "Any"))),
		fn("getvar", sigBlock(getvar, maybe1,
			eval.Req("get_string", `Pattern[/\A(?:::)?(?:[a-z]\w*::)*[a-z_]\w*(?:\.|\Z)/]`), eval.Opt("default_value", "Any"))),
	}
}

func dig(_ context.Context, c *eval.Call) (value.Value, error) {
	v := c.Arg(0)
	for i, key := range c.Args[1:] {
		switch d := v.(type) {
		case value.Undef:
			return v, nil
		case *value.Hash:
			got, _ := d.Get(key)
			v = orUndef(got)
		case *value.Array:
			n, ok := key.(value.Int)
			if !ok {
				return nil, c.Errorf("The given data requires an Integer index. Got %s", types.FormatValue(key))
			}
			v = at(d, int64(n))
		default:
			return nil, c.Errorf("The given data does not contain a Collection at %s, got '%s'",
				types.FormatValue(value.NewArray(c.Args[1:i+1]...)), types.Generalize(types.Infer(v)))
		}
	}
	return v, nil
}

// at is a[n] with negative indices from the end; undef outside.
func at(a *value.Array, n int64) value.Value {
	if n < 0 {
		n += int64(a.Len())
	}
	if n < 0 || n >= int64(a.Len()) {
		return value.Undef{}
	}
	return a.At(int(n))
}

func get(ctx context.Context, c *eval.Call) (value.Value, error) {
	path, err := splitDotted(c.Str(1))
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	return getPath(ctx, c, c.Arg(0), path, c.Arg(2))
}

func getvar(ctx context.Context, c *eval.Call) (value.Value, error) {
	name, rest, _ := strings.Cut(c.Str(0), ".")
	path, err := splitDotted(rest)
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	v, found := c.Eval.Variable(c.Scope, name)
	if !found {
		return c.Arg(1), nil
	}
	return getPath(ctx, c, v, path, c.Arg(1))
}

// getPath follows keys; where there is nothing it gives the default. A step into a value that has no parts is an error,
// which the lambda may replace.
func getPath(ctx context.Context, c *eval.Call, v value.Value, path []value.Value, other value.Value) (value.Value, error) {
	for i, key := range path {
		switch d := v.(type) {
		case value.Undef:
			return other, nil
		case *value.Hash:
			got, ok := d.Get(key)
			if !ok {
				got, ok = d.Get(value.String(key.String()))
			}
			if !ok {
				return other, nil
			}
			v = got
		case *value.Array:
			n, ok := key.(value.Int)
			if !ok {
				return getFailed(ctx, c, "EXPECTED_INTEGER_INDEX", path, i, key,
					"The given data requires an Integer index")
			}
			v = at(d, int64(n))
		default:
			return getFailed(ctx, c, "EXPECTED_COLLECTION", path, i, v, "The given data does not contain a Collection")
		}
	}
	if value.IsUndef(v) {
		return other, nil
	}
	return v, nil
}

func getFailed(ctx context.Context, c *eval.Call, code string, path []value.Value, n int, got value.Value, text string) (value.Value, error) {
	walked := value.NewArray(path[:n]...)
	kind := types.Generalize(types.Infer(got)).String()
	message := text + " at " + types.FormatValue(walked) + ", got '" + kind + "'"
	if c.Block == nil {
		return nil, c.Errorf("%s", message)
	}
	return yield(ctx, c, &types.ObjectValue{Type: errorType(), Fields: value.HashOf(
		"msg", message, "kind", "SLICE_ERROR", "details", value.HashOf("walked_path", walked, "value_type", kind),
		"issue_code", code)})
}

// errorType is the type of the value that describes a failure to a lambda.
func errorType() *types.Object {
	return &types.Object{ObjectName: "Error", Attributes: []types.Attribute{
		{Name: "msg", Type: types.AnyString}, {Name: "kind", Type: types.Any}, {Name: "details", Type: types.Any},
		{Name: "issue_code", Type: types.Any},
	}}
}

// splitDotted reads a.b.0.'c.d': keys with dots stand in quotes, numbers are indices.
func splitDotted(s string) ([]value.Value, error) {
	var out []value.Value
	for s != "" {
		if q := s[0]; q == '\'' || q == '"' {
			end := strings.IndexByte(s[1:], q)
			if end < 0 {
				return nil, &dottedError{s}
			}
			out = append(out, value.String(s[1:1+end]))
			if s = s[end+2:]; s != "" {
				if s[0] != '.' {
					return nil, &dottedError{s}
				}
				s = s[1:]
			}
			continue
		}
		part, rest, more := strings.Cut(s, ".")
		if part == "" || more && rest == "" {
			return nil, &dottedError{s}
		}
		if n, err := strconv.ParseInt(part, 10, 64); err == nil {
			out = append(out, value.Int(n))
		} else {
			out = append(out, value.String(part))
		}
		s = rest
	}
	return out, nil
}

type dottedError struct{ text string }

// Error implements error.
func (e *dottedError) Error() string {
	return "Syntax error in dotted-navigation string at '" + e.text + "'"
}
