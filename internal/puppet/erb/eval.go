package erb

import (
	"slices"
	"strings"
)

// eval gives the object of a node.
func (in *interp) eval(n node, e *env) any {
	if n == nil {
		return nil
	}
	in.step()
	if p := n.pos(); p > 0 {
		in.line = p
	}
	switch n := n.(type) {
	case *textNode:
		in.write(n.text)
		return nil
	case *outNode:
		v := in.eval(n.x, e)
		in.line = n.pos()
		in.write(text(v))
		return nil
	case *litNode:
		return n.v
	case *strNode:
		return in.stringOf(n, e)
	case *rawNode:
		return newStr(n.s)
	case *symNode:
		return symbol(in.stringOf(n.str, e).s)
	case *regexNode:
		return in.regexOf(n, e)
	case *arrayNode:
		return &array{in.list(n.elems, e)}
	case *hashNode:
		return in.hashOf(n, e)
	case *bareHash:
		return in.hashOf(n.hashNode, e)
	case *rangeNode:
		return &rng{in.eval(n.lo, e), in.eval(n.hi, e), n.excl}
	case *ivarNode:
		return in.ivar(n.name)
	case *localNode:
		if o, ok := e.find(n.name); ok {
			return o.vars[n.name]
		}
		return nil
	case *globalNode:
		return in.globalOf(n)
	case *constNode:
		return in.constant(n.name)
	}
	return in.control(n, e)
}

// control evaluates assignments and what steers the flow.
func (in *interp) control(n node, e *env) any {
	switch n := n.(type) {
	case *seqNode:
		var v any
		for _, s := range n.list {
			v = in.eval(s, e)
		}
		return v
	case *assignNode:
		v := in.eval(n.x, e)
		in.assign(n.target, v, e)
		return v
	case *opAssignNode:
		return in.opAssign(n, e)
	case *multiNode:
		v := in.eval(n.x, e)
		in.spread(n.targets, v, e)
		return v
	case *callNode:
		return in.callOf(n, e)
	case *notNode:
		return !truthy(in.eval(n.x, e))
	case *logicNode:
		l := in.eval(n.l, e)
		if truthy(l) == n.or {
			return l
		}
		return in.eval(n.r, e)
	case *ifNode:
		if truthy(in.eval(n.cond, e)) {
			return in.eval(n.yes, e)
		}
		return in.eval(n.no, e)
	case *whileNode:
		return in.while(n, e)
	case *forNode:
		return in.forOf(n, e)
	case *caseNode:
		return in.caseOf(n, e)
	case *beginNode:
		return in.begin(n, e)
	case *defNode:
		in.defs[n.name] = n
		return symbol(n.name)
	case *jumpNode:
		return in.jumpOf(n, e)
	case *definedNode:
		return in.defined(n.x, e)
	case *yieldNode:
		if len(in.yields) == 0 || in.yields[len(in.yields)-1] == nil {
			in.raise("LocalJumpError", "no block given (yield)")
		}
		return in.invoke(in.yields[len(in.yields)-1], in.list(n.args, e))
	}
	in.refuse("a construct is not supported")
	return nil
}

func (in *interp) stringOf(n *strNode, e *env) *str {
	if len(n.parts) == 1 {
		if raw, ok := n.parts[0].(*rawNode); ok {
			return newStr(raw.s)
		}
	}
	var b strings.Builder
	for _, part := range n.parts {
		if raw, ok := part.(*rawNode); ok {
			b.WriteString(raw.s)
			continue
		}
		v := in.eval(part, e)
		b.WriteString(text(v))
		in.grow(b.Len(), 0)
	}
	return newStr(b.String())
}

func (in *interp) regexOf(n *regexNode, e *env) *regex {
	if n.re != nil {
		return n.re
	}
	var b strings.Builder
	for _, part := range n.str.parts {
		if raw, ok := part.(*rawNode); ok {
			b.WriteString(raw.s)
		} else {
			b.WriteString(text(in.eval(part, e)))
		}
	}
	return in.compile(b.String(), n.flags)
}

func (in *interp) compile(source, flags string) *regex {
	re, err := newRegex(source, flags)
	if err != nil {
		in.refuse("%v", err)
	}
	return re
}

// list evaluates elements or arguments, splats spread out.
func (in *interp) list(nodes []node, e *env) []any {
	list := make([]any, 0, len(nodes))
	for _, x := range nodes {
		s, ok := x.(*splatNode)
		if !ok {
			list = append(list, in.eval(x, e))
			continue
		}
		list = append(list, in.toArray(in.eval(s.x, e))...)
	}
	return list
}

// toArray is Array(x).
func (in *interp) toArray(x any) []any {
	switch x := x.(type) {
	case nil:
		return nil
	case *array:
		return slices.Clone(x.e)
	case *hash:
		return x.pairs()
	case *rng:
		return in.rangeList(x)
	case *enumerator:
		return slices.Clone(x.elems)
	}
	return []any{x}
}

func (in *interp) hashOf(n *hashNode, e *env) *hash {
	h := newHash()
	for i := 0; i+1 < len(n.pairs); i += 2 {
		if n.pairs[i] == nil {
			other, ok := in.eval(n.pairs[i+1], e).(*hash)
			if !ok {
				in.refuse("** of anything but a Hash is not supported")
			}
			for j := range other.keys {
				h.set(other.keys[j], other.vals[j])
			}
			continue
		}
		key := in.eval(n.pairs[i], e)
		h.set(key, in.eval(n.pairs[i+1], e))
	}
	return h
}

