package erb

import (
	"cmp"
	"fmt"
	"strings"

	"kickoff/internal/value"
)

// equal is Ruby's ==.
func equal(a, b any) bool { return new(walker).equal(a, b) }

func (w *walker) equal(a, b any) bool {
	w.enter()
	defer w.leave()
	switch x := a.(type) {
	case nil, bool, symbol:
		return a == b
	case int64:
		switch y := b.(type) {
		case int64:
			return x == y
		case float64:
			return float64(x) == y
		}
	case float64:
		switch y := b.(type) {
		case int64:
			return x == float64(y)
		case float64:
			return x == y
		}
	case *str:
		y, ok := b.(*str)
		return ok && x.s == y.s
	case *array:
		y, ok := b.(*array)
		return ok && w.equalLists(x.e, y.e)
	case *hash:
		y, ok := b.(*hash)
		return ok && w.equalHashes(x, y)
	case *rng:
		y, ok := b.(*rng)
		return ok && x.excl == y.excl && w.equal(x.lo, y.lo) && w.equal(x.hi, y.hi)
	case *regex:
		y, ok := b.(*regex)
		return ok && x.source == y.source && sorted(x.flags) == sorted(y.flags)
	case *class:
		y, ok := b.(*class)
		return ok && x.name == y.name
	case *opaque:
		y, ok := b.(*opaque)
		return ok && value.Key(x.v) == value.Key(y.v)
	default:
		return a == b
	}
	return false
}

func (w *walker) equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !w.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (w *walker) equalHashes(a, b *hash) bool {
	if len(a.keys) != len(b.keys) {
		return false
	}
	for i, k := range a.keys {
		if v, ok := b.get(k); !ok || !w.equal(a.vals[i], v) {
			return false
		}
	}
	return true
}

// compare is Ruby's <=>; ok is false where it gives nil.
func compare(a, b any) (n int, ok bool) { return new(walker).compare(a, b) }

func (w *walker) compare(a, b any) (n int, ok bool) {
	w.enter()
	defer w.leave()
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			return cmp.Compare(x, y), true
		case float64:
			return cmp.Compare(float64(x), y), y == y
		}
	case float64:
		switch y := b.(type) {
		case int64:
			return cmp.Compare(x, float64(y)), x == x
		case float64:
			return cmp.Compare(x, y), x == x && y == y
		}
	case *str:
		if y, ok := b.(*str); ok {
			return strings.Compare(x.s, y.s), true
		}
	case symbol:
		if y, ok := b.(symbol); ok {
			return strings.Compare(string(x), string(y)), true
		}
	case *array:
		if y, ok := b.(*array); ok {
			return w.compareLists(x.e, y.e)
		}
	}
	return 0, w.equal(a, b)
}

func (w *walker) compareLists(a, b []any) (int, bool) {
	for i := 0; i < len(a) && i < len(b); i++ {
		if n, ok := w.compare(a[i], b[i]); !ok || n != 0 {
			return n, ok
		}
	}
	return cmp.Compare(len(a), len(b)), true
}

// mustCompare raises as sort does where objects have no order.
func (in *interp) mustCompare(a, b any) int {
	in.step()
	n, ok := compare(a, b)
	if !ok {
		with := className(b)
		switch b.(type) {
		case nil, bool, int64, float64:
			with = inspect(b)
		}
		in.raise("ArgumentError", fmt.Sprintf("comparison of %s with %s failed", className(a), with))
	}
	return n
}
