package hiera

import (
	"fmt"
	"sort"
	"strings"

	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// strategy is a way to make one value of those that several levels have.
type strategy struct {
	name string // first, unique, hash, deep
	// options of deep
	knockout   string
	sortArrays bool
	hashArrays bool
}

// readStrategy reads the merge of lookup() or of lookup_options: a name, or a hash with "strategy".
func readStrategy(v value.Value) (strategy, error) {
	switch v := v.(type) {
	case nil, value.Undef, value.Default:
		return strategy{name: "first"}, nil
	case value.String:
		switch name := string(v); name {
		case "first", "unique", "hash", "deep":
			return strategy{name: name}, nil
		case "default":
			return strategy{name: "first"}, nil
		case "reverse_deep", "unconstrained_deep":
			return strategy{}, fmt.Errorf("merge strategy '%s' is not supported", name)
		}
		return strategy{}, fmt.Errorf("Unknown merge strategy: '%s'", v)
	case *value.Hash:
		return strategyOfHash(v)
	}
	return strategy{}, fmt.Errorf("a merge must be a String or a Hash, got %s", v.TypeName())
}

func strategyOfHash(h *value.Hash) (strategy, error) {
	name, ok := h.GetString("strategy")
	if !ok {
		return strategy{}, fmt.Errorf("The hash given as 'merge' must contain the name of a strategy in string form for the key 'strategy'")
	}
	st, err := readStrategy(value.String(name.String()))
	if err != nil {
		return st, err
	}
	for k, v := range h.All() {
		switch key := k.String(); {
		case key == "strategy":
		case st.name != "deep":
			return st, fmt.Errorf("The merge options has wrong type, unrecognized key '%s'", k)
		case key == "knockout_prefix":
			if !value.IsUndef(v) {
				st.knockout = v.String()
			}
		case key == "sort_merged_arrays":
			st.sortArrays = value.Truthy(v)
		case key == "merge_hash_arrays":
			st.hashArrays = value.Truthy(v)
		case key == "merge_debug" || key == "merge_nil_values" || key == "keep_array_duplicates":
			if value.Truthy(v) {
				return st, fmt.Errorf("the merge option '%s' is not supported", k)
			}
		default:
			return st, fmt.Errorf("The merge options has wrong type, unrecognized key '%s'", k)
		}
	}
	return st, nil
}

// merge makes one value of what the levels have, the strongest first.
func (st strategy) merge(found []value.Value) (value.Value, error) {
	if len(found) == 1 && st.name != "unique" {
		return found[0], nil
	}
	switch st.name {
	case "unique":
		return uniqueList(found), nil
	case "hash":
		return st.mergeHashes(found)
	case "deep":
		out := found[0]
		for _, v := range found[1:] {
			out = st.deep(out, v)
		}
		return out, nil
	}
	return found[0], nil
}

var ordinals = []string{"first", "second"}

func (st strategy) mergeHashes(found []value.Value) (value.Value, error) {
	var out *value.Hash
	for i, v := range found {
		h, ok := v.(*value.Hash)
		if !ok {
			return nil, fmt.Errorf("The %s element of the merge has wrong type, %s", ordinals[min(i, 1)],
				types.Mismatch(types.HashOf(types.Any, types.Any), v))
		}
		if out == nil {
			out = h
			continue
		}
		out = h.Merge(out)
	}
	return out, nil
}

func uniqueList(found []value.Value) value.Value {
	seen := map[string]bool{}
	var out []value.Value
	var add func(v value.Value)
	add = func(v value.Value) {
		if a, ok := v.(*value.Array); ok {
			for _, e := range a.Elems() {
				add(e)
			}
			return
		}
		if k := value.Key(v); !seen[k] {
			seen[k] = true
			out = append(out, v)
		}
	}
	for _, v := range found {
		add(v)
	}
	return value.NewArray(out...)
}

// deep merges the stronger value into the weaker: hashes by key, arrays united with the weaker's elements first,
// anything else is the stronger's.
func (st strategy) deep(strong, weak value.Value) value.Value {
	switch s := strong.(type) {
	case *value.Hash:
		w, ok := weak.(*value.Hash)
		if !ok {
			return s
		}
		out := w.Copy()
		for k, v := range s.All() {
			if below, ok := out.Get(k); ok {
				v = st.deep(v, below)
			}
			out.Set(k, v)
		}
		return out
	case *value.Array:
		if w, ok := weak.(*value.Array); ok {
			return st.deepArrays(s, w)
		}
	case value.String:
		return st.deepText(s, weak)
	}
	return strong
}

// deepText honours a knocked out text: the prefix before the weaker's own value, or alone, empties it.
func (st strategy) deepText(s value.String, weak value.Value) value.Value {
	rest, knocked := strings.CutPrefix(string(s), st.knockout)
	if st.knockout == "" || !knocked {
		return s
	}
	if rest == "" || rest == weak.String() {
		return value.String("")
	}
	return value.String(rest)
}

func (st strategy) deepArrays(strong, weak *value.Array) value.Value {
	s, w := strong.Elems(), weak.Elems()
	if st.knockout != "" {
		s, w = st.knock(s, w)
	}
	if st.hashArrays && allHashes(s) && allHashes(w) {
		return st.pairwise(s, w)
	}
	seen := map[string]bool{}
	var out []value.Value
	for _, list := range [][]value.Value{w, s} {
		for _, e := range list {
			if k := value.Key(e); !seen[k] {
				seen[k] = true
				out = append(out, e)
			}
		}
	}
	if st.sortArrays {
		sort.SliceStable(out, func(i, j int) bool { return lessThan(out[i], out[j]) })
	}
	return value.NewArray(out...)
}

// knock removes what the stronger list knocks out: "--x" takes x away, "--" alone takes all away.
func (st strategy) knock(s, w []value.Value) (strong, weak []value.Value) {
	drop := map[string]bool{}
	for _, e := range s {
		text, ok := e.(value.String)
		rest, knocked := strings.CutPrefix(string(text), st.knockout)
		switch {
		case !ok || !knocked:
			strong = append(strong, e)
		case rest == "":
			w = nil
		default:
			drop[rest] = true
		}
	}
	for _, e := range w {
		if !drop[e.String()] {
			weak = append(weak, e)
		}
	}
	return strong, weak
}

func allHashes(list []value.Value) bool {
	for _, e := range list {
		if _, ok := e.(*value.Hash); !ok {
			return false
		}
	}
	return true
}

// pairwise merges lists of hashes by their positions.
func (st strategy) pairwise(s, w []value.Value) value.Value {
	out := make([]value.Value, max(len(s), len(w)))
	for i := range out {
		switch {
		case i >= len(s):
			out[i] = w[i]
		case i >= len(w):
			out[i] = s[i]
		default:
			out[i] = st.deep(s[i], w[i])
		}
	}
	return value.NewArray(out...)
}

// lessThan orders what can be ordered; the rest stays where it is.
func lessThan(a, b value.Value) bool {
	switch x := a.(type) {
	case value.String:
		if y, ok := b.(value.String); ok {
			return x < y
		}
	case value.Int:
		if y, ok := b.(value.Int); ok {
			return x < y
		}
	}
	return false
}
