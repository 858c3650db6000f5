package types

// arrayOfTuple is the narrowest Array that holds all values of the tuple.
func arrayOfTuple(t *Tuple) *Array {
	if len(t.Types) == 0 {
		return &Array{Elem: Any, Size: t.Size}
	}
	used := t.Types
	if t.Size.Max < int64(len(used)) {
		used = used[:t.Size.Max]
	}
	return &Array{Elem: VariantOf(used...), Size: t.Size}
}

// hashOfStruct is a Hash that holds all values of the struct.
func hashOfStruct(s *Struct) *Hash {
	if len(s.Members) == 0 {
		return &Hash{KeyType: Unit, Value: Unit, Size: Size{}}
	}
	keys, vals := make([]string, len(s.Members)), make([]Type, len(s.Members))
	for i, m := range s.Members {
		keys[i], vals[i] = m.Key, m.Value
	}
	return &Hash{KeyType: &Enum{Values: keys}, Value: VariantOf(vals...), Size: s.size()}
}

// sizeOfType is the size of the values of a collection type.
func sizeOfType(u Type) (Size, bool) {
	switch u := u.(type) {
	case *Collection:
		return u.Size, true
	case *Array:
		return u.Size, true
	case *Hash:
		return u.Size, true
	case *Tuple:
		return u.Size, true
	case *Struct:
		if !u.Given {
			return anySize, true
		}
		return u.size(), true
	}
	return Size{}, false
}

func (r *relation) collection(t, u Type) bool {
	got, ok := sizeOfType(u)
	if !ok {
		return false
	}
	if want, _ := sizeOfType(t); !want.Covers(got) {
		return false
	}
	switch t := t.(type) {
	case *Collection:
		return true
	case *Array:
		return r.intoArray(t, u)
	case *Tuple:
		return r.intoTuple(t, u)
	case *Hash:
		return r.intoHash(t, u)
	case *Struct:
		return r.intoStruct(t, u)
	}
	return false
}

func (r *relation) intoArray(t *Array, u Type) bool {
	switch u := u.(type) {
	case *Array:
		return u.Size.Max == 0 || r.assignable(t.Elem, u.Elem)
	case *Tuple:
		return u.Size.Max == 0 || r.assignable(t.Elem, arrayOfTuple(u).Elem)
	}
	return false
}

func (r *relation) intoTuple(t *Tuple, u Type) bool {
	if len(t.Types) == 0 {
		switch u.(type) {
		case *Array, *Tuple:
			return true
		}
		return false
	}
	switch u := u.(type) {
	case *Array:
		if u.Size.Max == 0 {
			return true
		}
		for i, want := range t.Types {
			if int64(i) < u.Size.Max && !r.assignable(want, u.Elem) {
				return false
			}
		}
		return true
	case *Tuple:
		for i := range max(len(t.Types), len(u.Types)) {
			if int64(i) < u.Size.Max && !r.assignable(t.at(i), u.at(i)) {
				return false
			}
		}
		return true
	}
	return false
}

func (r *relation) intoHash(t *Hash, u Type) bool {
	switch u := u.(type) {
	case *Hash:
		return u.Size.Max == 0 || r.assignable(t.KeyType, u.KeyType) && r.assignable(t.Value, u.Value)
	case *Struct:
		if !u.Given {
			return r.assignable(t.KeyType, AnyString) && t.Value == Type(Any)
		}
		for _, m := range u.Members {
			if !r.assignable(t.KeyType, ExactString(m.Key)) || !r.assignable(t.Value, m.Value) {
				return false
			}
		}
		return true
	}
	return false
}

func (r *relation) intoStruct(t *Struct, u Type) bool {
	switch u := u.(type) {
	case *Struct:
		return t.Key() == u.Key() || u.Given && r.members(t, u)
	case *Hash:
		if u.Size.Max == 0 {
			return true
		}
		// a hash of unknown keys fits only if each member is wanted and takes its values
		if !r.assignable(hashOfStruct(t).KeyType, u.KeyType) {
			return false
		}
		for _, m := range t.Members {
			if !r.assignable(m.Value, u.Value) {
				return false
			}
		}
		return true
	}
	return false
}

func (r *relation) members(t, u *Struct) bool {
	matched := 0
	for _, m := range t.Members {
		o, ok := u.member(m.Key)
		switch {
		case ok && (!r.assignable(m.Value, o.Value) || o.Optional() && !m.Optional()):
			return false
		case ok:
			matched++
		case !m.Optional():
			return false
		}
	}
	return matched == len(u.Members)
}
