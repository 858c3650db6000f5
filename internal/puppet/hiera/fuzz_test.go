package hiera

import (
	"context"
	"strings"
	"testing"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

func FuzzInterpolate(f *testing.F) {
	for _, s := range []string{"%{a}", "%{facts.os.family} %{lookup('x')}", "%{literal('%')}{x}", "%{", "%{alias(\"x\")}", "%{a.'b.c'.0}", "%%{}", "%{lookup('a.')}"} {
		f.Add(s)
	}
	h := New(Options{})
	f.Fuzz(func(t *testing.T, s string) {
		session := h.Session(func(_ *eval.Scope, name string) (value.Value, bool) {
			return value.HashOf("b", value.Strings("x")), name == "a"
		})
		q := &quest{s: session}
		v, err := q.interpolate(context.Background(), value.String(s), true)
		if err == nil && v == nil {
			t.Fatal("neither a value nor an error")
		}
	})
}

func FuzzYAML(f *testing.F) {
	f.Add("a: &x [1, *x]\nb: {<<: *x}")
	f.Add("a: 1:30\nb: 0x_\n? [x]\n: 1e400")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseYAML("f", []byte(s))
		if err == nil && v == nil {
			t.Fatal("neither a value nor an error")
		}
	})
}

func FuzzSplitKey(f *testing.F) {
	f.Add("a.b.'c.d'.0")
	f.Fuzz(func(t *testing.T, s string) {
		segs, err := splitKey(s)
		if err == nil && len(segs) == 0 {
			t.Fatal("no segments")
		}
	})
}

func TestBillionLaughs(t *testing.T) {
	var text strings.Builder
	text.WriteString("a: &a [x,x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c <= 'k'; c++ {
		p := string(c - 1)
		text.WriteString(string(c) + ": &" + string(c) + " [*" + p + ",*" + p + ",*" + p + ",*" + p + ",*" + p + ",*" + p + ",*" + p + ",*" + p + ",*" + p + ",*" + p + "]\n")
	}
	if _, err := ParseYAML("bomb.yaml", []byte(text.String())); err == nil {
		t.Error("a document of 10^11 values was read")
	}
}

func TestYAMLErrorsNamePlace(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: 2020-01-01": "d.yaml:2: 2020-01-01 is a date, which is not allowed in data: put it in quotes",
		"a: 1\n\nb: :sym":     "d.yaml:3: :sym is a symbol of Ruby, which is not allowed in data: put it in quotes",
		"a: !ruby/regexp /x/": "d.yaml:1: tag !ruby/regexp is not allowed in data",
		"a: &x [*x]":          "d.yaml:1: alias *x refers to the value it is part of",
	} {
		_, err := ParseYAML("d.yaml", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestConfigRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"version: 3":          "hiera.yaml: version 3 of the configuration is not supported; write it as version 5",
		"hierarchy: []":       "hiera.yaml: it has no 'version: 5'; older configurations are not supported",
		"version: 5\nhier: 1": "hiera.yaml: unrecognized key 'hier'",
		"version: 5\nhierarchy: [{name: a, path: x, paths: [y]}]":                   "hiera.yaml: 'hierarchy' entry 1 ('a'): only one of 'path' and 'paths' can be given",
		"version: 5\nhierarchy: [{name: a, path: x},{name: a, path: y}]":            "hiera.yaml: Hierarchy name 'a' defined more than once",
		"version: 5\nhierarchy: [{name: a, lookup_key: eyaml_lookup_key, path: x}]": "hiera.yaml: 'hierarchy' entry 1 ('a'): lookup_key: eyaml_lookup_key is not supported; kickoff reads data_hash: yaml_data and json_data",
	} {
		_, err := readConfig(memory{"hiera.yaml": text}, "hiera.yaml", layerEnvironment)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got  %v\n want %s", text, err, want)
		}
	}
}
