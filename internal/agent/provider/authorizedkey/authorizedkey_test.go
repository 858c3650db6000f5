package authorizedkey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

func res(t *testing.T, title string, pairs ...any) *provider.Resource {
	t.Helper()
	typ, _ := resource.Builtin().Lookup("ssh_authorized_key")
	params := resource.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i].(string)] = value.FromGo(pairs[i+1])
	}
	munged, err := typ.Munge(title, params)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Resource{Ref: catalog.Ref{Type: "Ssh_authorized_key", Title: title}, Type: typ, Params: munged}
}

// machine has a user app with our own numbers, so that the test needs no privileges.
func machine(t *testing.T) *system.Machine {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"/etc", "/home/app"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	passwd := "app:x:0:0::/home/app:/bin/sh\n"
	if err := os.WriteFile(root+"/etc/passwd", []byte(passwd), 0o600); err != nil {
		t.Fatal(err)
	}
	return system.NewMachine(root, nil)
}

func apply(t *testing.T, m *system.Machine, r *provider.Resource) string {
	t.Helper()
	p := New(m)
	cs, err := p.Check(t.Context(), r)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, c := range cs {
		if err := c.Apply(t.Context()); err != nil {
			return "failed: " + err.Error()
		}
		text := c.Message
		if text == "" {
			text = c.Property + " " + c.Previous.String() + ">" + c.Desired.String()
		}
		out = append(out, text)
	}
	if again, err := p.Check(t.Context(), r); err != nil || len(again) > 0 {
		t.Errorf("not in sync: %v %v", again, err)
	}
	return strings.Join(out, "; ")
}

func TestKeys(t *testing.T) {
	m := machine(t)
	file := filepath.Join(m.Root, "home/app/.ssh/authorized_keys")
	if got := apply(t, m, res(t, "k1", "user", "app", "type", "ed25519", "key", "AAAA")); got != "created" {
		t.Error(got)
	}
	for path, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, st, err)
		}
	}
	foreign := "# comment\nfrom=\"a b,c\",no-pty ssh-rsa QQQQ foreign key\n\ngarbage\n"
	if err := os.WriteFile(file, []byte(foreign+"ssh-ed25519 AAAA k1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		r    *provider.Resource
		want string
		file string
	}{
		{res(t, "k1", "user", "app", "type", "ed25519", "key", "AAAA"), "", foreign + "ssh-ed25519 AAAA k1\n"},
		{res(t, "k1", "user", "app", "type", "rsa", "key", "BBBB"), "type ssh-ed25519>ssh-rsa; key AAAA>BBBB", foreign + "ssh-rsa BBBB k1\n"},
		{res(t, "k1", "user", "app", "type", "rsa", "key", "BBBB", "options", []any{"no-pty", `command="a, b"`}),
			`options absent>[no-pty, command="a, b"]`, foreign + "no-pty,command=\"a, b\" ssh-rsa BBBB k1\n"},
		{res(t, "k2", "target", "/home/app/.ssh/authorized_keys", "type", "rsa", "key", "CCCC"), "created",
			foreign + "no-pty,command=\"a, b\" ssh-rsa BBBB k1\nssh-rsa CCCC k2\n"},
		{res(t, "k1", "user", "app", "ensure", "absent"), "removed", foreign + "ssh-rsa CCCC k2\n"},
		{res(t, "k1", "user", "app", "ensure", "absent"), "", foreign + "ssh-rsa CCCC k2\n"},
		{res(t, "foreign key", "user", "app", "ensure", "absent"), "removed", "# comment\n\ngarbage\nssh-rsa CCCC k2\n"},
		{res(t, "x", "user", "nobody-here", "type", "rsa", "key", "C"), "error: User 'nobody-here' does not exist", "# comment\n\ngarbage\nssh-rsa CCCC k2\n"},
		{res(t, "x", "user", "nobody-here", "ensure", "absent"), "", "# comment\n\ngarbage\nssh-rsa CCCC k2\n"},
		{res(t, "x", "user", "app"), "error: a key that is to be made needs the attributes 'key' and 'type'", "# comment\n\ngarbage\nssh-rsa CCCC k2\n"},
		{res(t, "x", "user", "app", "key", "A"), "error: a key that is to be made needs the attributes 'key' and 'type'", "# comment\n\ngarbage\nssh-rsa CCCC k2\n"},
	}
	for i, s := range steps {
		if got := apply(t, m, s.r); got != s.want {
			t.Errorf("step %d: got %q, want %q", i, got, s.want)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s.file, string(data)); d != "" {
			t.Errorf("step %d: %s", i, d)
		}
	}
}

func TestOddFiles(t *testing.T) {
	m := machine(t)
	dir := filepath.Join(m.Root, "home/app/.ssh/authorized_keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := apply(t, m, res(t, "k", "user", "app", "type", "rsa", "key", "C")); !strings.Contains(got, "is not a file of keys") {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("from=\"a b\",no-pty ssh-rsa QQQQ foreign key\n# x\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		lines := parse(s)
		want := strings.ReplaceAll(s, "\r\n", "\n")
		if got := join(lines); !strings.Contains(s, "\r") && strings.TrimSuffix(got, "\n") != strings.TrimSuffix(want, "\n") {
			t.Errorf("%q became %q", s, got)
		}
		for _, l := range lines {
			if l.key == "" {
				continue
			}
			again := parseLine(l.format())
			if again.key != l.key || again.keyType != l.keyType {
				t.Errorf("%q is not stable: %+v %+v", l.text, l, again)
			}
		}
	})
}
