package types

import (
	"fmt"

	"kickoff/internal/value"
)

// intBounds reads up to two integers or defaults, lo being the lower default.
func intBounds(name string, params []value.Value, lo int64) (Size, error) {
	s := Size{lo, maxInt}
	for i, p := range params {
		var n int64
		switch p := p.(type) {
		case value.Int:
			n = int64(p)
		case value.Default:
			continue
		default:
			return s, fmt.Errorf("%s-Type [] requires all arguments to be integers (or default). Got %s", name, describeValue(p))
		}
		if i == 0 {
			s.Min = n
		} else {
			s.Max = n
		}
	}
	if s.Min > s.Max {
		return s, fmt.Errorf("'from' must be less or equal to 'to'. Got (%d, %d", s.Min, s.Max)
	}
	return s, nil
}

func accessInteger(params []value.Value) (value.Value, error) {
	if len(params) < 1 || len(params) > 2 {
		return nil, fmt.Errorf("Integer-Type supports [] with one or two arguments (from, to). Got %d", len(params))
	}
	s, err := intBounds("Integer", params, minInt)
	if err != nil {
		return nil, err
	}
	return &Integer{Min: s.Min, Max: s.Max}, nil
}

func accessFloat(params []value.Value) (value.Value, error) {
	if len(params) < 1 || len(params) > 2 {
		return nil, arity("Float", "1 or 2 arguments", len(params))
	}
	t := &Float{Min: -inf, Max: inf}
	for i, p := range params {
		var f float64
		switch p := p.(type) {
		case value.Int:
			f = float64(p)
		case value.Float:
			f = float64(p)
		case value.Default:
			continue
		default:
			return nil, fmt.Errorf("Float-Type [] requires all arguments to be floats, or integers (or default). Got %s", describeValue(p))
		}
		if i == 0 {
			t.Min = f
		} else {
			t.Max = f
		}
	}
	if t.Min > t.Max {
		return nil, fmt.Errorf("'from' must be less or equal to 'to'. Got (%s, %s", value.Float(t.Min), value.Float(t.Max))
	}
	return t, nil
}

// sizeOf reads the size parameters of a string or a collection, which are never negative.
func sizeOf(name string, params []value.Value) (Size, error) {
	if len(params) > 2 {
		return anySize, arity(name, "at most 2 size arguments", len(params))
	}
	for _, p := range params {
		switch p.(type) {
		case value.Int, value.Default:
		default:
			return anySize, fmt.Errorf("A Type's size constraint arguments must be a single Integer type, or 1-2 integers (or default). Got %s", article(describeValue(p)))
		}
	}
	s, err := intBounds(name, params, 0)
	if err != nil {
		return s, err
	}
	s.Min = max(s.Min, 0)
	return s, nil
}

func accessString(params []value.Value) (value.Value, error) {
	if len(params) == 1 {
		if t, ok := params[0].(*Integer); ok {
			return &String{Size: Size{max(t.Min, 0), t.Max}}, nil
		}
	}
	if len(params) < 1 || len(params) > 2 {
		return nil, arity("String", "1 to 2 arguments", len(params))
	}
	s, err := sizeOf("String", params)
	if err != nil {
		return nil, err
	}
	return &String{Size: s}, nil
}

func accessRuntime(params []value.Value) (value.Value, error) {
	if len(params) < 1 || len(params) > 2 {
		return nil, arity("Runtime", "1 or 2 arguments", len(params))
	}
	names := [2]string{}
	for i, p := range params {
		s, ok := p.(value.String)
		if !ok {
			return nil, fmt.Errorf("Runtime-Type[] arguments must be strings. Got %s", describeValue(p))
		}
		names[i] = string(s)
	}
	return &Runtime{Runtime: names[0], Class: names[1]}, nil
}

func accessSemVer(params []value.Value) (value.Value, error) {
	t := &SemVerType{}
	for _, p := range flat(params) {
		switch p := p.(type) {
		case *VersionRange:
			t.Ranges = append(t.Ranges, p)
		case value.String:
			r, err := ParseVersionRange(string(p))
			if err != nil {
				return nil, err
			}
			t.Ranges = append(t.Ranges, r)
		default:
			return nil, fmt.Errorf("SemVer-Type[] arguments must be SemVerRange or String. Got %s", describeValue(p))
		}
	}
	return t, nil
}

func accessTimestamp(params []value.Value) (value.Value, error) {
	if len(params) < 1 || len(params) > 2 {
		return nil, arity("Timestamp", "0 to 2 arguments", len(params))
	}
	t := &TimestampType{}
	for i, p := range params {
		if _, ok := p.(value.Default); ok {
			continue
		}
		v, err := newTimestamp([]value.Value{p})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			t.Min = v.(*Timestamp)
		} else {
			t.Max = v.(*Timestamp)
		}
	}
	return t, nil
}

func accessTimespan(params []value.Value) (value.Value, error) {
	if len(params) < 1 || len(params) > 2 {
		return nil, arity("Timespan", "0 to 2 arguments", len(params))
	}
	t := &TimespanType{}
	for i, p := range params {
		if _, ok := p.(value.Default); ok {
			continue
		}
		v, err := newTimespan([]value.Value{p})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			t.Min = v.(*Timespan)
		} else {
			t.Max = v.(*Timespan)
		}
	}
	return t, nil
}

func accessURI(params []value.Value) (value.Value, error) {
	if len(params) != 1 {
		return nil, arity("URI", "1 argument", len(params))
	}
	switch p := params[0].(type) {
	case *value.Hash:
		return &URIType{Parts: p}, nil
	case value.String:
		u, err := ParseURI(string(p))
		if err != nil {
			return nil, err
		}
		return &URIType{Parts: u.parts()}, nil
	case *URI:
		return &URIType{Parts: p.parts()}, nil
	}
	return nil, fmt.Errorf("URI-Type[] argument must be a URI, a String or a Hash. Got %s", describeValue(params[0]))
}
