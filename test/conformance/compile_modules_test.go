package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/puppet/compiler"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// debianModules is where Debian's packages puppet-module-* are installed.
const debianModules = "/usr/share/puppet/modules"

// TestDebianModulesLikePuppet compiles classes of published modules, unmodified, and compares the catalogs with those of
// the real Puppet on the same machine.
func TestDebianModulesLikePuppet(t *testing.T) {
	if os.Getenv("KICKOFF_CONFORMANCE") != "1" {
		t.Skip("set KICKOFF_CONFORMANCE=1 to compare with the real Puppet (packages puppet-agent and puppet-module-*)")
	}
	facts, err := os.ReadFile(filepath.Join("testdata", "facts-debian-12.json"))
	if err != nil {
		t.Fatal(err)
	}
	sites := map[string]string{
		"apt": "include apt", "ntp": "include ntp", "systemd": "include systemd", "collectd": "include collectd",
		"powerdns": "include powerdns", "archive": "include archive", "stages": "include stdlib::stages",
		"sysctl": "include sysctl::base", "firewall": "include firewall", "staging": "include staging", "glance": "include glance",
		"apt_source": "apt::source { 'x': location => 'http://deb.example.com', repos => 'main', key => { 'id' => '0123456789ABCDEF0123456789ABCDEF01234567' } }",
		"concat":     "concat { '/tmp/c': ensure => present }\nconcat::fragment { 'a': target => '/tmp/c', content => 'x', order => '01' }",
		"stdlib":     "file_line { 'l': path => '/etc/x', line => 'a' }\nensure_packages(['vim', 'git'])\nensure_resource('user', 'u', { 'ensure' => 'present' })\nanchor { 'x': }",
	}
	var cases []*compileCase
	base := t.TempDir()
	for id, code := range sites {
		c := &compileCase{ID: id, Node: "node.test", Facts: facts, Env: filepath.Join(base, id, "production")}
		if err := os.MkdirAll(filepath.Join(c.Env, "manifests"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Env, "manifests", "site.pp"), []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	want := runPuppet(t, cases)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			if diff := cmp.Diff(want[c.ID], withModules(t, c)); diff != "" {
				t.Errorf("catalog of Puppet (-) and ours (+):\n%s", diff)
			}
		})
	}
}

func withModules(t *testing.T, c *compileCase) string {
	t.Helper()
	comp, err := compiler.New(compiler.Options{Library: module.NewLibrary(module.Options{
		EnvironmentPath: []string{filepath.Dir(c.Env)}, BaseModulePath: []string{debianModules},
	})})
	if err != nil {
		t.Fatal(err)
	}
	req := c.request(t)
	req.Parameters = value.NewHash(0)
	res, err := comp.Compile(t.Context(), req)
	if err != nil {
		return err.Error()
	}
	data, err := json.Marshal(res.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	var logs []logLine
	for _, l := range res.Logs {
		logs = append(logs, logLine{l.Level, l.Message, l.Source})
	}
	return catalogText(t, c, data, logs)
}
