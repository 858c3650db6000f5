package apply

import "container/heap"

// ready is a heap of nodes by priority.
type ready []*node

// Len implements heap.Interface.
func (r ready) Len() int { return len(r) }

// Less puts earlier resources of the catalog first; of a container, its end comes before its neighbours.
func (r ready) Less(i, j int) bool {
	if r[i].prio != r[j].prio {
		return r[i].prio < r[j].prio
	}
	return r[i].kind < r[j].kind
}

// Swap implements heap.Interface.
func (r ready) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *ready) Push(x any) { *r = append(*r, x.(*node)) }

// Pop implements heap.Interface.
func (r *ready) Pop() any {
	old := *r
	n := old[len(old)-1]
	*r = old[:len(old)-1]
	return n
}

// kahn gives the nodes so that each comes after all that it depends on, and otherwise in the order of the catalog.
// Nodes that are part of a cycle, or after one, are missing.
func (g *graph) kahn() []*node {
	in := make(map[*node]int, len(g.nodes))
	var h ready
	for _, n := range g.nodes {
		if in[n] = n.in; n.in == 0 {
			h = append(h, n)
		}
	}
	heap.Init(&h)
	order := make([]*node, 0, len(g.nodes))
	for h.Len() > 0 {
		n := heap.Pop(&h).(*node)
		order = append(order, n)
		for _, e := range n.out {
			if in[e.to]--; in[e.to] == 0 {
				heap.Push(&h, e.to)
			}
		}
	}
	return order
}

// sequence decides the order of evaluation, or names the cycles that make one impossible.
func (g *graph) sequence() error {
	g.order = g.kahn()
	if len(g.order) < len(g.nodes) {
		return &CycleError{Cycles: g.cycles()}
	}
	for i, n := range g.order {
		n.seq = i
	}
	return nil
}

// sideBySide are types of which several resources may be worked on at once although the manifest puts one before the
// other: they touch different things, and what they share (parent directories) is an autorequire. Packages are here
// because their changes exclude each other by a lock, and are made together where the provider can.
var sideBySide = map[string]bool{"File": true, "Package": true}
