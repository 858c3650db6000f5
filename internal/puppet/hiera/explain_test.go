package hiera

import (
	"io/fs"
	"path"
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
	h.global.once.Do(func() { h.global.cfg = cfg })
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
