package types

import (
	"testing"

	"kickoff/internal/value"
)

func mustParse(t *testing.T, text string) Type {
	t.Helper()
	typ, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestParseRoundTrip(t *testing.T) {
	for _, text := range []string{
		"Integer", "Integer[1]", "Integer[default, 3]", "Integer[1, 1]", "Float[1.0]", "Float[default, 2.0]", "String[1]",
		"String[0, 3]", "Array[String]", "Array[String, 1]", "Array[Any, 1, 2]", "Array", "Hash[String, Integer]",
		"Hash[Any, Any, 1, 2]", "Hash[String, Integer, 1]", "Collection[1, 2]", "Tuple[String, Integer]",
		"Tuple[String, 1, 3]", "Tuple[String, 1]", "Tuple", "Enum['a', 'b']", "Enum['a', true]", "Pattern[/a/, /b\\/c/]",
		"Regexp[/x/]", "Optional['a']", "Variant[String, Integer]", "Optional[Optional[String]]", "NotUndef",
		"NotUndef['x']", "File", "File['/a']", "Class", "Class[foo::bar]", "Resource", "Boolean[true]",
		"Struct[{'a' => Integer, Optional['b'] => String, NotUndef['c'] => Any, 'e x' => Any}]", "Struct",
		"Callable[String, Integer]", "Callable", "Callable[[String], Integer]", "Callable[0, 0]",
		"Callable[String, 1, 2, Callable]", "Callable[String, Optional[Callable[1, 1]]]", "Type[Integer]",
		"Timespan['0-00:00:01.0']", "Timestamp['2020-01-01T00:00:00.000000000 UTC']", "Sensitive[String]", "Data",
		"Iterable[Integer]", "Init[Integer]", "Foo::Bar['x']",
	} {
		if got := mustParse(t, text).String(); got != text {
			t.Errorf("Parse(%s) gives %s", text, got)
		}
	}
}

func TestInstance(t *testing.T) {
	arr := value.NewArray(value.Int(1), value.String("a"))
	hash := value.HashOf("a", 1, "b", "x")
	for _, tc := range []struct {
		typ  string
		v    value.Value
		want bool
	}{
		{"Integer[1, 2]", value.Int(2), true},
		{"Integer[1, 2]", value.Int(3), false},
		{"Float", value.Int(3), false},
		{"Numeric", value.Int(3), true},
		{"String[1]", value.String(""), false},
		{"String[2, 2]", value.String("äö"), true},
		{"Enum[a, b]", value.String("A"), false},
		{"Enum[a, b, true]", value.String("A"), true},
		{"Pattern[/^a+$/]", value.String("aaa"), true},
		{"Optional[Integer]", value.Undef{}, true},
		{"NotUndef", value.Undef{}, false},
		{"Array[Variant[Integer, String]]", arr, true},
		{"Array[Integer]", arr, false},
		{"Tuple[Integer, String]", arr, true},
		{"Tuple[Integer, 1, 2]", arr, false},
		{"Struct[{a => Integer, b => String}]", hash, true},
		{"Struct[{a => Integer}]", hash, false},
		{"Struct[{a => Integer, b => String, c => Optional[Any]}]", hash, true},
		{"Struct[{a => Integer, b => String, Optional[c] => Integer}]", hash, true},
		{"Struct[{a => Integer, b => String, NotUndef[c] => Any}]", hash, false},
		{"Hash[String, Data]", hash, true},
		{"Data", value.NewArray(hash, arr), true},
		{"Data", value.NewArray(value.NewSensitive(arr)), false},
		{"RichData", value.NewArray(value.NewSensitive(arr)), true},
		{"Sensitive[String]", value.NewSensitive(value.String("x")), true},
		{"Type[Integer]", AnyInteger, true},
		{"Type[Numeric]", &Integer{Min: 1, Max: 2}, true},
		{"Type[CatalogEntry]", NewReference("file", "/a"), true},
		{"Iterable", arr, true},
		{"Iterable[String]", value.String("abc"), true},
		{"Any", value.Undef{}, true},
		{"Default", value.Default{}, true},
	} {
		if got := Instance(mustParse(t, tc.typ), tc.v); got != tc.want {
			t.Errorf("Instance(%s, %s) = %v", tc.typ, FormatValue(tc.v), got)
		}
	}
}

func TestRecursiveAlias(t *testing.T) {
	var tree *Alias
	tree = NewAlias("Tree", func() (Type, error) {
		return ParseWith("Variant[Integer, Array[Tree], Hash[String, Tree]]", func(string) (Type, error) { return tree, nil })
	})
	deep := value.NewArray(value.Int(1), value.NewArray(value.HashOf("a", 2)))
	if !Instance(tree, deep) {
		t.Error("a tree is no Tree")
	}
	if Instance(tree, value.NewArray(value.String("x"))) {
		t.Error("a text is a Tree")
	}
	if !Assignable(tree, mustParse(t, "Array[Array[Integer]]")) || Assignable(tree, AnyString) {
		t.Error("assignability of a recursive alias")
	}
	var self *Alias
	self = NewAlias("Self", func() (Type, error) { return VariantOf(AnyInteger, self, &Optional{T: self}), nil })
	if Instance(self, value.String("x")) || !Instance(self, value.Int(1)) {
		t.Error("an alias that only names itself")
	}
}
