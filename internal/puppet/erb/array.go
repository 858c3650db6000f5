package erb

import (
	"slices"
	"strings"
)

// arrayMethod are the methods that only Array has.
func (in *interp) arrayMethod(c *call, a *array) (any, bool) {
	switch c.name {
	case "each":
		if c.block == nil {
			return &enumerator{src: a, method: "each", elems: slices.Clone(a.e)}, true
		}
		for i := 0; i < len(a.e); i++ {
			in.yield(c, a.e[i])
		}
		return a, true
	case "each_index":
		for i := range a.e {
			in.yield(c, int64(i))
		}
		return a, true
	case "reverse_each":
		for i := len(a.e) - 1; i >= 0; i-- {
			in.yield(c, a.e[i])
		}
		return a, true
	case "to_a", "to_ary":
		return a, true
	case "length", "size":
		return int64(len(a.e)), true
	case "empty?":
		return len(a.e) == 0, true
	case "[]", "slice":
		return in.arrayIndex(c, a.e), true
	case "at":
		return at64(a.e, in.int(c, 0)), true
	case "[]=":
		return in.arraySet(c, a), true
	case "last":
		if len(c.args) == 0 {
			return at64(a.e, -1), true
		}
		n := max(0, int64(len(a.e))-in.int(c, 0))
		return &array{slices.Clone(a.e[n:])}, true
	case "join":
		return newStr(in.join(a.e, text(in.opt(c, 0, nil)), 0)), true
	case "+":
		return &array{slices.Concat(a.e, in.listArg(c, 0))}, true
	case "-", "difference":
		return &array{in.without(a.e, in.listArg(c, 0))}, true
	case "&", "|", "union":
		return in.setOperation(c, a.e), true
	case "*":
		return in.times(c, a.e), true
	case "<<", "push", "append":
		c.used = len(c.args)
		a.e = append(a.e, c.args...)
		in.grow(len(a.e), 0)
		return a, true
	case "sum":
		if len(a.e) > 0 {
			if s, ok := in.opt(c, 0, nil).(*str); ok && c.block == nil {
				return newStr(s.s + in.join(a.e, "", 0)), true
			}
		}
	}
	return in.arrayTransform(c, a)
}

// arrayTransform are the methods that make another Array.
func (in *interp) arrayTransform(c *call, a *array) (any, bool) {
	if bare, ok := strings.CutSuffix(c.name, "!"); ok && bare != "" {
		return in.arrayBang(c, a, bare)
	}
	switch c.name {
	case "compact":
		return &array{slices.DeleteFunc(slices.Clone(a.e), func(e any) bool { return e == nil })}, true
	case "flatten":
		return &array{in.flatten(a.e, in.toInt(in.opt(c, 0, int64(-1))), 0)}, true
	case "reverse":
		out := slices.Clone(a.e)
		slices.Reverse(out)
		return &array{out}, true
	case "drop":
		n := in.int(c, 0)
		return &array{slices.Clone(a.e[min(int64(len(a.e)), max(0, n)):])}, true
	case "concat":
		c.used = len(c.args)
		for i := range c.args {
			a.e = append(a.e, in.listArg(c, i)...)
		}
		return a, true
	case "unshift", "prepend":
		c.used = len(c.args)
		a.e = slices.Concat(c.args, a.e)
		return a, true
	case "pop", "shift":
		if len(a.e) == 0 {
			return nil, true
		}
		i := 0
		if c.name == "pop" {
			i = len(a.e) - 1
		}
		x := a.e[i]
		a.e = slices.Delete(slices.Clone(a.e), i, i+1)
		return x, true
	case "delete":
		x := in.arg(c, 0)
		n := len(a.e)
		a.e = slices.DeleteFunc(slices.Clone(a.e), func(e any) bool { return equal(e, x) })
		if len(a.e) == n {
			return nil, true
		}
		return x, true
	case "delete_at":
		i := in.int(c, 0)
		x := at64(a.e, i)
		if i < 0 {
			i += int64(len(a.e))
		}
		if i >= 0 && i < int64(len(a.e)) {
			a.e = slices.Delete(slices.Clone(a.e), int(i), int(i)+1)
		}
		return x, true
	case "delete_if", "keep_if":
		kind := map[string]string{"delete_if": "reject", "keep_if": "select"}[c.name]
		out := in.chosen(&call{recv: a, name: kind, block: c.block}, slices.Clone(a.e))
		c.blockUsed = true
		a.e = out
		return a, true
	case "transpose":
		return in.transpose(a.e), true
	case "values_at":
		c.used = len(c.args)
		out := &array{}
		for i := range c.args {
			out.e = append(out.e, at64(a.e, in.int(c, i)))
		}
		return out, true
	case "fetch":
		return in.arrayFetch(c, a.e), true
	case "rotate":
		if len(a.e) == 0 {
			return &array{}, true
		}
		n := in.toInt(in.opt(c, 0, int64(1))) % int64(len(a.e))
		if n < 0 {
			n += int64(len(a.e))
		}
		return &array{slices.Concat(a.e[n:], a.e[:n])}, true
	case "assoc":
		x := in.arg(c, 0)
		for _, e := range a.e {
			if p, ok := e.(*array); ok && len(p.e) > 0 && equal(p.e[0], x) {
				return p, true
			}
		}
		return nil, true
	case "insert":
		i := in.int(c, 0)
		if c.used = len(c.args); i < 0 || i > int64(len(a.e)) {
			in.refuse("Array#insert at %d is not supported", i)
		}
		a.e = slices.Insert(slices.Clone(a.e), int(i), c.args[1:]...)
		return a, true
	case "product":
		out := &array{}
		for _, x := range a.e {
			for _, y := range in.listArg(c, 0) {
				in.step()
				out.e = append(out.e, &array{[]any{x, y}})
			}
		}
		return out, true
	case "dig":
		return in.dig(c), true
	case "clear":
		a.e = nil
		return a, true
	}
	return nil, false
}

