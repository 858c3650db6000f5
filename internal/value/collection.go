package value

import (
	"iter"
	"strings"
)

// Array is a list of values.
type Array struct{ elems []Value }

// NewArray takes ownership of elems.
func NewArray(elems ...Value) *Array { return &Array{elems} }

// Strings makes an Array of String.
func Strings(ss ...string) *Array {
	elems := make([]Value, len(ss))
	for i, s := range ss {
		elems[i] = String(s)
	}
	return &Array{elems}
}

// Len is the number of elements. A nil Array is empty.
func (a *Array) Len() int {
	if a == nil {
		return 0
	}
	return len(a.elems)
}

// At gives the element with index i, 0 <= i < Len.
func (a *Array) At(i int) Value { return a.elems[i] }

// Elems gives the elements, not to be changed.
func (a *Array) Elems() []Value {
	if a == nil {
		return nil
	}
	return a.elems
}

// TypeName implements Value.
func (*Array) TypeName() string { return "Array" }

// String formats as Puppet's interpolation: [1, a, [2]].
func (a *Array) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, e := range a.Elems() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(inner(e))
	}
	b.WriteByte(']')
	return b.String()
}

// Hash is an ordered hash. Any value can be a key; keys are compared by content, strings case-sensitively.
type Hash struct {
	keys  []Value
	vals  []Value
	index map[string]int
}

// smallHash is the size up to which keys are compared one by one: most hashes are small, and need no index.
const smallHash = 8

// NewHash gives an empty Hash with room for n entries.
func NewHash(n int) *Hash {
	return &Hash{keys: make([]Value, 0, n), vals: make([]Value, 0, n)}
}

// HashOf makes a Hash of alternating string keys and values.
func HashOf(pairs ...any) *Hash {
	h := NewHash(len(pairs) / 2)
	for i := 0; i+1 < len(pairs); i += 2 {
		key, ok := pairs[i].(Value)
		if !ok {
			key = String(pairs[i].(string))
		}
		v, ok := pairs[i+1].(Value)
		if !ok {
			v = FromGo(pairs[i+1])
		}
		h.Set(key, v)
	}
	return h
}

// Len is the number of entries. A nil Hash is empty.
func (h *Hash) Len() int {
	if h == nil {
		return 0
	}
	return len(h.keys)
}

// find gives the position of key, or -1.
func (h *Hash) find(key Value) int {
	if h == nil {
		return -1
	}
	if h.index != nil {
		if i, ok := h.index[Key(key)]; ok {
			return i
		}
		return -1
	}
	if s, ok := key.(String); ok {
		for i, k := range h.keys {
			if ks, ok := k.(String); ok && ks == s {
				return i
			}
		}
		return -1
	}
	want := Key(key)
	for i, k := range h.keys {
		if Key(k) == want {
			return i
		}
	}
	return -1
}

// Get gives the value of key.
func (h *Hash) Get(key Value) (Value, bool) {
	if i := h.find(key); i >= 0 {
		return h.vals[i], true
	}
	return nil, false
}

// GetString gives the value of a string key.
func (h *Hash) GetString(key string) (Value, bool) { return h.Get(String(key)) }

// Dig follows string keys through nested hashes.
func (h *Hash) Dig(path ...string) (Value, bool) {
	var v Value = h
	for _, p := range path {
		hash, ok := v.(*Hash)
		if !ok {
			return nil, false
		}
		if v, ok = hash.GetString(p); !ok {
			return nil, false
		}
	}
	return v, true
}

// Set adds or replaces an entry. It is meant for building a hash that nobody else sees yet.
func (h *Hash) Set(key, v Value) {
	if i := h.find(key); i >= 0 {
		h.vals[i] = v
		return
	}
	h.keys = append(h.keys, key)
	h.vals = append(h.vals, v)
	switch {
	case h.index != nil:
		h.index[Key(key)] = len(h.keys) - 1
	case len(h.keys) > smallHash:
		h.index = make(map[string]int, 2*len(h.keys))
		for i, k := range h.keys {
			h.index[Key(k)] = i
		}
	}
}

// SetString adds or replaces the entry of a string key.
func (h *Hash) SetString(key string, v Value) { h.Set(String(key), v) }

// Without gives a copy that lacks the given keys.
func (h *Hash) Without(keys ...Value) *Hash {
	drop := make(map[string]bool, len(keys))
	for _, k := range keys {
		drop[Key(k)] = true
	}
	out := NewHash(h.Len())
	for k, v := range h.All() {
		if !drop[Key(k)] {
			out.Set(k, v)
		}
	}
	return out
}

// Merge gives a copy with the entries of others added, later ones winning.
func (h *Hash) Merge(others ...*Hash) *Hash {
	out := h.Copy()
	for _, o := range others {
		for k, v := range o.All() {
			out.Set(k, v)
		}
	}
	return out
}

// Copy gives a shallow copy that may be changed.
func (h *Hash) Copy() *Hash {
	out := NewHash(h.Len())
	for k, v := range h.All() {
		out.Set(k, v)
	}
	return out
}

// All iterates over the entries in order.
func (h *Hash) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		if h == nil {
			return
		}
		for i, k := range h.keys {
			if !yield(k, h.vals[i]) {
				return
			}
		}
	}
}

// Keys gives the keys in order, not to be changed.
func (h *Hash) Keys() []Value {
	if h == nil {
		return nil
	}
	return h.keys
}

// Values gives the values in order, not to be changed.
func (h *Hash) Values() []Value {
	if h == nil {
		return nil
	}
	return h.vals
}

// TypeName implements Value.
func (*Hash) TypeName() string { return "Hash" }

// String formats as Puppet's interpolation: {a => 1, b => [2]}.
func (h *Hash) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range h.Keys() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(inner(k))
		b.WriteString(" => ")
		b.WriteString(inner(h.vals[i]))
	}
	b.WriteByte('}')
	return b.String()
}

// inner is the text of a value inside a collection; undef (also nil) is empty there too.
func inner(v Value) string {
	if IsUndef(v) {
		return ""
	}
	return v.String()
}
