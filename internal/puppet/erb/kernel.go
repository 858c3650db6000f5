package erb

import (
	"bytes"
	"encoding/json"
	"path"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// kernelNames are the functions without a receiver.
var kernelNames = map[string]bool{
	"scope": true, "raise": true, "fail": true, "require": true, "sprintf": true, "format": true, "Array": true, "String": true, "Integer": true,
	"Float": true, "lambda": true, "proc": true, "has_variable?": true, "block_given?": true, "loop": true,
	"file": true,
}

// function calls a function: a method that the template defines, or one of Ruby's or of Puppet's wrapper around templates.
func (in *interp) function(n *callNode, c *call) any {
	if d := in.defs[c.name]; d != nil {
		return in.callDef(d, c)
	}
	if !kernelNames[c.name] {
		if n.bare {
			in.raise("NameError", "undefined local variable or method `"+c.name+"'")
		}
		in.refuse("the function '%s' is not supported", c.name)
	}
	v := in.kernel(c)
	if c.used < len(c.args) {
		in.refuse("the function '%s' with %d arguments is not supported", c.name, len(c.args))
	}
	return v
}

func (in *interp) callDef(d *defNode, c *call) any {
	f := &frame{}
	e := &env{vars: map[string]any{}, method: f}
	in.checkArity(d.params, c.args)
	in.bind(d.params, c.args, e)
	in.yields = append(in.yields, c.block)
	v := in.run(f, "return", func() any { return in.eval(d.body, e) })
	in.yields = in.yields[:max(0, len(in.yields)-1)]
	return v
}

func (in *interp) kernel(c *call) any {
	switch c.name {
	case "scope":
		return &scopeObject{}
	case "raise", "fail":
		in.raiseCall(c)
	case "require":
		return in.requireCall(in.str(c, 0))
	case "sprintf", "format":
		f := in.str(c, 0)
		c.used = len(c.args)
		return in.format(f, c.args[1:])
	case "Array":
		return &array{in.toArray(in.arg(c, 0))}
	case "String":
		return newStr(text(in.arg(c, 0)))
	case "Integer":
		return in.integerOf(in.arg(c, 0))
	case "Float":
		return in.floatOf(in.arg(c, 0))
	case "has_variable?":
		v, ok := in.host.Variable(in.str(c, 0))
		return ok && !value.IsUndef(v)
	case "block_given?":
		return len(in.yields) > 0 && in.yields[len(in.yields)-1] != nil
	case "file":
		if in.host.File() == "" {
			return nil
		}
		return newStr(in.host.File())
	case "loop":
		c.blockUsed = true
		for {
			in.yield(c)
		}
	}
	in.refuse("the function '%s' is not supported here", c.name)
	return nil
}

// libraries are what a template may require: what they hold is here, or refused by name.
var libraries = map[string]bool{"json": true, "yaml": true, "erb": true, "set": true, "ipaddr": true, "shellwords": true, "uri": true, "time": true, "date": true}

func (in *interp) requireCall(name string) any {
	if !libraries[name] {
		in.refuse("require '%s' is not supported", name)
	}
	return true
}

func (in *interp) raiseCall(c *call) {
	switch x := in.opt(c, 0, newStr("unhandled exception")).(type) {
	case *str:
		in.raise("RuntimeError", x.s)
	case *exception:
		panic(rubyError{exc: x, line: in.line})
	case *class:
		in.raise(x.name, text(in.opt(c, 1, newStr(x.name))))
	}
	in.raise("TypeError", "exception class/object expected")
}

// format is sprintf.
func (in *interp) format(f string, args []any) any {
	values := make([]value.Value, len(args))
	for i, a := range args {
		switch x := a.(type) {
		case symbol, *regex, *rng, *class, *exception:
			a = newStr(text(x))
		case *array:
			a = newStr(inspect(x))
		case *hash:
			if strings.Contains(f, "%<") || strings.Contains(f, "%{") {
				values[i] = in.data(x, true)
				continue
			}
			a = newStr(inspect(x))
		}
		values[i] = in.toValue(a)
	}
	s, err := in.host.Format(f, values)
	if err != nil {
		in.raise("ArgumentError", err.Error())
	}
	in.cost(len(s))
	return newStr(s)
}

func (in *interp) integerOf(x any) any {
	switch v := x.(type) {
	case int64:
		return v
	case float64:
		return in.toInt(v)
	case *str:
		n, err := strconv.ParseInt(strings.TrimSpace(v.s), 0, 64)
		if err != nil {
			in.raise("ArgumentError", "invalid value for Integer(): "+inspect(x))
		}
		return n
	}
	in.raise("TypeError", "can't convert "+typeName(x)+" into Integer")
	return nil
}

func (in *interp) floatOf(x any) any {
	switch v := x.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case *str:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.s), 64)
		if err != nil {
			in.raise("ArgumentError", "invalid value for Float(): "+inspect(x))
		}
		return f
	}
	in.raise("TypeError", "can't convert "+typeName(x)+" into Float")
	return nil
}

