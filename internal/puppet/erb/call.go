package erb

import (
	"fmt"
	"slices"
	"strings"
)

// call is one call of a method. Implementations ask for arguments by arg and the like; what they do not ask for is refused.
type call struct {
	recv  any
	name  string
	args  []any
	block *proc
	// used counts the arguments that were asked for, blockUsed tells the same of the block.
	used      int
	blockUsed bool
}

// callOf evaluates a call of the program.
func (in *interp) callOf(n *callNode, e *env) any {
	defer in.deeper()()
	var recv any
	if n.recv != nil {
		recv = in.eval(n.recv, e)
		if recv == nil && n.safe {
			return nil
		}
	}
	c := &call{recv: recv, name: n.name, args: in.list(n.args, e)}
	if n.pass != nil {
		c.block = in.procOf(in.eval(n.pass, e))
	}
	in.line = n.pos()
	if n.block == nil {
		return in.dispatch(n, c)
	}
	home := &frame{}
	c.block = &proc{block: n.block, env: e, home: home}
	if n.recv == nil && (n.name == "lambda" || n.name == "proc") {
		if n.name == "lambda" {
			b := *n.block
			b.lambda = true
			c.block.block = &b
			c.block.home = nil
		}
		return c.block
	}
	return in.run(home, "break", func() any { return in.dispatch(n, c) })
}

func (in *interp) dispatch(n *callNode, c *call) any {
	if n.recv == nil {
		return in.function(n, c)
	}
	return in.send(c)
}

// procOf makes a block of what stands after &.
func (in *interp) procOf(x any) *proc {
	switch x := x.(type) {
	case nil:
		return nil
	case symbol:
		return &proc{name: string(x)}
	case *proc:
		return x
	}
	in.refuse("a %s as a block is not supported", className(x))
	return nil
}

// arg is argument i, which must be there.
func (in *interp) arg(c *call, i int) any {
	if i >= len(c.args) {
		in.raise("ArgumentError", fmt.Sprintf("wrong number of arguments (given %d, expected %d)", len(c.args), i+1))
	}
	c.used = max(c.used, i+1)
	return c.args[i]
}

// opt is argument i, or other.
func (in *interp) opt(c *call, i int, other any) any {
	if i >= len(c.args) {
		return other
	}
	return in.arg(c, i)
}

// str is argument i as a String.
func (in *interp) str(c *call, i int) string {
	x := in.arg(c, i)
	s, ok := x.(*str)
	if !ok {
		in.raise("TypeError", "no implicit conversion of "+typeName(x)+" into String")
	}
	return s.s
}

// int is argument i as an Integer.
func (in *interp) int(c *call, i int) int64 { return in.toInt(in.arg(c, i)) }

func (in *interp) toInt(x any) int64 {
	switch x := x.(type) {
	case int64:
		return x
	case float64:
		if x > -1e15 && x < 1e15 {
			return int64(x)
		}
	}
	in.raise("TypeError", "no implicit conversion of "+typeName(x)+" into Integer")
	return 0
}

// listArg is argument i as an Array.
func (in *interp) listArg(c *call, i int) []any {
	x := in.arg(c, i)
	a, ok := x.(*array)
	if !ok {
		in.raise("TypeError", "no implicit conversion of "+typeName(x)+" into Array")
	}
	return a.e
}

// typeName is how messages of conversions call the class of x.
func typeName(x any) string {
	switch x := x.(type) {
	case nil:
		return "nil"
	case bool:
		return text(x)
	}
	return className(x)
}

// yield calls the block of a call, which must be there.
func (in *interp) yield(c *call, args ...any) any {
	c.blockUsed = true
	if c.block == nil {
		in.refuse("'%s' without a block is not supported", c.name)
	}
	return in.invoke(c.block, args)
}

// send calls a method.
func (in *interp) send(c *call) any {
	in.step()
	v, ok := in.method(c)
	if !ok {
		in.noMethod(c.name, c.recv)
	}
	if c.used < len(c.args) {
		in.refuse("the method '%s' of %s with %d arguments is not supported", c.name, className(c.recv), len(c.args))
	}
	if c.block != nil && !c.blockUsed && !emptyReceiver(c.recv) {
		in.refuse("the method '%s' of %s with a block is not supported", c.name, className(c.recv))
	}
	return v
}

// emptyReceiver tells whether there is nothing that a block would be called for.
func emptyReceiver(x any) bool {
	switch x := x.(type) {
	case *array:
		return len(x.e) == 0
	case *hash:
		return len(x.keys) == 0
	case *enumerator:
		return len(x.elems) == 0
	case *str, *rng, int64:
		return true
	}
	return false
}

// method finds the method in the class of the receiver and above.
func (in *interp) method(c *call) (any, bool) {
	var v any
	ok := false
	switch x := c.recv.(type) {
	case *str:
		v, ok = in.stringMethod(c, x)
	case symbol:
		v, ok = in.symbolMethod(c, x)
	case int64:
		v, ok = in.intMethod(c, x)
	case float64:
		v, ok = in.floatMethod(c, x)
	case *array:
		if v, ok = in.arrayMethod(c, x); !ok {
			v, ok = in.enumMethod(c, x.e)
		}
	case *hash:
		if v, ok = in.hashMethod(c, x); !ok {
			v, ok = in.enumMethod(c, x.pairs())
		}
	case *rng:
		v, ok = in.rangeMethod(c, x)
	case *enumerator:
		v, ok = in.enumeratorMethod(c, x)
	case nil:
		v, ok = in.nilMethod(c)
	case bool:
		v, ok = in.boolMethod(c, x)
	case *regex:
		v, ok = in.regexMethod(c, x)
	case *match:
		v, ok = in.matchMethod(c, x)
	case *class:
		v, ok = in.classMethod(c, x)
	case *scopeObject:
		v, ok = in.scopeMethod(c)
	default:
		v, ok = in.otherMethod(c)
	}
	if ok {
		return v, true
	}
	return in.objectMethod(c)
}

