package erb

import (
	"slices"
	"sort"
)

// enumMethod are the methods of Enumerable; elems are the elements of the receiver.
func (in *interp) enumMethod(c *call, elems []any) (any, bool) {
	switch c.name {
	case "map", "collect", "flat_map", "collect_concat", "each_with_index", "each_slice", "each_cons", "each_entry":
		if c.block == nil {
			return in.enumerate(c, elems)
		}
	}
	switch c.name {
	case "map", "collect":
		return &array{in.mapped(c, elems)}, true
	case "flat_map", "collect_concat":
		out := &array{}
		for _, v := range in.mapped(c, elems) {
			if a, ok := v.(*array); ok {
				out.e = append(out.e, a.e...)
			} else {
				out.e = append(out.e, v)
			}
		}
		return out, true
	case "filter_map":
		return &array{slices.DeleteFunc(in.mapped(c, elems), func(v any) bool { return !truthy(v) })}, true
	case "each_with_index":
		for i, e := range elems {
			in.yield(c, e, int64(i))
		}
		return c.recv, true
	case "each_with_object":
		memo := in.arg(c, 0)
		for _, e := range elems {
			in.yield(c, e, memo)
		}
		return memo, true
	case "each_slice", "each_cons":
		for _, e := range in.slices(c, elems) {
			in.yield(c, e)
		}
		return c.recv, true
	case "select", "filter", "reject", "find_all":
		return &array{in.chosen(c, elems)}, true
	case "partition":
		var yes, no []any
		for _, e := range elems {
			if truthy(in.yield(c, e)) {
				yes = append(yes, e)
			} else {
				no = append(no, e)
			}
		}
		return &array{[]any{&array{yes}, &array{no}}}, true
	case "inject", "reduce":
		return in.inject(c, elems), true
	case "sum":
		return in.sum(c, elems), true
	case "sort", "sort_by", "min", "max", "min_by", "max_by", "minmax":
		return in.sortMethod(c, elems), true
	case "any?", "all?", "none?", "one?", "count", "find", "detect", "find_index", "index":
		return in.search(c, elems), true
	case "group_by", "tally", "each_entry":
		return in.group(c, elems)
	case "to_a", "entries":
		return &array{slices.Clone(elems)}, true
	case "to_h":
		return in.toHash(c, elems), true
	case "include?", "member?":
		x := in.arg(c, 0)
		return slices.ContainsFunc(elems, func(e any) bool { return equal(e, x) }), true
	case "take_while", "drop_while":
		n := 0
		for n < len(elems) && truthy(in.yield(c, elems[n])) {
			n++
		}
		if c.name == "take_while" {
			return &array{slices.Clone(elems[:n])}, true
		}
		return &array{slices.Clone(elems[n:])}, true
	case "first", "take":
		return in.first(c, elems), true
	case "zip":
		return in.zip(c, elems), true
	case "uniq":
		return &array{in.uniq(c, elems)}, true
	}
	return nil, false
}

// enumerate is an iteration without a block.
func (in *interp) enumerate(c *call, elems []any) (any, bool) {
	en := &enumerator{src: c.recv, method: c.name, elems: elems}
	switch c.name {
	case "each_with_index":
		en.elems = make([]any, len(elems))
		for i, e := range elems {
			en.elems[i] = &array{[]any{e, int64(i)}}
		}
	case "each_slice", "each_cons":
		en.elems = in.slices(c, elems)
	}
	return en, true
}

// enumeratorMethod are the methods of what an iteration without a block gave.
func (in *interp) enumeratorMethod(c *call, en *enumerator) (any, bool) {
	switch c.name {
	case "with_index", "each_with_index":
		off := int64(0)
		if c.name == "with_index" {
			off = in.toInt(in.opt(c, 0, off))
		}
		if c.block == nil {
			in.refuse("with_index without a block is not supported")
		}
		c.blockUsed = true
		i := off - 1
		inner := &proc{native: func(args []any) any {
			i++
			if len(args) > 1 {
				args = []any{&array{slices.Clone(args)}}
			}
			return in.invoke(c.block, []any{element(args, 0), i})
		}}
		if en.method == "each_slice" || en.method == "each_cons" || en.method == "each_with_index" {
			for _, e := range en.elems {
				inner.native([]any{e})
			}
			return en.src, true
		}
		return in.send(&call{recv: en.src, name: en.method, block: inner}), true
	case "each":
		for _, e := range en.elems {
			in.yield(c, e)
		}
		return en.src, true
	case "size":
		return int64(len(en.elems)), true
	}
	return in.enumMethod(c, en.elems)
}

func (in *interp) mapped(c *call, elems []any) []any {
	out := make([]any, len(elems))
	for i, e := range elems {
		out[i] = in.yield(c, e)
	}
	return out
}

// chosen are the elements for which the block is true, or for reject is not.
func (in *interp) chosen(c *call, elems []any) []any {
	var out []any
	for _, e := range elems {
		if truthy(in.yield(c, e)) == (c.name[0] != 'r') {
			out = append(out, e)
		}
	}
	return out
}

func (in *interp) slices(c *call, elems []any) []any {
	n := int(in.int(c, 0))
	if n <= 0 {
		in.raise("ArgumentError", "invalid slice size")
	}
	var out []any
	if c.name == "each_cons" {
		for i := 0; i+n <= len(elems); i++ {
			out = append(out, &array{slices.Clone(elems[i : i+n])})
		}
		return out
	}
	for i := 0; i < len(elems); i += n {
		out = append(out, &array{slices.Clone(elems[i:min(i+n, len(elems))])})
	}
	return out
}

