package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"kickoff/internal/diag"
)

// haproxyName is what HAProxy accepts as the name of a section.
var haproxyName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,63}$`)

// fleetReader reads YAML nodes strictly and collects what is wrong with them.
type fleetReader struct {
	file string
	list diag.List
	// planning reads also what the controller does not act upon yet.
	planning bool
}

// namedNode is one entry of a mapping whose keys are names.
type namedNode struct {
	name     string
	key, val *yaml.Node
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// yamlError turns the parser's error into a diagnostic with its line.
func yamlError(file string, err error) *diag.Diagnostic {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	rng := diag.Range{File: file}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		rng.Start.Line, _ = strconv.Atoi(m[1])
	}
	d := diag.New("yaml-syntax", rng, "not valid YAML: %s", text)
	d.Cause = err
	return d
}

func (r *fleetReader) at(n *yaml.Node) diag.Range {
	return diag.Range{File: r.file, Start: diag.Pos{Line: n.Line, Column: n.Column}}
}

func (r *fleetReader) errorf(n *yaml.Node, code, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, r.at(n), format, args...)
	r.list = append(r.list, d)
	return d
}

// unknownName reports a name that is not one of known, with a suggestion.
func (r *fleetReader) unknownName(n *yaml.Node, what, noun, name string, known []string) {
	d := r.errorf(n, "fleet-unknown-name", "%s: there is no %s named %q", what, noun, name)
	suggest(d, name, known)
}

// suggest adds "did you mean", or the list of what is known.
func suggest(d *diag.Diagnostic, name string, known []string) {
	known = slices.Sorted(slices.Values(known))
	best, dist := "", 3
	for _, k := range known {
		if n := editDistance(strings.ToLower(name), strings.ToLower(k)); n < dist || best == "" && strings.HasPrefix(k, name) {
			best, dist = k, min(n, dist)
		}
	}
	switch {
	case best != "":
		d.Hint = "did you mean '" + best + "'?"
	case len(known) > 0:
		d.Hint = "known: " + strings.Join(known, ", ")
	}
}

// editDistance counts the insertions, deletions and substitutions between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// entries lists a mapping's entries and reports keys that are no strings or
// come twice.
func (r *fleetReader) entries(n *yaml.Node, what string) ([]namedNode, bool) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.errorf(n, "fleet-type", "%s must be a mapping (key: value), not %s", what, kindOf(n))
		return nil, false
	}
	var out []namedNode
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], resolve(n.Content[i+1])
		if key.Kind != yaml.ScalarNode || isNull(key) {
			r.errorf(key, "fleet-type", "%s: a key must be a word", what)
			continue
		}
		if line, dup := seen[key.Value]; dup {
			r.errorf(key, "fleet-duplicate", "%s: %s was given before, on line %d", what, key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		out = append(out, namedNode{name: key.Value, key: key, val: val})
	}
	return out, true
}

// mapping reads a mapping with known keys. Keys without a value are left out.
func (r *fleetReader) mapping(n *yaml.Node, what string, known ...string) (map[string]*yaml.Node, bool) {
	es, ok := r.entries(n, what)
	m := map[string]*yaml.Node{}
	for _, e := range es {
		if !slices.Contains(known, e.name) {
			suggest(r.errorf(e.key, "fleet-unknown-key", "%s: unknown key %q", what, e.name), e.name, known)
			continue
		}
		if isNull(e.val) {
			r.errorf(e.key, "fleet-value", "%s: %s has no value", what, e.name)
			continue
		}
		m[e.name] = e.val
	}
	return m, ok
}

// named reads the entries of a mapping of names, in the order of the file.
// Called twice for the same key, it reports problems twice: call it first.
func (r *fleetReader) named(m map[string]*yaml.Node, key string) []namedNode {
	if m[key] == nil {
		return nil
	}
	before := len(r.list)
	es, _ := r.entries(m[key], key)
	r.dropRepeated(before)
	return es
}

// dropRepeated removes diagnostics found since before that are there already.
func (r *fleetReader) dropRepeated(before int) {
	kept := r.list[:before]
	for _, d := range r.list[before:] {
		if !slices.ContainsFunc(kept, func(o *diag.Diagnostic) bool { return o.Range == d.Range && o.Summary == d.Summary }) {
			kept = append(kept, d)
		}
	}
	r.list = kept
}

// unsupported reports keys that the schema knows and this release does not act
// upon: better refused than silently ignored.
func (r *fleetReader) unsupported(m map[string]*yaml.Node, keys ...string) {
	if r.planning {
		return
	}
	for _, k := range keys {
		if n := m[k]; n != nil {
			r.errorf(n, "not-supported-yet", "%s is not supported yet by this release", k).
				WithHint("remove it; nothing would act upon it")
		}
	}
}

func (r *fleetReader) required(m map[string]*yaml.Node, n *yaml.Node, what, key string) *yaml.Node {
	if m[key] == nil {
		r.errorf(n, "fleet-missing", "%s: %s is missing", what, key)
	}
	return m[key]
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

func (r *fleetReader) str(n *yaml.Node, what string) string {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || isNull(n) || n.Value == "" {
		r.errorf(n, "fleet-type", "%s must be a word, not %s", what, kindOf(n))
		return ""
	}
	return n.Value
}

func (r *fleetReader) strings(n *yaml.Node, what string) []string {
	if n == nil {
		return nil
	}
	if n = resolve(n); n.Kind != yaml.SequenceNode {
		r.errorf(n, "fleet-type", "%s must be a list [a, b], not %s", what, kindOf(n))
		return nil
	}
	var out []string
	for _, c := range n.Content {
		s := r.str(c, what)
		if slices.Contains(out, s) {
			r.errorf(c, "fleet-duplicate", "%s: %s comes twice", what, s)
			continue
		}
		out = append(out, s)
	}
	return out
}

func (r *fleetReader) stringMap(n *yaml.Node, what string) map[string]string {
	if n == nil {
		return nil
	}
	es, _ := r.entries(n, what)
	out := make(map[string]string, len(es))
	for _, e := range es {
		if e.val.Kind != yaml.ScalarNode || isNull(e.val) {
			r.errorf(e.val, "fleet-type", "%s: %s must be a word, not %s", what, e.name, kindOf(e.val))
			continue
		}
		out[e.name] = e.val.Value
	}
	return out
}

func (r *fleetReader) integer(n *yaml.Node, what string, low, high int) int {
	n = resolve(n)
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		r.errorf(n, "fleet-type", "%s must be a whole number, not %s", what, kindOf(n))
		return low
	}
	if v < low || v > high {
		r.errorf(n, "fleet-value", "%s must be from %d to %d, not %d", what, low, high, v)
		return low
	}
	return v
}

func (r *fleetReader) duration(n *yaml.Node, what string, low, high time.Duration) time.Duration {
	d, err := time.ParseDuration(resolve(n).Value)
	if err != nil {
		r.errorf(n, "fleet-type", "%s must be a duration such as 30s or 5m, not %s", what, kindOf(resolve(n)))
		return low
	}
	if d < low || d > high {
		r.errorf(n, "fleet-value", "%s must be from %s to %s, not %s", what, low, high, d)
		return low
	}
	return d
}

// path reads a path that is relative to the file's folder.
func (r *fleetReader) path(m map[string]*yaml.Node, key, fallback string) string {
	p := fallback
	if n := m[key]; n != nil {
		p = r.str(n, key)
	}
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(filepath.Dir(r.file), p)
}

func (r *fleetReader) serverURL(m map[string]*yaml.Node, top *yaml.Node) string {
	if r.planning && m["server"] == nil {
		return ""
	}
	n := r.required(m, top, "fleet.yaml", "server")
	if n == nil {
		return ""
	}
	s := r.str(n, "server")
	if err := checkServerURL(s); err != nil && s != "" {
		r.errorf(n, "fleet-value", "server: %v", err)
	}
	return strings.TrimSuffix(s, "/")
}

func checkServerURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	if u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil ||
		strings.ContainsAny(s, "'\"$`\\ \t\r\n") {
		return errors.New("must be https://host or https://host:port and nothing else")
	}
	return nil
}
