// Package agent compares what our agent does with what Puppet's own does, where that is installed (apt-get install
// puppet-agent): facts, and runs with their log lines.
package agent

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"kickoff/internal/agent/collect"
	"kickoff/internal/value"
)

// moving are facts that are another moment later, and those of which Debian's Facter shows less.
var moving = []string{"memory", "load_averages", "system_uptime", "mountpoints", "virtual", "is_virtual", "dmi", "path",
	".available", ".used", ".capacity"}

// absent are facts about programs that we do not need, or that this release of Facter names differently.
var absent = []string{"augeas", "ruby", "facterversion", "hypervisors", "aio_agent_version", "ec2_metadata", "dhcp", "speed", "partitions"}

func TestFactsAreFacters(t *testing.T) {
	if _, err := exec.LookPath("facter"); err != nil {
		t.Skip("facter is not installed: apt-get install facter")
	}
	var stdout bytes.Buffer
	cmd := exec.Command("facter", "--json")
	cmd.Stdout = &stdout
	_ = cmd.Run() // it complains on machines where it may not read everything
	parsed, err := value.ParseJSON(stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want, _ := value.ToGo(parsed).(map[string]any)
	got := value.ToGo(collect.Collect(t.Context(), collect.Options{})).(map[string]any)
	if len(want) < 10 {
		t.Fatalf("facter told only %d facts", len(want))
	}
	compareFacts(t, "", want, got)
}

func compareFacts(t *testing.T, path string, want, got any) {
	t.Helper()
	name := strings.TrimPrefix(path, ".")
	for _, skip := range append(moving, absent...) {
		if name == skip || strings.HasPrefix(name, skip+".") || strings.Contains(name+".", skip+".") && skip[0] == '.' {
			return
		}
		if strings.HasSuffix(name, "."+skip) {
			return
		}
	}
	w, isMap := want.(map[string]any)
	if !isMap {
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: facter has %s, we have %s", name, a, b)
		}
		return
	}
	g, ok := got.(map[string]any)
	if !ok {
		t.Errorf("%s: facter has %v, we have %v", name, want, got)
		return
	}
	for k := range w {
		// Interfaces come and go while other tests run.
		if _, ok := g[k]; !ok && path == ".networking.interfaces" {
			continue
		}
		compareFacts(t, path+"."+k, w[k], g[k])
	}
}
