package system

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHost(t *testing.T) {
	t.Setenv("LC_MESSAGES", "de_DE.UTF-8")
	t.Setenv("SECRET", "x")
	tests := []struct {
		name string
		cmd  Command
		want string
		code int
	}{
		{"output", Command{Args: []string{"sh", "-c", "echo out; echo err >&2; exit 3"}}, "out", 3},
		{"combined", Command{Args: []string{"sh", "-c", "echo out; echo err >&2"}, Combined: true}, "out\nerr", 0},
		{"environment", Command{Args: []string{"sh", "-c", "echo $LC_ALL [$LC_MESSAGES] [$SECRET] $A"}, Env: []string{"A=b"}, Unset: []string{"SECRET"}}, "C [] [] b", 0},
		{"native", Command{Args: []string{"sh", "-c", "echo $LC_MESSAGES"}, Native: true}, "de_DE.UTF-8", 0},
		{"stdin", Command{Args: []string{"cat"}, Stdin: strings.NewReader("in")}, "in", 0},
		{"no stdin", Command{Args: []string{"cat"}}, "", 0},
		{"umask and words", Command{Args: []string{"sh", "-c", "umask; echo \"$1\"", "x", "a  b"}, Umask: "027"}, "0027\na  b", 0},
		{"directory", Command{Args: []string{"pwd"}, Dir: "/usr"}, "/usr", 0},
		{"signal", Command{Args: []string{"sh", "-c", "kill -TERM $$"}}, "", 143},
		{"a daemon keeps our pipe", Command{Args: []string{"sh", "-c", "sleep 3 & echo started"}}, "started", 0},
	}
	for _, tt := range tests {
		res, err := Host{}.Run(t.Context(), tt.cmd)
		if err != nil || res.Text() != tt.want || res.Code != tt.code {
			t.Errorf("%s: %q %d %v", tt.name, res.Text(), res.Code, err)
		}
	}
	if _, err := (Host{}).Run(t.Context(), Command{Args: []string{"/nonexist"}}); err == nil {
		t.Error("no error for a program that does not exist")
	}
	if _, err := (Host{}).Run(t.Context(), Command{}); err == nil {
		t.Error("no error for no command")
	}
}

func TestHostEnds(t *testing.T) {
	begin := time.Now()
	_, err := Host{}.Run(t.Context(), Command{Args: []string{"sleep", "20"}, Timeout: 50 * time.Millisecond})
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("timeout: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (Host{}).Run(ctx, Command{Args: []string{"sleep", "20"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	if time.Since(begin) > 5*time.Second {
		t.Error("took too long")
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put := func(text string, mode os.FileMode, check func(string) error) error {
		return Replace(path, Attrs{-1, -1, mode}, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}, check)
	}
	if err := put("one", 0o640|os.ModeSetgid, nil); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || UnixMode(st.Mode()) != 0o2640 || FileMode(0o2640) != 0o640|os.ModeSetgid {
		t.Errorf("%v %v", st.Mode(), err)
	}
	refused := errors.New("refused")
	err = put("two", 0o600, func(tmp string) error {
		if data, err := os.ReadFile(tmp); err != nil || string(data) != "two" {
			t.Errorf("the check sees %q %v", data, err)
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "one" {
		t.Errorf("content %q", data)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
	if err := Replace(filepath.Join(dir, "no", "f"), Attrs{}, nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func TestAccounts(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(root+"/etc/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("passwd", "a:x:1:2:c:/h:/s\n#b:x:1:2:::\nbad\n")
	write("group", "g:x:2:\nh:x:3:a,b\n")
	script := &Script{Answers: []Answer{{Prefix: "getent passwd dynamic", Result: Result{Stdout: []byte("dynamic:*:61000:61000::/:/s\n")}},
		{Prefix: "getent", Result: Result{Code: 2}}}}
	a := NewAccounts(root, script)
	for name, want := range map[string]int{"a": 1, "1": 1, "dynamic": 61000, "b": -1, "9": -1, "-x": -1} {
		u, err := a.User(t.Context(), name)
		if err != nil || (u == nil) != (want < 0) || u != nil && u.UID != want {
			t.Errorf("%s: %+v %v", name, u, err)
		}
	}
	id, _, err := a.Identity(t.Context(), "a", "")
	if err != nil || id.UID != 1 || id.GID != 2 || len(id.Groups) != 1 || id.Groups[0] != 3 {
		t.Errorf("%+v %v", id, err)
	}
	if _, _, err := a.Identity(t.Context(), "nobody-here", ""); err == nil {
		t.Error("no error for an unknown user")
	}
	if _, _, err := a.Identity(t.Context(), "", "nogroup-here"); err == nil {
		t.Error("no error for an unknown group")
	}
	time.Sleep(10 * time.Millisecond)
	write("passwd", "new:x:7:2:c:/h:/s\n")
	if u, err := a.User(t.Context(), "new"); err != nil || u == nil {
		t.Errorf("a change of the file was not seen: %v %v", u, err)
	}
}

// TestAsUser needs root: another user's rights hold in f, and ours after it.
func TestAsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "asuser")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	err = AsUser(&Identity{UID: 65534, GID: 65534}, func() error {
		if _, err := os.ReadFile(secret); !errors.Is(err, os.ErrPermission) {
			t.Errorf("read root's file: %v", err)
		}
		return os.WriteFile(filepath.Join(dir, "f"), nil, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if uid, gid := Owner(st); uid != 65534 || gid != 65534 {
		t.Errorf("owner %d:%d", uid, gid)
	}
	if _, err := os.ReadFile(secret); err != nil {
		t.Errorf("our own rights are gone: %v", err)
	}
}
