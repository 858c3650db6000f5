package hiera

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// memory is files in memory.
type memory map[string]string

func (m memory) ReadFile(name string) ([]byte, error) {
	text, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (m memory) Glob(dir, pattern string) []string {
	var out []string
	for name := range m {
		if ok, _ := path.Match(path.Join(dir, pattern), name); ok {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// inMemory is a Hiera whose global layer is files in memory.
func inMemory(t *testing.T, files memory) *Hiera {
	t.Helper()
	h := New(Options{})
	cfg, err := readConfig(files, "hiera.yaml", layerGlobal)
	if err != nil {
		t.Fatal(err)
	}
	h.global.cfg = cfg
	return h
}

func variables(vars *value.Hash) Variables {
	return func(_ *eval.Scope, name string) (value.Value, bool) {
		return vars.GetString(strings.TrimPrefix(name, "::"))
	}
}

func TestPathsStayInside(t *testing.T) {
	h := inMemory(t, memory{"hiera.yaml": "version: 5\nhierarchy: [{name: a, path: 'n/%{fact}.yaml'}]"})
	s := h.Session(variables(value.HashOf("fact", "../../../etc/passwd")))
	_, found, ex, err := s.Explain(t.Context(), nil, "k", value.Undef{})
	if err != nil || found {
		t.Fatal(found, err)
	}
	if !strings.Contains(ex.String(), "leads out of the data directory") {
		t.Errorf("the path was tried:\n%s", ex)
	}
}

func TestGlobalConfigIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := New(Options{GlobalConfig: filepath.Join(dir, "hiera.yaml")})
	find := func() string {
		v, found, err := h.Session(variables(nil)).Lookup(t.Context(), nil, "k", value.Undef{})
		if err != nil || !found {
			return "none"
		}
		return v.String()
	}
	if got := find(); got != "none" {
		t.Errorf("without a configuration: %s", got)
	}
	write("hiera.yaml", "version: 5\nhierarchy: [{name: a, path: a.yaml}]")
	write("data/a.yaml", "k: one")
	write("data/b.yaml", "k: two")
	if got := find(); got != "one" {
		t.Errorf("first configuration: %s", got)
	}
	write("data/a.yaml", "k: changed")
	if got := find(); got != "changed" {
		t.Errorf("changed data: %s", got)
	}
	write("hiera.yaml", "version: 5\nhierarchy: [{name: b, path: b.yaml}]")
	if got := find(); got != "two" {
		t.Errorf("second configuration: %s", got)
	}
}
