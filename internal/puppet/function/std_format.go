package function

import (
	"context"
	"encoding/json"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/hiera"
	"kickoff/internal/value"
)

// stdFormatTable: stdlib's functions that write and read JSON and YAML.
func stdFormatTable() []eval.Function {
	var table []eval.Function
	for _, prefix := range []string{"", "stdlib::"} {
		table = append(table,
			fn(prefix+"to_json", sig(toJSON, eval.Req("data", "Any"))),
			fn(prefix+"to_json_pretty", sig(toJSONPretty, eval.Req("data", "Variant[Hash, Array]"),
				eval.Opt("skip_undef", "Optional[Boolean]"), eval.Opt("opts", "Hash"))),
			fn(prefix+"to_yaml", sig(toYAML, eval.Req("data", "Any"), eval.Opt("options", "Hash"))))
	}
	return append(table,
		fn("parsejson", sig(parse(value.ParseJSON), eval.Req("text", "String"), eval.Opt("default", "Any"))),
		fn("parseyaml", sig(parse(func(b []byte) (value.Value, error) { return hiera.ParseYAML("", b) }),
			eval.Req("text", "String"), eval.Opt("default", "Any"))))
}

// openSensitive takes every Sensitive out of its wrapper and tells whether there was one: the text of the whole is then
// Sensitive itself.
func openSensitive(v value.Value) (value.Value, bool) {
	switch v := v.(type) {
	case *value.Sensitive:
		inner, _ := openSensitive(v.Unwrap())
		return inner, true
	case *value.Array:
		out, found := make([]value.Value, v.Len()), false
		for i, e := range v.Elems() {
			var one bool
			out[i], one = openSensitive(e)
			found = found || one
		}
		return value.NewArray(out...), found
	case *value.Hash:
		out, found := value.NewHash(v.Len()), false
		for k, e := range v.All() {
			inner, one := openSensitive(e)
			out.Set(k, inner)
			found = found || one
		}
		return out, found
	}
	return v, false
}

func formatted(v value.Value, f func(value.Value) string) value.Value {
	open, secret := openSensitive(v)
	s := value.String(f(open))
	if secret {
		return value.NewSensitive(s)
	}
	return s
}

func toJSON(_ context.Context, c *eval.Call) (value.Value, error) {
	return formatted(c.Arg(0), func(v value.Value) string { return string(value.AppendJSON(nil, v)) }), nil
}

func toYAML(_ context.Context, c *eval.Call) (value.Value, error) {
	return formatted(c.Arg(0), YAML), nil
}

func toJSONPretty(_ context.Context, c *eval.Call) (value.Value, error) {
	skip := value.Truthy(c.Arg(1))
	return formatted(c.Arg(0), func(v value.Value) string {
		var b strings.Builder
		writePretty(&b, v, "", skip)
		b.WriteByte('\n')
		return b.String()
	}), nil
}

// writePretty is Ruby's JSON.pretty_generate.
func writePretty(b *strings.Builder, v value.Value, indent string, skip bool) {
	deeper := indent + "  "
	switch v := v.(type) {
	case *value.Array:
		if v.Len() == 0 {
			b.WriteString("[\n\n" + indent + "]") // as the JSON library of Ruby up to 3.3 does
			return
		}
		b.WriteString("[\n")
		for i, e := range v.Elems() {
			if i > 0 {
				b.WriteString(",\n")
			}
			b.WriteString(deeper)
			writePretty(b, e, deeper, skip)
		}
		b.WriteString("\n" + indent + "]")
	case *value.Hash:
		first := true
		for k, e := range v.All() {
			if skip && value.IsUndef(e) {
				continue
			}
			b.WriteString(map[bool]string{true: "{\n", false: ",\n"}[first])
			first = false
			name, _ := json.Marshal(k.String())
			b.WriteString(deeper + string(name) + ": ")
			writePretty(b, e, deeper, skip)
		}
		if first {
			b.WriteString("{\n" + indent + "}")
			return
		}
		b.WriteString("\n" + indent + "}")
	default:
		b.Write(value.AppendJSON(nil, v))
	}
}

// parse reads a text; a default makes up for one that cannot be read.
func parse(read func([]byte) (value.Value, error)) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		v, err := read([]byte(c.Str(0)))
		if err != nil {
			if c.Has(1) {
				return c.Arg(1), nil
			}
			return nil, c.Errorf("%s(): %v", c.Name, err)
		}
		return v, nil
	}
}
