package compiler

import (
	"slices"
	"strings"
)

// A dependency on a container is one on everything in it. So each resource is two points of the graph of
// dependencies, its start and its end, and what it contains lies between them.

// point is the start or the end of a resource.
type point struct {
	r   *res
	end bool
}

// cycleSearch is a depth-first search for a circle.
type cycleSearch struct {
	next  map[point][]point
	state map[point]visit
	path  []point
}

type visit int

const (
	unseen visit = iota
	onPath
	done
)

// findCycle gives the resources of one circle of dependencies, or nil.
func (c *compilation) findCycle() []*res {
	s := &cycleSearch{next: c.dependencies(), state: map[point]visit{}}
	for _, r := range c.resources {
		if p := (point{r, false}); !r.virtual && s.state[p] == unseen {
			if circle := s.from(p); circle != nil {
				return circle
			}
		}
	}
	return nil
}

// dependencies are the points that must come after each point.
func (c *compilation) dependencies() map[point][]point {
	next := make(map[point][]point, 2*len(c.resources))
	before := func(a, b point) { next[a] = append(next[a], b) }
	for _, r := range c.resources {
		if r.virtual {
			continue
		}
		before(point{r, false}, point{r, true})
		for _, o := range r.containers {
			before(point{o, false}, point{r, false})
			before(point{r, true}, point{o, true})
		}
		for _, name := range []string{"before", "notify"} {
			for _, o := range c.related(r, name) {
				before(point{r, true}, point{o, false})
			}
		}
		for _, name := range []string{"require", "subscribe"} {
			for _, o := range c.related(r, name) {
				before(point{o, true}, point{r, false})
			}
		}
	}
	return next
}

// related are the resources that a metaparameter names.
func (c *compilation) related(r *res, name string) []*res {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	var out []*res
	for _, e := range flat(v) {
		if ref, ok := reference(e); ok {
			if o := c.find(ref); o != nil && !o.virtual {
				out = append(out, o)
			}
		}
	}
	return out
}

// from searches onwards from a point.
func (s *cycleSearch) from(p point) []*res {
	s.state[p] = onPath
	s.path = append(s.path, p)
	for _, q := range s.next[p] {
		switch s.state[q] {
		case onPath:
			return s.circle(q)
		case unseen:
			if circle := s.from(q); circle != nil {
				return circle
			}
		}
	}
	s.state[p] = done
	s.path = s.path[:len(s.path)-1]
	return nil
}

// circle are the resources on the path from p on.
func (s *cycleSearch) circle(p point) []*res {
	var out []*res
	for _, q := range s.path[slices.Index(s.path, p):] {
		if len(out) == 0 || out[len(out)-1] != q.r {
			out = append(out, q.r)
		}
	}
	return out
}

// cycleText writes a circle as a chain that ends where it began.
func cycleText(cycle []*res) string {
	names := make([]string, 0, len(cycle)+1)
	for _, r := range cycle {
		names = append(names, r.String())
	}
	return "(" + strings.Join(append(names, cycle[0].String()), " => ") + ")"
}
