package compiler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// site makes an environment production of the given files and a compiler for it.
func site(t testing.TB, files map[string]string, opt Options) (*Compiler, string) {
	t.Helper()
	base := t.TempDir()
	for name, text := range files {
		path := filepath.Join(base, "production", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	opt.Library = module.NewLibrary(module.Options{EnvironmentPath: []string{base}})
	c, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c, filepath.Join(base, "production")
}

func request() Request {
	return Request{Node: "web01.test", Environment: "production", Facts: value.HashOf("os", value.HashOf("family", "Debian"))}
}

func compile(t *testing.T, code string) (*Result, error) {
	t.Helper()
	c, _ := site(t, map[string]string{"manifests/site.pp": code}, Options{})
	return c.Compile(t.Context(), request())
}

func diagnostic(t *testing.T, err error) *diag.Diagnostic {
	t.Helper()
	d, ok := errors.AsType[*diag.Diagnostic](err)
	if !ok {
		t.Fatalf("no diagnostic: %v", err)
	}
	return d
}

func TestDiagnosticsNameThePlaceAndTheWayThere(t *testing.T) {
	c, dir := site(t, map[string]string{
		"manifests/site.pp":                 "node default {\n  include role::web\n}\n",
		"modules/role/manifests/web.pp":     "class role::web {\n  profile::site { 'a': }\n}\n",
		"modules/profile/manifests/site.pp": "define profile::site {\n  file { '/x':\n    owenr => 'root',\n  }\n  notify { undef_fn(1): }\n}\n",
	}, Options{})
	_, err := c.Compile(t.Context(), request())
	d := diagnostic(t, err)
	if d.Code != "unknown-function" || d.Range.File != dir+"/modules/profile/manifests/site.pp" || d.Range.Start.Line != 5 {
		t.Errorf("%s at %s", d.Code, d.Range)
	}
	var frames []string
	for _, f := range d.Stack {
		frames = append(frames, fmt.Sprintf("%s:%d", f.Name, f.Range.Start.Line))
	}
	if diff := cmp.Diff([]string{"Profile::Site[a]:2"}, frames); diff != "" {
		t.Error(diff)
	}
}

func TestHints(t *testing.T) {
	for _, c := range []struct{ name, code, hint string }{
		{"attribute", "file { '/a': owenr => 'x' }", "did you mean 'owner'?"},
		{"type", "pakage { 'a': }", "did you mean 'package'?"},
		{"class", "class web { }\ninclude wbe", "did you mean 'web'?"},
		{"variable", "$colour = 1\nnotice($color)", "did you mean '$colour'?"},
		{"function", "notice(splitt('a', 'b'))", "did you mean 'split'?"},
		{"parameter of a class", "class a($message) { }\nclass { 'a': mesage => 1 }", "did you mean 'message'?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := compile(t, c.code)
			if d := diagnostic(t, err); d.Hint != c.hint {
				t.Errorf("hint %q of %v, want %q", d.Hint, d, c.hint)
			}
		})
	}
}

func TestClassificationIsNamedInErrors(t *testing.T) {
	c, _ := site(t, map[string]string{"manifests/site.pp": "class a($p) { }"}, Options{})
	for _, classes := range [][]Class{
		{{Name: "nope", Origin: "group web of node_groups.yml:3"}},
		{{Name: "a", Origin: "group web of node_groups.yml:3"}},
		{{Name: "a", Params: value.HashOf("q", 1), Origin: "group web of node_groups.yml:3"}},
	} {
		req := request()
		req.Classes = classes
		_, err := c.Compile(t.Context(), req)
		if err == nil || !strings.Contains(err.Error(), "node_groups.yml:3") {
			t.Errorf("%v: %v", classes[0], err)
		}
	}
}

func TestCycleIsReported(t *testing.T) {
	out, err := compile(t, `
class a { notify { 'x': require => Class['b'] } }
class b { notify { 'y': } }
include a, b
Notify['x'] -> Notify['y']
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Logs) != 1 || !strings.Contains(out.Logs[0].Message, "Notify[x] => ") || !strings.Contains(out.Logs[0].Message, "Notify[y]") {
		t.Errorf("logs %v", out.Logs)
	}
}

func TestSensitiveStaysOutOfStoredCatalogs(t *testing.T) {
	out, err := compile(t, `file { '/a': content => Sensitive('hunter2'), owner => 'x' }
notify { 'n': message => { 'deep' => [Sensitive('hunter2')] } }`)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := json.Marshal(out.Catalog)
	if err != nil || !strings.Contains(string(wire), "hunter2") {
		t.Fatalf("the agent's catalog lacks the value: %s %v", wire, err)
	}
	stored, err := json.Marshal(out.Catalog.Redact())
	if err != nil || strings.Contains(string(stored), "hunter2") {
		t.Errorf("the stored catalog has the value: %s %v", stored, err)
	}
}

// fakeExports are resources that other nodes export.
type fakeExports struct {
	list []*catalog.Resource
	err  error
}

func (f fakeExports) Exported(context.Context, string, string, string, eval.Query) ([]*catalog.Resource, error) {
	return f.list, f.err
}

func TestExportedResources(t *testing.T) {
	other := &catalog.Resource{
		Ref: catalog.Ref{Type: "Notify", Title: "from other"}, Tags: []string{"notify", "t"}, File: "/x.pp", Line: 3, Exported: true,
		Params: []catalog.Param{{Name: "message", Value: value.String("m")}},
	}
	skipped := &catalog.Resource{Ref: catalog.Ref{Type: "Notify", Title: "skipped"}, Tags: []string{"notify"}, Exported: true}
	c, _ := site(t, map[string]string{
		"manifests/site.pp": "@@notify { 'mine': tag => 't' }\n@@notify { 'kept': }\nNotify <<| tag == 't' |>>\n",
	}, Options{Exports: fakeExports{list: []*catalog.Resource{other, skipped}}})
	out, err := c.Compile(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	var titles, exported []string
	for _, r := range out.Catalog.Resources[3:] {
		titles = append(titles, r.Title)
	}
	for _, r := range out.Exported {
		exported = append(exported, r.Title)
	}
	if diff := cmp.Diff([]string{"mine", "from other"}, titles); diff != "" {
		t.Errorf("catalog: %s", diff)
	}
	if diff := cmp.Diff([]string{"mine", "kept"}, exported); diff != "" {
		t.Errorf("exported: %s", diff)
	}
}

func TestExportsFail(t *testing.T) {
	c, _ := site(t, map[string]string{"manifests/site.pp": "Notify <<| |>>"}, Options{Exports: fakeExports{err: errors.New("store is down")}})
	_, err := c.Compile(t.Context(), request())
	if err == nil || !strings.Contains(err.Error(), "store is down") {
		t.Error(err)
	}
	clash := &catalog.Resource{Ref: catalog.Ref{Type: "Notify", Title: "a"}, Exported: true}
	c, _ = site(t, map[string]string{"manifests/site.pp": "notify { 'a': }\nNotify <<| |>>"}, Options{Exports: fakeExports{list: []*catalog.Resource{clash}}})
	if _, err := c.Compile(t.Context(), request()); diagnostic(t, err).Code != "duplicate-declaration" {
		t.Error(err)
	}
}

func TestEndlessCodeEnds(t *testing.T) {
	c, _ := site(t, map[string]string{"manifests/site.pp": "Integer[1, 10000000].each |$x| { $y = $x + 1 }"}, Options{MaxSteps: 100_000})
	if _, err := c.Compile(t.Context(), request()); diagnostic(t, err).Code != "too-many-steps" {
		t.Error(err)
	}
	c, _ = site(t, map[string]string{"manifests/site.pp": "Integer[1, 10000000].each |$x| { $y = $x + 1 }"}, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Compile(ctx, request()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestUnknownEnvironment(t *testing.T) {
	c, _ := site(t, map[string]string{"manifests/site.pp": ""}, Options{})
	req := request()
	req.Environment = "nope"
	_, err := c.Compile(t.Context(), req)
	if _, ok := errors.AsType[*module.UnknownError](err); !ok {
		t.Error(err)
	}
}

func TestCodeIsSwitchedAtOnce(t *testing.T) {
	c, dir := site(t, map[string]string{
		"manifests/site.pp":           "include a",
		"modules/a/manifests/init.pp": "class a { notify { 'v1': } }",
	}, Options{})
	first, err := c.Compile(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/modules/a/manifests/init.pp", []byte("class a { notify { 'v2': } }"), 0o644); err != nil {
		t.Fatal(err)
	}
	second, err := c.Compile(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	last := second.Catalog.Resources[len(second.Catalog.Resources)-1]
	if last.Title != "v2" || first.CodeID == second.CodeID || second.CodeID != second.Catalog.CodeID {
		t.Errorf("%s, code %s after %s", last, second.CodeID, first.CodeID)
	}
}

func TestConcurrentCompilations(t *testing.T) {
	c, dir := site(t, exampleSite(), Options{})
	want, err := c.Compile(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				if i == 0 {
					text := fmt.Sprintf("# %d", j)
					if err := os.WriteFile(dir+"/modules/profile/manifests/unused.pp", []byte(text), 0o644); err != nil {
						t.Error(err)
					}
				}
				out, err := c.Compile(context.Background(), request())
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(refs(want), refs(out)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	wg.Wait()
}

func refs(r *Result) []string {
	var out []string
	for _, res := range r.Catalog.Resources {
		out = append(out, res.String())
	}
	return out
}

// exampleSite is a site with roles, profiles, data and templates.
func exampleSite() map[string]string {
	return map[string]string{
		"hiera.yaml":        "version: 5\nhierarchy:\n  - name: os\n    path: \"%{facts.os.family}.yaml\"\n  - name: common\n    path: common.yaml\n",
		"data/Debian.yaml":  "profile::web::package: nginx\n",
		"data/common.yaml":  "profile::web::sites:\n  a: {port: 80}\n  b: {port: 81}\n  c: {port: 82}\n",
		"manifests/site.pp": "File { owner => 'root', group => 'root' }\nnode default { include role::web }\n",
		"modules/role/manifests/web.pp": "class role::web {\n  include profile::base\n  include profile::web\n" +
			"  Class['profile::base'] -> Class['profile::web']\n}\n",
		"modules/profile/manifests/base.pp": "class profile::base(Array[String[1]] $packages = ['curl', 'git', 'vim']) {\n" +
			"  package { $packages: ensure => installed }\n  file { '/etc/motd': content => epp('profile/motd.epp', { 'name' => $trusted['certname'] }) }\n" +
			"  user { 'app': ensure => present, system => true }\n}\n",
		"modules/profile/manifests/web.pp": "class profile::web(String $package, Hash[String, Struct[{port => Integer[1, 65535]}]] $sites) {\n" +
			"  package { $package: ensure => installed }\n  service { 'nginx': ensure => running, enable => true, require => Package[$package] }\n" +
			"  $sites.each |$name, $site| {\n    profile::site { $name: * => $site, notify => Service['nginx'] }\n  }\n}\n",
		"modules/profile/manifests/site.pp":  "define profile::site(Integer $port) {\n  file { \"/etc/nginx/sites/${title}\": content => epp('profile/site.epp', { 'title' => $title, 'port' => $port }) }\n}\n",
		"modules/profile/templates/motd.epp": "<%- | String $name | -%>\nthis is <%= $name %>\n",
		"modules/profile/templates/site.epp": "<%- | String $title, Integer $port | -%>\nserver { listen <%= $port %>; name <%= $title %>; }\n",
	}
}

func BenchmarkCompile(b *testing.B) {
	c, _ := site(b, exampleSite(), Options{})
	req := request()
	for b.Loop() {
		if _, err := c.Compile(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileLarge has 2,000 resources of 1,000 defines.
func BenchmarkCompileLarge(b *testing.B) {
	c, _ := site(b, map[string]string{"manifests/site.pp": `
define d($v) { file { "/srv/${title}": content => "${v}", mode => '0644' } notify { "n ${title}": require => File["/srv/${title}"] } }
Integer[1, 1000].each |$i| { d { "x${i}": v => $i * 2 } }
`}, Options{})
	req := request()
	for b.Loop() {
		if _, err := c.Compile(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
