// Package enc classifies nodes: it says which classes, parameters and environment a node has, from the security groups
// and tags of its instance and a node_groups.yml that maps groups to these. The answer comes from an inventory; no cloud
// is asked.
//
// A node in several groups gets their deep merge in the order in which the file lists the groups: hashes merge, arrays
// are united, equal scalars are no conflict, a class without parameters gives way to one with. Two different scalars are
// an error that names both groups and their lines.
package enc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/value"
)

// ErrUnknownNode says that the inventory has no such instance.
var ErrUnknownNode = errors.New("no such node in the inventory")

// Instance is what classification needs of an instance.
type Instance struct {
	ID             string
	SecurityGroups []string
	Tags           map[string]string
}

// Inventory finds instances. Implementations are safe for concurrent use.
type Inventory interface {
	// FindInstance finds an instance by certname, instance id or private DNS name. ErrUnknownNode if there is none.
	FindInstance(ctx context.Context, name string) (Instance, error)
}

// Origin says where a part of a classification comes from.
type Origin struct {
	// Group is the security group, empty for what tags gave.
	Group string     `json:"group,omitempty"`
	Tag   string     `json:"tag,omitempty"`
	At    diag.Range `json:"at,omitzero"`
}

// String names group and place.
func (o Origin) String() string {
	if o.Tag != "" {
		return "tag " + o.Tag
	}
	return fmt.Sprintf("group %s (%s)", o.Group, o.At)
}

// Class is a class with its parameters; nil if it has none.
type Class struct {
	Name       string
	Parameters *value.Hash
	From       []Origin
}

// Classification is the answer about one node.
type Classification struct {
	// Known says whether the inventory has the node. One that it does not have is not classified at all.
	Known    bool
	Instance Instance
	// Environment is empty if no group names one.
	Environment     string
	EnvironmentFrom []Origin
	Classes         []Class
	Parameters      *value.Hash
	// ParameterFrom lists the origins of each parameter.
	ParameterFrom map[string][]Origin
	// Matched are the node's groups that the file lists, Unmatched those that it does not, both in order.
	Matched   []Origin
	Unmatched []string
}

// ClassOrigin gives the origins of a class by its name.
func (c *Classification) ClassOrigin(name string) []Origin {
	for _, cl := range c.Classes {
		if cl.Name == strings.TrimPrefix(name, "::") {
			return cl.From
		}
	}
	return nil
}

// Classifier answers from a file and an inventory. It is safe for concurrent use.
type Classifier struct {
	file      *cachedFile
	inventory Inventory
}

// New makes a Classifier of a node_groups.yml, which is read again when it changes.
func New(path string, inventory Inventory) *Classifier {
	return &Classifier{&cachedFile{path: path}, inventory}
}

// Classify gives the classification of a node. ErrUnknownNode if the inventory does not have it; a diag.List if the file
// is wrong or groups contradict each other.
func (c *Classifier) Classify(ctx context.Context, name string) (*Classification, error) {
	inst, err := c.inventory.FindInstance(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("classify %s: %w", name, err)
	}
	groups, err := c.file.load()
	if err != nil {
		return nil, fmt.Errorf("classify %s: %w", name, err)
	}
	got, err := groups.Classify(inst)
	if err != nil {
		return nil, fmt.Errorf("classify %s: %w", name, err)
	}
	return got, nil
}

// Check reads the file and says what is wrong with it.
func (c *Classifier) Check() error {
	_, err := c.file.load()
	return err
}

// Classify merges the groups of an instance. It is pure.
func (g *NodeGroups) Classify(inst Instance) (*Classification, error) {
	m := merger{}
	out := &Classification{Known: true, Instance: inst, ParameterFrom: map[string][]Origin{}}
	var classes, parameters, environment *item
	for _, group := range g.groups {
		if !slices.Contains(inst.SecurityGroups, group.name) {
			continue
		}
		out.Matched = append(out.Matched, Origin{Group: group.name, At: group.at})
		classes = m.merge("classes", classes, group.classes)
		parameters = m.merge("parameters", parameters, group.parameters)
		environment = m.merge("environment", environment, group.environment)
	}
	for _, name := range inst.SecurityGroups {
		if !slices.ContainsFunc(out.Matched, func(o Origin) bool { return o.Group == name }) {
			out.Unmatched = append(out.Unmatched, name)
		}
	}
	parameters = m.merge("parameters", parameters, tagParameters(&m, inst.Tags))
	if len(m.problems) > 0 {
		return nil, m.problems
	}
	out.fill(classes, parameters, environment)
	return out, nil
}

func (c *Classification) fill(classes, parameters, environment *item) {
	if environment != nil {
		c.Environment, c.EnvironmentFrom = environment.scalar.String(), environment.from
	}
	c.Parameters = value.NewHash(0)
	if parameters != nil {
		for _, e := range parameters.entries {
			c.Parameters.SetString(e.key, e.item.value())
			c.ParameterFrom[e.key] = e.item.from
		}
	}
	if classes == nil {
		return
	}
	for _, e := range classes.entries {
		cl := Class{Name: e.key, From: e.item.from}
		if h, ok := e.item.value().(*value.Hash); ok && h.Len() > 0 {
			cl.Parameters = h
		}
		c.Classes = append(c.Classes, cl)
	}
}

// tagParameters makes the parameters ec2_tag_NAME. Characters that no variable may have become underscores.
func tagParameters(m *merger, tags map[string]string) *item {
	names := make([]string, 0, len(tags))
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	out := &item{kind: kindHash}
	seen := map[string]string{}
	for _, name := range names {
		key := "ec2_tag_" + strings.Map(variableRune, name)
		if other, ok := seen[key]; ok {
			m.problem(diag.Range{}, "tag-collision", "the tags %q and %q both become the parameter %s", other, name, key)
			continue
		}
		seen[key] = name
		from := []Origin{{Tag: name}}
		out.entries = append(out.entries, entry{key, &item{kind: kindScalar, scalar: value.String(tags[name]), from: from}})
	}
	return out
}

func variableRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		return r
	}
	return '_'
}
