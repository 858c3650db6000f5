package erb

import "slices"

// run evaluates f and catches the jumps of this kind to the frame.
func (in *interp) run(f *frame, kind string, body func() any) (v any) {
	depth, yields := in.depth, len(in.yields)
	defer func() {
		if r := recover(); r != nil {
			j, ok := r.(jump)
			if !ok || j.kind != kind || j.to != f {
				panic(r)
			}
			in.depth, in.yields, v = depth, in.yields[:yields], j.v
		}
	}()
	return body()
}

func (in *interp) jumpOf(n *jumpNode, e *env) any {
	v := in.eval(n.x, e)
	switch {
	case n.kind == "return" && e.method.top, n.kind != "return" && e.block == nil:
		in.refuse("'%s' outside of a block or method is not supported", n.kind)
	case n.kind == "return":
		panic(jump{"return", v, e.method})
	case n.kind == "break":
		if e.block.home == nil {
			in.refuse("'break' is not supported here")
		}
		panic(jump{"break", v, e.block.home})
	}
	panic(jump{"next", v, e.block})
}

// loop runs the body of a while or for as often as more gives true.
func (in *interp) loop(e *env, more func() bool, body node) any {
	outer := e.block
	defer func() { e.block = outer }()
	f := &frame{}
	f.home = f
	return in.run(f, "break", func() any {
		for {
			e.block = outer
			if !more() {
				return nil
			}
			e.block = f
			in.run(f, "next", func() any { return in.eval(body, e) })
		}
	})
}

func (in *interp) while(n *whileNode, e *env) any {
	return in.loop(e, func() bool { return truthy(in.eval(n.cond, e)) != n.until }, n.body)
}

func (in *interp) forOf(n *forNode, e *env) any {
	list := in.eval(n.list, e)
	var elems []any
	switch list.(type) {
	case *array, *hash, *rng, *enumerator:
		elems = in.toArray(list)
	default:
		in.noMethod("each", list)
	}
	i := 0
	v := in.loop(e, func() bool {
		if i >= len(elems) {
			return false
		}
		in.assign(n.target, elems[i], e)
		i++
		return true
	}, n.body)
	if v == nil {
		return list
	}
	return v
}

func (in *interp) caseOf(n *caseNode, e *env) any {
	subject := in.eval(n.subject, e)
	for _, w := range n.whens {
		for _, cond := range in.list(w.conds, e) {
			if n.subject == nil && truthy(cond) || n.subject != nil && in.caseEqual(cond, subject) {
				return in.eval(w.body, e)
			}
		}
	}
	return in.eval(n.other, e)
}

// caseEqual is pattern === x.
func (in *interp) caseEqual(pattern, x any) bool {
	switch p := pattern.(type) {
	case *class:
		return in.isA(x, p.name)
	case *regex:
		switch x.(type) {
		case *str, symbol:
			return in.match(p, text(x), 0) != nil
		}
		return false
	case *rng:
		return in.covers(p, x)
	case *proc:
		return truthy(in.invoke(p, []any{x}))
	}
	return equal(pattern, x)
}

func (in *interp) covers(r *rng, x any) bool {
	lo, ok := compare(r.lo, x)
	if !ok || lo > 0 {
		return false
	}
	if r.hi == nil {
		return true
	}
	hi, ok := compare(x, r.hi)
	return ok && (hi < 0 || hi == 0 && !r.excl)
}

// rangeList are the elements of a range.
func (in *interp) rangeList(r *rng) []any {
	switch lo := r.lo.(type) {
	case int64:
		hi, ok := r.hi.(int64)
		if !ok {
			in.refuse("the elements of this range are not supported")
		}
		if r.excl {
			hi--
		}
		var list []any
		for i := lo; i <= hi; i++ {
			in.step()
			list = append(list, i)
		}
		return list
	case *str:
		hi, ok := r.hi.(*str)
		if ok && len(lo.s) == 1 && len(hi.s) == 1 && !r.excl {
			var list []any
			for c := int(lo.s[0]); c <= int(hi.s[0]); c++ {
				list = append(list, newStr(string(rune(c))))
			}
			return list
		}
	}
	in.refuse("the elements of this range are not supported")
	return nil
}

