package erb

import (
	"slices"
	"strings"
)

// hashMethod are the methods that only Hash has.
func (in *interp) hashMethod(c *call, h *hash) (any, bool) {
	if bare, ok := strings.CutSuffix(c.name, "!"); ok && bare != "" {
		return in.hashBang(c, h, bare)
	}
	switch c.name {
	case "each", "each_pair":
		if c.block == nil {
			return &enumerator{src: h, method: "each", elems: h.pairs()}, true
		}
		for _, p := range h.pairs() {
			in.yield(c, p)
		}
		return h, true
	case "each_key", "each_value":
		for _, x := range slices.Clone(map[string][]any{"each_key": h.keys, "each_value": h.vals}[c.name]) {
			in.yield(c, x)
		}
		return h, true
	case "[]":
		return in.hashGet(h, in.arg(c, 0)), true
	case "[]=", "store":
		v := in.arg(c, 1)
		h.set(in.arg(c, 0), v)
		return v, true
	case "key?", "has_key?", "include?", "member?":
		_, ok := h.get(in.arg(c, 0))
		return ok, true
	case "value?", "has_value?":
		v := in.arg(c, 0)
		return slices.ContainsFunc(h.vals, func(x any) bool { return equal(x, v) }), true
	case "key":
		v := in.arg(c, 0)
		if i := slices.IndexFunc(h.vals, func(x any) bool { return equal(x, v) }); i >= 0 {
			return h.keys[i], true
		}
		return nil, true
	case "keys":
		return &array{slices.Clone(h.keys)}, true
	case "values":
		return &array{slices.Clone(h.vals)}, true
	case "length", "size":
		return int64(len(h.keys)), true
	case "empty?":
		return len(h.keys) == 0, true
	case "fetch":
		return in.hashFetch(c, h), true
	case "dig":
		return in.dig(c), true
	case "delete":
		return h.delete(in.arg(c, 0)), true
	case "to_hash":
		return h, true
	case "to_h":
		if c.block == nil {
			return h, true
		}
	case "clear":
		*h = *newHash()
		return h, true
	}
	return in.hashTransform(c, h)
}

// hashTransform are the methods that make another Hash.
func (in *interp) hashTransform(c *call, h *hash) (any, bool) {
	switch c.name {
	case "merge", "update":
		out := h
		if c.name == "merge" {
			out = h.copy()
		}
		in.merge(c, out)
		return out, true
	case "select", "filter", "reject", "delete_if", "keep_if":
		out := newHash()
		want := c.name != "reject" && c.name != "delete_if"
		for i, k := range slices.Clone(h.keys) {
			if truthy(in.yield(c, k, h.vals[i])) == want {
				out.set(k, h.vals[i])
			}
		}
		if strings.HasSuffix(c.name, "_if") {
			*h = *out
			return h, true
		}
		return out, true
	case "transform_values", "transform_keys":
		out := newHash()
		for i, k := range h.keys {
			if c.name == "transform_keys" {
				out.set(in.yield(c, k), h.vals[i])
			} else {
				out.set(k, in.yield(c, h.vals[i]))
			}
		}
		return out, true
	case "compact":
		out := newHash()
		for i, k := range h.keys {
			if h.vals[i] != nil {
				out.set(k, h.vals[i])
			}
		}
		return out, true
	case "invert":
		out := newHash()
		for i, k := range h.keys {
			out.set(h.vals[i], k)
		}
		return out, true
	case "slice", "values_at", "except":
		return in.hashPart(c, h), true
	case "any?", "all?", "none?", "count", "find", "detect":
		if len(c.args) == 0 && c.block == nil && c.name == "any?" {
			return len(h.keys) > 0, true
		}
	case "map", "collect", "flat_map", "sum", "sort_by", "group_by", "min_by", "max_by", "partition", "find_all":
		if c.name == "find_all" {
			return nil, false
		}
	case "<", "<=", ">", ">=":
		in.refuse("the method '%s' of Hash is not supported", c.name)
	}
	return nil, false
}

func (in *interp) merge(c *call, out *hash) {
	c.used = len(c.args)
	for i := range c.args {
		other, ok := in.arg(c, i).(*hash)
		if !ok {
			in.raise("TypeError", "no implicit conversion of "+typeName(c.args[i])+" into Hash")
		}
		for j, k := range other.keys {
			v := other.vals[j]
			if old, ok := out.get(k); ok && c.block != nil {
				v = in.yield(c, k, old, v)
			}
			out.set(k, v)
		}
	}
	c.blockUsed = true
}

func (in *interp) hashPart(c *call, h *hash) any {
	c.used = len(c.args)
	if c.name == "values_at" {
		out := &array{}
		for _, k := range c.args {
			out.e = append(out.e, in.hashGet(h, k))
		}
		return out
	}
	out := newHash()
	if c.name == "except" {
		out = h.copy()
	}
	for _, k := range c.args {
		if c.name == "except" {
			out.delete(k)
		} else if v, ok := h.get(k); ok {
			out.set(k, v)
		}
	}
	return out
}

// hashBang changes the Hash in place.
func (in *interp) hashBang(c *call, h *hash, name string) (any, bool) {
	switch name {
	case "merge", "select", "filter", "reject", "compact", "transform_values", "transform_keys":
	default:
		return nil, false
	}
	out := in.send(&call{recv: h, name: name, args: c.args, block: c.block}).(*hash)
	c.used, c.blockUsed = len(c.args), true
	same := len(out.keys) == len(h.keys)
	out.other, out.maker = h.other, h.maker
	*h = *out
	switch name {
	case "select", "filter", "reject", "compact":
		if same {
			return nil, true
		}
	}
	return h, true
}

func (in *interp) hashGet(h *hash, key any) any {
	if v, ok := h.get(key); ok {
		return v
	}
	if h.maker != nil {
		return in.invoke(h.maker, []any{h, key})
	}
	return h.other
}

func (in *interp) hashFetch(c *call, h *hash) any {
	key := in.arg(c, 0)
	if v, ok := h.get(key); ok {
		c.used, c.blockUsed = len(c.args), true
		return v
	}
	if c.block != nil {
		return in.yield(c, key)
	}
	if len(c.args) > 1 {
		return in.arg(c, 1)
	}
	in.raise("KeyError", "key not found: "+inspect(key))
	return nil
}

// rangeMethod are the methods of Range.
func (in *interp) rangeMethod(c *call, r *rng) (any, bool) {
	switch c.name {
	case "include?", "member?", "cover?", "===":
		return in.covers(r, in.arg(c, 0)), true
	case "to_s", "inspect", "==", "!=", "nil?", "is_a?", "kind_of?", "class", "hash", "eql?":
		return nil, false
	case "begin":
		return r.lo, true
	case "end":
		return r.hi, true
	case "each":
		for _, x := range in.rangeList(r) {
			in.yield(c, x)
		}
		return r, true
	case "size", "length":
		return int64(len(in.rangeList(r))), true
	case "last":
		if len(c.args) == 0 {
			return r.hi, true
		}
	case "step":
		n := in.int(c, 0)
		if n <= 0 {
			in.raise("ArgumentError", "step can't be 0")
		}
		var elems []any
		for i, x := range in.rangeList(r) {
			if int64(i)%n == 0 {
				elems = append(elems, x)
			}
		}
		if c.block == nil {
			return &enumerator{src: r, method: "each_slice", elems: elems}, true
		}
		for _, x := range elems {
			in.yield(c, x)
		}
		return r, true
	}
	return in.enumMethod(c, in.rangeList(r))
}
