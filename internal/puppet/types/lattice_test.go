package types

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kickoff/internal/value"
)

// genValue draws a value of limited depth.
func genValue(depth int) *rapid.Generator[value.Value] {
	leaf := rapid.OneOf(
		rapid.Map(rapid.Int64Range(-5, 5), func(i int64) value.Value { return value.Int(i) }),
		rapid.Map(rapid.Float64Range(-2, 2), func(f float64) value.Value { return value.Float(f) }),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "b", "abc", "x1"}), func(s string) value.Value { return value.String(s) }),
		rapid.Map(rapid.Bool(), func(b bool) value.Value { return value.Bool(b) }),
		rapid.Just[value.Value](value.Undef{}), rapid.Just[value.Value](value.Default{}),
		rapid.Map(genType(0), func(t Type) value.Value { return t }),
	)
	if depth == 0 {
		return leaf
	}
	sub := genValue(depth - 1)
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(sub, 0, 3), func(vs []value.Value) value.Value { return value.NewArray(vs...) }),
		rapid.Custom(func(t *rapid.T) value.Value {
			h := value.NewHash(2)
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				h.Set(rapid.OneOf(rapid.SampledFrom([]value.Value{value.String("a"), value.String("b"), value.Int(1)})).Draw(t, "key"), sub.Draw(t, "value"))
			}
			return h
		}),
		rapid.Map(genValue(0), func(v value.Value) value.Value { return value.NewSensitive(v) }))
}

func genSize() *rapid.Generator[Size] {
	return rapid.Custom(func(t *rapid.T) Size {
		lo := rapid.Int64Range(0, 3).Draw(t, "lo")
		hi := rapid.SampledFrom([]int64{max(lo, 1), lo + 1, maxInt}).Draw(t, "hi")
		return Size{lo, hi}
	})
}

// genType draws a type of limited depth.
func genType(depth int) *rapid.Generator[Type] {
	leaves := []Type{Any, Undef, Default, Scalar, ScalarData, Data, RichData, Numeric, AnyInteger, AnyFloat, AnyString,
		AnyBoolean, &Enum{Values: []string{"a", "b"}}, &Enum{Values: []string{"A"}, IgnoreCase: true},
		&Integer{Min: 0, Max: 3}, &Integer{Min: 2, Max: maxInt}, basics["type"], basics["collection"], CatalogEntry,
		NewResource("file"), NewReference("file", "/a"), NewClass("a"), basics["iterable"], basics["regexp"]}
	leaf := rapid.OneOf(rapid.SampledFrom(leaves), rapid.Map(genSize(), func(s Size) Type { return &String{Size: s} }))
	if depth == 0 {
		return leaf
	}
	sub := genType(depth - 1)
	wrap := func(f func(Type) Type) *rapid.Generator[Type] { return rapid.Map(sub, f) }
	return rapid.OneOf(leaf,
		wrap(func(t Type) Type { return &Optional{T: t} }), wrap(func(t Type) Type { return &NotUndef{T: t} }),
		wrap(func(t Type) Type { return &Sensitive{T: t} }), wrap(func(t Type) Type { return &Meta{T: t} }),
		wrap(func(t Type) Type { return &Iterable{T: t} }),
		rapid.Map(rapid.SliceOfN(sub, 1, 3), func(ts []Type) Type { return VariantOf(ts...) }),
		rapid.Map(rapid.SliceOfN(sub, 1, 3), func(ts []Type) Type { return TupleOf(ts...) }),
		rapid.Custom(func(t *rapid.T) Type { return &Array{Elem: sub.Draw(t, "elem"), Size: genSize().Draw(t, "size")} }),
		rapid.Custom(func(t *rapid.T) Type {
			return &Hash{KeyType: genType(0).Draw(t, "key"), Value: sub.Draw(t, "value"), Size: genSize().Draw(t, "size")}
		}),
		rapid.Custom(func(t *rapid.T) Type {
			s := &Struct{Given: true}
			for _, k := range []string{"a", "b"} {
				if rapid.Bool().Draw(t, "has "+k) {
					p := rapid.SampledFrom([]Presence{Plain, Maybe, Present}).Draw(t, "presence")
					s.Members = append(s.Members, Member{k, p, sub.Draw(t, "member")})
				}
			}
			return s
		}))
}

func TestLattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genType(2).Draw(t, "a"), genType(2).Draw(t, "b")
		v := genValue(2).Draw(t, "v")
		if !Assignable(a, a) {
			t.Fatalf("%s is not assignable to itself", a)
		}
		if !Assignable(Any, a) {
			t.Fatalf("%s is not below Any", a)
		}
		if Assignable(a, b) && Instance(b, v) && !Instance(a, v) {
			t.Fatalf("%s accepts %s, but %s of the latter is none of the former", a, b, FormatValue(v))
		}
		common := CommonType(a, b)
		if a != Type(Undef) && b != Type(Undef) && (!Assignable(common, a) || !Assignable(common, b)) {
			t.Fatalf("the common type of %s and %s is %s", a, b, common)
		}
		if Assignable(a, b) && Assignable(b, a) && CommonType(a, b) == nil {
			t.Fatal("no common type")
		}
	})
}

func TestInference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genValue(2).Draw(t, "v")
		typ := genType(2).Draw(t, "typ")
		if d := InferDetailed(v); !Instance(d, v) {
			t.Fatalf("%s is no instance of its type %s", FormatValue(v), d)
		}
		if strings.Contains(v.String(), value.Redacted) {
			return // the type of a Sensitive does not tell much of what is inside
		}
		if Instance(typ, v) != Assignable(typ, InferDetailed(v)) {
			t.Fatalf("Instance(%s, %s) is %v, Assignable of its type %s is not", typ, FormatValue(v), Instance(typ, v), InferDetailed(v))
		}
		if !Instance(typ, v) && Mismatch(typ, v) == "" {
			t.Fatalf("%s is not a %s, without a reason", FormatValue(v), typ)
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := genType(2).Draw(t, "typ")
		back, err := Parse(typ.String())
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		if back.String() != typ.String() {
			t.Fatalf("%s is read as %s", typ, back)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"Integer[1,2]", "Struct[{a=>Optional[String]}]", "Callable[[String,1,2],Integer]", "Pattern[/a/]", "File['x','y']", "Enum[a,true]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := Parse(s)
		if err == nil && typ == nil {
			t.Fatal("neither a type nor an error")
		}
		if err == nil {
			_ = typ.String()
			_ = Assignable(typ, Data)
		}
	})
}
