package erb

import (
	"strings"

	"kickoff/internal/value"
)

// fromValue makes an object of a value of Puppet.
func fromValue(v value.Value) any {
	switch v := v.(type) {
	case nil, value.Undef:
		return nil
	case value.Default:
		return symbol("default")
	case value.Bool:
		return bool(v)
	case value.Int:
		return int64(v)
	case value.Float:
		return float64(v)
	case value.String:
		return newStr(string(v))
	case *value.Array:
		a := &array{make([]any, v.Len())}
		for i, e := range v.Elems() {
			a.e[i] = fromValue(e)
		}
		return a
	case *value.Hash:
		h := newHash()
		for k, e := range v.All() {
			h.set(fromValue(k), fromValue(e))
		}
		return h
	case *value.Regexp:
		return &regex{re: v, source: v.Source()}
	}
	return &opaque{v}
}

// toValue makes a value of Puppet of an object.
func (in *interp) toValue(x any) value.Value {
	in.step()
	switch x := x.(type) {
	case nil:
		return value.Undef{}
	case bool:
		return value.Bool(x)
	case int64:
		return value.Int(x)
	case float64:
		return value.Float(x)
	case *str:
		return value.String(strings.ToValidUTF8(x.s, "\uFFFD"))
	case symbol:
		switch x {
		case "undef":
			return value.Undef{}
		case "default":
			return value.Default{}
		}
	case *array:
		defer in.deeper()()
		elems := make([]value.Value, len(x.e))
		for i, e := range x.e {
			elems[i] = in.toValue(e)
		}
		return value.NewArray(elems...)
	case *hash:
		defer in.deeper()()
		h := value.NewHash(len(x.keys))
		for i, k := range x.keys {
			h.Set(in.toValue(k), in.toValue(x.vals[i]))
		}
		return h
	case *regex:
		if x.flags == "" {
			return x.re
		}
	case *opaque:
		return x.v
	}
	in.refuse("a %s cannot be given to a function of Puppet", className(x))
	return nil
}
