package types

import "kickoff/internal/value"

// Infer gives the narrowest simple type of a value: arrays and hashes have one type for all of their elements.
func Infer(v value.Value) Type {
	switch v := v.(type) {
	case *value.Array:
		return inferArray(v)
	case *value.Hash:
		return inferHash(v)
	}
	return inferLeaf(v)
}

// InferDetailed gives the most detailed type of a value: arrays are Tuples, hashes with texts as keys are Structs.
func InferDetailed(v value.Value) Type {
	switch v := v.(type) {
	case *value.Array:
		if v.Len() == 0 {
			return inferArray(v)
		}
		ts := make([]Type, v.Len())
		for i, e := range v.Elems() {
			ts[i] = InferDetailed(e)
		}
		return TupleOf(ts...)
	case *value.Hash:
		return detailedHash(v)
	}
	return inferLeaf(v)
}

func inferLeaf(v value.Value) Type {
	switch v := v.(type) {
	case nil, value.Undef:
		return Undef
	case value.Default:
		return Default
	case value.Bool:
		exact := bool(v)
		return &Boolean{Exact: &exact}
	case value.Int:
		return &Integer{Min: int64(v), Max: int64(v)}
	case value.Float:
		return &Float{Min: float64(v), Max: float64(v)}
	case value.String:
		return ExactString(string(v))
	case *value.Regexp:
		return &Regexp{Pattern: v}
	case *value.Sensitive:
		return &Sensitive{T: Generalize(Infer(v.Unwrap()))}
	case *value.Binary:
		return Binary
	case *value.Deferred:
		return Deferred
	case *SemVer:
		return &SemVerType{Ranges: []*VersionRange{exactRange(v)}}
	case *VersionRange:
		return SemVerRange
	case *Timestamp:
		return &TimestampType{Min: v, Max: v}
	case *Timespan:
		return &TimespanType{Min: v, Max: v}
	case *URI:
		return &URIType{Parts: v.parts()}
	case *Iteration:
		return &Iterator{T: v.elem}
	case *ObjectValue:
		return v.Type
	case Type:
		return &Meta{T: v}
	case Signer:
		return v.Signature()
	}
	return &Runtime{Runtime: "go", Class: v.TypeName()}
}

func exactRange(v *SemVer) *VersionRange {
	return &VersionRange{text: v.String(), alts: []interval{{min: v, max: v, maxIn: true}}}
}

func inferArray(v *value.Array) Type {
	n := int64(v.Len())
	if n == 0 {
		return &Array{Elem: Unit, Size: Size{}}
	}
	var elem Type = Unit
	for _, e := range v.Elems() {
		elem = inferCommon(elem, Infer(e))
	}
	return &Array{Elem: elem, Size: Size{n, n}}
}

func inferHash(v *value.Hash) Type {
	n := int64(v.Len())
	if n == 0 {
		return &Hash{KeyType: Unit, Value: Unit, Size: Size{}}
	}
	var key, val Type = Unit, Unit
	for k, e := range v.All() {
		key, val = inferCommon(key, Infer(k)), inferCommon(val, Infer(e))
	}
	return &Hash{KeyType: key, Value: val, Size: Size{n, n}}
}

func detailedHash(v *value.Hash) Type {
	if v.Len() == 0 {
		return inferHash(v)
	}
	s := &Struct{Given: true}
	for k, e := range v.All() {
		key, ok := k.(value.String)
		if !ok || key == "" {
			var kts, vts []Type
			for k, e := range v.All() {
				kts, vts = append(kts, InferDetailed(k)), append(vts, InferDetailed(e))
			}
			n := int64(v.Len())
			return &Hash{KeyType: VariantOf(kts...), Value: VariantOf(vts...), Size: Size{n, n}}
		}
		s.Members = append(s.Members, Member{Key: string(key), Presence: inferred, Value: InferDetailed(e)})
	}
	return s
}

// Iteration is a sequence of values that was made to be iterated over: the result of step and reverse_each.
type Iteration struct {
	elem  Type
	elems []value.Value
}

// NewIteration gives the Iteration over elems, all of them of type elem.
func NewIteration(elem Type, elems []value.Value) *Iteration { return &Iteration{elem, elems} }

// Elems gives the values, not to be changed.
func (i *Iteration) Elems() []value.Value { return i.elems }

// TypeName implements value.Value.
func (*Iteration) TypeName() string { return "Iterator" }

// String implements value.Value.
func (i *Iteration) String() string { return (&Iterator{T: i.elem}).String() + "-Value" }

// ObjectValue is a value of an Object type.
type ObjectValue struct {
	Type   *Object
	Fields *value.Hash
}

// TypeName implements value.Value.
func (o *ObjectValue) TypeName() string { return o.Type.Name() }

// String implements value.Value.
func (o *ObjectValue) String() string { return o.Type.Name() + "(" + FormatValue(o.Fields) + ")" }

// Key implements value.Keyer.
func (o *ObjectValue) Key() string { return o.Type.Key() + value.Key(o.Fields) }

// Rich implements value.Richer.
func (o *ObjectValue) Rich() (string, value.Value) { return o.Type.Name(), o.Fields }
