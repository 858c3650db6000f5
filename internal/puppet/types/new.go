package types

import (
	"fmt"

	"kickoff/internal/value"
)

// New is Type.new(args...): Integer('3'), String(x, '%p'). The result is a value of t, or an error that says why there
// is none.
func New(t Type, args []value.Value) (value.Value, error) {
	switch n := unalias(t).(type) {
	case *Optional:
		if len(args) == 1 && value.IsUndef(args[0]) {
			return value.Undef{}, nil
		}
		return New(n.T, args)
	case *NotUndef:
		return New(n.T, args)
	case *Init:
		if n.T == nil {
			return nil, fmt.Errorf("Creation of new instance of type 'Init' is not supported")
		}
		return New(n.T, append(append([]value.Value{}, args...), n.Args...))
	case *Enum, *Pattern:
		return checkedNew(t, args, newString)
	case *Basic:
		if n == Numeric {
			return newNumeric(args)
		}
		if len(args) == 1 && n != Undef && n != Default && Instance(n, args[0]) {
			return args[0], nil
		}
	case *Object:
		return newInstance(n, args)
	}
	make, ok := constructor(unalias(t))
	if !ok {
		return nil, fmt.Errorf("Creation of new instance of type '%s' is not supported", t)
	}
	return checkedNew(t, args, make)
}

// checkedNew calls a constructor and checks its result.
func checkedNew(t Type, args []value.Value, make func([]value.Value) (value.Value, error)) (value.Value, error) {
	v, err := make(args)
	if err != nil {
		return nil, err
	}
	if !Instance(t, v) {
		return nil, fmt.Errorf("Converted value from %s.new() has wrong type, %s", t, Mismatch(t, v))
	}
	return v, nil
}

func constructor(t Type) (func([]value.Value) (value.Value, error), bool) {
	table := map[string]func([]value.Value) (value.Value, error){
		"Integer": newInteger, "Float": newFloat, "Numeric": newNumeric, "Boolean": newBoolean, "String": newString,
		"Array": newArray, "Tuple": newArray, "Hash": newHash, "Struct": newHash, "Sensitive": newSensitive,
		"Regexp": newRegexp, "SemVer": newSemVer, "SemVerRange": newSemVerRange, "Timestamp": newTimestamp,
		"Timespan": newTimespan, "Binary": newBinary, "Deferred": newDeferred, "URI": newURI,
	}
	f, ok := table[t.Name()]
	return f, ok
}
