package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, text string, overrides map[string]string) (*Puppet, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "puppet.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadPuppet(PuppetOptions{Path: path, Section: "agent", Overrides: overrides})
}

func TestLoadPuppet(t *testing.T) {
	p, err := load(t, `
# a comment
vardir = /srv/var
[main]
server = kickoff.internal
certname = i-0abc {owner = root, mode = 600}
runinterval = 10m
[agent]
runinterval = 30   
tags = a, b,,c
statedir = ${vardir}/here
[server]
runinterval = 1h
[master]
noop = true
`, map[string]string{"splay": "true"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"server", "ca_server", "certname", "statedir", "lastrunreport", "splay", "noop", "ssldir", "masterport"} {
		got[name] = p.Get(name)
	}
	want := map[string]string{
		"server": "kickoff.internal", "ca_server": "kickoff.internal", "certname": "i-0abc", "statedir": "/srv/var/here",
		"lastrunreport": "/srv/var/here/last_run_report.yaml", "splay": "true", "noop": "false",
		"ssldir": "/etc/puppetlabs/puppet/ssl", "masterport": "8140",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d := p.Duration("runinterval"); d != 30*time.Second {
		t.Errorf("runinterval %s", d)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, p.List("tags")); diff != "" {
		t.Error(diff)
	}
	if d := p.Duration("maxwaitforcert"); d >= 0 {
		t.Errorf("unlimited is %s", d)
	}
}

func TestPuppetWarnings(t *testing.T) {
	p, err := load(t, "[main]\nsevrer = x\ndns_alt_names = a\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := p.Warnings()
	if len(w) != 2 || !strings.Contains(w[0], `:2: setting "sevrer" is not used by kickoff (did you mean "server"?)`) {
		t.Errorf("warnings %q", w)
	}
}

func TestBadPuppetConf(t *testing.T) {
	for text, want := range map[string]string{
		"[main\n":                        ":1: section",
		"[]\n":                           ":1: the section has no name",
		"[main]\nhello\n":                `:2: "hello" is neither`,
		"a b = c\n":                      "is neither",
		"vardir = $vardir/x\n":           "refers to itself",
		"vardir = $nosuch\n":             "no setting $nosuch",
		"runinterval = soon\n":           "a number of seconds",
		"noop = maybe\n":                 "true or false",
		"serverport = 99999\n":           "a port",
		"key_type = dsa\n":               "one of ec, rsa",
		"vardir = relative\n":            "an absolute path",
		"certname = Upper.Case\n":        "a lower-case host name",
		"kickoff_workers = 0\n":          "above 0",
		"server = https://x:8140\n":      "host name",
		strings.Repeat("x", 100000) + "": "token too long",
	} {
		if _, err := load(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got error %v, want %q", text, err, want)
		}
	}
	if _, err := load(t, "", map[string]string{"nosuch": "x"}); err == nil {
		t.Error("unknown override was taken")
	}
	if _, err := LoadPuppet(PuppetOptions{Path: "/nonexistent/puppet.conf"}); err == nil {
		t.Error("missing named file was accepted")
	}
}

func TestLayouts(t *testing.T) {
	root := t.TempDir()
	p, err := LoadPuppet(PuppetOptions{Root: root})
	if err != nil || p.Get("confdir") != "/etc/puppetlabs/puppet" {
		t.Fatalf("%v, %v", p, err)
	}
	if err := os.MkdirAll(root+"/etc/puppet", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/etc/puppet/puppet.conf", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err = LoadPuppet(PuppetOptions{Root: root}); err != nil || p.Get("ssldir") != "/var/lib/puppet/ssl" {
		t.Fatalf("%v, %v", p, err)
	}
}

func FuzzPuppetConf(f *testing.F) {
	f.Add("[main]\nserver = $certname\ncertname = ${server}\n")
	f.Add("a={b=c}\n[x]\n'=\"")
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := parsePuppetConf("puppet.conf", []byte(text))
		if err != nil {
			return
		}
		p := &Puppet{values: map[string]string{}}
		for _, entries := range sections {
			for _, e := range entries {
				p.values[e.name] = e.value
			}
		}
		_ = p.resolve()
	})
}
