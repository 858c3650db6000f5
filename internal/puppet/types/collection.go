package types

// Collection is Collection[Min, Max]: any array or hash.
type Collection struct {
	typeValue
	Size Size
}

// Name implements Type.
func (*Collection) Name() string { return "Collection" }

// Array is Array[Elem, Min, Max].
type Array struct {
	typeValue
	Elem Type
	Size Size
}

// Name implements Type.
func (*Array) Name() string { return "Array" }

// ArrayOf is Array[elem].
func ArrayOf(elem Type) *Array { return &Array{Elem: elem, Size: anySize} }

// Hash is Hash[KeyType, Value, Min, Max].
type Hash struct {
	typeValue
	KeyType, Value Type
	Size           Size
}

// Name implements Type.
func (*Hash) Name() string { return "Hash" }

// HashOf is Hash[key, value].
func HashOf(key, val Type) *Hash { return &Hash{KeyType: key, Value: val, Size: anySize} }

// Tuple is Tuple[T1, T2, Min, Max]. With Sized unset its size is the number of types. Missing types at the end repeat
// the last one. Without types it takes any array.
type Tuple struct {
	typeValue
	Types []Type
	Size  Size
	Sized bool
}

// Name implements Type.
func (*Tuple) Name() string { return "Tuple" }

// TupleOf is Tuple[types...].
func TupleOf(types ...Type) *Tuple {
	n := int64(len(types))
	return &Tuple{Types: types, Size: Size{n, n}}
}

// at is the type of element i; nil when the tuple takes anything.
func (t *Tuple) at(i int) Type {
	switch {
	case len(t.Types) == 0:
		return Any
	case i < len(t.Types):
		return t.Types[i]
	}
	return t.Types[len(t.Types)-1]
}

// Struct is Struct[{...}]. Without members it takes only the empty hash, unless it is the bare Struct.
type Struct struct {
	typeValue
	Members []Member
	// Given tells that the members were given, even if there are none.
	Given bool
}

// Presence tells how the key of a Member was written.
type Presence int

// The forms of a key: plain, Optional[key], NotUndef[key].
const (
	Plain Presence = iota
	Maybe
	Present
	// inferred is the key of a hash that is there: it is written plain, and never missing.
	inferred
)

// Member is one key of a Struct.
type Member struct {
	Key      string
	Presence Presence
	Value    Type
}

// Optional reports whether a hash without the key is a value of the Struct: the key is optional, or its value may be
// undef and the key was not demanded by NotUndef.
func (m Member) Optional() bool {
	return m.Presence == Maybe || m.Presence == Plain && Assignable(m.Value, Undef)
}

// Name implements Type.
func (*Struct) Name() string { return "Struct" }

func (s *Struct) member(key string) (Member, bool) {
	for _, m := range s.Members {
		if m.Key == key {
			return m, true
		}
	}
	return Member{}, false
}

func (s *Struct) size() Size {
	size := Size{0, int64(len(s.Members))}
	for _, m := range s.Members {
		if !m.Optional() {
			size.Min++
		}
	}
	return size
}
