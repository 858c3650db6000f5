package apply

import (
	"fmt"
	"strings"

	"kickoff/internal/catalog"
)

// CycleError says that relationships contradict each other.
type CycleError struct {
	// Cycles has the resources of one cycle of each knot, in the order in which they would be applied; the first is
	// repeated at the end.
	Cycles [][]catalog.Ref
}

// Error gives Puppet's text.
func (e *CycleError) Error() string {
	return "One or more resource dependency cycles detected in graph"
}

// Lines describes the cycles.
func (e *CycleError) Lines() string {
	noun := "cycles"
	if len(e.Cycles) == 1 {
		noun = "cycle"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Found %d dependency %s:", len(e.Cycles), noun)
	for _, cycle := range e.Cycles {
		names := make([]string, len(cycle))
		for i, ref := range cycle {
			names[i] = ref.String()
		}
		b.WriteString("\n(" + strings.Join(names, " => ") + ")")
	}
	return b.String()
}

// cycles gives a shortest cycle of each strongly connected component.
func (g *graph) cycles() [][]catalog.Ref {
	t := &tarjan{index: map[*node]int{}, low: map[*node]int{}, onStack: map[*node]bool{}}
	for _, n := range g.nodes {
		if _, seen := t.index[n]; !seen {
			t.visit(n)
		}
	}
	var out [][]catalog.Ref
	for _, component := range t.components {
		out = append(out, shortestCycle(component))
	}
	return out
}

// tarjan finds strongly connected components of more than one node.
type tarjan struct {
	index, low map[*node]int
	onStack    map[*node]bool
	stack      []*node
	components [][]*node
}

// frame is a call of visit, kept on a stack of our own: a chain of relationships may be long.
type frame struct {
	n    *node
	next int
}

func (t *tarjan) visit(root *node) {
	t.open(root)
	calls := []frame{{n: root}}
	for len(calls) > 0 {
		f := &calls[len(calls)-1]
		if f.next < len(f.n.out) {
			to := f.n.out[f.next].to
			f.next++
			if _, seen := t.index[to]; !seen {
				t.open(to)
				calls = append(calls, frame{n: to})
			} else if t.onStack[to] {
				t.low[f.n] = min(t.low[f.n], t.index[to])
			}
			continue
		}
		done := f.n
		calls = calls[:len(calls)-1]
		if len(calls) > 0 {
			up := calls[len(calls)-1].n
			t.low[up] = min(t.low[up], t.low[done])
		}
		if t.low[done] == t.index[done] {
			t.close(done)
		}
	}
}

func (t *tarjan) open(n *node) {
	t.index[n] = len(t.index)
	t.low[n] = t.index[n]
	t.stack = append(t.stack, n)
	t.onStack[n] = true
}

// close takes the component of root from the stack.
func (t *tarjan) close(root *node) {
	var component []*node
	for {
		n := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.onStack[n] = false
		component = append(component, n)
		if n == root {
			break
		}
	}
	self := false
	for _, e := range root.out {
		self = self || e.to == root
	}
	if len(component) > 1 || self {
		t.components = append(t.components, component)
	}
}

// shortestCycle searches breadth first from the first resource of the component back to itself. The two ends of a
// container are shown as the container, once.
func shortestCycle(component []*node) []catalog.Ref {
	inside := map[*node]bool{}
	start := component[0]
	for _, n := range component {
		inside[n] = true
		if n.kind == resourceNode && (start.kind != resourceNode || n.prio < start.prio) {
			start = n
		}
	}
	from := map[*node]*node{}
	queue := []*node{start}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, e := range n.out {
			if e.to == start {
				return path(from, start, n)
			}
			if _, seen := from[e.to]; !seen && inside[e.to] {
				from[e.to] = n
				queue = append(queue, e.to)
			}
		}
	}
	return nil
}

func path(from map[*node]*node, start, last *node) []catalog.Ref {
	refs := []catalog.Ref{start.ref}
	for n := last; n != start; n = from[n] {
		if refs[len(refs)-1] != n.ref {
			refs = append(refs, n.ref)
		}
	}
	refs = append(refs, start.ref)
	for i, j := 0, len(refs)-1; i < j; i, j = i+1, j-1 {
		refs[i], refs[j] = refs[j], refs[i]
	}
	return refs
}
