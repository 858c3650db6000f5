package types

import (
	"fmt"

	"kickoff/internal/value"
)

// Elements gives what iteration over v gives, in order: elements, [key, value] pairs, characters, the integers below v.
func Elements(v value.Value) ([]value.Value, bool) {
	switch v := v.(type) {
	case *value.Array:
		return v.Elems(), true
	case *value.Hash:
		pairs := make([]value.Value, 0, v.Len())
		for k, e := range v.All() {
			pairs = append(pairs, value.NewArray(k, e))
		}
		return pairs, true
	case *Iteration:
		return v.elems, true
	case value.String:
		var chars []value.Value
		for _, r := range string(v) {
			chars = append(chars, value.String(string(r)))
		}
		return chars, true
	case value.Int:
		return integers(0, int64(v)-1)
	case *value.Binary:
		bytes := make([]value.Value, len(v.Bytes()))
		for i, b := range v.Bytes() {
			bytes[i] = value.Int(b)
		}
		return bytes, true
	case *Integer:
		if v.Min == minInt || v.Max == maxInt {
			return nil, false
		}
		return integers(v.Min, v.Max)
	case *Enum:
		return value.Strings(v.Values...).Elems(), len(v.Values) > 0
	}
	return nil, false
}

// maxElements bounds the integers that an iteration counts out.
const maxElements = 10_000_000

func integers(lo, hi int64) ([]value.Value, bool) {
	if hi-lo >= maxElements {
		return nil, false
	}
	var out []value.Value
	for i := lo; i <= hi; i++ {
		out = append(out, value.Int(i))
	}
	return out, true
}

func newArray(args []value.Value) (value.Value, error) {
	if err := count("Array", args, 1, 2); err != nil {
		return nil, err
	}
	if len(args) == 2 && args[1] == value.Value(value.Bool(true)) {
		if a, ok := args[0].(*value.Array); ok {
			return a, nil
		}
		return value.NewArray(args[0]), nil
	}
	switch v := args[0].(type) {
	case *value.Array:
		return v, nil
	}
	elems, ok := Elements(args[0])
	if !ok {
		return nil, newError("Array", args[0])
	}
	return value.NewArray(elems...), nil
}

func newHash(args []value.Value) (value.Value, error) {
	if err := count("Hash", args, 1, 2); err != nil {
		return nil, err
	}
	switch v := args[0].(type) {
	case *value.Hash:
		return v, nil
	case *value.Array:
		if len(args) == 2 {
			return treeHash(v, args[1].String() == "hash_tree")
		}
		return hashOfPairs(v.Elems())
	}
	if elems, ok := Elements(args[0]); ok {
		return hashOfPairs(elems)
	}
	return nil, newError("Hash", args[0])
}

// hashOfPairs reads [[k, v], ...] or [k, v, ...].
func hashOfPairs(elems []value.Value) (value.Value, error) {
	h := value.NewHash(len(elems))
	paired := len(elems) > 0
	for _, e := range elems {
		p, ok := e.(*value.Array)
		paired = paired && ok && p.Len() == 2
	}
	if paired {
		for _, e := range elems {
			p := e.(*value.Array)
			h.Set(p.At(0), p.At(1))
		}
		return h, nil
	}
	if len(elems)%2 != 0 {
		return nil, fmt.Errorf("odd number of arguments for Hash")
	}
	for i := 0; i < len(elems); i += 2 {
		h.Set(elems[i], elems[i+1])
	}
	return h, nil
}

// treeHash builds nested hashes of [[path, value], ...]; with all, arrays become hashes with integer keys too.
func treeHash(list *value.Array, all bool) (value.Value, error) {
	var root value.Value = value.NewHash(list.Len())
	for _, e := range list.Elems() {
		p, ok := e.(*value.Array)
		if !ok || p.Len() != 2 {
			return nil, fmt.Errorf("Hash.new expects an Array of paths and values")
		}
		path, ok := p.At(0).(*value.Array)
		if !ok {
			return nil, fmt.Errorf("Hash.new expects an Array as path")
		}
		if path.Len() == 0 {
			switch v := p.At(1).(type) {
			case *value.Hash:
				root = v.Copy()
			case *value.Array:
				root = v
				if all {
					root = indexed(v)
				}
			}
			continue
		}
		h, ok := root.(*value.Hash)
		if !ok {
			continue
		}
		setPath(h, path.Elems(), p.At(1), all)
	}
	return root, nil
}

func indexed(a *value.Array) *value.Hash {
	h := value.NewHash(a.Len())
	for i, e := range a.Elems() {
		h.Set(value.Int(i), e)
	}
	return h
}

func setPath(h *value.Hash, path []value.Value, v value.Value, all bool) {
	for _, k := range path[:len(path)-1] {
		next, _ := h.Get(k)
		child, ok := next.(*value.Hash)
		if !ok {
			child = value.NewHash(1)
			if a, isArray := next.(*value.Array); isArray {
				child = indexed(a)
			}
			h.Set(k, child)
		}
		h = child
	}
	if a, ok := v.(*value.Array); ok && all {
		v = indexed(a)
	}
	h.Set(path[len(path)-1], v)
}

// newInstance makes a value of an Object type of its attributes, by position or as a hash.
func newInstance(t *Object, args []value.Value) (value.Value, error) {
	given := value.NewHash(len(t.Attributes))
	if h, ok := onlyHash(args); ok && len(t.Attributes) > 0 {
		given = h
	} else {
		for i, a := range args {
			if i >= len(t.Attributes) {
				return nil, fmt.Errorf("%s.new expects %s, got %s", t.Name(),
					CountText(0, int64(len(t.Attributes)), "argument"), gotCount(len(args)))
			}
			given.SetString(t.Attributes[i].Name, a)
		}
	}
	fields := value.NewHash(len(t.Attributes))
	for _, a := range t.Attributes {
		v, ok := given.GetString(a.Name)
		if !ok {
			if v = a.Default; v == nil {
				return nil, fmt.Errorf("%s.new expects a value for key '%s'", t.Name(), a.Name)
			}
		}
		if !Instance(a.Type, v) {
			return nil, fmt.Errorf("%s[%s] initializer %s", t.Name(), a.Name, Mismatch(a.Type, v))
		}
		fields.SetString(a.Name, v)
	}
	for _, k := range given.Keys() {
		if _, ok := fields.Get(k); !ok {
			return nil, fmt.Errorf("%s.new got an unrecognized key '%s'", t.Name(), k)
		}
	}
	return &ObjectValue{Type: t, Fields: fields}, nil
}

func onlyHash(args []value.Value) (*value.Hash, bool) {
	if len(args) != 1 {
		return nil, false
	}
	h, ok := args[0].(*value.Hash)
	return h, ok
}
