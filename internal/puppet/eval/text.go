package eval

import (
	"strings"

	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// kindOf names the kind of a value for messages: "String", "Integer", "Undef Value", "Type".
func kindOf(v value.Value) string {
	switch v := v.(type) {
	case nil, value.Undef:
		return "Undef Value"
	case value.Default:
		return "Default Value"
	case *value.Hash:
		return "Hash Value"
	case types.Type:
		return types.Label(v)
	}
	return v.TypeName()
}

// typeOf is the type of a value without its details, for messages.
func typeOf(v value.Value) string {
	if t, ok := v.(types.Type); ok {
		return "Type[" + t.String() + "]"
	}
	if v == nil {
		return "Undef"
	}
	return v.TypeName()
}

// article puts a or an in front of a noun.
func article(noun string) string {
	if noun != "" && strings.ContainsRune("AEIOUaeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// Nearest gives the candidate that a misspelt name may have meant, or "".
func Nearest(name string, candidates []string) string { return nearest(name, candidates) }

func nearest(name string, candidates []string) string {
	limit := max(1, len(name)/4)
	best, bestDistance := "", limit+1
	for _, c := range candidates {
		if c == name || c == "" {
			continue
		}
		d := distance(name, c, limit)
		if d < bestDistance || d == bestDistance && best != "" && c < best {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the number of letters that were inserted, left out, exchanged or swapped with their neighbour; it gives
// up beyond limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, prev, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(prev[j]+cost, prev[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, prev, next = prev, next, before
	}
	return prev[len(b)]
}
