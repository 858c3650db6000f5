package hiera

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

var (
	interpolation = regexp.MustCompile(`%\{([^}]*)\}`)
	methodCall    = regexp.MustCompile(`^(\w+)\(\s*(?:"([^"]*)"|'([^']*)')\s*\)$`)
)

// interpolate replaces %{...} in every text of v, keys of hashes too. methods tells whether %{lookup('x')} and its
// sisters are allowed; in paths only variables and literal() are.
func (q *quest) interpolate(ctx context.Context, v value.Value, methods bool) (value.Value, error) {
	switch v := v.(type) {
	case value.String:
		if !strings.Contains(string(v), "%{") {
			return v, nil
		}
		return q.text(ctx, string(v), methods)
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			r, err := q.interpolate(ctx, e, methods)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return value.NewArray(out...), nil
	case *value.Hash:
		out := value.NewHash(v.Len())
		for k, e := range v.All() {
			ik, err := q.interpolate(ctx, k, methods)
			if err != nil {
				return nil, err
			}
			r, err := q.interpolate(ctx, e, methods)
			if err != nil {
				return nil, err
			}
			out.Set(ik, r)
		}
		return out, nil
	}
	return v, nil
}

// text interpolates one text. The result is another value only for alias(), which has to be the whole text.
func (q *quest) text(ctx context.Context, s string, methods bool) (value.Value, error) {
	var b strings.Builder
	from := 0
	for _, m := range interpolation.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(s[from:m[0]])
		from = m[1]
		expr := strings.TrimSpace(s[m[2]:m[3]])
		whole := m[0] == 0 && m[1] == len(s)
		v, alias, err := q.expr(ctx, expr, methods, whole)
		if err != nil {
			return nil, err
		}
		if alias {
			return v, nil
		}
		b.WriteString(textOf(v))
	}
	b.WriteString(s[from:])
	return value.String(b.String()), nil
}

// expr evaluates what stands between %{ and }.
func (q *quest) expr(ctx context.Context, expr string, methods, whole bool) (v value.Value, alias bool, err error) {
	if expr == "" || expr == "::" {
		return value.Undef{}, false, nil
	}
	m := methodCall.FindStringSubmatch(expr)
	if m == nil {
		v, err := q.variable(expr)
		return v, false, err
	}
	name, arg := m[1], m[2]+m[3]
	switch name {
	case "literal":
		return value.String(arg), false, nil
	case "scope":
		v, err := q.variable(arg)
		return v, false, err
	case "lookup", "hiera", "alias":
		if !methods {
			return nil, false, fmt.Errorf("Interpolation using method syntax is not allowed in this context")
		}
		if name == "alias" && !whole {
			return nil, false, fmt.Errorf("'alias' interpolation is only permitted if the expression is equal to the entire string")
		}
		v, found, err := q.sub(ctx, arg)
		if !found {
			v = value.Undef{}
		}
		return v, name == "alias", err
	}
	return nil, false, fmt.Errorf("Unknown interpolation method '%s'", name)
}

// variable gives the value of a variable, or of a part of it: facts.os.family.
func (q *quest) variable(path string) (value.Value, error) {
	segs, err := splitKey(path)
	if err != nil {
		return nil, err
	}
	v, ok := q.local[segs[0].text]
	if !ok {
		v, ok = q.s.vars(q.scope, segs[0].text)
	}
	if !ok {
		if q.s.StrictVariables {
			return nil, fmt.Errorf("Undefined variable '%s'", segs[0].text)
		}
		return value.Undef{}, nil
	}
	v, found, err := dig(v, path, segs[1:])
	if err != nil || !found {
		return value.Undef{}, err
	}
	return v, nil
}

// textOf is how a value is written into a text.
func textOf(v value.Value) string {
	switch v := v.(type) {
	case *value.Array, *value.Hash:
		return rubyInspect(v)
	}
	return v.String()
}

// rubyInspect writes collections as Ruby's to_s, which Hiera's interpolation is.
func rubyInspect(v value.Value) string {
	switch v := v.(type) {
	case nil, value.Undef:
		return "nil"
	case value.String:
		return strconv.Quote(string(v))
	case *value.Array:
		parts := make([]string, v.Len())
		for i, e := range v.Elems() {
			parts[i] = rubyInspect(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *value.Hash:
		parts := make([]string, 0, v.Len())
		for k, e := range v.All() {
			parts = append(parts, rubyInspect(k)+"=>"+rubyInspect(e))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return v.String()
}

// segment is one part of a dotted key.
type segment struct {
	text  string
	index int64
	isInt bool
}

// splitKey splits a.b.0.'c.d' at its dots; quotes keep dots, and keep digits from being an index.
func splitKey(key string) ([]segment, error) {
	if !strings.ContainsAny(key, `.'"`) {
		return []segment{{text: key}}, nil
	}
	var out []segment
	for rest := key; ; {
		if rest == "" {
			return nil, fmt.Errorf("Syntax error in string: %s", key)
		}
		if quote := rest[0]; quote == '\'' || quote == '"' {
			end := strings.IndexByte(rest[1:], quote)
			if end < 1 {
				return nil, fmt.Errorf("Syntax error in string: %s", key)
			}
			out = append(out, segment{text: rest[1 : 1+end]})
			rest = rest[end+2:]
			if rest == "" {
				return out, nil
			}
			if rest[0] != '.' {
				return nil, fmt.Errorf("Syntax error in string: %s", key)
			}
			rest = rest[1:]
			continue
		}
		part, after, more := strings.Cut(rest, ".")
		if part == "" || strings.ContainsAny(part, `'"`) {
			return nil, fmt.Errorf("Syntax error in string: %s", key)
		}
		seg := segment{text: part}
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && len(out) > 0 {
			seg.index, seg.isInt = n, true
		}
		out = append(out, seg)
		if !more {
			return out, nil
		}
		rest = after
	}
}

// dig follows the segments behind the root of a dotted key.
func dig(v value.Value, key string, segs []segment) (value.Value, bool, error) {
	for _, s := range segs {
		switch d := v.(type) {
		case value.Undef:
			return nil, false, nil
		case *value.Hash:
			got, ok := d.GetString(s.text)
			if !ok && s.isInt {
				got, ok = d.Get(value.Int(s.index))
			}
			if !ok {
				return nil, false, nil
			}
			v = got
		case *value.Array:
			if !s.isInt {
				return nil, false, fmt.Errorf("Data Provider type mismatch: Got Array when a hash-like object was expected to access value using '%s' from key '%s'", s.text, key)
			}
			if s.index < 0 || s.index >= int64(d.Len()) {
				return nil, false, nil
			}
			v = d.At(int(s.index))
		default:
			return nil, false, fmt.Errorf("Data Provider type mismatch: Got %s when a hash-like object was expected to access value using '%s' from key '%s'",
				types.Generalize(types.Infer(v)), s.text, key)
		}
	}
	return v, true, nil
}