// arrayBang changes the Array in place, and gives nil if nothing changed where Ruby does.
func (in *interp) arrayBang(c *call, a *array, name string) (any, bool) {
	switch name {
	case "compact", "flatten", "uniq", "reject", "select", "filter", "map", "collect", "sort", "sort_by", "reverse", "rotate":
	default:
		return nil, false
	}
	inner := &call{recv: a, name: name, args: c.args, block: c.block}
	c.used, c.blockUsed = len(c.args), true
	out, ok := in.send(inner).(*array)
	if !ok {
		return nil, false
	}
	before := len(a.e)
	if name == "flatten" {
		before = -1
		if !slices.ContainsFunc(a.e, func(e any) bool { _, ok := e.(*array); return ok }) {
			before = len(out.e)
		}
	}
	a.e = out.e
	switch name {
	case "compact", "flatten", "uniq", "reject", "select", "filter":
		if before == len(out.e) {
			return nil, true
		}
	}
	return a, true
}

// at64 is the element i, from the end if it is negative.
func at64(list []any, i int64) any {
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		return nil
	}
	return list[i]
}

func (in *interp) arrayIndex(c *call, list []any) any {
	size := int64(len(list))
	start, end, ok := int64(0), int64(0), false
	x := in.arg(c, 0)
	r, isRange := x.(*rng)
	switch {
	case isRange:
		start, end, ok = in.rangeSpan(r, size)
	case len(c.args) == 1:
		return at64(list, in.toInt(x))
	default:
		start, end, ok = span(in.toInt(x), in.int(c, 1), size)
	}
	if !ok {
		return nil
	}
	return &array{slices.Clone(list[start:end])}
}

func (in *interp) arraySet(c *call, a *array) any {
	if len(c.args) != 2 {
		in.refuse("assignment to a part of an Array is not supported")
	}
	i, v := in.int(c, 0), in.arg(c, 1)
	if i < 0 {
		i += int64(len(a.e))
	}
	if i < 0 {
		in.raise("IndexError", "index out of range")
	}
	if i > 1<<20 {
		in.refuse("an Array of %d elements is not supported", i)
	}
	for int64(len(a.e)) <= i {
		a.e = append(a.e, nil)
	}
	a.e[i] = v
	return v
}

func (in *interp) join(list []any, sep string, depth int) string {
	if depth > maxDepth {
		in.raise("ArgumentError", "recursive array join")
	}
	var b strings.Builder
	for i, e := range list {
		if i > 0 {
			b.WriteString(sep)
		}
		if a, ok := e.(*array); ok {
			b.WriteString(in.join(a.e, sep, depth+1))
		} else {
			b.WriteString(text(e))
		}
		in.grow(b.Len(), 0)
	}
	return b.String()
}

func (in *interp) without(list, others []any) []any {
	drop := map[string]bool{}
	for _, o := range others {
		drop[hashKey(o)] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(e any) bool { return drop[hashKey(e)] })
}

func (in *interp) setOperation(c *call, list []any) any {
	other := in.listArg(c, 0)
	if c.name == "&" {
		keep := map[string]bool{}
		for _, o := range other {
			keep[hashKey(o)] = true
		}
		list = slices.DeleteFunc(slices.Clone(list), func(e any) bool { return !keep[hashKey(e)] })
		other = nil
	}
	return &array{in.uniq(&call{}, slices.Concat(list, other))}
}

func (in *interp) times(c *call, list []any) any {
	if s, ok := in.arg(c, 0).(*str); ok {
		return newStr(in.join(list, s.s, 0))
	}
	n := in.int(c, 0)
	if n < 0 || n*int64(len(list)) > 1<<20 {
		in.refuse("an Array times %d is not supported", n)
	}
	return &array{slices.Repeat(list, int(n))}
}

func (in *interp) flatten(list []any, levels int64, depth int) []any {
	if depth > maxDepth {
		in.raise("ArgumentError", "tried to flatten recursive array")
	}
	var out []any
	for _, e := range list {
		in.step()
		if a, ok := e.(*array); ok && levels != 0 {
			out = append(out, in.flatten(a.e, levels-1, depth+1)...)
		} else {
			out = append(out, e)
		}
	}
	return out
}

func (in *interp) transpose(list []any) any {
	out := &array{}
	for i, e := range list {
		row, ok := e.(*array)
		if !ok {
			in.raise("TypeError", "no implicit conversion of "+typeName(e)+" into Array")
		}
		if i > 0 && len(row.e) != len(out.e) {
			in.raise("IndexError", "element size differs")
		}
		for k, x := range row.e {
			if i == 0 {
				out.e = append(out.e, &array{})
			}
			col := out.e[k].(*array)
			col.e = append(col.e, x)
		}
	}
	return out
}

func (in *interp) arrayFetch(c *call, list []any) any {
	i := in.int(c, 0)
	if i < int64(len(list)) && i >= -int64(len(list)) {
		c.used, c.blockUsed = len(c.args), true
		return at64(list, i)
	}
	if c.block != nil {
		return in.yield(c, i)
	}
	if len(c.args) > 1 {
		return in.arg(c, 1)
	}
	in.raise("IndexError", "index "+text(i)+" outside of array bounds")
	return nil
}

// dig follows keys and indices.
func (in *interp) dig(c *call) any {
	x := c.recv
	c.used = len(c.args)
	for _, k := range c.args {
		if x == nil {
			return nil
		}
		x = in.send(&call{recv: x, name: "[]", args: []any{k}})
	}
	return x
}
