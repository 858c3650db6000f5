package types

import (
	"strings"

	"kickoff/internal/value"
)

// CommonType gives a type that holds all values of both: the wider of the two, else one that Puppet would name.
func CommonType(a, b Type) Type {
	a, b = unalias(a), unalias(b)
	if a == Type(Unit) {
		return b
	}
	if b == Type(Unit) {
		return a
	}
	if Assignable(a, b) {
		return a
	}
	if Assignable(b, a) {
		return b
	}
	if t, ok := commonSameKind(a, b); ok {
		return t
	}
	if t, ok := commonCollection(a, b); ok {
		return t
	}
	for _, t := range []Type{Numeric, ScalarData, Scalar, basics["collection"], Data, CatalogEntry, RichData} {
		if t == basics["collection"] {
			// two different collections of data are data
			if Assignable(Data, a) && Assignable(Data, b) {
				continue
			}
		}
		if Assignable(t, a) && Assignable(t, b) {
			return t
		}
	}
	return Any
}

// inferCommon is CommonType for the elements of a value: undef takes on the type of the others, as Puppet infers it.
func inferCommon(a, b Type) Type {
	if a != Type(Undef) && b != Type(Undef) || a == Type(Unit) || b == Type(Unit) {
		return CommonType(a, b)
	}
	if a == Type(Undef) {
		a = b
	}
	if s, ok := a.(*String); ok && s.Exact != nil {
		return AnyString
	}
	return a
}

func commonSameKind(a, b Type) (Type, bool) {
	switch a := a.(type) {
	case *Integer:
		if b, ok := b.(*Integer); ok {
			return &Integer{Min: min(a.Min, b.Min), Max: max(a.Max, b.Max)}, true
		}
	case *Float:
		if b, ok := b.(*Float); ok {
			return &Float{Min: min(a.Min, b.Min), Max: max(a.Max, b.Max)}, true
		}
	case *String, *Enum, *Pattern:
		return commonText(a, b)
	case *Boolean:
		if _, ok := b.(*Boolean); ok {
			return AnyBoolean, true
		}
	case *Meta:
		if b, ok := b.(*Meta); ok {
			common := CommonType(a.T, b.T)
			if common == Type(CatalogEntry) {
				common = Any
			}
			return &Meta{T: common}, true
		}
	case *Sensitive:
		if b, ok := b.(*Sensitive); ok {
			return &Sensitive{T: CommonType(a.T, b.T)}, true
		}
	case *Variant:
		if b, ok := b.(*Variant); ok {
			return VariantOf(append(append([]Type{}, a.Types...), b.Types...)...), true
		}
	case *Resource:
		if b, ok := b.(*Resource); ok {
			if a.Kind == b.Kind {
				return NewResource(a.Kind), true
			}
			return basics["resource"], true
		}
	case *Class:
		if _, ok := b.(*Class); ok {
			return basics["class"], true
		}
	case *Iterator:
		if b, ok := b.(*Iterator); ok {
			return &Iterator{T: CommonType(a.T, b.T)}, true
		}
	case *SemVerType, *TimestampType, *TimespanType, *URIType, *Regexp, *Callable:
		if a.Name() == b.Name() {
			return basics[lowerName(a)], true
		}
	}
	return nil, false
}

// commonText joins the types of texts: single texts make an Enum, patterns more patterns, other strings a wider size.
func commonText(a, b Type) (Type, bool) {
	if !isText(b) {
		return nil, false
	}
	av, aok := enumValues(a)
	bv, bok := enumValues(b)
	if aok && bok {
		return &Enum{Values: append(append([]string{}, av...), bv...)}, true
	}
	ap, aok := a.(*Pattern)
	bp, bok := b.(*Pattern)
	if aok && bok {
		t := &Pattern{Patterns: append([]*value.Regexp{}, ap.Patterns...)}
		for _, p := range bp.Patterns {
			if !Assignable(ap, &Pattern{Patterns: []*value.Regexp{p}}) {
				t.Patterns = append(t.Patterns, p)
			}
		}
		return t, true
	}
	as, aok := a.(*String)
	bs, bok := b.(*String)
	if aok && bok {
		return &String{Size: as.Size.union(bs.Size)}, true
	}
	return AnyString, true
}

func enumValues(t Type) ([]string, bool) {
	switch t := t.(type) {
	case *String:
		if t.Exact != nil {
			return []string{*t.Exact}, true
		}
	case *Enum:
		return t.Values, len(t.Values) > 0 && !t.IgnoreCase
	}
	return nil, false
}

func commonCollection(a, b Type) (Type, bool) {
	if t, ok := a.(*Tuple); ok {
		a = commonArray(t)
	}
	if t, ok := b.(*Tuple); ok {
		b = commonArray(t)
	}
	if t, ok := a.(*Struct); ok && t.Given {
		a = commonHash(t)
	}
	if t, ok := b.(*Struct); ok && t.Given {
		b = commonHash(t)
	}
	switch a := a.(type) {
	case *Array:
		if b, ok := b.(*Array); ok {
			return ArrayOf(CommonType(a.Elem, b.Elem)), true
		}
	case *Hash:
		if b, ok := b.(*Hash); ok {
			return HashOf(CommonType(a.KeyType, b.KeyType), CommonType(a.Value, b.Value)), true
		}
	}
	return nil, false
}

func commonArray(t *Tuple) *Array {
	var elem Type = Unit
	for _, e := range t.Types {
		elem = CommonType(elem, e)
	}
	return &Array{Elem: elem, Size: t.Size}
}

func commonHash(s *Struct) *Hash {
	var key, val Type = Unit, Unit
	for _, m := range s.Members {
		key, val = CommonType(key, ExactString(m.Key)), CommonType(val, m.Value)
	}
	return &Hash{KeyType: key, Value: val, Size: s.size()}
}

// Generalize takes away what is particular to values: sizes, ranges, exact texts.
func Generalize(t Type) Type {
	switch t := t.(type) {
	case *Integer:
		return AnyInteger
	case *Float:
		return AnyFloat
	case *String, *Enum:
		return AnyString
	case *Boolean:
		return AnyBoolean
	case *Regexp, *Collection, *SemVerType, *TimestampType, *TimespanType, *URIType:
		return basics[lowerName(t)]
	case *Array:
		if t.Elem == Type(Unit) {
			return ArrayOf(Unit)
		}
		return ArrayOf(Generalize(t.Elem))
	case *Hash:
		if t.KeyType == Type(Unit) {
			return t
		}
		return HashOf(Generalize(t.KeyType), Generalize(t.Value))
	case *Tuple:
		return ArrayOf(Generalize(commonArray(t).Elem))
	case *Struct:
		h := commonHash(t)
		return HashOf(Generalize(h.KeyType), Generalize(h.Value))
	case *Variant:
		ts := make([]Type, len(t.Types))
		for i, m := range t.Types {
			ts[i] = Generalize(m)
		}
		return VariantOf(ts...)
	}
	return generalizeWrapper(t)
}

func generalizeWrapper(t Type) Type {
	switch t := t.(type) {
	case *Optional:
		return &Optional{T: Generalize(t.T)}
	case *NotUndef:
		return &NotUndef{T: Generalize(t.T)}
	case *Sensitive:
		return &Sensitive{T: Generalize(t.T)}
	case *Meta:
		return &Meta{T: Generalize(t.T)}
	case *Iterable:
		return &Iterable{T: Generalize(t.T)}
	case *Iterator:
		return &Iterator{T: Generalize(t.T)}
	}
	return t
}

func lowerName(t Type) string { return strings.ToLower(t.Name()) }
