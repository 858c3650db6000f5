package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

type lines []string

// Report implements provider.Reporter.
func (l *lines) Report(line provider.Line) {
	if line.Level != provider.Debug {
		*l = append(*l, string(line.Level)+" "+line.Property+" "+line.Message)
	}
}

func res(t *testing.T, title string, rep provider.Reporter, pairs ...any) *provider.Resource {
	t.Helper()
	typ, _ := resource.Builtin().Lookup("exec")
	params := resource.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i].(string)] = value.FromGo(pairs[i+1])
	}
	munged, err := typ.Munge(title, params)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Resource{Ref: catalog.Ref{Type: "Exec", Title: title}, Type: typ, Params: munged, Reporter: rep}
}

// TestRun runs real commands; texts are those of Puppet 7.23.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		title  string
		params []any
		want   string
		lines  []string
	}{
		{"/bin/true", nil, "executed successfully", nil},
		{"/bin/echo hi", []any{"logoutput", true}, "executed successfully", []string{"notice returns hi"}},
		{"/bin/echo hi", nil, "executed successfully", nil},
		{"/bin/false", nil, "'/bin/false' returned 1 instead of one of [0]", nil},
		{"/bin/echo out; /bin/false", nil, "'/bin/echo out; /bin/false' returned 1 instead of one of [0]", []string{"notice returns out"}},
		{"/bin/echo out; /bin/false", []any{"logoutput", false}, "'/bin/echo out; /bin/false' returned 1 instead of one of [0]", nil},
		{"/bin/false", []any{"returns", []any{1, 2}}, "executed successfully", nil},
		{"/bin/sleep 5", []any{"timeout", 0.1}, "Command exceeded timeout", nil},
		{"/bin/true", []any{"cwd", "/nonexist"}, "Working directory /nonexist does not exist!", nil},
		{"/usr/bin/nosuch", nil, "Could not find command '/usr/bin/nosuch'", nil},
		{"nosuch x", []any{"path", "/bin:/usr/bin"}, "Could not find command 'nosuch'", nil},
		{"cd /tmp && ls", []any{"path", []any{"/bin"}}, "Could not find command 'cd'", nil},
		{"cd / && pwd", []any{"provider", "shell", "logoutput", true}, "executed successfully", []string{"notice returns /"}},
		{"x", []any{"command", []any{"/bin/sh", "-c", "echo $0 \"$1\"; exit 3", "a", "b  c"}},
			`'["/bin/sh", "-c", "echo $0 \"$1\"; exit 3", "a", "b  c"]' returned 3 instead of one of [0]`, []string{"notice returns a b  c"}},
		{"echo [$HOME] $A $B", []any{"path", "/bin", "environment", []any{"A=1", "B=2 3"}, "logoutput", true},
			"executed successfully", []string{"notice returns [] 1 2 3"}},
		{"sh -c umask", []any{"path", "/bin", "umask", "077", "logoutput", true}, "executed successfully", []string{"notice returns 0077"}},
		{"pwd", []any{"path", "/bin", "cwd", dir, "logoutput", true}, "executed successfully", []string{"notice returns " + dir}},
		{"echo err >&2; echo out", []any{"path", "/bin", "logoutput", true}, "executed successfully", []string{"notice returns err", "notice returns out"}},
		{"/bin/true", []any{"user", "nosuchuser"}, "could not find user nosuchuser", nil},
		{"/bin/kill -9 $$", nil, "'/bin/kill -9 $$' returned 137 instead of one of [0]", nil},
		{"/bin/true", []any{"provider", "windows"}, "error: provider 'windows' is not supported: this agent runs commands of POSIX systems", nil},
		{"/bin/true", []any{"creates", dir}, "", nil},
		{"/bin/true", []any{"creates", []any{"/nonexist"}}, "executed successfully", nil},
		{"/bin/true", []any{"onlyif", "/bin/false"}, "", nil},
		{"/bin/true", []any{"onlyif", []any{"/bin/true", "/bin/false"}}, "", nil},
		{"/bin/true", []any{"onlyif", "/bin/nosuch"}, "", nil},
		{"/bin/true", []any{"unless", []any{"/bin/false", "/bin/true"}}, "", nil},
		{"/bin/true", []any{"unless", []any{[]any{"/bin/test", "a b", "=", "a b"}}}, "", nil},
		{"/bin/true", []any{"unless", "/bin/false"}, "executed successfully", nil},
		{"/bin/true", []any{"refreshonly", true}, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			var rep lines
			p := New(system.NewMachine("", system.Host{}))
			cs, err := p.Check(t.Context(), res(t, tt.title, &rep, tt.params...))
			got := ""
			switch {
			case err != nil:
				got = "error: " + err.Error()
			case len(cs) == 1:
				if got = cs[0].Message; cs[0].Apply != nil {
					if err := cs[0].Apply(t.Context()); err != nil {
						got = err.Error()
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if d := cmp.Diff(tt.lines, []string(rep)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "n")
	r := res(t, "t", nil, "command", "echo x >> "+file+"; test $(wc -l < "+file+") = 3", "path", "/bin:/usr/bin", "tries", 5, "try_sleep", 0.01)
	p := New(system.NewMachine("", system.Host{}))
	cs, err := p.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := cs[0].Apply(t.Context()); err != nil {
		t.Error(err)
	}
	if data, _ := os.ReadFile(file); string(data) != "x\nx\nx\n" {
		t.Errorf("ran %q", data)
	}
}

func TestTimeoutEndsChildren(t *testing.T) {
	file := filepath.Join(t.TempDir(), "late")
	r := res(t, "t", nil, "command", "(sleep 0.5; touch "+file+") & wait", "path", "/bin:/usr/bin", "timeout", 0.1, "provider", "shell")
	cs, err := New(system.NewMachine("", system.Host{})).Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := cs[0].Apply(t.Context()); err == nil {
		t.Error("no error")
	}
	time.Sleep(600 * time.Millisecond)
	if _, err := os.Stat(file); err == nil {
		t.Error("a child of the command lived on")
	}
}

func TestRefresh(t *testing.T) {
	var rep lines
	p := New(system.NewMachine("", system.Host{}))
	r := res(t, "/bin/echo q", &rep, "refresh", "/bin/echo r", "logoutput", true, "refreshonly", true)
	if done, err := p.Refresh(t.Context(), r); !done || err != nil {
		t.Error(done, err)
	}
	if d := cmp.Diff(lines(nil), rep); d != "" {
		t.Error(d)
	}
	r = res(t, "/bin/echo q", &rep, "refresh", "/bin/false")
	if done, err := p.Refresh(t.Context(), r); !done || err != nil {
		t.Error(done, err)
	}
	if d := cmp.Diff(lines{"warning  the refresh command failed: '/bin/false' returned 1 instead of one of [0]"}, rep); d != "" {
		t.Error(d)
	}
	r = res(t, "/bin/echo q", &rep, "refreshonly", true)
	if done, err := p.Refresh(t.Context(), r); !done || err != nil {
		t.Error(done, err)
	}
	r = res(t, "/bin/echo q", &rep, "creates", "/")
	if done, err := p.Refresh(t.Context(), r); done || err != nil {
		t.Error(done, err)
	}
}

func TestSensitive(t *testing.T) {
	var rep lines
	r := res(t, "s", &rep, "command", "/bin/echo hunter2; /bin/false")
	r.Sensitive = map[string]bool{"command": true}
	cs, err := New(system.NewMachine("", system.Host{})).Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	err = cs[0].Apply(t.Context())
	if err == nil || err.Error() != "[command redacted] returned 1 instead of one of [0]" {
		t.Error(err)
	}
	if text := strings.Join(rep, "\n"); text != "notice returns [output redacted]" {
		t.Error(text)
	}
}
