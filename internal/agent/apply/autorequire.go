package apply

import (
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/resource"
)

// autorequire adds the relationships that types have by themselves. They give way to those that were written: an edge
// that would close a cycle is left out.
//
// Edges that point forwards in an order of the written graph cannot close a cycle, alone or together; they are added
// first. For the others the whole graph is searched.
func (g *graph) autorequire() {
	position := map[*node]int{}
	for i, n := range g.kahn() {
		position[n] = i
	}
	if len(position) < len(g.nodes) {
		return // a cycle already: it is reported without ours
	}
	type pair struct{ from, to *node }
	var backward []pair
	for _, n := range g.nodes {
		for _, required := range g.required(n) {
			if required == n {
				continue
			}
			if position[required] < position[n] {
				g.link(required, n, edge{})
			} else {
				backward = append(backward, pair{required, n})
			}
		}
	}
	for _, p := range backward {
		if !reaches(p.to, p.from) {
			g.link(p.from, p.to, edge{})
		}
	}
}

// required gives the resources that n's type makes it require.
func (g *graph) required(n *node) []*node {
	if n.item == nil || n.item.res == nil {
		return nil
	}
	var out []*node
	for _, auto := range n.item.typ.Autorequire {
		typ := catalog.CapitalizeType(auto.Type)
		for _, title := range auto.Titles(resource.Params(n.item.res.Params)) {
			other, ok := g.names[catalog.Ref{Type: typ, Title: title}]
			if !ok && len(title) > 1 {
				other, ok = g.names[catalog.Ref{Type: typ, Title: strings.TrimSuffix(title, "/")}]
			}
			if !ok || other == n {
				continue
			}
			out = append(out, other)
			if auto.Nearest {
				break
			}
		}
	}
	return out
}

// reaches reports whether to comes after from.
func reaches(from, to *node) bool {
	seen := map[*node]bool{from: true}
	stack := []*node{from}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n == to {
			return true
		}
		for _, e := range n.out {
			if !seen[e.to] {
				seen[e.to] = true
				stack = append(stack, e.to)
			}
		}
	}
	return false
}