// classes are the constants that stand for classes.
var classes = map[string]bool{
	"String": true, "Array": true, "Hash": true, "Integer": true, "Float": true, "Numeric": true, "Symbol": true, "Regexp": true,
	"NilClass": true, "TrueClass": true, "FalseClass": true, "Range": true, "Enumerable": true, "Comparable": true, "Proc": true,
	"Object": true, "StandardError": true, "ArgumentError": true, "RuntimeError": true, "TypeError": true, "NameError": true,
	"NoMethodError": true, "KeyError": true, "IndexError": true, "Exception": true, "ZeroDivisionError": true, "JSON": true, "YAML": true,
	"JSON::ParserError": true, "Puppet::ParseError": true, "Puppet::Error": true, "File": true, "Shellwords": true, "Math": true,
}

func (in *interp) constant(name string) any {
	switch {
	case name == "Fixnum", name == "Bignum":
		return &class{"Integer"}
	case classes[name]:
		return &class{name}
	}
	in.refuse("the constant %s is not supported", name)
	return nil
}

// classMethod are the methods of the classes themselves.
func (in *interp) classMethod(c *call, k *class) (any, bool) {
	switch k.name + "." + c.name {
	case "File.join":
		return in.fileJoin(c), true
	case "File.basename":
		return in.basename(c), true
	case "File.dirname":
		return newStr(path.Dir(in.str(c, 0))), true
	case "File.extname":
		return newStr(path.Ext(in.str(c, 0))), true
	case "Regexp.escape", "Regexp.quote":
		return newStr(escapeRegexp(in.str(c, 0))), true
	case "Regexp.new":
		return in.compile(in.str(c, 0), ""), true
	case "Hash.new":
		h := newHash()
		h.other = in.opt(c, 0, nil)
		if c.block != nil {
			h.maker, c.blockUsed = c.block, true
		}
		return h, true
	case "Hash.[]":
		if h, ok := in.arg(c, 0).(*hash); ok {
			return h.copy(), true
		}
		return in.toHash(c, in.listArg(c, 0)), true
	case "Array.new":
		return in.newArray(c), true
	case "String.new":
		return newStr(text(in.opt(c, 0, newStr("")))), true
	case "JSON.generate", "JSON.dump":
		return newStr(in.json(in.arg(c, 0))), true
	case "JSON.pretty_generate":
		return newStr(in.prettyJSON(in.arg(c, 0))), true
	case "JSON.parse":
		return in.parseJSON(in.str(c, 0)), true
	case "YAML.dump":
		return newStr(in.yaml(in.arg(c, 0))), true
	}
	switch c.name {
	case "==", "!=", "===", "to_s", "inspect", "nil?", "freeze", "class":
		return nil, false
	case "name":
		return newStr(k.name), true
	case "new":
		if isException(k.name, "Exception") && strings.Contains(k.name, "Error") {
			return &exception{k.name, text(in.opt(c, 0, newStr(k.name)))}, true
		}
	}
	in.refuse("the method %s.%s is not supported", k.name, c.name)
	return nil, false
}

func (in *interp) newArray(c *call) any {
	n := in.toInt(in.opt(c, 0, int64(0)))
	if n < 0 || n > 1<<20 {
		in.refuse("an Array of %d elements is not supported", n)
	}
	a := &array{}
	for i := range n {
		if c.block != nil {
			a.e = append(a.e, in.yield(c, i))
		} else {
			a.e = append(a.e, in.opt(c, 1, nil))
		}
	}
	return a
}

