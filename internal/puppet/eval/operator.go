package eval

import (
	"context"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// binary evaluates an operator with two operands, `and` and `or` lazily.
func (e *Evaluator) binary(ctx context.Context, s *Scope, x *syntax.Binary) (value.Value, error) {
	left, err := e.eval(ctx, s, x.Left)
	if err != nil {
		return nil, err
	}
	switch x.Op {
	case syntax.OpAnd:
		if !value.Truthy(left) {
			return value.Bool(false), nil
		}
	case syntax.OpOr:
		if value.Truthy(left) {
			return value.Bool(true), nil
		}
	}
	right, err := e.eval(ctx, s, x.Right)
	if err != nil {
		return nil, err
	}
	switch x.Op {
	case syntax.OpAnd, syntax.OpOr:
		return value.Bool(value.Truthy(right)), nil
	case syntax.OpEqual:
		return value.Bool(equal(left, right)), nil
	case syntax.OpNotEqual:
		return value.Bool(!equal(left, right)), nil
	case syntax.OpLess, syntax.OpLessEq, syntax.OpGreater, syntax.OpGreaterEq:
		return e.compare(x, left, right)
	case syntax.OpMatch:
		ok, err := e.match(s, x, left, right)
		return value.Bool(ok), err
	case syntax.OpNoMatch:
		ok, err := e.match(s, x, left, right)
		return value.Bool(!ok), err
	case syntax.OpIn:
		ok, err := e.in(s, x, left, right)
		return value.Bool(ok), err
	}
	return e.arithmetic(x, left, right)
}

func (e *Evaluator) minus(ctx context.Context, s *Scope, x *syntax.Minus) (value.Value, error) {
	v, err := e.eval(ctx, s, x.Operand)
	if err != nil {
		return nil, err
	}
	if span, ok := v.(*types.Timespan); ok {
		return types.NewTimespan(-span.Duration()), nil
	}
	n, err := e.number(x, v)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case value.Int:
		if n == math.MinInt64 {
			return nil, e.overflow(x, new(big.Int).Neg(big.NewInt(int64(n))))
		}
		return -n, nil
	case value.Float:
		return -n, nil
	}
	return nil, e.fail("not-applicable", x, "Operator '-' is not applicable to %s", kindOf(v))
}

// arithmetic is + - * / % << >> on numbers, and what + - << mean for collections and times.
func (e *Evaluator) arithmetic(x *syntax.Binary, left, right value.Value) (value.Value, error) {
	switch x.Op {
	case syntax.OpAdd:
		if v, done, err := e.concatenate(x, left, right); done {
			return v, err
		}
	case syntax.OpSub:
		if v, done, err := e.remove(x, left, right); done {
			return v, err
		}
	case syntax.OpShiftLeft:
		if a, ok := left.(*value.Array); ok {
			return value.NewArray(append(a.Elems()[:a.Len():a.Len()], right)...), nil
		}
	}
	if v, done, err := e.timeArithmetic(x, left, right); done {
		return v, err
	}
	l, err := e.operand(x, x.Left, left)
	if err != nil {
		return nil, err
	}
	r, err := e.operand(x, x.Right, right)
	if err != nil {
		return nil, err
	}
	if li, ok := l.(value.Int); ok {
		if ri, ok := r.(value.Int); ok {
			return e.intArithmetic(x, int64(li), int64(ri))
		}
	}
	return e.floatArithmetic(x, toFloat(l), toFloat(r), left, right)
}

func toFloat(v value.Value) float64 {
	if i, ok := v.(value.Int); ok {
		return float64(i)
	}
	return float64(v.(value.Float))
}

// operand makes a number of an operand of arithmetic, or tells that the operator does not apply.
func (e *Evaluator) operand(x *syntax.Binary, at syntax.Node, v value.Value) (value.Value, error) {
	switch v.(type) {
	case value.Int, value.Float:
		return v, nil
	case value.String:
		return e.number(at, v)
	}
	return nil, e.fail("not-applicable", at, "Operator '%s' is not applicable to %s", x.Op, kindOf(v))
}

