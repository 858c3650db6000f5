package function

import (
	"context"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// iterateTable: functions that give each element to a lambda.
func iterateTable() []eval.Function {
	return []eval.Function{
		fn("each", overEach(func(ctx context.Context, c *eval.Call, w walk) (value.Value, error) {
			if err := w.each(ctx, func(value.Value, value.Value) (bool, error) { return true, nil }); err != nil {
				return nil, err
			}
			return c.Arg(0), nil
		})...),
		fn("map", overEach(func(ctx context.Context, _ *eval.Call, w walk) (value.Value, error) {
			var out []value.Value
			err := w.each(ctx, func(_, result value.Value) (bool, error) {
				out = append(out, result)
				return true, nil
			})
			return value.NewArray(out...), err
		})...),
		fn("filter", overEach(filter)...),
		fn("any", overEach(func(ctx context.Context, _ *eval.Call, w walk) (value.Value, error) {
			return firstThat(ctx, w, true)
		})...),
		fn("all", overEach(func(ctx context.Context, _ *eval.Call, w walk) (value.Value, error) {
			return firstThat(ctx, w, false)
		})...),
		fn("reduce",
			sigBlock(reduce, block2, eval.Req("enumerable", "Iterable")),
			sigBlock(reduce, block2, eval.Req("enumerable", "Iterable"), eval.Req("memo", "Any"))),
		fn("slice",
			sigBlock(slice, maybeAny, eval.Req("enumerable", "Iterable"), eval.Req("slice_size", "Integer[1]"))),
		fn("group_by",
			sigBlock(grouped(1), block1, eval.Req("collection", "Collection")),
			sigBlock(grouped(2), block2, eval.Req("array", "Array")),
			sigBlock(grouped(2), block2, eval.Req("collection", "Collection"))),
		fn("partition",
			sigBlock(partition(1), block1, eval.Req("collection", "Collection")),
			sigBlock(partition(2), block2, eval.Req("array", "Array")),
			sigBlock(partition(2), block2, eval.Req("collection", "Collection"))),
		fn("reverse_each", sigBlock(reverseEach, maybe1, eval.Req("iterable", "Iterable"))),
		fn("step", sigBlock(step, maybe1, eval.Req("iterable", "Iterable"), eval.Req("step", "Integer[1]"))),
		fn("tree_each", sigBlock(treeEach, "Optional[Variant[Callable[2, 2], Callable[1, 1]]]",
			eval.Req("tree", "Variant[Iterator, Array, Hash]"), eval.Opt("options", "Hash"))),
	}
}

// walk is one iteration: the elements, and how each goes to the lambda.
type walk struct {
	c     *eval.Call
	elems []value.Value
	// arity is 2 when the lambda gets index or key apart from the value.
	arity  int
	isHash bool
}

// overEach are the four signatures that each, map, filter, any and all share.
func overEach(run func(ctx context.Context, c *eval.Call, w walk) (value.Value, error)) []eval.Dispatch {
	with := func(arity int) impl {
		return func(ctx context.Context, c *eval.Call) (value.Value, error) {
			w, err := newWalk(c, arity)
			if err != nil {
				return nil, err
			}
			return run(ctx, c, w)
		}
	}
	return []eval.Dispatch{
		sigBlock(with(2), block2, eval.Req("hash", "Hash")),
		sigBlock(with(1), block1, eval.Req("hash", "Hash")),
		sigBlock(with(2), block2, eval.Req("enumerable", "Iterable")),
		sigBlock(with(1), block1, eval.Req("enumerable", "Iterable")),
	}
}

func newWalk(c *eval.Call, arity int) (walk, error) {
	elems, err := elements(c, c.Arg(0))
	_, isHash := c.Arg(0).(*value.Hash)
	return walk{c: c, elems: elems, arity: arity, isHash: isHash}, err
}

// each gives every element to the lambda and its result to visit, until visit says false or the lambda breaks.
func (w walk) each(ctx context.Context, visit func(elem, result value.Value) (bool, error)) error {
	for i, e := range w.elems {
		args := []value.Value{e}
		switch {
		case w.arity == 2 && w.isHash:
			pair := e.(*value.Array)
			args = []value.Value{pair.At(0), pair.At(1)}
		case w.arity == 2:
			args = []value.Value{value.Int(i), e}
		}
		result, err := yield(ctx, w.c, args...)
		if eval.IsBreak(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if more, err := visit(e, result); err != nil || !more {
			return err
		}
	}
	return nil
}

func filter(ctx context.Context, _ *eval.Call, w walk) (value.Value, error) {
	var kept []value.Value
	err := w.each(ctx, func(e, result value.Value) (bool, error) {
		if value.Truthy(result) {
			kept = append(kept, e)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if w.isHash {
		return hashOfPairs(kept), nil
	}
	return value.NewArray(kept...), nil
}

// hashOfPairs makes a hash of [key, value] arrays.
func hashOfPairs(pairs []value.Value) *value.Hash {
	h := value.NewHash(len(pairs))
	for _, p := range pairs {
		pair := p.(*value.Array)
		h.Set(pair.At(0), pair.At(1))
	}
	return h
}

// firstThat looks for an element for which the lambda's truth is want: found for any(), none found for all().
func firstThat(ctx context.Context, w walk, want bool) (value.Value, error) {
	found := false
	err := w.each(ctx, func(_, result value.Value) (bool, error) {
		found = value.Truthy(result) == want
		return !found, nil
	})
	return value.Bool(found == want), err
}

func reduce(ctx context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	memo := c.Arg(1)
	if c.NArgs() == 1 {
		if len(elems) == 0 {
			return undef()
		}
		memo, elems = elems[0], elems[1:]
	}
	for _, e := range elems {
		next, err := yield(ctx, c, memo, e)
		if eval.IsBreak(err) {
			return memo, nil
		}
		if err != nil {
			return nil, err
		}
		memo = next
	}
	return memo, nil
}

func slice(ctx context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	size := int(c.Arg(1).(value.Int))
	var chunks []value.Value
	for i := 0; i < len(elems); i += size {
		chunks = append(chunks, value.NewArray(elems[i:min(i+size, len(elems))]...))
	}
	if c.Block == nil {
		return value.NewArray(chunks...), nil
	}
	single := types.Assignable(types.Counted(1, 1), c.Block.Signature())
	for _, chunk := range chunks {
		args := []value.Value{chunk}
		if !single {
			args = append([]value.Value{}, chunk.(*value.Array).Elems()...)
			for len(args) < size {
				args = append(args, value.Undef{})
			}
		}
		if _, err := yield(ctx, c, args...); err != nil {
			if eval.IsBreak(err) {
				break
			}
			return nil, err
		}
	}
	return c.Arg(0), nil
}

func grouped(arity int) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		w, err := newWalk(c, arity)
		if err != nil {
			return nil, err
		}
		groups := value.NewHash(4)
		err = w.each(ctx, func(e, key value.Value) (bool, error) {
			had, _ := groups.Get(key)
			list, _ := had.(*value.Array)
			groups.Set(key, value.NewArray(append(append([]value.Value{}, list.Elems()...), e)...))
			return true, nil
		})
		return groups, err
	}
}

func partition(arity int) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		w, err := newWalk(c, arity)
		if err != nil {
			return nil, err
		}
		var yes, no []value.Value
		err = w.each(ctx, func(e, result value.Value) (bool, error) {
			if value.Truthy(result) {
				yes = append(yes, e)
			} else {
				no = append(no, e)
			}
			return true, nil
		})
		return value.NewArray(value.NewArray(yes...), value.NewArray(no...)), err
	}
}

func reverseEach(ctx context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	reversed := make([]value.Value, len(elems))
	for i, e := range elems {
		reversed[len(elems)-1-i] = e
	}
	return iteration(ctx, c, reversed)
}

func step(ctx context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	var picked []value.Value
	for i := 0; i < len(elems); i += int(c.Arg(1).(value.Int)) {
		picked = append(picked, elems[i])
	}
	return iteration(ctx, c, picked)
}

// iteration gives elems to the lambda; without one it is an Iterator for the next function.
func iteration(ctx context.Context, c *eval.Call, elems []value.Value) (value.Value, error) {
	if c.Block == nil {
		elem, ok := types.ElementType(types.Generalize(types.Infer(c.Arg(0))))
		if !ok {
			elem = types.Any
		}
		return types.NewIteration(elem, elems), nil
	}
	w := walk{c: c, elems: elems, arity: 1}
	if err := w.each(ctx, func(_, _ value.Value) (bool, error) { return true, nil }); err != nil {
		return nil, err
	}
	return c.Arg(0), nil
}

// treeOptions are the options of tree_each.
type treeOptions struct{ root, containers, values, breadth bool }

func treeEach(ctx context.Context, c *eval.Call) (value.Value, error) {
	opt := treeOptions{root: true, containers: true, values: true}
	if h, ok := c.Arg(1).(*value.Hash); ok {
		for k, dst := range map[string]*bool{
			"include_root": &opt.root, "include_containers": &opt.containers, "include_values": &opt.values,
		} {
			if v, ok := h.GetString(k); ok {
				*dst = value.Truthy(v)
			}
		}
		order, _ := h.GetString("order")
		opt.breadth = order == value.Value(value.String("breadth_first"))
	}
	nodes := treeNodes(c.Arg(0), opt)
	if c.Block == nil {
		return types.NewIteration(types.Any, nodes), nil
	}
	arity := 2
	if types.Assignable(types.Counted(1, 1), c.Block.Signature()) {
		arity = 1
	}
	for _, n := range nodes {
		pair := n.(*value.Array)
		args := []value.Value{pair}
		if arity == 2 {
			args = pair.Elems()
		}
		if _, err := yield(ctx, c, args...); err != nil {
			if eval.IsBreak(err) {
				break
			}
			return nil, err
		}
	}
	return c.Arg(0), nil
}

// treeNodes lists [path, value] of all parts of a tree, parents first.
func treeNodes(root value.Value, opt treeOptions) []value.Value {
	type node struct {
		path []value.Value
		v    value.Value
	}
	var out []value.Value
	queue := []node{{nil, root}}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		children, isContainer := childrenOf(n.v)
		if isContainer && opt.containers && (n.path != nil || opt.root) || !isContainer && opt.values {
			out = append(out, value.NewArray(value.NewArray(n.path...), n.v))
		}
		var below []node
		for _, ch := range children {
			path := append(append(make([]value.Value, 0, len(n.path)+1), n.path...), ch[0])
			below = append(below, node{path, ch[1]})
		}
		if opt.breadth {
			queue = append(queue, below...)
		} else {
			queue = append(below, queue...)
		}
	}
	return out
}

func childrenOf(v value.Value) ([][2]value.Value, bool) {
	var out [][2]value.Value
	switch v := v.(type) {
	case *value.Array:
		for i, e := range v.Elems() {
			out = append(out, [2]value.Value{value.Int(i), e})
		}
		return out, true
	case *value.Hash:
		for k, e := range v.All() {
			out = append(out, [2]value.Value{k, e})
		}
		return out, true
	}
	return nil, false
}
