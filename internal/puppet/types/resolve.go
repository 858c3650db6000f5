package types

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"kickoff/internal/value"
)

// Resolve gives the type Name[params...]; without params it is Name itself. A name that is no built-in type is that of
// a resource type: File, File['/a']. Aliases are the caller's to look up first, with Builtin deciding what outranks
// them.
func Resolve(name string, params []value.Value) (Type, error) {
	t, ok := Builtin(strings.ToLower(strings.TrimPrefix(name, "::")))
	if !ok {
		t = NewResource(name)
	}
	if len(params) == 0 {
		return t, nil
	}
	v, err := Access(t, params)
	if err != nil {
		return nil, err
	}
	one, ok := v.(Type)
	if !ok {
		return nil, fmt.Errorf("%s[] with %d references is a list, not a type", t.Name(), len(params))
	}
	return one, nil
}

// accessor makes a type from the parameters of its access expression.
type accessor func(params []value.Value) (value.Value, error)

func accessorOf(name string) (accessor, bool) {
	table := map[string]accessor{
		"Integer": accessInteger, "Float": accessFloat, "String": accessString, "Enum": accessEnum,
		"Pattern": accessPattern, "Regexp": accessRegexp, "Boolean": accessBoolean,
		"NotUndef": accessNotUndef, "Optional": accessOptional,
		"Sensitive":  wrapAccess("Sensitive", func(t Type) Type { return &Sensitive{T: t} }),
		"Type":       wrapAccess("Type", func(t Type) Type { return &Meta{T: t} }),
		"Iterable":   wrapAccess("Iterable", func(t Type) Type { return &Iterable{T: t} }),
		"Iterator":   wrapAccess("Iterator", func(t Type) Type { return &Iterator{T: t} }),
		"Variant":    accessVariant,
		"Collection": accessCollection, "Array": accessArray, "Hash": accessHash, "Tuple": accessTuple,
		"Struct": accessStruct, "Callable": accessCallable, "Runtime": accessRuntime, "Init": accessInit,
		"SemVer": accessSemVer, "Timestamp": accessTimestamp, "Timespan": accessTimespan, "URI": accessURI,
		"Class": accessClass, "TypeReference": accessReference, "Object": accessObject,
	}
	a, ok := table[name]
	return a, ok
}

// Access gives t[params...]: a type, or an array of references (File['a', 'b'], Class['a', 'b']).
func Access(t Type, params []value.Value) (value.Value, error) {
	if r, ok := t.(*Resource); ok {
		return accessResource(r, params)
	}
	if p, ok := t.(*Pattern); ok && len(p.Patterns) > 0 {
		return nil, notApplicable(t)
	}
	a, ok := accessorOf(t.Name())
	if !ok || !isBare(t) {
		return nil, notApplicable(t)
	}
	return a(params)
}

// isBare reports whether t has no parameters yet.
func isBare(t Type) bool {
	bare, ok := Builtin(strings.ToLower(t.Name()))
	return ok && bare.Key() == t.Key()
}

func notApplicable(t Type) error {
	return fmt.Errorf("Operator '[]' is not applicable to %s.", article(Label(t)))
}

// Label names a type for messages: "Integer-Type".
func Label(t Type) string { return t.Name() + "-Type" }

