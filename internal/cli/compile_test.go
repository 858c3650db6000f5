package cli

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kickoff/internal/catalog"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server"
	"kickoff/internal/server/enc"
	"kickoff/internal/server/node"
	"kickoff/internal/store"
	"kickoff/internal/value"
)

// TestExportedResourcesOfOthers stores what one node exports and collects it on another.
func TestExportedResourcesOfOthers(t *testing.T) {
	dir := t.TempDir()
	site := filepath.Join(dir, "environments/production/manifests/site.pp")
	if err := os.MkdirAll(filepath.Dir(site), 0o755); err != nil {
		t.Fatal(err)
	}
	code := "node 'web' {\n  @@notify { \"from ${trusted['certname']}\": message => 'hello', tag => 'greeting' }\n}\n" +
		"node 'lb' {\n  Notify <<| tag == 'greeting' |>>\n}\n"
	if err := os.WriteFile(site, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), filepath.Join(dir, "kickoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	lib := module.NewLibrary(module.Options{EnvironmentPath: []string{filepath.Join(dir, "environments")}})
	comp, err := newCompiler(lib, storedExports{st}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	compile := func(name string) *server.CompileResult {
		t.Helper()
		empty := value.NewHash(0)
		res, err := serverCompiler{comp}.Compile(t.Context(), server.CompileRequest{
			Node: name, Environment: "production", Facts: empty, Parameters: empty, ServerFacts: empty,
			Trusted: value.HashOf("certname", name, "extensions", empty),
		})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	web := compile("web")
	if len(web.Exported) != 1 || web.Exported[0].Title != "from web" {
		t.Fatalf("exported %+v", web.Exported)
	}
	var list []node.Exported
	for _, r := range web.Exported {
		text, err := json.Marshal(&catalog.Catalog{Name: "web", Resources: []*catalog.Resource{r}})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, node.Exported{Type: r.Type, Title: r.Title, JSON: text})
	}
	if err := st.PutCatalog(t.Context(), web.Catalog, "t", list, time.Now()); err != nil {
		t.Fatal(err)
	}
	collected := func() (n int) {
		for _, r := range compile("lb").Catalog.Resources {
			if r.Ref.String() == "Notify[from web]" {
				n++
			}
		}
		return n
	}
	if collected() != 1 {
		t.Error("the export was not collected")
	}
	if err := st.RetireNode(t.Context(), "web", "terminated", time.Now()); err != nil {
		t.Fatal(err)
	}
	if collected() != 0 {
		t.Error("the export of a retired node is collected")
	}
}

func TestOriginsOfClassesReachTheErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "production/manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	comp, err := newCompiler(module.NewLibrary(module.Options{EnvironmentPath: []string{dir}}), nil, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	empty := value.NewHash(0)
	_, err = serverCompiler{comp}.Compile(t.Context(), server.CompileRequest{
		Node: "i-1", Environment: "production", Facts: empty, Parameters: empty, ServerFacts: empty, Trusted: empty,
		Classes: []enc.Class{{Name: "role::nope", From: []enc.Origin{{Group: "web"}}}},
	})
	if err == nil || !strings.Contains(err.Error(), "role::nope") || !strings.Contains(err.Error(), "group web") {
		t.Errorf("got %v", err)
	}
}
