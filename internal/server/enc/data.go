package enc

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"kickoff/internal/value"
)

func stringValue(s string) value.Value { return value.String(s) }

// item reads any data. Where it stands is where its key stands.
func (r *reader) item(n *yaml.Node, groupName string, key *yaml.Node) *item {
	n = deref(n)
	out := &item{from: []Origin{{Group: groupName, At: r.at(key)}}}
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.problem(n, "node-groups-size", "the file has more than %d values", maxNodes)
		}
		return out
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > 2*maxDepth {
		return out
	}
	switch n.Kind {
	case yaml.MappingNode:
		out.kind = kindHash
		for _, e := range r.entries(n, "a mapping of group "+groupName, groupName) {
			out.entries = append(out.entries, entry{e.key, r.item(e.valueRaw, groupName, e.keyNode)})
		}
	case yaml.SequenceNode:
		out.kind = kindArray
		for _, c := range n.Content {
			out.elems = append(out.elems, r.item(c, groupName, c))
		}
	default:
		r.scalar(n, out)
	}
	return out
}

// scalar reads a scalar as Ruby's Psych does: YAML 1.1, where plain yes, no, on and off are booleans.
func (r *reader) scalar(n *yaml.Node, out *item) {
	out.kind = kindScalar
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if plain && n.Tag == "!!str" {
		switch strings.ToLower(n.Value) {
		case "yes", "on":
			out.scalar = value.Bool(true)
			return
		case "no", "off":
			out.scalar = value.Bool(false)
			return
		}
	}
	switch n.Tag {
	case "!!null":
		out.kind = kindNull
		return
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			r.problem(n, "node-groups-value", "%q is not readable as a value: %v", n.Value, err)
			return
		}
		out.scalar = value.FromGo(v)
		return
	case "!!str", "!!timestamp", "!!binary":
		out.scalar = value.String(n.Value)
		return
	}
	r.problem(n, "node-groups-tag", "values with the YAML tag %s are not supported", n.Tag)
	out.scalar = value.String(n.Value)
}

// nearest gives the known word that is at most two edits away, or "".
func nearest(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last
			if a[i-1] != b[j-1] {
				cost++
			}
			last, row[j] = row[j], min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
