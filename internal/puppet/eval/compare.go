package eval

import (
	"cmp"
	"strings"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// equal is the operator ==.
func equal(a, b value.Value) bool {
	if it, ok := a.(*types.Iteration); ok {
		a = value.NewArray(it.Elems()...)
	}
	if it, ok := b.(*types.Iteration); ok {
		b = value.NewArray(it.Elems()...)
	}
	return value.Equal(a, b)
}

// compare is < <= > >=. For types, < is "is a proper subtype of".
func (e *Evaluator) compare(x *syntax.Binary, left, right value.Value) (value.Value, error) {
	if l, ok := left.(types.Type); ok {
		if r, ok := right.(types.Type); ok {
			return value.Bool(compareTypes(x.Op, l, r)), nil
		}
	}
	c, ok := order(left, right)
	if !ok {
		return nil, e.fail("not-comparable", x, "Comparison of: %s %s %s, is not possible. Caused by 'Only Strings, Numbers, Timespans, Timestamps, and Versions are comparable'.",
			typeOf(left), x.Op, typeOf(right))
	}
	switch x.Op {
	case syntax.OpLess:
		return value.Bool(c < 0), nil
	case syntax.OpLessEq:
		return value.Bool(c <= 0), nil
	case syntax.OpGreater:
		return value.Bool(c > 0), nil
	}
	return value.Bool(c >= 0), nil
}

func compareTypes(op syntax.Operator, l, r types.Type) bool {
	switch op {
	case syntax.OpLess:
		return types.Assignable(r, l) && l.Key() != r.Key()
	case syntax.OpLessEq:
		return types.Assignable(r, l)
	case syntax.OpGreater:
		return types.Assignable(l, r) && l.Key() != r.Key()
	}
	return types.Assignable(l, r)
}

// Order compares two values as < does: numbers, strings without regard to case, versions and times. ok is false for
// values that have no order.
func Order(a, b value.Value) (c int, ok bool) { return order(a, b) }

func order(a, b value.Value) (int, bool) {
	switch a := a.(type) {
	case value.Int:
		switch b := b.(type) {
		case value.Int:
			return cmp.Compare(a, b), true
		case value.Float:
			return cmp.Compare(value.Float(a), b), true
		case *types.Timespan:
			return cmp.Compare(float64(a), b.Seconds()), true
		case *types.Timestamp:
			return cmp.Compare(float64(a), b.Seconds()), true
		}
	case value.Float:
		switch b := b.(type) {
		case value.Int:
			return cmp.Compare(a, value.Float(b)), true
		case value.Float:
			return cmp.Compare(a, b), true
		case *types.Timespan:
			return cmp.Compare(float64(a), b.Seconds()), true
		case *types.Timestamp:
			return cmp.Compare(float64(a), b.Seconds()), true
		}
	case value.String:
		if b, ok := b.(value.String); ok {
			return strings.Compare(lowerASCII(string(a)), lowerASCII(string(b))), true
		}
	case *types.SemVer:
		if b, ok := b.(*types.SemVer); ok {
			return a.Compare(b), true
		}
	case *types.Timestamp:
		switch b := b.(type) {
		case *types.Timestamp:
			return a.Compare(b), true
		case value.Int, value.Float:
			return cmp.Compare(a.Seconds(), toFloat(b)), true
		}
	case *types.Timespan:
		switch b := b.(type) {
		case *types.Timespan:
			return a.Compare(b), true
		case value.Int, value.Float:
			return cmp.Compare(a.Seconds(), toFloat(b)), true
		}
	}
	return 0, false
}

// lowerASCII is the form in which strings are compared: only the case of ASCII letters does not matter.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// match is =~. A successful match with a regular expression sets $0, $1 ....
func (e *Evaluator) match(s *Scope, x *syntax.Binary, left, right value.Value) (bool, error) {
	switch r := right.(type) {
	case types.Type:
		return types.Instance(r, left), nil
	case *types.VersionRange:
		v, err := e.semver(x.Left, left)
		if err != nil {
			return false, err
		}
		return r.Holds(v), nil
	case *types.SemVer:
		v, err := e.semver(x.Left, left)
		if err != nil {
			return false, err
		}
		return r.Compare(v) == 0, nil
	}
	text, ok := left.(value.String)
	if !ok {
		return false, e.fail("bad-match", x.Left, "Left match operand must result in a String value. Got %s.", article(kindOf(left)))
	}
	re, ok := right.(*value.Regexp)
	if !ok {
		pattern, isText := right.(value.String)
		if !isText {
			return false, e.fail("bad-match", x.Right, "Right match operand must result in a Regexp or a String representing a Regexp. Got %s.", article(kindOf(right)))
		}
		v, err := e.regexp(x.Right, string(pattern))
		if err != nil {
			return false, err
		}
		re = v.(*value.Regexp)
	}
	return e.matchText(s, x, string(text), re)
}

func (e *Evaluator) semver(at syntax.Node, v value.Value) (*types.SemVer, error) {
	if sv, ok := v.(*types.SemVer); ok {
		return sv, nil
	}
	sv, err := types.ParseSemVer(v.String())
	if err != nil {
		return nil, e.fail("bad-version", at, "Left match operand must result in a String representing a SemVer: %v", err)
	}
	return sv, nil
}

func (e *Evaluator) matchText(s *Scope, at syntax.Node, text string, re *value.Regexp) (bool, error) {
	m, err := re.Find(text)
	if err != nil {
		return false, e.fail("bad-regexp", at, "match of %s: %v", re, err)
	}
	if m == nil {
		return false, nil
	}
	groups := make([]value.Value, len(m)/2)
	for i := range groups {
		groups[i] = value.Undef{}
		if m[2*i] >= 0 {
			groups[i] = value.String(text[m[2*i]:m[2*i+1]])
		}
	}
	s.match = &matchSet{groups}
	return true, nil
}

// in is the operator `in`.
func (e *Evaluator) in(s *Scope, x *syntax.Binary, left, right value.Value) (bool, error) {
	switch r := right.(type) {
	case value.String:
		return e.inString(s, x, left, string(r))
	case *value.Array:
		return e.inList(s, x, left, r.Elems())
	case *value.Hash:
		return e.inList(s, x, left, r.Keys())
	case *types.Iteration:
		return e.inList(s, x, left, r.Elems())
	}
	return false, nil
}

func (e *Evaluator) inString(s *Scope, x *syntax.Binary, left value.Value, text string) (bool, error) {
	switch l := left.(type) {
	case value.String:
		return strings.Contains(strings.ToLower(text), strings.ToLower(string(l))), nil
	case *value.Regexp:
		return e.matchText(s, x, text, l)
	}
	return false, nil
}

func (e *Evaluator) inList(s *Scope, x *syntax.Binary, left value.Value, list []value.Value) (bool, error) {
	switch l := left.(type) {
	case *value.Regexp:
		for _, v := range list {
			text, ok := v.(value.String)
			if !ok {
				continue
			}
			if hit, err := e.matchText(s, x, string(text), l); hit || err != nil {
				return hit, err
			}
		}
		return false, nil
	case types.Type:
		for _, v := range list {
			if types.Instance(l, v) {
				return true, nil
			}
		}
		return false, nil
	}
	for _, v := range list {
		if equal(left, v) {
			return true, nil
		}
		re, isRegexp := v.(*value.Regexp)
		text, isText := left.(value.String)
		if !isRegexp || !isText {
			continue
		}
		if hit, err := e.matchText(s, x, string(text), re); hit || err != nil {
			return hit, err
		}
	}
	return false, nil
}

// optionMatches tells whether the value of a case or selector is met by one option: a regular expression matches a
// string, a type an instance of it, arrays and hashes element by element, all else by ==.
func (e *Evaluator) optionMatches(s *Scope, test, option value.Value, at syntax.Node) (bool, error) {
	switch o := option.(type) {
	case *value.Regexp:
		if text, ok := test.(value.String); ok {
			return e.matchText(s, at, string(text), o)
		}
		return equal(test, option), nil
	case types.Type:
		return types.Instance(o, test), nil
	case *types.VersionRange:
		if v, ok := test.(*types.SemVer); ok {
			return o.Holds(v), nil
		}
	case *value.Array:
		return e.arrayMatches(s, test, o, at)
	case *value.Hash:
		return e.hashMatches(s, test, o, at)
	}
	return equal(test, option), nil
}

func (e *Evaluator) arrayMatches(s *Scope, test value.Value, option *value.Array, at syntax.Node) (bool, error) {
	list, ok := test.(*value.Array)
	if !ok || list.Len() != option.Len() {
		return false, nil
	}
	for i, o := range option.Elems() {
		if _, any := o.(value.Default); any {
			continue
		}
		if hit, err := e.optionMatches(s, list.At(i), o, at); !hit || err != nil {
			return false, err
		}
	}
	return true, nil
}

// hashMatches: all keys of the option are in the tested hash, with values that match.
func (e *Evaluator) hashMatches(s *Scope, test value.Value, option *value.Hash, at syntax.Node) (bool, error) {
	h, ok := test.(*value.Hash)
	if !ok {
		return false, nil
	}
	for k, o := range option.All() {
		v, ok := h.Get(k)
		if !ok {
			return false, nil
		}
		if _, any := o.(value.Default); any {
			continue
		}
		if hit, err := e.optionMatches(s, v, o, at); !hit || err != nil {
			return false, err
		}
	}
	return true, nil
}
