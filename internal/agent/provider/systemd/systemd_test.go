package systemd

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

func res(t *testing.T, pairs ...any) *provider.Resource {
	t.Helper()
	typ, _ := resource.Builtin().Lookup("service")
	params := resource.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i].(string)] = value.FromGo(pairs[i+1])
	}
	munged, err := typ.Munge("web", params)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Resource{Ref: catalog.Ref{Type: "Service", Title: "web"}, Type: typ, Params: munged}
}

func show(load, active, file, reload string) system.Answer {
	return system.Answer{Prefix: "systemctl show", Result: system.Result{Stdout: []byte(
		"LoadState=" + load + "\nActiveState=" + active + "\nUnitFileState=" + file + "\nNeedDaemonReload=" + reload + "\n")}}
}

func newTest(t *testing.T, script *system.Script) *Provider {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(root+"/run/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	return New(Options{Machine: system.NewMachine(root, script)})
}

// actions are the commands that change something.
func actions(script *system.Script) []string {
	var out []string
	for _, line := range script.Ran() {
		if !strings.HasPrefix(line, "systemctl show") {
			out = append(out, strings.Replace(line, "systemctl ", "", 1))
		}
	}
	return out
}

func TestCheckAndApply(t *testing.T) {
	tests := []struct {
		name    string
		unit    system.Answer
		params  []any
		want    string
		actions []string
	}{
		{"in sync", show("loaded", "active", "enabled", "no"), []any{"ensure", "running", "enable", true}, "", nil},
		{"start", show("loaded", "inactive", "enabled", "no"), []any{"ensure", true, "enable", true}, "ensure stopped>running", []string{"start -- web"}},
		{"start and enable", show("loaded", "failed", "disabled", "no"), []any{"ensure", "running", "enable", true},
			"ensure stopped>running", []string{"start -- web", "enable -- web"}},
		{"new unit", show("not-found", "inactive", "", "no"), []any{"ensure", "running"}, "ensure stopped>running",
			[]string{"daemon-reload", "start -- web"}},
		{"changed unit", show("loaded", "inactive", "enabled", "yes"), []any{"ensure", "running"}, "ensure stopped>running",
			[]string{"daemon-reload", "start -- web"}},
		{"stop and disable", show("loaded", "active", "enabled", "no"), []any{"ensure", "stopped", "enable", false},
			"ensure running>stopped", []string{"stop -- web", "disable -- web"}},
		{"enable", show("loaded", "active", "disabled", "no"), []any{"enable", true}, "enable false>true", []string{"enable -- web"}},
		{"static", show("loaded", "active", "static", "no"), []any{"enable", true}, "", nil},
		{"mask", show("loaded", "inactive", "enabled", "no"), []any{"enable", "mask"}, "enable true>mask", []string{"disable -- web", "mask -- web"}},
		{"mask static", show("loaded", "inactive", "static", "no"), []any{"enable", "mask"}, "enable true>mask", []string{"mask -- web"}},
		{"masked", show("masked", "inactive", "masked", "no"), []any{"enable", "mask"}, "", nil},
		{"masked is disabled", show("masked", "inactive", "masked", "no"), []any{"enable", false}, "", nil},
		{"unmask", show("masked", "inactive", "masked", "no"), []any{"ensure", "running", "enable", true}, "ensure stopped>running",
			[]string{"unmask -- web", "start -- web", "unmask -- web", "enable -- web"}},
		{"own command", show("loaded", "inactive", "enabled", "no"), []any{"ensure", "running", "start", "/bin/go"},
			"ensure stopped>running", []string{"/bin/sh -c /bin/go"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script := &system.Script{Answers: []system.Answer{tt.unit, {Prefix: ""}}}
			p := newTest(t, script)
			cs, err := p.Check(t.Context(), res(t, tt.params...))
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, c := range cs {
				got.WriteString(c.Property + " " + c.Previous.String() + ">" + c.Desired.String())
				if err := c.Apply(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if got.String() != tt.want {
				t.Errorf("got %q, want %q", got.String(), tt.want)
			}
			if d := cmp.Diff(tt.actions, actions(script)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFailureHoldsTheJournal(t *testing.T) {
	script := &system.Script{Answers: []system.Answer{show("loaded", "inactive", "enabled", "no"),
		{Prefix: "systemctl start", Result: system.Result{Code: 1, Stderr: []byte("Job for web.service failed.\n")}},
		{Prefix: "journalctl", Result: system.Result{Stdout: []byte("web[1]: no such port\n")}}}}
	p := newTest(t, script)
	cs, err := p.Check(t.Context(), res(t, "ensure", "running"))
	if err != nil {
		t.Fatal(err)
	}
	err = cs[0].Apply(t.Context())
	want := "Systemd start for web failed!\nJob for web.service failed.\njournalctl log for web:\nweb[1]: no such port"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRefresh(t *testing.T) {
	tests := []struct {
		name    string
		active  string
		params  []any
		actions []string
		done    bool
	}{
		{"restart", "active", nil, []string{"restart -- web"}, true},
		{"not running", "inactive", nil, nil, false},
		{"own command", "active", []any{"restart", "/bin/hup"}, []string{"/bin/sh -c /bin/hup"}, true},
		{"stop and start", "active", []any{"hasrestart", false}, []string{"stop -- web", "start -- web"}, true},
	}
	for _, tt := range tests {
		script := &system.Script{Answers: []system.Answer{show("loaded", tt.active, "enabled", "no"), {Prefix: ""}}}
		done, err := newTest(t, script).Refresh(t.Context(), res(t, tt.params...))
		if err != nil || done != tt.done {
			t.Errorf("%s: %v %v", tt.name, done, err)
		}
		if d := cmp.Diff(tt.actions, actions(script)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// A service that this run has started has seen all that notifies it.
func TestRefreshAfterStart(t *testing.T) {
	stopped := show("loaded", "inactive", "enabled", "no")
	script := &system.Script{Answers: []system.Answer{stopped, {Prefix: ""}}}
	p := newTest(t, script)
	r := res(t, "ensure", "running")
	cs, err := p.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := cs[0].Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := p.Refresh(t.Context(), r); done || err != nil {
		t.Errorf("%v %v", done, err)
	}
	if d := cmp.Diff([]string{"start -- web"}, actions(script)); d != "" {
		t.Error(d)
	}
}

func TestRefuses(t *testing.T) {
	p := newTest(t, &system.Script{})
	for _, params := range [][]any{{"provider", "upstart"}, {"enable", "manual"}, {"hasstatus", false}, {"flags", "-x"}} {
		if _, err := p.Check(t.Context(), res(t, params...)); err == nil || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%v: %v", params, err)
		}
	}
	p = New(Options{Machine: system.NewMachine(t.TempDir(), &system.Script{})})
	if _, err := p.Check(t.Context(), res(t)); err == nil || !strings.Contains(err.Error(), "systemd does not run") {
		t.Errorf("%v", err)
	}
}