// noMethod ends the call of an unknown method: nil has few, so that calling one is the template's mistake; of other objects
// Ruby may know it.
func (in *interp) noMethod(name string, recv any) {
	if recv == nil {
		in.raise("NoMethodError", "undefined method `"+name+"' for nil:NilClass")
	}
	in.refuse("the method '%s' of %s is not supported", name, className(recv))
}

// otherMethod are the methods of the rarer objects.
func (in *interp) otherMethod(c *call) (any, bool) {
	switch x := c.recv.(type) {
	case *proc:
		switch c.name {
		case "call", "()", "yield", "[]":
			c.used = len(c.args)
			return in.invoke(x, c.args), true
		}
	case *exception:
		switch c.name {
		case "message":
			return newStr(x.msg), true
		}
	case *opaque:
		if s, ok := unwrap(x); ok && c.name == "unwrap" {
			return s, true
		}
		switch c.name {
		case "to_s", "==", "!=", "is_a?", "kind_of?", "nil?", "class", "inspect", "respond_to?", "freeze", "!":
			return nil, false
		}
		in.refuse("the method '%s' of %s is not supported", c.name, className(x))
	}
	return nil, false
}

// objectMethod are the methods that all objects have.
func (in *interp) objectMethod(c *call) (any, bool) {
	x := c.recv
	switch c.name {
	case "to_s":
		return newStr(text(x)), true
	case "inspect":
		return newStr(inspect(x)), true
	case "nil?":
		return x == nil, true
	case "==", "equal?", "eql?":
		y := in.arg(c, 0)
		if c.name != "==" && className(x) != className(y) {
			return false, true
		}
		if c.name == "equal?" {
			return in.same(x, y), true
		}
		return equal(x, y), true
	case "!=":
		return !equal(x, in.arg(c, 0)), true
	case "===":
		return in.caseEqual(x, in.arg(c, 0)), true
	case "=~":
		in.arg(c, 0)
		return nil, true
	case "!":
		return !truthy(x), true
	case "<=>":
		n, ok := compare(x, in.arg(c, 0))
		if !ok {
			return nil, true
		}
		return int64(n), true
	case "is_a?", "kind_of?", "instance_of?":
		k, ok := in.arg(c, 0).(*class)
		if !ok {
			in.raise("TypeError", "class or module required")
		}
		if c.name == "instance_of?" {
			return className(x) == k.name, true
		}
		return in.isA(x, k.name), true
	case "class":
		if o, ok := x.(*opaque); ok {
			in.refuse("the class of %s is not supported", className(o))
		}
		return &class{className(x)}, true
	case "freeze", "itself":
		return x, true
	case "dup", "clone":
		return duplicate(x), true
	case "then", "yield_self":
		return in.yield(c, x), true
	case "tap":
		in.yield(c, x)
		return x, true
	case "respond_to?":
		return in.respondTo(x, text(in.arg(c, 0))), true
	case "send", "public_send", "__send__":
		return in.sendMethod(c), true
	case "to_json":
		return newStr(in.json(x)), true
	case "to_yaml":
		return newStr(in.yaml(x)), true
	}
	return nil, false
}

// sendMethod is x.send(:name, …).
func (in *interp) sendMethod(c *call) any {
	name := text(in.arg(c, 0))
	inner := &call{recv: c.recv, name: name, args: c.args[1:], block: c.block}
	c.used, c.blockUsed = len(c.args), true
	return in.send(inner)
}

func (in *interp) same(x, y any) bool {
	switch x.(type) {
	case *str, *array, *hash:
		return x == y
	}
	return equal(x, y)
}

func duplicate(x any) any {
	switch x := x.(type) {
	case *str:
		return newStr(x.s)
	case *array:
		return &array{append([]any(nil), x.e...)}
	case *hash:
		return x.copy()
	}
	return x
}

// above are the classes and modules over a class.
var above = map[string]string{
	"Integer": "Numeric Comparable", "Float": "Numeric Comparable", "String": "Comparable", "Array": "Enumerable", "Hash": "Enumerable",
	"Range": "Enumerable", "Enumerator": "Enumerable", "Symbol": "Comparable",
}

// isA is x.is_a?(name).
func (in *interp) isA(x any, name string) bool {
	if _, ok := x.(*opaque); ok && strings.HasPrefix(name, "Puppet::") {
		in.refuse("is_a?(%s) of %s is not supported", name, className(x))
	}
	if exc, ok := x.(*exception); ok {
		return isException(exc.class, name)
	}
	k := className(x)
	if name == k || name == "Object" || name == "BasicObject" || name == "Kernel" {
		return true
	}
	return slices.Contains(strings.Fields(above[k]), name)
}

// responders are the methods that templates ask for, with the classes that have them.
var responders = map[string]string{
	"each": "Array Hash Range", "join": "Array", "keys": "Hash", "map": "Array Hash Range", "empty?": "Array Hash String Symbol",
	"each_pair": "Hash", "has_key?": "Hash", "key?": "Hash", "to_a": "Array Hash Range NilClass", "to_ary": "Array", "to_str": "String",
	"upcase": "String Symbol", "split": "String", "each_index": "Array", "to_hash": "Hash", "flatten": "Array Hash",
}

func (in *interp) respondTo(x any, name string) bool {
	classes, ok := responders[name]
	if _, puppets := x.(*opaque); !ok || puppets {
		in.refuse("respond_to?(%q) of %s is not supported", name, className(x))
	}
	return slices.Contains(strings.Fields(classes), className(x))
}
