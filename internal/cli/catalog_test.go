package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// codeDir makes the directory of an environment production with one manifest.
func codeDir(t *testing.T, site string) string {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "production", "manifests")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "site.pp"), []byte(site), 0o644); err != nil {
		t.Fatal(err)
	}
	return base
}

func TestCatalogCompile(t *testing.T) {
	base := codeDir(t, "class role { notify { \"${facts['os']} ${tier}\": } notice('hello') }\n")
	facts := filepath.Join(base, "facts.json")
	if err := os.WriteFile(facts, []byte(`{"name": "web01", "values": {"os": "Debian"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	code := Main([]string{
		"catalog", "compile", "web01", "--environmentpath", base, "--facts", facts, "--class", "role", "--parameter", "tier=web",
	}, &IO{Out: &out, Err: &errOut})
	if code != 0 {
		t.Fatalf("status %d: %s", code, errOut.String())
	}
	var catalog struct {
		Name      string
		Resources []struct{ Type, Title string }
	}
	if err := json.Unmarshal(out.Bytes(), &catalog); err != nil {
		t.Fatal(err)
	}
	last := catalog.Resources[len(catalog.Resources)-1]
	if catalog.Name != "web01" || last.Title != "Debian web" {
		t.Errorf("catalog %+v", catalog)
	}
	if !strings.Contains(errOut.String(), "notice: Scope(Class[Role]): hello") {
		t.Errorf("messages: %s", errOut.String())
	}
}

func TestCatalogCompileRefuses(t *testing.T) {
	base := codeDir(t, "notify { 'a':\n  mesage => 'x',\n}\n")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"code", nil, " 2 |   mesage => 'x',\n"},
		{"hint", nil, "did you mean 'message'?"},
		{"class", []string{"--class", "nope"}, "Could not find class ::nope"},
		{"environment", []string{"-E", "nope"}, "environment 'nope' was not found"},
		{"facts", []string{"--facts", "/nonexistent.json"}, "read facts"},
		{"strict", []string{"--strict", "maybe"}, "--strict"},
		{"parameter", []string{"--parameter", "x"}, "NAME=VALUE"},
		{"output", []string{"-o", "xml"}, "output format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			args := append([]string{"catalog", "compile", "web01", "--environmentpath", base}, c.args...)
			if code := Main(args, &IO{Out: &out, Err: &errOut}); code != 1 || !strings.Contains(errOut.String(), c.want) {
				t.Errorf("status %d: %s", code, errOut.String())
			}
			if out.Len() > 0 {
				t.Errorf("a catalog was printed: %s", out.String())
			}
		})
	}
}