// article puts a or an before a noun.
func article(noun string) string {
	if noun != "" && strings.ContainsRune("AEIOUaeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// arity is the complaint about a wrong number of parameters.
func arity(name, wanted string, got int) error {
	return fmt.Errorf("%s-Type[] accepts %s. Got %d", name, wanted, got)
}

// special is the complaint about a parameter of the wrong kind.
func special(name string, v value.Value, wanted string) error {
	return fmt.Errorf("Error creating type specialization of %s, Cannot use %s where %s is expected",
		article(name+"-Type"), describeValue(v), wanted)
}

func wantType(name string, v value.Value) (Type, error) {
	if t, ok := v.(Type); ok {
		return t, nil
	}
	return nil, fmt.Errorf("%s-Type[] arguments must be types. Got %s", name, describeValue(v))
}

// describeValue names the kind of a value for messages: Integer, Type.
func describeValue(v value.Value) string {
	if v == nil {
		return "Undef"
	}
	if t, ok := v.(Type); ok {
		return Label(t)
	}
	return v.TypeName()
}

func wrapAccess(name string, wrap func(Type) Type) accessor {
	return func(params []value.Value) (value.Value, error) {
		if len(params) != 1 {
			return nil, arity(name, "1 argument", len(params))
		}
		t, err := wantType(name, params[0])
		if err != nil {
			return nil, err
		}
		return wrap(t), nil
	}
}

// typeOrText reads the parameter of Optional and NotUndef, which may be a text.
func typeOrText(name string, params []value.Value) (Type, error) {
	if len(params) != 1 {
		return nil, arity(name, "1 argument", len(params))
	}
	switch p := params[0].(type) {
	case Type:
		return p, nil
	case value.String:
		return ExactString(string(p)), nil
	}
	return nil, fmt.Errorf("%s-Type[] arguments must be types. Got %s", name, describeValue(params[0]))
}

func accessOptional(params []value.Value) (value.Value, error) {
	t, err := typeOrText("Optional", params)
	if err != nil {
		return nil, err
	}
	return &Optional{T: t}, nil
}

func accessNotUndef(params []value.Value) (value.Value, error) {
	t, err := typeOrText("NotUndef", params)
	if err != nil {
		return nil, err
	}
	return &NotUndef{T: t}, nil
}

func accessVariant(params []value.Value) (value.Value, error) {
	ts := make([]Type, len(params))
	for i, p := range params {
		t, ok := p.(Type)
		if !ok {
			return nil, special("Variant", p, "Any-Type")
		}
		ts[i] = t
	}
	return VariantOf(ts...), nil
}

func accessEnum(params []value.Value) (value.Value, error) {
	e := &Enum{}
	for i, p := range flat(params) {
		switch p := p.(type) {
		case value.String:
			e.Values = append(e.Values, string(p))
			continue
		case value.Bool:
			if i == len(params)-1 && i > 0 {
				e.IgnoreCase = bool(p)
				continue
			}
		}
		return nil, special("Enum", p, "String")
	}
	slices.Sort(e.Values) // as Puppet shows them
	e.Values = slices.Compact(e.Values)
	return e, nil
}

// flat spreads arrays among the parameters.
func flat(params []value.Value) []value.Value {
	if !slices.ContainsFunc(params, func(v value.Value) bool { _, ok := v.(*value.Array); return ok }) {
		return params
	}
	var out []value.Value
	for _, p := range params {
		if a, ok := p.(*value.Array); ok {
			out = append(out, flat(a.Elems())...)
			continue
		}
		out = append(out, p)
	}
	return out
}

func accessPattern(params []value.Value) (value.Value, error) {
	t := &Pattern{}
	for _, p := range flat(params) {
		switch p := p.(type) {
		case value.String:
			re, err := value.NewRegexp(string(p))
			if err != nil {
				return nil, err
			}
			t.Patterns = append(t.Patterns, re)
		case *value.Regexp:
			t.Patterns = append(t.Patterns, p)
		case *Regexp:
			if p.Pattern == nil {
				return nil, fmt.Errorf("Pattern-Type[] arguments must be a non-abstract Regexp-Type. Got Regexp-Type")
			}
			t.Patterns = append(t.Patterns, p.Pattern)
		case *Pattern:
			t.Patterns = append(t.Patterns, p.Patterns...)
		default:
			return nil, special("Pattern", p, "String or Regexp or Pattern-Type or Regexp-Type")
		}
	}
	return t, nil
}

func accessRegexp(params []value.Value) (value.Value, error) {
	if len(params) != 1 {
		return nil, arity("Regexp", "1 argument", len(params))
	}
	switch p := params[0].(type) {
	case value.String:
		re, err := value.NewRegexp(string(p))
		if err != nil {
			return nil, err
		}
		return &Regexp{Pattern: re}, nil
	case *value.Regexp:
		return &Regexp{Pattern: p}, nil
	}
	return nil, special("Regexp", params[0], "String or Regexp")
}

func accessBoolean(params []value.Value) (value.Value, error) {
	if len(params) != 1 {
		return nil, arity("Boolean", "1 argument", len(params))
	}
	b, ok := params[0].(value.Bool)
	if !ok {
		return nil, special("Boolean", params[0], "TrueClass or FalseClass")
	}
	exact := bool(b)
	return &Boolean{Exact: &exact}, nil
}

func accessReference(params []value.Value) (value.Value, error) {
	if len(params) != 1 {
		return nil, arity("TypeReference", "1 argument", len(params))
	}
	s, ok := params[0].(value.String)
	if !ok {
		return nil, fmt.Errorf("TypeReference-Type[] argument must be a String. Got %s", describeValue(params[0]))
	}
	return &Reference{Text: string(s)}, nil
}

var (
	className = regexp.MustCompile(`^(?:::)?[a-z][a-z0-9_]*(?:::[a-z][a-z0-9_]*)*$`)
	// typeNameText is the form of a resource type's name, in any case.
	typeNameText = regexp.MustCompile(`^(?i)(?:::)?[a-z]\w*(?:::[a-z]\w*)*$`)
)
