package types

// expansions are the types that stand for a union of others.
var expansions = map[*Basic]Type{
	Numeric:     &Variant{Types: []Type{AnyInteger, AnyFloat}},
	ScalarData:  &Variant{Types: []Type{AnyInteger, AnyFloat, AnyString, AnyBoolean}},
	Scalar:      &Variant{Types: []Type{AnyInteger, AnyFloat, AnyString, AnyBoolean, basics["regexp"], basics["semver"], basics["timespan"], basics["timestamp"]}},
	Data:        &Variant{Types: []Type{ScalarData, Undef, HashOf(AnyString, Data), ArrayOf(Data)}},
	RichDataKey: &Variant{Types: []Type{AnyString, Numeric}},
	RichData: &Variant{Types: []Type{Scalar, SemVerRange, Binary, basics["uri"], Undef, Default, Deferred, Error, TypeSet,
		basics["sensitive"], basics["type"], basics["object"], HashOf(RichDataKey, RichData), ArrayOf(RichData)}},
	CatalogEntry: &Variant{Types: []Type{basics["resource"], basics["class"]}},
}

// Assignable reports whether every value of u is a value of t.
func Assignable(t, u Type) bool {
	var r relation
	return r.assignable(t, u)
}

// relation carries the recursion guard: a pair that is met again while it is being decided holds, unless something
// else contradicts it.
type relation struct{ active map[pair]bool }

type pair struct{ t, u Type }

func (r *relation) assignable(t, u Type) bool {
	if t == u || t == Type(Any) || t == Type(Unit) || u == Type(Unit) {
		return true
	}
	at := pair{t, u}
	if r.active[at] {
		return true
	}
	if _, ok := t.(*Alias); ok || expands(t) || isAlias(u) || expands(u) {
		if r.active == nil {
			r.active = map[pair]bool{}
		}
		r.active[at] = true
		defer delete(r.active, at)
	}
	if t, u = unalias(t), unalias(u); t == u || t == Type(Any) {
		return true
	}
	if done, ok := r.split(t, u); done {
		return ok
	}
	return r.into(t, u)
}

func isAlias(t Type) bool { _, ok := t.(*Alias); return ok }

func expands(t Type) bool {
	b, ok := t.(*Basic)
	return ok && expansions[b] != nil
}

// split takes u apart when it is a union: all of its parts have to fit.
func (r *relation) split(t, u Type) (done, ok bool) {
	if b, isBasic := u.(*Basic); isBasic && expansions[b] != nil {
		if tb, same := t.(*Basic); same && covers(tb, b) {
			return true, true
		}
		u = expansions[b]
	}
	switch u := u.(type) {
	case *Variant:
		if v, ok := t.(*Variant); ok && v.Key() == u.Key() {
			return true, true
		}
		for _, m := range u.Types {
			if !r.assignable(t, m) {
				return true, false
			}
		}
		return true, true
	case *Optional:
		if o, ok := t.(*Optional); ok && r.assignable(o.T, u.T) {
			return true, true
		}
		return true, r.assignable(t, Undef) && r.assignable(t, u.T)
	case *NotUndef:
		return true, r.fromNotUndef(t, u)
	}
	return false, false
}

// covers are the unions that hold other unions, so that these need not be taken apart.
func covers(t, u *Basic) bool {
	switch t {
	case ScalarData:
		return u == Numeric
	case Scalar:
		return u == Numeric || u == ScalarData
	case Data:
		return u == Numeric || u == ScalarData
	case RichData:
		return u == Numeric || u == ScalarData || u == Scalar || u == Data || u == RichDataKey
	}
	return false
}

func (r *relation) fromNotUndef(t Type, u *NotUndef) bool {
	inner := unalias(u.T)
	if n, ok := t.(*NotUndef); ok {
		return r.assignable(n.T, inner) || r.assignable(n.T, withoutUndef(inner))
	}
	if v, ok := t.(*Variant); ok {
		for _, m := range v.Types {
			if r.assignable(m, u) {
				return true
			}
		}
	}
	return r.assignable(t, withoutUndef(inner))
}

