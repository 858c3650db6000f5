package types

import (
	"fmt"

	"kickoff/internal/value"
)

func isSize(v value.Value) bool {
	switch v.(type) {
	case value.Int, value.Default:
		return true
	}
	return false
}

func accessCollection(params []value.Value) (value.Value, error) {
	if len(params) == 1 {
		if t, ok := params[0].(*Integer); ok {
			return &Collection{Size: Size{max(t.Min, 0), t.Max}}, nil
		}
	}
	s, err := sizeOf("Collection", params)
	if err != nil {
		return nil, err
	}
	return &Collection{Size: s}, nil
}

func accessArray(params []value.Value) (value.Value, error) {
	t := &Array{Elem: Any, Size: anySize}
	if len(params) > 3 {
		return nil, arity("Array", "1 to 3 arguments", len(params))
	}
	if !isSize(params[0]) {
		elem, err := wantType("Array", params[0])
		if err != nil {
			return nil, err
		}
		t.Elem, params = elem, params[1:]
	}
	size, err := sizeOf("Array", params)
	if err != nil {
		return nil, err
	}
	if t.Size = size; size == (Size{}) {
		t.Elem = Unit
	}
	return t, nil
}

func accessHash(params []value.Value) (value.Value, error) {
	t := &Hash{KeyType: Any, Value: Any, Size: anySize}
	if len(params) > 4 || len(params) == 1 && !isSize(params[0]) {
		return nil, arity("Hash", "2 to 4 arguments", len(params))
	}
	if !isSize(params[0]) {
		key, err := wantType("Hash", params[0])
		if err != nil {
			return nil, err
		}
		val, err := wantType("Hash", params[1])
		if err != nil {
			return nil, err
		}
		t.KeyType, t.Value, params = key, val, params[2:]
	}
	size, err := sizeOf("Hash", params)
	if err != nil {
		return nil, err
	}
	if t.Size = size; size == (Size{}) {
		t.KeyType, t.Value = Unit, Unit
	}
	return t, nil
}

func accessTuple(params []value.Value) (value.Value, error) {
	params = flat(params)
	n := len(params)
	for n > 0 && len(params)-n < 2 && isSize(params[n-1]) {
		n--
	}
	t := TupleOf()
	for _, p := range params[:n] {
		elem, err := wantType("Tuple", p)
		if err != nil {
			return nil, err
		}
		t.Types = append(t.Types, elem)
	}
	if n == 0 {
		return nil, fmt.Errorf("Tuple-Type[] requires at least one type before its size")
	}
	t.Size = Size{int64(n), int64(n)}
	if n < len(params) {
		size, err := sizeOf("Tuple", params[n:])
		if err != nil {
			return nil, err
		}
		t.Size, t.Sized = size, true
	}
	return t, nil
}

func accessStruct(params []value.Value) (value.Value, error) {
	if len(params) != 1 {
		return nil, arity("Struct", "1 argument", len(params))
	}
	h, ok := params[0].(*value.Hash)
	if !ok {
		return nil, special("Struct", params[0], "Hash")
	}
	t := &Struct{Given: true}
	for k, v := range h.All() {
		m := Member{}
		var err error
		if m.Key, m.Presence, err = structKey(k); err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case Type:
			m.Value = v
		case value.String:
			m.Value = ExactString(string(v))
		default:
			return nil, fmt.Errorf("Struct-Type[] member '%s' must have a type. Got %s", m.Key, describeValue(v))
		}
		t.Members = append(t.Members, m)
	}
	return t, nil
}

func structKey(k value.Value) (string, Presence, error) {
	presence, inner := Plain, k
	switch k := k.(type) {
	case *Optional:
		presence, inner = Maybe, k.T
	case *NotUndef:
		presence, inner = Present, k.T
	}
	switch k := inner.(type) {
	case value.String:
		if k != "" {
			return string(k), presence, nil
		}
	case *String:
		if k.Exact != nil && *k.Exact != "" {
			return *k.Exact, presence, nil
		}
	case *Enum:
		if len(k.Values) == 1 {
			return k.Values[0], presence, nil
		}
	}
	return "", Plain, fmt.Errorf("Illegal Struct member key type. Expected NotUndef, Optional, String, or Enum. Got: %s", describeValue(k))
}

func accessCallable(params []value.Value) (value.Value, error) {
	t := &Callable{}
	if len(params) > 0 {
		if list, ok := params[0].(*value.Array); ok {
			if len(params) > 2 {
				return nil, arity("Callable", "an array and a return type", len(params))
			}
			if len(params) == 2 {
				ret, err := wantType("Callable", params[1])
				if err != nil {
					return nil, err
				}
				t.Return = ret
			}
			params = list.Elems()
			if len(params) == 0 {
				t.Params = TupleOf()
				return t, nil
			}
		}
	}
	return fillCallable(t, params)
}

// fillCallable reads [types..., min, max, block].
func fillCallable(t *Callable, params []value.Value) (value.Value, error) {
	ts := make([]Type, 0, len(params))
	i := 0
	for ; i < len(params) && !isSize(params[i]); i++ {
		p, err := wantType("Callable", params[i])
		if err != nil {
			return nil, err
		}
		ts = append(ts, p)
	}
	t.Params = TupleOf(ts...)
	sized := i
	for i < len(params) && i-sized < 2 && isSize(params[i]) {
		i++
	}
	if i > sized {
		size, err := sizeOf("Callable", params[sized:i])
		if err != nil {
			return nil, err
		}
		t.Params.Size, t.Params.Sized = size, true
		if len(ts) == 0 && size.Max > 0 {
			t.Params.Types = []Type{Unit}
		}
	}
	if i < len(params) {
		block, err := wantType("Callable", params[i])
		if err != nil {
			return nil, err
		}
		t.Block = block
		return t, nil
	}
	// a Callable as the last parameter is the block
	if n := len(ts); i == len(params) && sized == i && n > 0 && isCallable(ts[n-1]) {
		t.Block = ts[n-1]
		t.Params = TupleOf(ts[:n-1]...)
	}
	return t, nil
}

func isCallable(t Type) bool {
	switch t := t.(type) {
	case *Callable:
		return true
	case *Optional:
		return isCallable(t.T)
	}
	return false
}

func accessInit(params []value.Value) (value.Value, error) {
	if len(params) == 0 {
		return &Init{}, nil
	}
	t, err := wantType("Init", params[0])
	if err != nil {
		return nil, err
	}
	return &Init{T: t, Args: params[1:]}, nil
}
