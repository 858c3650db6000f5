package value

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Keys of Puppet's rich data: values that JSON does not have are hashes with these two keys.
const (
	ptypeKey  = "__ptype"
	pvalueKey = "__pvalue"
)

// Richer is implemented by values of other packages that have a form on the wire: the name of their Pcore type, and
// the value that goes with it.
type Richer interface {
	Rich() (ptype string, pvalue Value)
}

// ToRich gives v as values that JSON has: undef, booleans, numbers, strings, arrays and hashes with string keys.
// A Sensitive keeps its content, as on Puppet's wire; see Redact for the form that may be stored.
func ToRich(v Value) Value {
	switch v := v.(type) {
	case nil:
		return Undef{}
	case Undef, Bool, Int, String:
		return v
	case Float:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return typed("Float", String(v.String()))
		}
		return v
	case Default:
		return HashOf(ptypeKey, "Default")
	case *Array:
		out := make([]Value, v.Len())
		for i, e := range v.Elems() {
			out[i] = ToRich(e)
		}
		return NewArray(out...)
	case *Hash:
		return hashToRich(v)
	case *Sensitive:
		return typed("Sensitive", ToRich(v.v))
	case *Binary:
		return typed("Binary", String(v.String()))
	case *Regexp:
		return typed("Regexp", String(v.source))
	case *Deferred:
		return HashOf(ptypeKey, "Deferred", "name", String(v.Name), "arguments", ToRich(v.Args))
	case Richer:
		name, content := v.Rich()
		if h, ok := content.(*Hash); ok {
			return HashOf(ptypeKey, String(name)).Merge(hashToRich(h).(*Hash))
		}
		return typed(name, ToRich(content))
	}
	return String(v.String())
}

func typed(name string, v Value) *Hash { return HashOf(ptypeKey, String(name), pvalueKey, v) }

func hashToRich(h *Hash) Value {
	out := NewHash(h.Len())
	for k, v := range h.All() {
		s, ok := k.(String)
		if !ok || s == ptypeKey {
			return hashToPairs(h)
		}
		out.Set(s, ToRich(v))
	}
	return out
}

func hashToPairs(h *Hash) Value {
	pairs := make([]Value, 0, 2*h.Len())
	for k, v := range h.All() {
		pairs = append(pairs, ToRich(k), ToRich(v))
	}
	return typed("Hash", NewArray(pairs...))
}

// FromRich is the inverse of ToRich. Types that this package does not know stay hashes.
func FromRich(v Value) (Value, error) {
	switch v := v.(type) {
	case *Array:
		out := make([]Value, v.Len())
		for i, e := range v.Elems() {
			r, err := FromRich(e)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return NewArray(out...), nil
	case *Hash:
		if name, ok := v.GetString(ptypeKey); ok {
			return typedFromRich(name.String(), v)
		}
		out := NewHash(v.Len())
		for k, e := range v.All() {
			r, err := FromRich(e)
			if err != nil {
				return nil, err
			}
			out.Set(k, r)
		}
		return out, nil
	}
	return v, nil
}

func typedFromRich(name string, h *Hash) (Value, error) {
	content, _ := h.GetString(pvalueKey)
	switch name {
	case "Default":
		return Default{}, nil
	case "Sensitive":
		inner, err := FromRich(content)
		if err != nil {
			return nil, err
		}
		return NewSensitive(inner), nil
	case "Binary":
		b, err := base64.StdEncoding.DecodeString(text(content))
		if err != nil {
			return nil, fmt.Errorf("decode Binary: %w", err)
		}
		return NewBinary(b), nil
	case "Regexp":
		return NewRegexp(text(content))
	case "Float":
		f, err := strconv.ParseFloat(text(content), 64)
		if err != nil {
			return nil, fmt.Errorf("decode Float: %w", err)
		}
		return Float(f), nil
	case "Hash":
		return pairsFromRich(content)
	case "Deferred":
		return deferredFromRich(h)
	}
	return h, nil
}

func text(v Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}

func pairsFromRich(content Value) (Value, error) {
	pairs, ok := content.(*Array)
	if !ok || pairs.Len()%2 != 0 {
		return nil, fmt.Errorf("decode Hash: an array of keys and values is wanted")
	}
	out := NewHash(pairs.Len() / 2)
	for i := 0; i < pairs.Len(); i += 2 {
		k, err := FromRich(pairs.At(i))
		if err != nil {
			return nil, err
		}
		v, err := FromRich(pairs.At(i + 1))
		if err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	return out, nil
}

func deferredFromRich(h *Hash) (Value, error) {
	name, ok := h.GetString("name")
	if !ok {
		return nil, fmt.Errorf("decode Deferred: it has no name")
	}
	args := NewArray()
	if raw, ok := h.GetString("arguments"); ok {
		v, err := FromRich(raw)
		if err != nil {
			return nil, err
		}
		if args, ok = v.(*Array); !ok {
			return nil, fmt.Errorf("decode Deferred %s: arguments are no array", name)
		}
	}
	return &Deferred{Name: name.String(), Args: args}, nil
}

// Redact gives v with every Sensitive replaced by the text Redacted: the form that may be stored and shown.
func Redact(v Value) Value {
	switch v := v.(type) {
	case *Sensitive:
		return String(Redacted)
	case *Array:
		out := make([]Value, v.Len())
		for i, e := range v.Elems() {
			out[i] = Redact(e)
		}
		return NewArray(out...)
	case *Hash:
		out := NewHash(v.Len())
		for k, e := range v.All() {
			out.Set(Redact(k), Redact(e))
		}
		return out
	case *Deferred:
		return &Deferred{Name: v.Name, Args: Redact(v.Args).(*Array)}
	}
	return v
}

// FromGo makes a Value of the types that encoding/json and YAML libraries give. Map keys come in an undefined order;
// unknown types become their text.
func FromGo(x any) Value {
	switch x := x.(type) {
	case nil:
		return Undef{}
	case Value:
		return x
	case bool:
		return Bool(x)
	case int:
		return Int(x)
	case int64:
		return Int(x)
	case uint64:
		return Int(x)
	case float64:
		return Float(x)
	case string:
		return String(validText(x))
	case []byte:
		return NewBinary(x)
	case []string:
		return Strings(x...)
	case []any:
		out := make([]Value, len(x))
		for i, e := range x {
			out[i] = FromGo(e)
		}
		return NewArray(out...)
	case map[string]any:
		return mapFromGo(x)
	case map[string]string:
		return mapFromGo(x)
	}
	return String(fmt.Sprint(x))
}

func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// ToGo gives plain Go data: nil, bool, int64, float64, string, []any, map[string]any. A Sensitive is redacted.
func ToGo(v Value) any {
	switch v := v.(type) {
	case nil, Undef:
		return nil
	case Bool:
		return bool(v)
	case Int:
		return int64(v)
	case Float:
		return float64(v)
	case *Array:
		out := make([]any, v.Len())
		for i, e := range v.Elems() {
			out[i] = ToGo(e)
		}
		return out
	case *Hash:
		out := make(map[string]any, v.Len())
		for k, e := range v.All() {
			out[k.String()] = ToGo(e)
		}
		return out
	}
	return v.String()
}
