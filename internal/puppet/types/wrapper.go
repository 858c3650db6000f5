package types

import "kickoff/internal/value"

// NotUndef is NotUndef[T]: a T that is not undef.
type NotUndef struct {
	typeValue
	T Type
}

// Name implements Type.
func (*NotUndef) Name() string { return "NotUndef" }

// Optional is Optional[T]: a T or undef.
type Optional struct {
	typeValue
	T Type
}

// Name implements Type.
func (*Optional) Name() string { return "Optional" }

// Sensitive is Sensitive[T].
type Sensitive struct {
	typeValue
	T Type
}

// Name implements Type.
func (*Sensitive) Name() string { return "Sensitive" }

// Meta is Type[T]: T and the types below it.
type Meta struct {
	typeValue
	T Type
}

// Name implements Type.
func (*Meta) Name() string { return "Type" }

// Iterable is Iterable[T]: something that can be iterated over, giving T.
type Iterable struct {
	typeValue
	T Type
}

// Name implements Type.
func (*Iterable) Name() string { return "Iterable" }

// Iterator is Iterator[T].
type Iterator struct {
	typeValue
	T Type
}

// Name implements Type.
func (*Iterator) Name() string { return "Iterator" }

// Variant is Variant[T1, T2]: a value of one of them.
type Variant struct {
	typeValue
	Types []Type
}

// Name implements Type.
func (*Variant) Name() string { return "Variant" }

// VariantOf gives Variant[types...], flat and without doubles; of one type it is that type.
func VariantOf(types ...Type) Type {
	var flat []Type
	seen := map[string]bool{}
	var add func([]Type)
	add = func(ts []Type) {
		for _, t := range ts {
			if v, ok := t.(*Variant); ok {
				add(v.Types)
				continue
			}
			if k := t.Key(); !seen[k] {
				seen[k] = true
				flat = append(flat, t)
			}
		}
	}
	add(types)
	if len(flat) == 1 {
		return flat[0]
	}
	return &Variant{Types: flat}
}

// Init is Init[T, args...]: anything that T.new takes as first argument. Without T it takes nothing.
type Init struct {
	typeValue
	T    Type
	Args []value.Value
}

// Name implements Type.
func (*Init) Name() string { return "Init" }