// number converts a numeric string where Puppet does so silently, with a warning, or not at all (`strict`).
func (e *Evaluator) number(at syntax.Node, v value.Value) (value.Value, error) {
	s, ok := v.(value.String)
	if !ok {
		switch v.(type) {
		case value.Int, value.Float:
			return v, nil
		}
		return nil, e.fail("not-numeric", at, "The value '%s' cannot be converted to Numeric.", v)
	}
	n, ok := parseNumber(string(s))
	if !ok {
		return nil, e.fail("not-numeric", at, "The value '%s' cannot be converted to Numeric.", v)
	}
	if e.opt.Strict == StrictOff {
		return n, nil
	}
	text := "The string '" + string(s) + "' was automatically coerced to the numerical value " + n.String()
	if e.opt.Strict == StrictError {
		return nil, e.fail("coerced-string", at, "%s", text)
	}
	e.Log(Message{Level: LevelWarning, Text: text, Source: "Puppet", At: Place(at)})
	return n, nil
}

// parseNumber reads a number as the language writes it: decimal, 0octal, 0xhex, floats.
func parseNumber(s string) (value.Value, bool) {
	s = strings.TrimSpace(s)
	body, neg := strings.CutPrefix(s, "-")
	if !neg {
		body = strings.TrimPrefix(body, "+")
	}
	body = strings.TrimSpace(body)
	if body == "" || body[0] < '0' || body[0] > '9' {
		return nil, false
	}
	sign := func(i int64) value.Value {
		if neg {
			i = -i
		}
		return value.Int(i)
	}
	base, digits := 10, body
	switch {
	case strings.HasPrefix(body, "0x"), strings.HasPrefix(body, "0X"):
		base, digits = 16, body[2:]
	case len(body) > 1 && body[0] == '0' && strings.Trim(body, "01234567") == "":
		base, digits = 8, body[1:]
	}
	if strings.Contains(digits, "_") {
		return nil, false
	}
	if i, err := strconv.ParseInt(digits, base, 64); err == nil && (base != 10 || len(body) == 1 || body[0] != '0') {
		return sign(i), true
	}
	if base != 10 || strings.ContainsAny(body, "xXpPiInN") || strings.HasSuffix(body, ".") || strings.Contains(body, ".e") {
		return nil, false
	}
	if len(body) > 1 && body[0] == '0' && body[1] != '.' && body[1] != 'e' && body[1] != 'E' {
		return nil, false
	}
	f, err := strconv.ParseFloat(body, 64)
	if err != nil {
		return nil, false
	}
	if neg {
		f = -f
	}
	return value.Float(f), true
}

func (e *Evaluator) overflow(at syntax.Node, n *big.Int) error {
	bound := "max"
	if n.Sign() < 0 {
		bound = "min"
	}
	return e.fail("integer-overflow", at, "Use of an Integer outside of the 64 bit signed range: %s is beyond the %s value", n, bound)
}

func (e *Evaluator) intArithmetic(x *syntax.Binary, l, r int64) (value.Value, error) {
	a, b, out := big.NewInt(l), big.NewInt(r), new(big.Int)
	switch x.Op {
	case syntax.OpAdd:
		out.Add(a, b)
	case syntax.OpSub:
		out.Sub(a, b)
	case syntax.OpMul:
		out.Mul(a, b)
	case syntax.OpDiv, syntax.OpMod:
		if r == 0 {
			return nil, e.fail("division-by-zero", x, "Division by 0")
		}
		// Ruby rounds quotients down, and gives remainders the sign of the divisor.
		mod := new(big.Int)
		out.DivMod(a, b, mod)
		if b.Sign() < 0 && mod.Sign() != 0 {
			out.Sub(out, big.NewInt(1))
			mod.Add(mod, b)
		}
		if x.Op == syntax.OpMod {
			out = mod
		}
	case syntax.OpShiftLeft:
		out = shift(a, r)
	case syntax.OpShiftRight:
		if r == math.MinInt64 {
			r++
		}
		out = shift(a, -r)
	}
	if !out.IsInt64() {
		return nil, e.overflow(x, out)
	}
	return value.Int(out.Int64()), nil
}

