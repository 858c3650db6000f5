// Package value holds Puppet's values at run time.
//
//	Puppet          Go
//	undef           Undef
//	default         Default
//	Boolean         Bool
//	Integer         Int (64 bits)
//	Float           Float
//	String          String
//	Array           *Array
//	Hash            *Hash (ordered, any value as key)
//	Regexp          *Regexp
//	Sensitive       *Sensitive
//	Binary          *Binary
//	Deferred        *Deferred
//
// The values of the type system (types, SemVer, Timestamp ...) are defined by package types and implement Value too.
// Values are immutable once they are visible to more than one reader.
package value

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Value is any value of the Puppet language.
type Value interface {
	// TypeName is the name of the value's basic type, e.g. "Integer".
	TypeName() string
	// String is the text that interpolation gives: "${v}".
	String() string
}

// Keyer is implemented by values outside this package that can be hash keys and be compared by content: two of them
// are equal if their Key is.
type Keyer interface{ Key() string }

// Undef is the absence of a value.
type Undef struct{}

// TypeName implements Value.
func (Undef) TypeName() string { return "Undef" }

// String is empty, as in Puppet's interpolation.
func (Undef) String() string { return "" }

// Default is the literal default.
type Default struct{}

// TypeName implements Value.
func (Default) TypeName() string { return "Default" }

// String is the word default.
func (Default) String() string { return "default" }

// Bool is a Boolean.
type Bool bool

// TypeName implements Value.
func (Bool) TypeName() string { return "Boolean" }

// String is true or false.
func (b Bool) String() string { return strconv.FormatBool(bool(b)) }

// Int is an Integer of 64 bits.
type Int int64

// TypeName implements Value.
func (Int) TypeName() string { return "Integer" }

// String is the decimal form.
func (i Int) String() string { return strconv.FormatInt(int64(i), 10) }

// Float is a Float.
type Float float64

// TypeName implements Value.
func (Float) TypeName() string { return "Float" }

// String formats as Ruby does: 1.0, 1.5, 1.0e+20.
func (f Float) String() string { return FormatFloat(float64(f)) }

// String is a String. It is valid UTF-8.
type String string

// TypeName implements Value.
func (String) TypeName() string { return "String" }

// String is the text itself.
func (s String) String() string { return string(s) }

// Sensitive hides a value from logs, reports and diffs.
type Sensitive struct{ v Value }

// NewSensitive wraps v. A Sensitive in a Sensitive is not nested.
func NewSensitive(v Value) *Sensitive {
	if s, ok := v.(*Sensitive); ok {
		return s
	}
	return &Sensitive{v}
}

// Unwrap gives the hidden value.
func (s *Sensitive) Unwrap() Value { return s.v }

// TypeName implements Value.
func (*Sensitive) TypeName() string { return "Sensitive" }

// Redacted is what is shown in place of a Sensitive.
const Redacted = "Sensitive [value redacted]"

// String never shows the value.
func (*Sensitive) String() string { return Redacted }

// GoString keeps %#v from showing the value.
func (*Sensitive) GoString() string { return Redacted }

// Binary is a sequence of bytes.
type Binary struct{ b []byte }

// NewBinary takes ownership of b.
func NewBinary(b []byte) *Binary { return &Binary{b} }

// Bytes gives the content, not to be changed.
func (b *Binary) Bytes() []byte { return b.b }

// TypeName implements Value.
func (*Binary) TypeName() string { return "Binary" }

// String is the content in base64.
func (b *Binary) String() string { return base64.StdEncoding.EncodeToString(b.b) }

// Deferred is a call that the agent makes before it applies the catalog.
type Deferred struct {
	// Name is the function's name, or "$var" for a variable that Args digs into.
	Name string
	Args *Array
}

// TypeName implements Value.
func (*Deferred) TypeName() string { return "Deferred" }

// String shows the call.
func (d *Deferred) String() string {
	var b strings.Builder
	b.WriteString("Deferred({'name' => '")
	b.WriteString(d.Name)
	b.WriteString("', 'arguments' => ")
	b.WriteString(d.Args.String())
	b.WriteString("})")
	return b.String()
}

// IsUndef reports whether v is undef (nil counts as undef).
func IsUndef(v Value) bool {
	if v == nil {
		return true
	}
	_, ok := v.(Undef)
	return ok
}

// Truthy is the value of v as a condition: all but undef and false are true.
func Truthy(v Value) bool {
	switch v := v.(type) {
	case nil, Undef:
		return false
	case Bool:
		return bool(v)
	}
	return true
}