func (in *interp) inject(c *call, elems []any) any {
	op := ""
	args := c.args
	if n := len(args); n > 0 && c.block == nil {
		op = text(args[n-1])
		args = args[:n-1]
	}
	c.used = len(c.args)
	if len(args) == 0 {
		if len(elems) == 0 {
			return nil
		}
		args, elems = elems[:1], elems[1:]
	}
	acc := args[0]
	for _, e := range elems {
		if op != "" {
			acc = in.send(&call{recv: acc, name: op, args: []any{e}})
		} else {
			acc = in.yield(c, acc, e)
		}
	}
	return acc
}

func (in *interp) sum(c *call, elems []any) any {
	acc := in.opt(c, 0, int64(0))
	for _, e := range elems {
		if c.block != nil {
			e = in.yield(c, e)
		}
		if _, ok := e.(float64); ok {
			in.refuse("the sum of Floats is not supported")
		}
		acc = in.send(&call{recv: acc, name: "+", args: []any{e}})
	}
	return acc
}

// sortMethod are the methods that order elements.
func (in *interp) sortMethod(c *call, elems []any) any {
	out, keys := slices.Clone(elems), []any(nil)
	by := c.name == "sort_by" || c.name == "min_by" || c.name == "max_by"
	if by {
		keys = in.mapped(c, elems)
	}
	order := make([]int, len(elems))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		i, j = order[i], order[j]
		switch {
		case by:
			return in.mustCompare(keys[i], keys[j]) < 0
		case c.block != nil:
			n := in.yield(c, elems[i], elems[j])
			if n == nil {
				in.raise("ArgumentError", "comparison of "+className(elems[i])+" with "+className(elems[j])+" failed")
			}
			return in.toInt(n) < 0
		}
		return in.mustCompare(elems[i], elems[j]) < 0
	})
	for i, k := range order {
		out[i] = elems[k]
	}
	switch c.name {
	case "sort", "sort_by":
		return &array{out}
	case "minmax":
		return &array{[]any{element(out, 0), element(out, max(0, len(out)-1))}}
	case "max", "max_by":
		// the first of the greatest
		for i := len(out) - 2; i >= 0 && len(c.args) == 0; i-- {
			if by && in.mustCompare(keys[order[i]], keys[order[len(out)-1]]) != 0 || !by {
				break
			}
			out[len(out)-1] = out[i]
		}
		slices.Reverse(out)
	}
	if len(c.args) > 0 {
		return &array{out[:min(len(out), int(max(0, in.int(c, 0))))]}
	}
	return element(out, 0)
}

// search are the methods that look for elements: by a block, a value or a pattern.
func (in *interp) search(c *call, elems []any) any {
	test := truthy
	byValue := c.name == "count" || c.name == "find_index" || c.name == "index"
	switch {
	case c.block != nil:
		test = func(e any) bool { return truthy(in.yield(c, e)) }
	case len(c.args) > 0 && byValue:
		test = func(e any) bool { return equal(e, in.arg(c, 0)) }
	case len(c.args) > 0:
		test = func(e any) bool { return in.caseEqual(in.arg(c, 0), e) }
	case c.name == "count":
		return int64(len(elems))
	}
	c.used = len(c.args)
	n := int64(0)
	for i, e := range elems {
		if test(e) {
			n++
		} else if c.name == "all?" {
			return false
		} else {
			continue
		}
		switch c.name {
		case "any?":
			return true
		case "none?":
			return false
		case "find", "detect":
			return e
		case "find_index", "index":
			return int64(i)
		}
	}
	switch c.name {
	case "all?", "none?":
		return true
	case "any?":
		return false
	case "one?":
		return n == 1
	case "count":
		return n
	}
	return nil
}

func (in *interp) group(c *call, elems []any) (any, bool) {
	h := newHash()
	for _, e := range elems {
		if c.name == "tally" {
			n, _ := h.get(e)
			count, _ := n.(int64)
			h.set(e, count+1)
			continue
		}
		if c.name != "group_by" {
			return nil, false
		}
		k := in.yield(c, e)
		list, ok := h.get(k)
		if !ok {
			list = &array{}
			h.set(k, list)
		}
		a := list.(*array)
		a.e = append(a.e, e)
	}
	return h, true
}

func (in *interp) toHash(c *call, elems []any) any {
	h := newHash()
	for _, e := range elems {
		if c.block != nil {
			e = in.yield(c, e)
		}
		p, ok := e.(*array)
		if !ok || len(p.e) != 2 {
			in.raise("TypeError", "wrong element type "+className(e)+" (expected array)")
		}
		h.set(p.e[0], p.e[1])
	}
	return h
}

func (in *interp) first(c *call, elems []any) any {
	if len(c.args) == 0 && c.name == "first" {
		return element(elems, 0)
	}
	n := in.int(c, 0)
	if n < 0 {
		in.raise("ArgumentError", "negative array size")
	}
	return &array{slices.Clone(elems[:min(int64(len(elems)), n)])}
}

func (in *interp) zip(c *call, elems []any) any {
	c.used = len(c.args)
	out := &array{}
	for i, e := range elems {
		row := []any{e}
		for k := range c.args {
			row = append(row, element(in.listArg(c, k), i))
		}
		out.e = append(out.e, &array{row})
	}
	if c.block != nil {
		for _, row := range out.e {
			in.yield(c, row)
		}
		return nil
	}
	return out
}

func (in *interp) uniq(c *call, elems []any) []any {
	var out []any
	seen := map[string]bool{}
	for _, e := range elems {
		k := e
		if c.block != nil {
			k = in.yield(c, e)
		}
		if key := hashKey(k); !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	return out
}
