package apply

import (
	"fmt"
	"slices"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// nodeKind tells resources from the two ends of a container.
type nodeKind int

const (
	resourceNode nodeKind = iota
	beginNode             // before everything in a container
	endNode               // after everything in a container
)

// node is a vertex of the graph.
type node struct {
	ref  catalog.Ref
	kind nodeKind
	// prio is the place in the catalog: among nodes that are ready, the lowest is next.
	prio int
	// seq is the place in the order of evaluation.
	seq  int
	out  []edge
	in   int
	item *item
	// tags are those of a container; a resource's are in item.
	tags []string
}

// name is how messages call the node.
func (n *node) name() string {
	if n.ref.Type == "Class" {
		return "Class[" + catalog.CapitalizeType(n.ref.Title) + "]"
	}
	return n.ref.String()
}

// edge says that to comes after the node that holds it. With notify, changes of the one refresh the other.
type edge struct {
	to     *node
	notify bool
	// quiet edges are those from a child to the end of its container, whose refreshes nobody wants to read about.
	quiet bool
}

// item is a resource with what is needed to evaluate it.
type item struct {
	cat  *catalog.Resource
	typ  *resource.Type
	res  *provider.Resource
	path []string
	// inert resources only structure the catalog: anchors, schedules, file buckets.
	inert bool
	// deferred says that parameters are still to be resolved.
	deferred bool
	// source is the path as text, for log lines.
	source string
	tags   []string
	// lines keeps log lines back while the resource is worked on beside others; nil logs at once.
	lines *[]report.Log
}

// graph is the catalog as vertices and edges.
type graph struct {
	nodes []*node
	order []*node

	types      *resource.Registry
	begin, end map[catalog.Ref]*node
	parent     map[catalog.Ref]catalog.Ref
	// names finds resources also by their name variable and their aliases.
	names map[catalog.Ref]*node
	seen  map[[2]*node]int
}

// containerTypes hold other resources by nature; types defined in the Puppet language are recognised by having no schema.
var containerTypes = []string{"Class", "Stage", "Node"}

// inertTypes have nothing to do on a node.
var inertTypes = []string{"Anchor", "Schedule", "Filebucket", "Whit"}

// buildGraph makes the graph of a catalog, and validates its resources.
func buildGraph(cat *catalog.Catalog, types *resource.Registry) (*graph, error) {
	g := &graph{
		types: types, begin: map[catalog.Ref]*node{}, end: map[catalog.Ref]*node{}, parent: map[catalog.Ref]catalog.Ref{},
		names: map[catalog.Ref]*node{}, seen: map[[2]*node]int{},
	}
	for _, e := range cat.Edges {
		// A class that another one contains still shows as part of its stage.
		if _, ok := g.parent[e.Target]; !ok || e.Source.Type == "Stage" {
			g.parent[e.Target] = e.Source
		}
	}
	for i, r := range cat.Resources {
		if err := g.add(i, r); err != nil {
			return nil, err
		}
	}
	if err := g.contain(cat); err != nil {
		return nil, err
	}
	for _, r := range cat.Resources {
		if err := g.relate(r); err != nil {
			return nil, err
		}
	}
	g.autorequire()
	return g, nil
}

func (g *graph) add(prio int, r *catalog.Resource) error {
	if r.Exported {
		return nil
	}
	if _, ok := g.begin[r.Ref]; ok {
		return fmt.Errorf("the catalog has %s twice", r.Ref)
	}
	if g.isContainer(r) {
		b := &node{ref: r.Ref, kind: beginNode, prio: prio, tags: r.Tags}
		e := &node{ref: r.Ref, kind: endNode, prio: prio, tags: r.Tags}
		g.nodes = append(g.nodes, b, e)
		g.begin[r.Ref], g.end[r.Ref] = b, e
		g.link(b, e, edge{})
		return nil
	}
	it, err := g.newItem(r)
	if err != nil {
		return err
	}
	n := &node{ref: r.Ref, prio: prio, item: it}
	g.nodes = append(g.nodes, n)
	g.begin[r.Ref], g.end[r.Ref] = n, n
	g.remember(n)
	return nil
}

func (g *graph) isContainer(r *catalog.Resource) bool {
	if slices.Contains(containerTypes, r.Type) {
		return true
	}
	_, known := g.types.Lookup(r.Type)
	return !known && r.Kind != "compilable_type"
}

// newItem validates a resource against its type. A type without schema is reported when the resource is evaluated, so
// that the rest of the catalog can be applied.
func (g *graph) newItem(r *catalog.Resource) (*item, error) {
	it := &item{cat: r, path: g.containment(r.Ref), inert: slices.Contains(inertTypes, r.Type), tags: r.Tags}
	it.source = "/" + strings.Join(it.path, "/")
	typ, known := g.types.Lookup(r.Type)
	if !known {
		return it, nil
	}
	it.typ = typ
	return it, it.build(catalogParams(r))
}

func catalogParams(r *catalog.Resource) resource.Params {
	params := make(resource.Params, len(r.Params))
	for _, p := range r.Params {
		params[p.Name] = p.Value
	}
	return params
}

// build munges parameters and makes the resource that providers see.
func (it *item) build(params resource.Params) error {
	munged, err := it.typ.Munge(it.cat.Title, params)
	if err != nil {
		if it.cat.File != "" {
			return fmt.Errorf("%w (file: %s, line: %d)", err, it.cat.File, it.cat.Line)
		}
		return err
	}
	res := &provider.Resource{
		Ref: it.cat.Ref, Type: it.typ, Params: map[string]value.Value{}, Sensitive: map[string]bool{},
	}
	it.deferred = false
	for name, v := range munged {
		it.deferred = it.deferred || hasDeferred(v)
		if hasSensitive(v) {
			res.Sensitive[name] = true
			v = unwrap(v)
		}
		if a, ok := it.typ.Attribute(name); ok && a.Secret {
			res.Sensitive[name] = true
		}
		res.Params[name] = v
	}
	it.res = res
	return nil
}

// containment gives the path of a resource: Stage[main], Web, File[/etc/x].
func (g *graph) containment(ref catalog.Ref) []string {
	path := []string{ref.String()}
	for range 1000 {
		up, ok := g.parent[ref]
		if !ok {
			break
		}
		ref = up
		name := ref.String()
		if ref.Type == "Class" {
			name = catalog.CapitalizeType(ref.Title)
		}
		path = append(path, name)
	}
	slices.Reverse(path)
	return path
}

// remember makes a resource known by title, name variable and aliases.
func (g *graph) remember(n *node) {
	g.names[n.ref] = n
	it := n.item
	if it.res == nil {
		return
	}
	names := []string{it.res.Text(it.typ.NameVar())}
	if alias, ok := it.res.Params["alias"]; ok {
		names = append(names, texts(alias)...)
	}
	for _, name := range names {
		ref := catalog.Ref{Type: n.ref.Type, Title: name}
		if _, taken := g.names[ref]; !taken {
			g.names[ref] = n
		}
	}
}

// contain adds the edges of containment.
func (g *graph) contain(cat *catalog.Catalog) error {
	for _, e := range cat.Edges {
		outer, okOuter := g.begin[e.Source]
		inner, okInner := g.begin[e.Target]
		switch {
		case !okOuter || !okInner:
			continue // an exported resource
		case outer.kind == resourceNode:
			return fmt.Errorf("%s contains %s, but it is no class or define", e.Source, e.Target)
		}
		g.link(outer, inner, edge{notify: true})
		g.link(g.end[e.Target], g.end[e.Source], edge{notify: true, quiet: true})
	}
	return nil
}

// link adds an edge once; a second one may add that it notifies.
func (g *graph) link(from, to *node, e edge) {
	key := [2]*node{from, to}
	if i, ok := g.seen[key]; ok {
		from.out[i].notify = from.out[i].notify || e.notify
		return
	}
	g.seen[key] = len(from.out)
	e.to = to
	from.out = append(from.out, e)
	to.in++
}

// relate adds the edges of the metaparameters that order resources.
func (g *graph) relate(r *catalog.Resource) error {
	if r.Exported {
		return nil
	}
	for _, p := range r.Params {
		if !slices.Contains(resource.Relationships(), p.Name) {
			continue
		}
		for _, text := range texts(p.Value) {
			other, err := parseReference(text)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", r.Ref, p.Name, err)
			}
			if err := g.connect(r.Ref, p.Name, other); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *graph) connect(self catalog.Ref, metaparam string, other catalog.Ref) error {
	begin, end := g.begin[other], g.end[other]
	if begin == nil {
		if n, ok := g.names[other]; ok {
			begin, end = n, n
		}
	}
	if begin == nil {
		return fmt.Errorf("could not find dependency %s for %s", other, self)
	}
	notify := metaparam == "notify" || metaparam == "subscribe"
	if metaparam == "before" || metaparam == "notify" {
		g.link(g.end[self], begin, edge{notify: notify})
	} else {
		g.link(end, g.begin[self], edge{notify: notify})
	}
	return nil
}

// parseReference reads Type[title], also with a quoted title and a type in any case.
func parseReference(text string) (catalog.Ref, error) {
	ref, err := catalog.ParseRef(text)
	if err != nil {
		return ref, err
	}
	if n := len(ref.Title); n >= 2 && (ref.Title[0] == '\'' || ref.Title[0] == '"') && ref.Title[n-1] == ref.Title[0] {
		ref.Title = ref.Title[1 : n-1]
	}
	if ref.Type == "Class" {
		ref.Title = catalog.CapitalizeType(strings.TrimPrefix(ref.Title, "::"))
		if ref.Title == "Main" {
			ref.Title = "main"
		}
	}
	return ref, nil
}

// texts flattens a value into the texts of its elements.
func texts(v value.Value) []string {
	if value.IsUndef(v) {
		return nil
	}
	arr, ok := v.(*value.Array)
	if !ok {
		return []string{v.String()}
	}
	var out []string
	for _, e := range arr.Elems() {
		out = append(out, texts(e)...)
	}
	return out
}