// shift shifts left, or right for a negative n, without building numbers of absurd size.
func shift(a *big.Int, n int64) *big.Int {
	const enough = 128
	if n < 0 {
		return new(big.Int).Rsh(a, uint(min(-n, enough)))
	}
	return new(big.Int).Lsh(a, uint(min(n, enough)))
}

func (e *Evaluator) floatArithmetic(x *syntax.Binary, l, r float64, left, right value.Value) (value.Value, error) {
	var out float64
	switch x.Op {
	case syntax.OpAdd:
		out = l + r
	case syntax.OpSub:
		out = l - r
	case syntax.OpMul:
		out = l * r
	case syntax.OpDiv:
		if r == 0 {
			return nil, e.fail("division-by-zero", x, "Division by 0")
		}
		out = l / r
	default:
		culprit := left
		if _, ok := left.(value.Float); !ok {
			culprit = right
		}
		return nil, e.fail("not-applicable", x, "Operator '%s' is not applicable to %s", x.Op, kindOf(culprit))
	}
	if math.IsInf(out, 0) || math.IsNaN(out) {
		return nil, e.fail("float-overflow", x, "The result of the %s expression is %s", x.Op, value.FormatFloat(out))
	}
	return value.Float(out), nil
}

// maxElements and maxText bound what operators and interpolation build, so that doubling in a row cannot eat the server.
const (
	maxElements = 10_000_000
	maxText     = 256 << 20
)

// concatenate is + on arrays and hashes.
func (e *Evaluator) concatenate(x *syntax.Binary, left, right value.Value) (value.Value, bool, error) {
	switch l := left.(type) {
	case *types.Iteration:
		return e.concatenate(x, value.NewArray(l.Elems()...), right)
	case *value.Array:
		out := l.Elems()[:l.Len():l.Len()]
		switch r := right.(type) {
		case *value.Array:
			out = append(out, r.Elems()...)
		case *value.Hash:
			out = append(out, pairs(r)...)
		case *types.Iteration:
			out = append(out, r.Elems()...)
		default:
			out = append(out, right)
		}
		if len(out) > maxElements {
			return nil, true, e.fail("too-large", x, "an array of more than %d elements", maxElements)
		}
		return value.NewArray(out...), true, nil
	case *value.Hash:
		switch r := right.(type) {
		case *value.Hash:
			return l.Merge(r), true, nil
		case *value.Array:
			h, err := e.hashOfPairs(x, r)
			if err != nil {
				return nil, true, err
			}
			return l.Merge(h), true, nil
		}
		return nil, true, e.fail("not-applicable", x, "%s cannot be converted to Hash", kindOf(right))
	case *types.URI:
		if r, ok := right.(*types.URI); ok {
			return l.Resolve(r), true, nil
		}
		if r, err := types.ParseURI(right.String()); err == nil {
			return l.Resolve(r), true, nil
		}
	}
	return nil, false, nil
}

// hashOfPairs reads [[k, v], ...] or [k, v, k, v].
func (e *Evaluator) hashOfPairs(at syntax.Node, a *value.Array) (*value.Hash, error) {
	h := value.NewHash(a.Len())
	allPairs := a.Len() > 0
	for _, el := range a.Elems() {
		if p, ok := el.(*value.Array); !ok || p.Len() != 2 {
			allPairs = false
		}
	}
	if allPairs {
		for _, el := range a.Elems() {
			p := el.(*value.Array)
			h.Set(p.At(0), p.At(1))
		}
		return h, nil
	}
	if a.Len()%2 != 0 {
		return nil, e.fail("not-applicable", at, "An array of odd length cannot be converted to Hash")
	}
	for i := 0; i < a.Len(); i += 2 {
		h.Set(a.At(i), a.At(i+1))
	}
	return h, nil
}

