package erb

import (
	"math"
	"math/big"
	"strconv"
)

// intMethod are the methods of Integer.
func (in *interp) intMethod(c *call, n int64) (any, bool) {
	switch c.name {
	case "+", "-", "*", "/", "%", "**", "modulo", "div", "<", ">", "<=", ">=":
		return in.arithmetic(c, n, in.arg(c, 0)), true
	case "<<", "&", "|", "^", ">>":
		return in.bits(c, n), true
	case "-@":
		return -n, true
	case "+@", "to_i", "to_int", "floor", "ceil", "round", "truncate":
		return n, true
	case "to_f":
		return float64(n), true
	case "to_s":
		base := in.toInt(in.opt(c, 0, int64(10)))
		if base < 2 || base > 36 {
			in.raise("ArgumentError", "invalid radix "+text(base))
		}
		return newStr(strconv.FormatInt(n, int(base))), true
	case "divmod":
		q := in.arithmetic(&call{recv: n, name: "div"}, n, in.int(c, 0))
		return &array{[]any{q, in.arithmetic(&call{recv: n, name: "%"}, n, c.args[0])}}, true
	case "times":
		if c.block == nil {
			return &enumerator{src: n, method: "times", elems: in.rangeList(&rng{int64(0), n, true})}, true
		}
		c.blockUsed = true
		for i := range n {
			in.yield(c, i)
		}
		return n, true
	case "upto", "downto":
		return in.upto(c, n), true
	case "abs":
		return max(n, -n), true
	case "zero?":
		return n == 0, true
	case "even?", "odd?":
		return n%2 == 0 == (c.name == "even?"), true
	case "succ", "next":
		return n + 1, true
	case "pred":
		return n - 1, true
	case "positive?":
		return n > 0, true
	case "negative?":
		return n < 0, true
	case "chr":
		if n >= 0 && n < 128 {
			return newStr(string(rune(n))), true
		}
	case "between?":
		return in.mustCompare(n, in.arg(c, 0)) >= 0 && in.mustCompare(n, in.arg(c, 1)) <= 0, true
	case "fdiv":
		return in.arithmetic(&call{name: "/"}, float64(n), in.arg(c, 0)), true
	case "clamp":
		lo, hi := in.int(c, 0), in.int(c, 1)
		return max(lo, min(hi, n)), true
	case "integer?":
		return true, true
	}
	return nil, false
}

func (in *interp) upto(c *call, n int64) any {
	to := in.int(c, 0)
	if c.block == nil && c.name == "upto" {
		return &enumerator{src: n, method: "each", elems: in.rangeList(&rng{n, to, false})}
	}
	if c.name == "upto" {
		for i := n; i <= to; i++ {
			in.yield(c, i)
		}
	} else {
		for i := n; i >= to; i-- {
			in.yield(c, i)
		}
	}
	return n
}

func (in *interp) bits(c *call, n int64) any {
	m := in.int(c, 0)
	switch c.name {
	case "&":
		return n & m
	case "|":
		return n | m
	case "^":
		return n ^ m
	case "<<":
		if m >= 0 && m < 63 && n<<m>>m == n {
			return n << m
		}
	case ">>":
		if m >= 0 {
			return n >> min(m, 63)
		}
	}
	in.refuse("integers of more than 64 bits are not supported")
	return nil
}

// arithmetic is an operator with a number on its left.
func (in *interp) arithmetic(c *call, a, b any) any {
	x, xInt := a.(int64)
	y, yInt := b.(int64)
	if xInt && yInt {
		return in.integers(c.name, x, y)
	}
	var f, g float64
	switch v := a.(type) {
	case int64:
		f = float64(v)
	case float64:
		f = v
	}
	switch v := b.(type) {
	case int64:
		g = float64(v)
	case float64:
		g = v
	default:
		switch c.name {
		case "<", ">", "<=", ">=":
			return in.mustCompare(a, b) < 0
		}
		in.raise("TypeError", typeName(b)+" can't be coerced into "+className(a))
	}
	switch c.name {
	case "+":
		return f + g
	case "-":
		return f - g
	case "*":
		return f * g
	case "/":
		return f / g
	case "%", "modulo":
		if m := math.Mod(f, g); m != 0 && (m < 0) != (g < 0) {
			return m + g
		}
		return math.Mod(f, g)
	case "**":
		return math.Pow(f, g)
	case "<":
		return f < g
	case ">":
		return f > g
	case "<=":
		return f <= g
	case ">=":
		return f >= g
	}
	in.refuse("the method '%s' of Float is not supported", c.name)
	return nil
}

// integers is an operator between integers.
func (in *interp) integers(op string, x, y int64) any {
	switch op {
	case "<":
		return x < y
	case ">":
		return x > y
	case "<=":
		return x <= y
	case ">=":
		return x >= y
	}
	a, b, r := big.NewInt(x), big.NewInt(y), new(big.Int)
	switch op {
	case "+":
		r.Add(a, b)
	case "-":
		r.Sub(a, b)
	case "*":
		r.Mul(a, b)
	case "/", "div", "%", "modulo":
		if y == 0 {
			in.raise("ZeroDivisionError", "divided by 0")
		}
		m := new(big.Int)
		r.DivMod(a, b, m) // Euclid's: m >= 0
		if y < 0 && m.Sign() != 0 {
			r.Sub(r, big.NewInt(1))
			m.Add(m, b)
		}
		if op[0] == '%' || op[0] == 'm' {
			r = m
		}
	case "**":
		if y < 0 {
			in.refuse("rational numbers are not supported")
		}
		if y > 64 && x != 0 && x != 1 && x != -1 {
			in.refuse("integers of more than 64 bits are not supported")
		}
		r.Exp(a, b, nil)
	}
	if !r.IsInt64() {
		in.refuse("integers of more than 64 bits are not supported")
	}
	return r.Int64()
}

// floatMethod are the methods of Float.
func (in *interp) floatMethod(c *call, f float64) (any, bool) {
	switch c.name {
	case "+", "-", "*", "/", "%", "**", "<", ">", "<=", ">=":
		return in.arithmetic(c, f, in.arg(c, 0)), true
	case "-@":
		return -f, true
	case "to_f", "+@":
		return f, true
	case "to_i", "to_int", "truncate":
		return in.whole(math.Trunc(f)), true
	case "floor", "ceil", "round":
		if len(c.args) == 0 {
			return in.whole(map[string]func(float64) float64{"floor": math.Floor, "ceil": math.Ceil, "round": math.Round}[c.name](f)), true
		}
		return in.roundTo(c, f)
	case "abs":
		return math.Abs(f), true
	case "zero?":
		return f == 0, true
	case "nan?":
		return math.IsNaN(f), true
	case "integer?":
		return false, true
	}
	return nil, false
}

func (in *interp) whole(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		in.raise("FloatDomainError", text(f))
	}
	if math.Abs(f) >= 1<<62 {
		in.refuse("integers of more than 64 bits are not supported")
	}
	return int64(f)
}

func (in *interp) roundTo(c *call, f float64) (any, bool) {
	digits := in.int(c, 0)
	if c.name != "round" || digits < 0 || digits > 14 {
		return nil, false
	}
	if digits == 0 {
		return in.whole(math.Round(f)), true
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return f, true
	}
	out, _ := strconv.ParseFloat(r.FloatString(int(digits)), 64)
	return out, true
}
