// Package types is Puppet's type system (Pcore).
//
//	what                          where
//	the types                     types.go, scalar.go, collection.go, wrapper.go, callable.go, catalog.go, alias.go
//	a type from its parameters    resolve.go (Resolve: String[1, 10]), parse.go (Parse: from text)
//	is v a T, is U below T        instance.go, assignable.go
//	the type of a value           infer.go, common.go (CommonType, Generalize)
//	text of a type                format.go
//	why a value does not fit      mismatch.go
//	T.new(...)                    new.go and its sisters
//	values that JSON lacks        semver.go, timestamp.go, timespan.go, uri.go
//
// Types are immutable values. The lattice's top is Any; Undef, Default and the scalars are its leaves.
package types

import (
	"kickoff/internal/value"
)

// Type is a data type. Only the types of this package implement it.
type Type interface {
	value.Value
	value.Keyer
	// Name is the type's name without parameters: "Integer", "Resource".
	Name() string
}

// typeValue gives every type the part of value.Value that they share.
type typeValue struct{}

// TypeName implements value.Value: a type is a value of type Type.
func (typeValue) TypeName() string { return "Type" }

// Basic is a type without parameters.
type Basic struct {
	typeValue
	name string
}

// The types without parameters, and the default forms of some that have them.
var (
	Any          = &Basic{name: "Any"}
	Unit         = &Basic{name: "Unit"}
	Undef        = &Basic{name: "Undef"}
	Default      = &Basic{name: "Default"}
	Scalar       = &Basic{name: "Scalar"}
	ScalarData   = &Basic{name: "ScalarData"}
	Data         = &Basic{name: "Data"}
	RichData     = &Basic{name: "RichData"}
	RichDataKey  = &Basic{name: "RichDataKey"}
	Numeric      = &Basic{name: "Numeric"}
	Binary       = &Basic{name: "Binary"}
	SemVerRange  = &Basic{name: "SemVerRange"}
	CatalogEntry = &Basic{name: "CatalogEntry"}
	Deferred     = &Basic{name: "Deferred"}
	Error        = &Basic{name: "Error"}
	TypeSet      = &Basic{name: "TypeSet"}
)

// Name implements Type.
func (b *Basic) Name() string { return b.name }

// String implements value.Value.
func (b *Basic) String() string { return b.name }

// Key implements value.Keyer.
func (b *Basic) Key() string { return b.name }

// basics are the types that Resolve knows by name alone.
var basics = map[string]Type{
	"any": Any, "unit": Unit, "undef": Undef, "default": Default, "scalar": Scalar, "scalardata": ScalarData,
	"data": Data, "richdata": RichData, "richdatakey": RichDataKey, "numeric": Numeric, "binary": Binary,
	"semverrange": SemVerRange, "catalogentry": CatalogEntry, "deferred": Deferred, "error": Error,
	"typeset": TypeSet,
	"integer": &Integer{Min: minInt, Max: maxInt}, "float": &Float{Min: -inf, Max: inf}, "string": AnyString,
	"enum": &Enum{}, "pattern": &Pattern{}, "regexp": &Regexp{}, "boolean": AnyBoolean,
	"notundef": &NotUndef{T: Any}, "optional": &Optional{T: Any}, "sensitive": &Sensitive{T: Any},
	"type": &Meta{T: Any}, "iterable": &Iterable{T: Any}, "iterator": &Iterator{T: Any}, "variant": &Variant{},
	"collection": &Collection{Size: anySize}, "array": &Array{Elem: Any, Size: anySize},
	"hash": &Hash{KeyType: Any, Value: Any, Size: anySize}, "tuple": &Tuple{Size: anySize}, "struct": &Struct{},
	"callable": &Callable{}, "runtime": &Runtime{}, "object": &Object{}, "typealias": &Alias{},
	"typereference": &Reference{}, "init": &Init{}, "semver": &SemVerType{}, "timestamp": &TimestampType{},
	"timespan": &TimespanType{}, "uri": &URIType{}, "resource": &Resource{}, "class": &Class{},
	"target": &Basic{name: "Target"}, "pcore": &Basic{name: "Pcore"},
}

// Builtin gives the type with the given name (any case) when it needs no loader.
func Builtin(lower string) (Type, bool) {
	t, ok := basics[lower]
	return t, ok
}
