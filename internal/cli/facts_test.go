package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// call runs a command line and gives what it printed.
func callCLI(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(args, &IO{In: strings.NewReader(""), Out: &out, Err: &errs})
	return out.String(), errs.String(), code
}

func TestFactsCommand(t *testing.T) {
	if out, _, code := callCLI(t, "facts", "kernel"); out != "Linux\n" || code != 0 {
		t.Errorf("%q, %d", out, code)
	}
	out, _, _ := callCLI(t, "facts", "-o", "json")
	var facts map[string]any
	if err := json.Unmarshal([]byte(out), &facts); err != nil || facts["os"] == nil || facts["kickoffversion"] != Version {
		t.Errorf("%v, %v", err, facts)
	}
	if out, _, _ := callCLI(t, "facts", "-o", "yaml", "kernel", "no.such"); out != "kernel: Linux\nno.such: null\n" {
		t.Errorf("%q", out)
	}
	if out, _, _ := callCLI(t, "facts", "os.family", "kernel"); !strings.HasSuffix(out, "kernel => Linux\n") {
		t.Errorf("%q", out)
	}
	if _, errs, code := callCLI(t, "facts", "-o", "xml"); code != 1 || !strings.Contains(errs, "use text, json or yaml") {
		t.Errorf("%q, %d", errs, code)
	}
}

func TestAgentCommandLine(t *testing.T) {
	dir := t.TempDir()
	conf := dir + "/puppet.conf"
	if err := os.WriteFile(conf, []byte("[main]\nvardir = "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := callCLI(t, "agent", "--config", conf, "--disable", "a reason"); code != 0 {
		t.Errorf("disable: %q", errs)
	}
	if text, err := os.ReadFile(dir + "/state/agent_disabled.lock"); err != nil || !strings.Contains(string(text), "reason") {
		t.Errorf("%s, %v", text, err)
	}
	if _, errs, code := callCLI(t, "agent", "--config", conf, "--enable"); code != 0 {
		t.Errorf("enable: %q", errs)
	}
	for want, args := range map[string][]string{
		"no such file":                  {"agent", "-t", "--config", dir + "/none"},
		"a number of seconds":           {"agent", "-t", "--config", conf, "--runinterval", "soon"},
		"true or false is wanted":       {"agent", "-t", "--config", conf, "--noop=perhaps"},
		"auto, true or false":           {"agent", "-t", "--config", conf, "--color", "blue"},
		"unknown flag":                  {"agent", "--frobnicate"},
		"no CA certificate in":          {"agent", "-t", "--config", conf, "--ssldir", dir + "/ssl", "--certname", "x", "--kickoff_ca", dir + "/ca.pem", "--no-splay", "--skip_tags", "a"},
		"either a manifest or --execut": {"apply", "x.pp", "-e", "notice(1)"},
		"find manifest":                 {"apply", dir + "/none.pp"},
	} {
		if _, errs, code := callCLI(t, args...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: code %d, %q; want %q", args, code, errs, want)
		}
	}
}