// invoke calls a block.
func (in *interp) invoke(p *proc, args []any) any {
	in.step()
	defer in.deeper()()
	switch {
	case p.native != nil:
		return p.native(args)
	case p.name != "":
		if len(args) == 0 {
			in.raise("ArgumentError", "no receiver given")
		}
		return in.send(&call{name: p.name, recv: args[0], args: args[1:]})
	}
	f := &frame{home: p.home}
	e := &env{vars: map[string]any{}, outer: p.env, method: p.env.method, block: f}
	if p.block.lambda {
		e.method = f
		in.checkArity(p.block.params, args)
		in.bind(p.block.params, args, e)
		return in.run(f, "return", func() any {
			return in.run(f, "next", func() any { return in.eval(p.block.body, e) })
		})
	}
	if ps := p.block.params; ps != nil && len(args) == 1 && (len(ps.list) > 1 || ps.list[0].inner != nil && len(ps.list) == 1) {
		if a, ok := args[0].(*array); ok && len(ps.list) > 1 {
			args = a.e
		}
	}
	in.bind(p.block.params, args, e)
	return in.run(f, "next", func() any { return in.eval(p.block.body, e) })
}

// checkArity raises where a method or lambda gets too many or too few arguments.
func (in *interp) checkArity(ps *params, args []any) {
	least, most := 0, 0
	if ps != nil {
		for _, p := range ps.list {
			switch {
			case p.rest:
				most = len(args)
				continue
			case p.def == nil:
				least++
			}
			most = max(most, most+1)
		}
	}
	if len(args) < least || len(args) > most {
		in.raise("ArgumentError", "wrong number of arguments (given "+text(int64(len(args)))+", expected "+text(int64(least))+")")
	}
}

// bind gives parameters their values.
func (in *interp) bind(ps *params, args []any, e *env) {
	if ps == nil {
		return
	}
	// optional parameters take what the required ones leave
	need := 0
	for _, p := range ps.list {
		if !p.rest && p.def == nil {
			need++
		}
	}
	spare := max(0, len(args)-need)
	i := 0
	for k, p := range ps.list {
		switch {
		case p.rest:
			after := len(ps.list) - k - 1
			end := max(i, len(args)-after)
			var rest []any
			if i < len(args) {
				rest = slices.Clone(args[i:end])
			}
			if p.name != "" {
				e.vars[p.name] = &array{rest}
			}
			i = end
		case p.inner != nil:
			list := []any{element(args, i)}
			if a, ok := list[0].(*array); ok {
				list = a.e
			}
			in.bind(p.inner, list, e)
			i++
		case p.def != nil && spare == 0:
			e.vars[p.name] = in.eval(p.def, e)
		default:
			if p.def != nil {
				spare--
			}
			e.vars[p.name] = element(args, i)
			i++
		}
	}
}

// defined is defined?(x).
func (in *interp) defined(x node, e *env) any {
	switch x := x.(type) {
	case *seqNode:
		if len(x.list) == 1 {
			return in.defined(x.list[0], e)
		}
	case *ivarNode:
		if _, ok := in.ivars[x.name]; ok {
			return newStr("instance-variable")
		}
		if v, ok := in.host.Variable(x.name); ok && fromValue(v) != nil {
			return newStr("instance-variable")
		}
		return nil
	case *localNode:
		return newStr("local-variable")
	case *litNode:
		if x.v == nil || x.v == true || x.v == false {
			return newStr("expression")
		}
		return newStr("expression")
	case *callNode:
		if x.recv == nil && x.bare {
			if _, ok := in.defs[x.name]; ok || x.name == "scope" {
				return newStr("method")
			}
			if !kernelNames[x.name] {
				return nil
			}
		}
	}
	in.refuse("defined? of this expression is not supported")
	return nil
}
