package enc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"kickoff/internal/diag"
)

// NodeGroups is the content of a node_groups.yml.
type NodeGroups struct{ groups []group }

type group struct {
	name                             string
	at                               diag.Range
	classes, parameters, environment *item
}

// maxFile bounds the file, and with it what aliases can make of it.
const maxFile = 4 << 20

// cachedFile reads a file again when it changed.
type cachedFile struct {
	path string

	mu     sync.Mutex
	stamp  string
	groups *NodeGroups
	err    error
}

func (f *cachedFile) load() (*NodeGroups, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("read node groups: %w", err)
	}
	stamp := fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	// A file changed within the resolution of its time would look unchanged: a young one is read each time.
	if f.stamp == stamp && time.Since(info.ModTime()) > 2*time.Second {
		return f.groups, f.err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("read node groups: %s has more than %d bytes", f.path, maxFile)
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("read node groups: %w", err)
	}
	f.groups, f.err = Parse(f.path, text)
	f.stamp = stamp
	return f.groups, f.err
}

// reader collects what is wrong with a file.
type reader struct {
	file  string
	list  diag.List
	nodes int
	depth int
}

// maxDepth bounds nesting, and stops at anchors that contain themselves.
const maxDepth = 200

// maxNodes bounds the data after aliases were followed.
const maxNodes = 200_000

var (
	yamlLine        = regexp.MustCompile(`line (\d+)`)
	className       = regexp.MustCompile(`^(::)?[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*$`)
	environmentName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

// Parse reads a node_groups.yml strictly. The error is a diag.List with the place of each problem.
func Parse(file string, text []byte) (*NodeGroups, error) {
	r := &reader{file: file}
	if abs, err := filepath.Abs(file); err == nil {
		r.file = abs
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return &NodeGroups{}, nil
		}
		return nil, diag.List{r.syntaxError(err)}
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, diag.List{r.syntaxError(err)}
		}
		r.problem(&second, "node-groups-documents", "the file has more than one YAML document")
	}
	groups := &NodeGroups{}
	if len(doc.Content) == 1 && !isNull(doc.Content[0]) {
		for _, e := range r.entries(doc.Content[0], "node_groups.yml", "") {
			groups.groups = append(groups.groups, r.group(e))
		}
	}
	if len(r.list) > 0 {
		return nil, r.list
	}
	return groups, nil
}

func (r *reader) syntaxError(err error) *diag.Diagnostic {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	at := diag.Range{File: r.file}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		at.Start.Line, _ = strconv.Atoi(m[1])
	}
	d := diag.New("yaml-syntax", at, "not valid YAML: %s", text)
	d.Cause = err
	return d
}

func (r *reader) at(n *yaml.Node) diag.Range {
	return diag.Range{File: r.file, Start: diag.Pos{Line: n.Line, Column: n.Column}}
}

func (r *reader) problem(n *yaml.Node, code, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, r.at(n), format, args...)
	r.list = append(r.list, d)
	return d
}

// pair is an entry of a mapping.
type pair struct {
	key      string
	keyNode  *yaml.Node
	valueRaw *yaml.Node
}

// entries lists a mapping with string keys, merge keys (<<) resolved: an own key outranks a merged one.
func (r *reader) entries(n *yaml.Node, what, groupName string) []pair {
	n = deref(n)
	if n.Kind != yaml.MappingNode {
		r.problem(n, "node-groups-type", "%s must be a mapping", what)
		return nil
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > maxDepth || r.nodes > maxNodes {
		if r.nodes <= maxNodes {
			r.nodes = maxNodes + 1 // read nothing more
			r.problem(n, "node-groups-depth", "the file is nested too deeply, or an anchor contains itself")
		}
		return nil
	}
	var own, merged []pair
	seen := map[string]bool{}
	r.nodes += len(n.Content) / 2
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Tag == "!!merge":
			for _, source := range mergeSources(v) {
				merged = append(merged, r.entries(source, "the value of <<", groupName)...)
			}
			continue
		case k.Kind != yaml.ScalarNode || isNull(k):
			r.problem(k, "node-groups-key", "a key of %s is no text", what)
			continue
		case seen[k.Value]:
			r.problem(k, "node-groups-duplicate", "%s has the key %q twice", what, k.Value)
			continue
		}
		seen[k.Value] = true
		own = append(own, pair{k.Value, k, v})
	}
	for _, p := range merged {
		if !seen[p.key] {
			seen[p.key] = true
			own = append(own, p)
		}
	}
	return own
}

func mergeSources(v *yaml.Node) []*yaml.Node {
	if v = deref(v); v.Kind == yaml.SequenceNode {
		return v.Content
	}
	return []*yaml.Node{v}
}

func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = deref(n)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

var groupKeys = []string{"classes", "environment", "parameters"}

func (r *reader) group(p pair) group {
	g := group{name: p.key, at: r.at(p.keyNode)}
	if isNull(p.valueRaw) {
		return g
	}
	what := "group " + p.key
	for _, e := range r.entries(p.valueRaw, what, p.key) {
		switch e.key {
		case "classes":
			g.classes = r.classes(e, p.key)
		case "parameters":
			if !isNull(e.valueRaw) {
				if g.parameters = r.item(e.valueRaw, p.key, e.keyNode); g.parameters.kind != kindHash {
					r.problem(e.valueRaw, "node-groups-type", "parameters of %s must be a mapping", what)
				}
			}
		case "environment":
			g.environment = r.environment(e, p.key)
		default:
			d := r.problem(e.keyNode, "node-groups-unknown-key", "%s has the unknown key %q", what, e.key)
			d.Hint = "a group has " + strings.Join(groupKeys, ", ")
			if near := nearest(e.key, groupKeys); near != "" {
				d.Hint = "did you mean '" + near + "'?"
			}
		}
	}
	return g
}

// classes reads a mapping of names to parameters or null, or a plain list of names.
func (r *reader) classes(e pair, groupName string) *item {
	out := &item{kind: kindHash, from: []Origin{{Group: groupName, At: r.at(e.keyNode)}}}
	n := deref(e.valueRaw)
	var list []pair
	switch {
	case isNull(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			list = append(list, pair{deref(c).Value, c, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: c.Line, Column: c.Column}})
		}
	default:
		list = r.entries(n, "classes of group "+groupName, groupName)
	}
	for _, c := range list {
		if !className.MatchString(c.key) {
			r.problem(c.keyNode, "node-groups-class", "%q is no name of a class", c.key)
			continue
		}
		it := r.item(c.valueRaw, groupName, c.keyNode)
		if it.kind != kindNull && it.kind != kindHash {
			r.problem(c.valueRaw, "node-groups-type", "the parameters of class %s must be a mapping or nothing", c.key)
			continue
		}
		out.entries = append(out.entries, entry{strings.TrimPrefix(c.key, "::"), it})
	}
	return out
}

func (r *reader) environment(e pair, groupName string) *item {
	if isNull(e.valueRaw) {
		return nil
	}
	n := deref(e.valueRaw)
	if n.Kind != yaml.ScalarNode || !environmentName.MatchString(n.Value) {
		r.problem(n, "node-groups-environment", "the environment of group %s must be a name of letters, digits and underscores", groupName)
		return nil
	}
	return &item{kind: kindScalar, scalar: stringValue(n.Value), from: []Origin{{Group: groupName, At: r.at(e.keyNode)}}}
}
