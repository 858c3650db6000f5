package enc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sample = `---
base:
  classes:
    profile::base:
    ntp:
      servers: [a, b]
  parameters:
    tier: one
    nested: {x: 1, list: [1, 2]}
loadbalancer:
  classes: {role::loadbalancer: }
  environment: production
backend-production:
  classes:
    role::backend:
    profile::base: {port: 8080}
    ntp:
      servers: [b, c]
  parameters:
    tier: one
    nested: {y: yes, list: [2, 3]}
    port: "010"
  environment: production
other:
  parameters: {tier: two}
  environment: staging
empty:
list:
  classes: [a, '::b']
`

func groups(t *testing.T, text string) *NodeGroups {
	t.Helper()
	g, err := Parse("node_groups.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestClassifyMerges(t *testing.T) {
	// The order of the instance's groups does not matter; the order of the file does.
	inst := Instance{
		ID: "i-1", SecurityGroups: []string{"backend-production", "unlisted", "base", "empty"},
		Tags: map[string]string{"app": "api", "my-tag": "on"},
	}
	c, err := groups(t, sample).Classify(inst)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want := `---
classes:
  profile::base:
    port: 8080
  ntp:
    servers:
      - a
      - b
      - c
  role::backend: null
parameters:
  tier: one
  nested:
    x: 1
    list:
      - 1
      - 2
      - 3
    "y": true
  port: "010"
  ec2_tag_app: api
  ec2_tag_my_tag: "on"
environment: production
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"unlisted"}, c.Unmatched); diff != "" {
		t.Error(diff)
	}
	var b strings.Builder
	if err := c.Explain(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"node_groups.yml:15:5)", "security group unlisted, which", "from tag my-tag", "class profile::base\n  from group base ("} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("explanation lacks %q:\n%s", line, &b)
		}
	}
}

func TestClassifyNothing(t *testing.T) {
	c, err := groups(t, sample).Classify(Instance{ID: "i-2"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if want := "---\nclasses: {}\nparameters: {}\n"; err != nil || string(text) != want {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestConflictsNameBothGroups(t *testing.T) {
	for name, c := range map[string]struct {
		groups []string
		tags   map[string]string
		want   []string
	}{
		"scalars and environments": {[]string{"base", "backend-production", "other"}, nil,
			[]string{"parameters.tier", `"one"`, `"two"`, "group base", "group other", "node_groups.yml:25:", "environment is"}},
		"tags": {nil, map[string]string{"a-b": "1", "a_b": "2"}, []string{"ec2_tag_a_b", `"a-b"`, `"a_b"`}},
	} {
		_, err := groups(t, sample).Classify(Instance{SecurityGroups: c.groups, Tags: c.tags})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", name, err, w)
			}
		}
	}
}

func TestKindsConflict(t *testing.T) {
	g := groups(t, "a:\n  parameters: {p: [1]}\nb:\n  parameters: {p: {x: 1}}\n")
	_, err := g.Classify(Instance{SecurityGroups: []string{"a", "b"}})
	if err == nil || !strings.Contains(err.Error(), "an array in group a") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a: [1]\n":                               ":1:4: group a must be a mapping",
		"a:\n  clases: {}\n":                     ":2:3: group a has the unknown key \"clases\" (did you mean 'classes'?)",
		"a:\n  classes: {A-b: }\n":               ":2:13: \"A-b\" is no name of a class",
		"a:\n  classes: {b: 3}\n":                "parameters of class b must be a mapping",
		"a:\n  environment: a b\n":               ":2:16: the environment of group a",
		"a:\n  classes:\n   x: }\n":              ":3: not valid YAML",
		"a:\n  parameters: 3\n":                  "must be a mapping",
		"a: \na: \n":                             ":2:1: node_groups.yml has the key \"a\" twice",
		"a:\n---\nb:\n":                          "more than one YAML document",
		"a:\n  parameters: {x: !ruby/object {}}": "",
	} {
		_, err := Parse("node_groups.yml", []byte(text))
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "node_groups.yml") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestMergeKeysAndAliases(t *testing.T) {
	g := groups(t, "base: &b\n  parameters: {x: 1}\na:\n  <<: *b\n  environment: e\n")
	c, err := g.Classify(Instance{SecurityGroups: []string{"a"}})
	if err != nil || c.Parameters.Len() != 1 || c.Environment != "e" {
		t.Errorf("got %+v, %v", c, err)
	}
}

type inventory map[string]Instance

func (i inventory) FindInstance(_ context.Context, name string) (Instance, error) {
	if inst, ok := i[name]; ok {
		return inst, nil
	}
	return Instance{}, ErrUnknownNode
}

func TestClassifierReadsAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node_groups.yml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("g:\n  classes: {one: }\n")
	c := New(file, inventory{"i-1": {ID: "i-1", SecurityGroups: []string{"g"}}})
	got, err := c.Classify(t.Context(), "i-1")
	if err != nil || got.Classes[0].Name != "one" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if o := got.ClassOrigin("::one"); len(o) != 1 || o[0].At.Start.Line != 2 {
		t.Errorf("origin %+v", o)
	}
	write("g:\n  classes: {two: \n")
	if _, err := c.Classify(t.Context(), "i-1"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("broken file: %v", err)
	}
	write("g:\n  classes: {two: }\n")
	if err := os.Chtimes(file, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err = c.Classify(t.Context(), "i-1"); err != nil || got.Classes[0].Name != "two" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Classify(t.Context(), "i-2"); !errors.Is(err, ErrUnknownNode) {
		t.Errorf("unknown node: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("a: &a\n  parameters: {x: *a}\n"))
	f.Add([]byte("a: &a\n  <<: *a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := Parse("f", text)
		if err != nil {
			return
		}
		var names []string
		for _, gr := range g.groups {
			names = append(names, gr.name)
		}
		c, err := g.Classify(Instance{SecurityGroups: names})
		if err != nil {
			return
		}
		if _, err := c.YAML(); err != nil {
			t.Fatal(err)
		}
	})
}