// withoutUndef takes Undef out of a union.
func withoutUndef(t Type) Type {
	switch t := unalias(t).(type) {
	case *Optional:
		return withoutUndef(t.T)
	case *NotUndef:
		return withoutUndef(t.T)
	case *Variant:
		var rest []Type
		for _, m := range t.Types {
			if m = withoutUndef(m); m != Type(Undef) {
				rest = append(rest, m)
			}
		}
		return VariantOf(rest...)
	}
	return t
}

// into decides for a u that is no union.
func (r *relation) into(t, u Type) bool {
	switch t := t.(type) {
	case *Basic:
		if exp, ok := expansions[t]; ok {
			return r.assignable(exp, u)
		}
		b, ok := u.(*Basic)
		return ok && b.name == t.name
	case *Variant:
		for _, m := range t.Types {
			if r.assignable(m, u) {
				return true
			}
		}
		return r.enumInto(t, u)
	case *Optional:
		return u == Type(Undef) || r.assignable(t.T, u)
	case *NotUndef:
		return !r.assignable(u, Undef) && r.assignable(t.T, u)
	case *Sensitive:
		s, ok := u.(*Sensitive)
		return ok && r.assignable(t.T, s.T)
	case *Meta:
		m, ok := u.(*Meta)
		return ok && r.assignable(t.T, m.T)
	case *Iterable:
		elem, ok := ElementType(u)
		return ok && r.assignable(t.T, elem)
	case *Iterator:
		it, ok := u.(*Iterator)
		return ok && r.assignable(t.T, it.T)
	case *Callable:
		c, ok := u.(*Callable)
		return ok && r.callable(t, c)
	case *Collection, *Array, *Hash, *Tuple, *Struct:
		return r.collection(t, u)
	}
	return scalarInto(t, u)
}

// enumInto lets the values of an Enum or Pattern go to different members of a Variant.
func (r *relation) enumInto(t *Variant, u Type) bool {
	e, ok := u.(*Enum)
	if !ok || len(e.Values) < 2 || e.IgnoreCase {
		return false
	}
	for _, v := range e.Values {
		if !r.assignable(t, ExactString(v)) {
			return false
		}
	}
	return true
}

// ElementType is the type of what iteration over a u gives; false when u cannot be iterated over.
func ElementType(u Type) (Type, bool) {
	switch u := unalias(u).(type) {
	case *Iterable:
		return u.T, true
	case *Iterator:
		return u.T, true
	case *Array:
		return u.Elem, true
	case *Tuple:
		return arrayOfTuple(u).Elem, true
	case *Hash:
		return TupleOf(u.KeyType, u.Value), true
	case *Struct:
		h := hashOfStruct(u)
		return TupleOf(h.KeyType, h.Value), true
	case *String:
		return &String{Size: Size{1, 1}}, true
	case *Enum, *Pattern:
		return &String{Size: Size{1, 1}}, true
	case *Integer:
		if u.Max == maxInt || u.Min < 0 {
			return nil, false
		}
		return &Integer{Min: 0, Max: u.Max}, true
	case *Meta:
		switch m := u.T.(type) {
		case *Integer:
			return m, m.Min != minInt && m.Max != maxInt
		case *Enum:
			return m, len(m.Values) > 0
		}
	}
	return nil, false
}

// callable: t accepts a u that takes all arguments of t and gives a result of t.
func (r *relation) callable(t, u *Callable) bool {
	if t.Return != nil {
		ret := u.Return
		if ret == nil {
			ret = Any
		}
		if !r.assignable(t.Return, ret) {
			return false
		}
	}
	if t.Params == nil {
		return true
	}
	if u.Params == nil {
		return false
	}
	if !u.Params.Size.Covers(t.Params.Size) {
		return false
	}
	for i := range max(len(t.Params.Types), len(u.Params.Types)) {
		if int64(i) >= t.Params.Size.Max {
			break
		}
		if len(u.Params.Types) > 0 && len(t.Params.Types) > 0 && !r.assignable(u.Params.at(i), t.Params.at(i)) {
			return false
		}
	}
	return r.block(t.Block, u.Block)
}

func (r *relation) block(t, u Type) bool {
	switch {
	case u == nil:
		return t == nil
	case t == nil:
		return r.assignable(u, Undef)
	}
	return r.assignable(u, t)
}
