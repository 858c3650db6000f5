package value

import (
	"math"
	"strconv"
	"strings"
)

// Equal compares as Puppet's == does: strings without regard to case, integers and floats by number, collections
// element by element (hashes without regard to order).
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case nil, Undef:
		return IsUndef(b)
	case String:
		s, ok := b.(String)
		return ok && EqualFold(string(a), string(s))
	case Int:
		switch b := b.(type) {
		case Int:
			return a == b
		case Float:
			return Float(a) == b
		}
		return false
	case Float:
		switch b := b.(type) {
		case Int:
			return a == Float(b)
		case Float:
			return a == b
		}
		return false
	case *Array:
		o, ok := b.(*Array)
		return ok && equalArrays(a, o)
	case *Hash:
		o, ok := b.(*Hash)
		return ok && equalHashes(a, o)
	case *Sensitive:
		o, ok := b.(*Sensitive)
		return ok && Equal(a.v, o.v)
	}
	return !IsUndef(b) && a.TypeName() == b.TypeName() && Key(a) == Key(b)
}

func equalArrays(a, b *Array) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i, e := range a.Elems() {
		if !Equal(e, b.At(i)) {
			return false
		}
	}
	return true
}

func equalHashes(a, b *Hash) bool {
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		o, ok := b.Get(k)
		if !ok || !Equal(v, o) {
			return false
		}
	}
	return true
}

// EqualFold compares two strings without regard to the case of ASCII letters, as Ruby's casecmp.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Key is a text that two values share only if they are the same key of a hash: strings with case, 1 and 1.0 apart.
func Key(v Value) string {
	if s, ok := v.(String); ok {
		return "s" + string(s)
	}
	var b strings.Builder
	writeKey(&b, v)
	return b.String()
}

func writeKey(b *strings.Builder, v Value) {
	switch v := v.(type) {
	case nil, Undef:
		b.WriteByte('u')
	case Default:
		b.WriteByte('d')
	case Bool:
		b.WriteString("b" + v.String())
	case Int:
		b.WriteString("i" + v.String())
	case Float:
		b.WriteString("f" + strconv.FormatUint(math.Float64bits(float64(v)), 16))
	case String:
		b.WriteString("s" + strconv.Itoa(len(v)) + ":" + string(v))
	case *Array:
		b.WriteString("a" + strconv.Itoa(v.Len()) + "[")
		for _, e := range v.Elems() {
			writeKey(b, e)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case *Hash:
		b.WriteString("h" + strconv.Itoa(v.Len()) + "{")
		for k, e := range v.All() {
			writeKey(b, k)
			b.WriteByte('>')
			writeKey(b, e)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case *Sensitive:
		b.WriteByte('S')
		writeKey(b, v.v)
	default:
		if k, ok := v.(Keyer); ok {
			b.WriteString("k" + v.TypeName() + ":" + k.Key())
			return
		}
		b.WriteString("x" + v.TypeName() + ":" + v.String())
	}
}
