package types

import (
	"strconv"
	"strings"
)

// Key implements value.Keyer: two types are equal if their keys are.
func (t *Integer) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Float) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *String) Key() string {
	if t.Exact != nil {
		return "String=" + *t.Exact
	}
	return t.String()
}

// Key implements value.Keyer. The order of the values does not count.
func (t *Enum) Key() string {
	keys := make([]string, len(t.Values))
	for i, v := range t.Values {
		keys[i] = quote(v)
	}
	return "Enum" + strconv.FormatBool(t.IgnoreCase) + "[" + sortedKeys(keys) + "]"
}

// Key implements value.Keyer. The order of the patterns does not count.
func (t *Pattern) Key() string {
	keys := make([]string, len(t.Patterns))
	for i, p := range t.Patterns {
		keys[i] = regexpText(p)
	}
	return "Pattern[" + sortedKeys(keys) + "]"
}

// Key implements value.Keyer.
func (t *Regexp) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Boolean) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *SemVerType) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *TimestampType) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *TimespanType) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *URIType) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Runtime) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Collection) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Array) Key() string { return wrapKey("Array", []Type{t.Elem}, sizeParams(t.Size)...) }

// Key implements value.Keyer.
func (t *Hash) Key() string {
	return wrapKey("Hash", []Type{t.KeyType, t.Value}, sizeParams(t.Size)...)
}

// Key implements value.Keyer.
func (t *Tuple) Key() string {
	size := []string{strconv.FormatInt(t.Size.Min, 10), strconv.FormatInt(t.Size.Max, 10)}
	return wrapKey("Tuple", t.Types, size...)
}

func wrapKey(name string, ts []Type, more ...string) string {
	parts := make([]string, 0, len(ts)+len(more))
	for _, t := range ts {
		parts = append(parts, t.Key())
	}
	return name + "[" + strings.Join(append(parts, more...), ",") + "]"
}

// Key implements value.Keyer. The order of the members does not count.
func (t *Struct) Key() string {
	keys := make([]string, len(t.Members))
	for i, m := range t.Members {
		keys[i] = quote(m.Key) + strconv.FormatBool(m.Optional()) + m.Value.Key()
	}
	return "Struct" + strconv.FormatBool(t.Given) + "[" + sortedKeys(keys) + "]"
}

// Key implements value.Keyer.
func (t *NotUndef) Key() string { return wrapKey("NotUndef", []Type{t.T}) }

// Key implements value.Keyer.
func (t *Optional) Key() string { return wrapKey("Optional", []Type{t.T}) }

// Key implements value.Keyer.
func (t *Sensitive) Key() string { return wrapKey("Sensitive", []Type{t.T}) }

// Key implements value.Keyer.
func (t *Meta) Key() string { return wrapKey("Type", []Type{t.T}) }

// Key implements value.Keyer.
func (t *Iterable) Key() string { return wrapKey("Iterable", []Type{t.T}) }

// Key implements value.Keyer.
func (t *Iterator) Key() string { return wrapKey("Iterator", []Type{t.T}) }

// Key implements value.Keyer. The order of the types does not count.
func (t *Variant) Key() string {
	keys := make([]string, len(t.Types))
	for i, m := range t.Types {
		keys[i] = m.Key()
	}
	return "Variant[" + sortedKeys(keys) + "]"
}

// Key implements value.Keyer.
func (t *Init) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Callable) Key() string {
	key := "Callable"
	if t.Params != nil {
		key += t.Params.Key()
	}
	if t.Block != nil {
		key += "&" + t.Block.Key()
	}
	if t.Return != nil {
		key += ">>" + t.Return.Key()
	}
	return key
}

// Key implements value.Keyer.
func (t *Resource) Key() string {
	if !t.HasTitle {
		return "Resource[" + t.Kind
	}
	return "Resource[" + t.Kind + "," + t.Title
}

// Key implements value.Keyer.
func (t *Class) Key() string { return t.String() }

// Key implements value.Keyer.
func (t *Reference) Key() string { return t.String() }

// Key implements value.Keyer.
func (o *Object) Key() string { return o.String() }