// remove is - on arrays and hashes.
func (e *Evaluator) remove(x *syntax.Binary, left, right value.Value) (value.Value, bool, error) {
	switch l := left.(type) {
	case *types.Iteration:
		return e.remove(x, value.NewArray(l.Elems()...), right)
	case *value.Array:
		drop := []value.Value{right}
		switch r := right.(type) {
		case *value.Array:
			drop = r.Elems()
		case *value.Hash:
			drop = pairs(r)
		}
		gone := make(map[string]bool, len(drop))
		for _, d := range drop {
			gone[value.Key(d)] = true
		}
		out := make([]value.Value, 0, l.Len())
		for _, v := range l.Elems() {
			if !gone[value.Key(v)] {
				out = append(out, v)
			}
		}
		return value.NewArray(out...), true, nil
	case *value.Hash:
		switch r := right.(type) {
		case *value.Hash:
			return l.Without(r.Keys()...), true, nil
		case *value.Array:
			return l.Without(r.Elems()...), true, nil
		}
		return l.Without(right), true, nil
	}
	return nil, false, nil
}

// timeArithmetic is + - * / on Timestamp and Timespan.
func (e *Evaluator) timeArithmetic(x *syntax.Binary, left, right value.Value) (value.Value, bool, error) {
	switch l := left.(type) {
	case *types.Timestamp:
		switch r := right.(type) {
		case *types.Timespan:
			if x.Op == syntax.OpAdd {
				return l.Add(r), true, nil
			} else if x.Op == syntax.OpSub {
				return l.Sub(r), true, nil
			}
		case *types.Timestamp:
			if x.Op == syntax.OpSub {
				return l.Since(r), true, nil
			}
		case value.Int, value.Float:
			return e.timeArithmetic(x, l, types.NewTimespan(seconds(toFloat(r))))
		}
	case *types.Timespan:
		return e.spanArithmetic(x, l, right)
	default:
		if span, ok := right.(*types.Timespan); ok {
			if _, isNum := left.(value.Int); isNum && (x.Op == syntax.OpMul || x.Op == syntax.OpAdd) {
				return e.spanArithmetic(x, span, left)
			}
		}
		return nil, false, nil
	}
	return nil, true, e.fail("not-applicable", x, "Operator '%s' is not applicable to %s and %s", x.Op, kindOf(left), kindOf(right))
}

func (e *Evaluator) spanArithmetic(x *syntax.Binary, l *types.Timespan, right value.Value) (value.Value, bool, error) {
	switch r := right.(type) {
	case *types.Timestamp:
		if x.Op == syntax.OpAdd {
			return r.Add(l), true, nil
		}
	case *types.Timespan:
		switch {
		case x.Op == syntax.OpAdd:
			return types.NewTimespan(l.Duration() + r.Duration()), true, nil
		case x.Op == syntax.OpSub:
			return types.NewTimespan(l.Duration() - r.Duration()), true, nil
		case x.Op == syntax.OpDiv && r.Duration() != 0:
			return value.Float(l.Seconds() / r.Seconds()), true, nil
		}
	case value.Int, value.Float:
		n := toFloat(r)
		switch {
		case x.Op == syntax.OpAdd:
			return types.NewTimespan(l.Duration() + seconds(n)), true, nil
		case x.Op == syntax.OpSub:
			return types.NewTimespan(l.Duration() - seconds(n)), true, nil
		case x.Op == syntax.OpMul:
			return types.NewTimespan(seconds(l.Seconds() * n)), true, nil
		case x.Op == syntax.OpDiv && n != 0:
			return types.NewTimespan(seconds(l.Seconds() / n)), true, nil
		}
	}
	return nil, true, e.fail("not-applicable", x, "Operator '%s' is not applicable to %s and %s", x.Op, kindOf(l), kindOf(right))
}

// seconds makes a duration of a number of seconds.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