// ivar is a variable of the template or of the scope.
func (in *interp) ivar(name string) any {
	if v, ok := in.ivars[name]; ok {
		return v
	}
	v, ok := in.host.Variable(name)
	if !ok {
		return nil
	}
	x := fromValue(v)
	in.ivars[name] = x
	return x
}

func (in *interp) globalOf(n *globalNode) any {
	switch n.name {
	case "$~":
		if in.last == nil {
			return nil
		}
		return in.last
	case "$&":
		return in.last.groupObject(0)
	}
	i := 0
	for _, c := range n.name[1:] {
		i = i*10 + int(c-'0')
	}
	return in.last.groupObject(i)
}

func (in *interp) assign(target node, v any, e *env) {
	switch t := target.(type) {
	case *localNode:
		e.set(t.name, v)
	case *ivarNode:
		in.ivars[t.name] = v
	case *multiNode:
		in.spread(t.targets, v, e)
	case *callNode:
		in.assignCall(t, in.eval(t.recv, e), in.list(t.args, e), v)
	default:
		in.refuse("assignment to this expression is not supported")
	}
}

// assignCall is x[i] = v.
func (in *interp) assignCall(t *callNode, recv any, args []any, v any) {
	if t.name != "[]" {
		in.refuse("the method '%s=' is not supported", t.name)
	}
	in.line = t.pos()
	in.send(&call{name: "[]=", recv: recv, args: append(slices.Clip(args), v)})
}

// spread assigns the elements of v to targets.
func (in *interp) spread(targets []node, v any, e *env) {
	list := []any{v}
	if a, ok := v.(*array); ok {
		list = a.e
	}
	after := 0
	for i, t := range targets {
		if s, ok := t.(*splatNode); ok {
			after = len(targets) - i - 1
			end := max(i, len(list)-after)
			var rest []any
			if i < len(list) {
				rest = slices.Clone(list[i:end])
			}
			in.assign(s.x, &array{rest}, e)
			for j, t := range targets[i+1:] {
				in.assign(t, element(list, end+j), e)
			}
			return
		}
		in.assign(t, element(list, i), e)
	}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (in *interp) opAssign(n *opAssignNode, e *env) any {
	var get func() any
	set := func(v any) { in.assign(n.target, v, e) }
	get = func() any { return in.eval(n.target, e) }
	if c, ok := n.target.(*callNode); ok && c.recv != nil {
		recv, args := in.eval(c.recv, e), in.list(c.args, e)
		get = func() any { return in.send(&call{name: c.name, recv: recv, args: args}) }
		set = func(v any) { in.assignCall(c, recv, args, v) }
	}
	old := get()
	if n.op == "||" || n.op == "&&" {
		if truthy(old) == (n.op == "||") {
			return old
		}
		v := in.eval(n.x, e)
		set(v)
		return v
	}
	x := in.eval(n.x, e)
	in.line = n.pos()
	v := in.send(&call{name: n.op, recv: old, args: []any{x}})
	set(v)
	return v
}

// begin runs a body with its handlers.
func (in *interp) begin(n *beginNode, e *env) any {
	if n.ensure != nil {
		defer func() {
			if r := recover(); r != nil {
				if _, refused := r.(refusal); !refused {
					in.eval(n.ensure, e)
				}
				panic(r)
			}
			in.eval(n.ensure, e)
		}()
	}
	if len(n.rescues) == 0 {
		return in.eval(n.body, e)
	}
	v, err := in.try(n.body, e)
	if err == nil {
		if n.otherwise != nil {
			return in.eval(n.otherwise, e)
		}
		return v
	}
	for _, r := range n.rescues {
		if in.rescues(r, err.exc, e) {
			if r.name != nil {
				in.assign(r.name, err.exc, e)
			}
			return in.eval(r.body, e)
		}
	}
	panic(*err)
}

// try evaluates a body and catches its exception.
func (in *interp) try(body node, e *env) (v any, err *rubyError) {
	depth, yields := in.depth, len(in.yields)
	defer func() {
		if r := recover(); r != nil {
			raised, ok := r.(rubyError)
			if !ok {
				panic(r)
			}
			in.depth, in.yields, err = depth, in.yields[:yields], &raised
		}
	}()
	return in.eval(body, e), nil
}

// parents are the classes of exceptions with the next one up.
var parents = map[string]string{
	"NoMethodError": "NameError", "KeyError": "IndexError", "FloatDomainError": "RangeError", "FrozenError": "RuntimeError",
	"JSON::ParserError": "StandardError", "Puppet::ParseError": "Puppet::Error", "StandardError": "Exception",
}

func (in *interp) rescues(r rescue, exc *exception, e *env) bool {
	names := []string{"StandardError"}
	if len(r.classes) > 0 {
		names = nil
		for _, x := range r.classes {
			c, ok := in.eval(x, e).(*class)
			if !ok {
				in.refuse("rescue of anything but a class is not supported")
			}
			names = append(names, c.name)
		}
	}
	return slices.ContainsFunc(names, func(name string) bool { return isException(exc.class, name) })
}

// isException tells whether an exception's class is the named one or below it.
func isException(class, name string) bool {
	for class != name {
		if class == "Exception" {
			return false
		}
		up, ok := parents[class]
		if !ok {
			up = "StandardError"
		}
		class = up
	}
	return true
}
