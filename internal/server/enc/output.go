package enc

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"kickoff/internal/value"
)

// YAML gives the answer as Puppet's external_nodes protocol defines it.
func (c *Classification) YAML() ([]byte, error) {
	classes := value.NewHash(len(c.Classes))
	for _, cl := range c.Classes {
		if cl.Parameters == nil {
			classes.SetString(cl.Name, value.Undef{})
		} else {
			classes.SetString(cl.Name, cl.Parameters)
		}
	}
	doc := value.HashOf("classes", classes, "parameters", c.Parameters)
	if c.Environment != "" {
		doc.SetString("environment", value.String(c.Environment))
	}
	var b strings.Builder
	b.WriteString("---\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(node(doc)); err != nil {
		return nil, fmt.Errorf("encode classification: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("encode classification: %w", err)
	}
	return []byte(b.String()), nil
}

// ambiguous are plain words that YAML 1.1 (Ruby) and 1.2 read differently; they are quoted.
var ambiguous = map[string]bool{"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true}

// node keeps the order of hashes, which encoding a map would not.
func node(v value.Value) *yaml.Node {
	n := &yaml.Node{}
	switch v := v.(type) {
	case *value.Hash:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for k, e := range v.All() {
			n.Content = append(n.Content, node(value.String(k.String())), node(e))
		}
	case *value.Array:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, e := range v.Elems() {
			n.Content = append(n.Content, node(e))
		}
	case value.String:
		n.SetString(string(v))
		if ambiguous[strings.ToLower(string(v))] || looksOctal(string(v)) {
			n.Style = yaml.DoubleQuotedStyle
		}
	default:
		if value.IsUndef(v) {
			n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
		} else if err := n.Encode(value.ToGo(v)); err != nil {
			n.SetString(v.String())
		}
	}
	return n
}

// looksOctal says whether Ruby would read a plain word as a number that YAML 1.2 does not: 010, 1_000, 12:30.
func looksOctal(s string) bool {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	return strings.Trim(s, "0123456789_:.,") == ""
}

// Explain says for people where each part of the answer comes from.
func (c *Classification) Explain(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "node %s\n", c.Instance.ID)
	for _, o := range c.Matched {
		fmt.Fprintf(&b, "  is in security group %s, listed at %s\n", o.Group, o.At)
	}
	for _, name := range c.Unmatched {
		fmt.Fprintf(&b, "  is in security group %s, which node_groups.yml does not list\n", name)
	}
	if c.Environment == "" {
		b.WriteString("environment: no group names one; the node's own choice stands\n")
	} else {
		fmt.Fprintf(&b, "environment %s\n%s", c.Environment, fromLines(c.EnvironmentFrom))
	}
	for _, cl := range c.Classes {
		fmt.Fprintf(&b, "class %s\n%s", cl.Name, fromLines(cl.From))
		if cl.Parameters != nil {
			fmt.Fprintf(&b, "  with %s\n", cl.Parameters)
		}
	}
	for k, v := range c.Parameters.All() {
		fmt.Fprintf(&b, "parameter %s = %s\n%s", k, v, fromLines(c.ParameterFrom[k.String()]))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func fromLines(from []Origin) string {
	var b strings.Builder
	for _, o := range from {
		fmt.Fprintf(&b, "  from %s\n", o)
	}
	return b.String()
}
