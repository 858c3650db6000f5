package enc

import (
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/value"
)

type kind int

const (
	kindNull kind = iota
	kindScalar
	kindArray
	kindHash
)

func (k kind) String() string {
	return [...]string{"null", "a scalar", "an array", "a hash"}[k]
}

// item is a piece of data that knows where it comes from.
type item struct {
	kind    kind
	scalar  value.Value
	elems   []*item
	entries []entry
	from    []Origin
}

type entry struct {
	key  string
	item *item
}

func (i *item) value() value.Value {
	switch i.kind {
	case kindScalar:
		return i.scalar
	case kindArray:
		out := make([]value.Value, len(i.elems))
		for n, e := range i.elems {
			out[n] = e.value()
		}
		return value.NewArray(out...)
	case kindHash:
		h := value.NewHash(len(i.entries))
		for _, e := range i.entries {
			h.SetString(e.key, e.item.value())
		}
		return h
	}
	return value.Undef{}
}

// merger merges items and collects what contradicts.
type merger struct{ problems diag.List }

func (m *merger) problem(at diag.Range, code, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, at, format, args...)
	m.problems = append(m.problems, d)
	return d
}

// merge gives a new item; neither argument is changed. Null gives way to anything: a class without parameters is
// written as null.
func (m *merger) merge(path string, a, b *item) *item {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	from := append(append([]Origin(nil), a.from...), b.from...)
	switch {
	case a.kind == kindNull:
		return b.withOrigins(from)
	case b.kind == kindNull:
		return a.withOrigins(from)
	case a.kind != b.kind:
		m.conflict(path, a, b, "%s is %s in %s and %s in %s", path, a.kind, origins(a), b.kind, origins(b))
		return a
	case a.kind == kindHash:
		return m.mergeHashes(path, a, b, from)
	case a.kind == kindArray:
		return &item{kind: kindArray, elems: union(a.elems, b.elems), from: from}
	}
	if !value.Equal(a.scalar, b.scalar) || a.scalar.String() != b.scalar.String() {
		m.conflict(path, a, b, "%s is %q in %s and %q in %s", path, a.scalar, origins(a), b.scalar, origins(b))
	}
	return a.withOrigins(from)
}

func (i *item) withOrigins(from []Origin) *item {
	c := *i
	c.from = from
	return &c
}

func (m *merger) conflict(path string, a, b *item, format string, args ...any) {
	at := diag.Range{}
	for _, o := range append(append([]Origin(nil), b.from...), a.from...) {
		if o.At.File != "" {
			at = o.At
			break
		}
	}
	m.problem(at, "classification-conflict", format, args...)
}

// origins names groups and lines: "group a (node_groups.yml:3:5)".
func origins(i *item) string {
	names := make([]string, len(i.from))
	for n, o := range i.from {
		names[n] = o.String()
	}
	return strings.Join(names, ", ")
}

func (m *merger) mergeHashes(path string, a, b *item, from []Origin) *item {
	out := &item{kind: kindHash, from: from, entries: append([]entry(nil), a.entries...)}
	index := map[string]int{}
	for n, e := range out.entries {
		index[e.key] = n
	}
	for _, e := range b.entries {
		n, ok := index[e.key]
		if !ok {
			out.entries = append(out.entries, e)
			continue
		}
		out.entries[n].item = m.merge(path+"."+e.key, out.entries[n].item, e.item)
	}
	return out
}

// union keeps the order of first appearance.
func union(a, b []*item) []*item {
	var out []*item
	seen := map[string]bool{}
	for _, e := range append(append([]*item(nil), a...), b...) {
		if key := value.Key(e.value()); !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	return out
}
