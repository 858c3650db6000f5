package types

import (
	"math"

	"kickoff/internal/value"
)

const (
	minInt = math.MinInt64
	maxInt = math.MaxInt64
)

var inf = math.Inf(1)

// Size bounds a length; Max is math.MaxInt64 when it is open.
type Size struct{ Min, Max int64 }

var anySize = Size{0, maxInt}

// Holds reports whether n is within the bounds.
func (s Size) Holds(n int64) bool { return s.Min <= n && n <= s.Max }

// Covers reports whether every size that o allows is allowed by s.
func (s Size) Covers(o Size) bool { return s.Min <= o.Min && o.Max <= s.Max }

func (s Size) union(o Size) Size { return Size{min(s.Min, o.Min), max(s.Max, o.Max)} }

// Integer is Integer[Min, Max]; the bounds are those of int64 when open.
type Integer struct {
	typeValue
	Min, Max int64
}

// AnyInteger is Integer without bounds.
var AnyInteger = basics["integer"].(*Integer)

// Name implements Type.
func (*Integer) Name() string { return "Integer" }

// Float is Float[Min, Max]; the bounds are infinite when open.
type Float struct {
	typeValue
	Min, Max float64
}

// AnyFloat is Float without bounds.
var AnyFloat = basics["float"].(*Float)

// Name implements Type.
func (*Float) Name() string { return "Float" }

// String is String[Min, Max], or the type of one exact text (only inference and Optional['x'] make that).
type String struct {
	typeValue
	Size  Size
	Exact *string
}

// AnyString is String without bounds.
var AnyString = &String{Size: anySize}

// ExactString is the type of one text.
func ExactString(s string) *String {
	n := int64(len([]rune(s)))
	return &String{Size: Size{n, n}, Exact: &s}
}

// Name implements Type.
func (*String) Name() string { return "String" }

// Enum is Enum['a', 'b'], or Enum['a', true] which ignores case. Without values it is the type of all Enums.
type Enum struct {
	typeValue
	Values     []string
	IgnoreCase bool
}

// Name implements Type.
func (*Enum) Name() string { return "Enum" }

func (e *Enum) has(s string) bool {
	if len(e.Values) == 0 {
		return true
	}
	for _, v := range e.Values {
		if v == s || e.IgnoreCase && value.EqualFold(v, s) {
			return true
		}
	}
	return false
}

// Pattern is Pattern[/a/, /b/]: a string that matches one of them, any string without any.
type Pattern struct {
	typeValue
	Patterns []*value.Regexp
}

// Name implements Type.
func (*Pattern) Name() string { return "Pattern" }

func (p *Pattern) matches(s string) bool {
	if len(p.Patterns) == 0 {
		return true
	}
	for _, re := range p.Patterns {
		if loc, err := re.Find(s); err == nil && loc != nil {
			return true
		}
	}
	return false
}

// Regexp is Regexp[/a/], or all regular expressions when Pattern is nil.
type Regexp struct {
	typeValue
	Pattern *value.Regexp
}

// Name implements Type.
func (*Regexp) Name() string { return "Regexp" }

// Boolean is Boolean, or Boolean[true] / Boolean[false].
type Boolean struct {
	typeValue
	Exact *bool
}

// AnyBoolean is Boolean.
var AnyBoolean = &Boolean{}

// Name implements Type.
func (*Boolean) Name() string { return "Boolean" }

// SemVerType is SemVer, or SemVer[ranges].
type SemVerType struct {
	typeValue
	Ranges []*VersionRange
}

// Name implements Type.
func (*SemVerType) Name() string { return "SemVer" }

// TimestampType is Timestamp[Min, Max]; nil is open.
type TimestampType struct {
	typeValue
	Min, Max *Timestamp
}

// Name implements Type.
func (*TimestampType) Name() string { return "Timestamp" }

// TimespanType is Timespan[Min, Max]; nil is open.
type TimespanType struct {
	typeValue
	Min, Max *Timespan
}

// Name implements Type.
func (*TimespanType) Name() string { return "Timespan" }

// URIType is URI, or URI with the parts that it must have.
type URIType struct {
	typeValue
	Parts *value.Hash
}

// Name implements Type.
func (*URIType) Name() string { return "URI" }

// Runtime is Runtime[Runtime, Class]: a value of another runtime. No value of ours is one.
type Runtime struct {
	typeValue
	Runtime, Class string
}

// Name implements Type.
func (*Runtime) Name() string { return "Runtime" }
