package types

import (
	"math"
	"unicode/utf8"

	"kickoff/internal/value"
)

// Instance reports whether v is a value of t.
func Instance(t Type, v value.Value) bool {
	var c checker
	return c.instance(t, v)
}

// checker carries the recursion guard of an instance check: an alias that is met again for the same value, without
// having come deeper into it, holds no further values.
type checker struct{ active map[visit]bool }

type visit struct {
	t Type
	v value.Value
}

func (c *checker) instance(t Type, v value.Value) bool {
	if v == nil {
		v = value.Undef{}
	}
	switch t := t.(type) {
	case *Alias:
		return c.guarded(t, v, func() Type { to, _ := t.Resolve(); return to })
	case *Basic:
		if exp, ok := expansions[t]; ok {
			return c.guarded(t, v, func() Type { return exp })
		}
		return basicInstance(t, v)
	case *Variant:
		for _, m := range t.Types {
			if c.instance(m, v) {
				return true
			}
		}
		return false
	case *Optional:
		return value.IsUndef(v) || c.instance(t.T, v)
	case *NotUndef:
		return !value.IsUndef(v) && c.instance(t.T, v)
	case *Sensitive:
		s, ok := v.(*value.Sensitive)
		return ok && c.instance(t.T, s.Unwrap())
	case *Collection, *Array, *Hash, *Tuple, *Struct:
		return c.collection(t, v)
	}
	return leafInstance(t, v)
}

func (c *checker) guarded(t Type, v value.Value, to func() Type) bool {
	at := visit{t, v}
	if c.active[at] {
		return false
	}
	if c.active == nil {
		c.active = map[visit]bool{}
	}
	c.active[at] = true
	defer delete(c.active, at)
	return c.instance(to(), v)
}

// basicInstance decides for the types without parameters that are no unions of others.
func basicInstance(t *Basic, v value.Value) bool {
	switch t {
	case Any, Unit:
		return true
	case Undef:
		return value.IsUndef(v)
	}
	return t.name == v.TypeName()
}

// leafInstance decides for the types whose values have no parts.
func leafInstance(t Type, v value.Value) bool {
	switch t := t.(type) {
	case *Integer:
		i, ok := v.(value.Int)
		return ok && t.Min <= int64(i) && int64(i) <= t.Max
	case *Float:
		f, ok := v.(value.Float)
		return ok && (t.Min <= float64(f) && float64(f) <= t.Max || math.IsNaN(float64(f)) && t.Min == -inf && t.Max == inf)
	case *String:
		s, ok := v.(value.String)
		return ok && (t.Exact == nil && (t.Size == anySize || t.Size.Holds(int64(utf8.RuneCountInString(string(s))))) ||
			t.Exact != nil && *t.Exact == string(s))
	case *Enum:
		s, ok := v.(value.String)
		return ok && t.has(string(s))
	case *Pattern:
		s, ok := v.(value.String)
		return ok && t.matches(string(s))
	case *Regexp:
		re, ok := v.(*value.Regexp)
		return ok && (t.Pattern == nil || t.Pattern.Source() == re.Source())
	case *Boolean:
		b, ok := v.(value.Bool)
		return ok && (t.Exact == nil || *t.Exact == bool(b))
	case *SemVerType:
		s, ok := v.(*SemVer)
		return ok && t.holds(s)
	case *TimestampType:
		s, ok := v.(*Timestamp)
		return ok && (t.Min == nil || s.Compare(t.Min) >= 0) && (t.Max == nil || s.Compare(t.Max) <= 0)
	case *TimespanType:
		s, ok := v.(*Timespan)
		return ok && (t.Min == nil || s.Compare(t.Min) >= 0) && (t.Max == nil || s.Compare(t.Max) <= 0)
	case *URIType:
		u, ok := v.(*URI)
		return ok && t.holds(u)
	case *Init:
		return initInstance(t, v)
	case *Iterable, *Iterator, *Callable, *Meta:
		return Assignable(t, InferDetailed(v))
	case *Object:
		return Assignable(t, Infer(v))
	}
	return false
}

func (t *SemVerType) holds(v *SemVer) bool {
	if len(t.Ranges) == 0 {
		return true
	}
	for _, r := range t.Ranges {
		if r.Holds(v) {
			return true
		}
	}
	return false
}

// holds compares the parts that the type demands; a part may be a value, a Regexp or a type.
func (t *URIType) holds(u *URI) bool {
	parts := u.parts()
	for k, want := range t.Parts.All() {
		got, _ := parts.Get(k)
		switch want := want.(type) {
		case Type:
			if !Instance(want, got) {
				return false
			}
		case *value.Regexp:
			s, ok := got.(value.String)
			if !ok {
				return false
			}
			if loc, err := want.Find(string(s)); err != nil || loc == nil {
				return false
			}
		default:
			if !value.Equal(want, got) {
				return false
			}
		}
	}
	return true
}

// initInstance: a value of Init[T, args] is one that T.new takes.
func initInstance(t *Init, v value.Value) bool {
	if t.T == nil {
		return false
	}
	if Instance(t.T, v) {
		return true
	}
	_, err := New(t.T, append([]value.Value{v}, t.Args...))
	return err == nil
}

func (c *checker) collection(t Type, v value.Value) bool {
	switch v := v.(type) {
	case *value.Array:
		return c.array(t, v)
	case *value.Hash:
		return c.hash(t, v)
	}
	return false
}

func (c *checker) array(t Type, v *value.Array) bool {
	n := int64(v.Len())
	switch t := t.(type) {
	case *Collection:
		return t.Size.Holds(n)
	case *Array:
		if !t.Size.Holds(n) {
			return false
		}
		for _, e := range v.Elems() {
			if !c.instance(t.Elem, e) {
				return false
			}
		}
		return true
	case *Tuple:
		if !t.Size.Holds(n) {
			return false
		}
		for i, e := range v.Elems() {
			if !c.instance(t.at(i), e) {
				return false
			}
		}
		return true
	}
	return false
}

func (c *checker) hash(t Type, v *value.Hash) bool {
	n := int64(v.Len())
	switch t := t.(type) {
	case *Collection:
		return t.Size.Holds(n)
	case *Hash:
		if !t.Size.Holds(n) {
			return false
		}
		for k, e := range v.All() {
			if !c.instance(t.KeyType, k) || !c.instance(t.Value, e) {
				return false
			}
		}
		return true
	case *Struct:
		return c.structure(t, v)
	}
	return false
}

func (c *checker) structure(t *Struct, v *value.Hash) bool {
	matched := 0
	for _, m := range t.Members {
		e, ok := v.GetString(m.Key)
		switch {
		case ok && !c.instance(m.Value, e):
			return false
		case ok:
			matched++
		case !m.Optional():
			return false
		}
	}
	return matched == v.Len()
}