func (in *interp) fileJoin(c *call) any {
	c.used = len(c.args)
	var parts []string
	for i := range c.args {
		parts = append(parts, in.str(c, i))
	}
	out := ""
	for i, p := range parts {
		if i > 0 {
			out = strings.TrimRight(out, "/") + "/"
			p = strings.TrimLeft(p, "/")
		}
		out += p
	}
	return newStr(out)
}

func (in *interp) basename(c *call) any {
	base := path.Base(in.str(c, 0))
	suffix := text(in.opt(c, 1, newStr("")))
	if suffix == ".*" {
		suffix = path.Ext(base)
	}
	return newStr(strings.TrimSuffix(base, suffix))
}

func escapeRegexp(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune(`.*?+^$|\()[]{}-#`, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune(" \n\t\r\f\v", r):
			b.WriteByte('\\')
			b.WriteByte(map[rune]byte{' ': ' ', '\n': 'n', '\t': 't', '\r': 'r', '\f': 'f', '\v': 'v'}[r])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// data is the value of x for JSON and YAML; symbols become strings in JSON only.
func (in *interp) data(x any, symbols bool) value.Value {
	switch x := x.(type) {
	case symbol:
		if symbols {
			return value.String(x)
		}
		in.refuse("YAML of a Symbol is not supported")
	case *array:
		defer in.deeper()()
		elems := make([]value.Value, len(x.e))
		for i, e := range x.e {
			elems[i] = in.data(e, symbols)
		}
		return value.NewArray(elems...)
	case *hash:
		defer in.deeper()()
		h := value.NewHash(len(x.keys))
		for i, k := range x.keys {
			key := in.data(k, symbols)
			if symbols {
				key = value.String(text(k))
			}
			h.Set(key, in.data(x.vals[i], symbols))
		}
		return h
	case nil, bool, int64, float64, *str:
		return in.toValue(x)
	}
	in.refuse("JSON or YAML of a %s is not supported", className(x))
	return nil
}

func (in *interp) json(x any) string { return string(value.AppendJSON(nil, in.data(x, true))) }

func (in *interp) yaml(x any) string { return in.host.YAML(in.data(x, false)) }

func (in *interp) prettyJSON(x any) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(in.json(x)), "", "  "); err != nil {
		in.refuse("JSON: %v", err)
	}
	return b.String()
}

func (in *interp) parseJSON(s string) any {
	v, err := value.ParseJSON([]byte(s))
	if err != nil {
		in.raise("JSON::ParserError", err.Error())
	}
	return fromValue(v)
}

// scopeMethod are the methods of `scope`.
func (in *interp) scopeMethod(c *call) (any, bool) {
	switch c.name {
	case "lookupvar", "[]":
		if _, ok := in.arg(c, 0).(*str); !ok {
			in.raise("Puppet::ParseError", "Scope variable name is not a string")
		}
		v, err := in.host.Lookup(in.ctx, in.str(c, 0))
		if err != nil {
			in.puppetError(err)
		}
		return fromValue(v), true
	case "include?":
		v, ok := in.host.Variable(in.str(c, 0))
		return ok && !value.IsUndef(v), true
	case "exist?":
		_, ok := in.host.Variable(in.str(c, 0))
		return ok, true
	case "call_function":
		return in.puppetFunction(text(in.arg(c, 0)), in.toArray(in.arg(c, 1))), true
	case "nil?", "==":
		return nil, false
	}
	if name, ok := strings.CutPrefix(c.name, "function_"); ok && name != "" {
		return in.puppetFunction(name, in.listArg(c, 0)), true
	}
	in.refuse("scope.%s is not supported", c.name)
	return nil, false
}

func (in *interp) puppetFunction(name string, args []any) any {
	values := make([]value.Value, len(args))
	for i, a := range args {
		values[i] = in.toValue(a)
	}
	if !in.host.Has(in.ctx, name) {
		in.raise("ArgumentError", "Unknown function: '"+name+"'")
	}
	line := in.line
	v, err := in.host.Call(in.ctx, name, values)
	in.line = line
	if err != nil {
		in.puppetError(err)
	}
	return fromValue(v)
}

func unwrap(o *opaque) (any, bool) {
	if s, ok := o.v.(*value.Sensitive); ok {
		return fromValue(s.Unwrap()), true
	}
	return nil, false
}
