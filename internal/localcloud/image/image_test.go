package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHashFollowsTheRecipe(t *testing.T) {
	base := Recipes(DebianMirrors())[Default]
	seen := map[string]string{base.Hash(): "base"}
	for name, change := range map[string]func(*Recipe){
		"suite": func(r *Recipe) { r.Suite = "trixie" }, "mirror": func(r *Recipe) { r.Mirror = "http://example.com/debian" },
		"packages": func(r *Recipe) { r.Packages = append([]string{"vim"}, r.Packages...) },
		"arch":     func(r *Recipe) { r.Arch = "riscv64" }, "cloud-init": func(r *Recipe) { r.CloudInit = true },
	} {
		r := base
		change(&r)
		if other, ok := seen[r.Hash()]; ok {
			t.Errorf("another %s has the hash of %s", name, other)
		}
		seen[r.Hash()] = name
	}
	if base.Hash() != Recipes(DebianMirrors())[Default].Hash() {
		t.Error("the hash is not stable")
	}
	if ami := base.AMI(); len(ami) != len("ami-0123456789abcdef0") {
		t.Errorf("ami = %q", ami)
	}
}

func TestAptHosts(t *testing.T) {
	hosts, err := Recipes(DebianMirrors())[Default].AptHosts()
	if diff := cmp.Diff([]string{"deb.debian.org"}, hosts); diff != "" || err != nil {
		t.Errorf("hosts: %v\n%s", err, diff)
	}
	for _, bad := range []string{"https://deb.debian.org/debian", "file:///srv/debian", "deb.debian.org", "http://", "http://u:p@h/d",
		"http://h/d main\ndeb http://evil/", "http://h/'; reboot'", "%"} {
		if hosts, err := (Recipe{Mirror: bad, Security: "http://s/"}).AptHosts(); err == nil {
			t.Errorf("mirror %q gives %v, want an error", bad, hosts)
		}
	}
}

func TestFilesExist(t *testing.T) {
	for _, r := range Recipes(DebianMirrors()) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "etc/apt"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := install(r, dir); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		if err := copyEmbedded(aptProxy, dir); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		for _, f := range r.files() {
			info, err := os.Stat(filepath.Join(dir, f.to))
			if err != nil || info.Mode().Perm() != f.mode {
				t.Errorf("%s: %s: %v, want mode %o", r.Name, f.to, err, f.mode)
			}
		}
	}
}

func TestEnsureFindsWhatIsThere(t *testing.T) {
	b := Builder{Dir: t.TempDir()}
	r := Recipes(DebianMirrors())[Default]
	if _, ok := b.Find(r); ok {
		t.Error("found in an empty cache")
	}
	root := filepath.Join(b.Dir, r.Name+"-"+r.Hash())
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if image, err := b.Ensure(t.Context(), r); err != nil || image.Root != root {
		t.Errorf("ensure = %v, %v; want %s", image.Root, err, root)
	}
}

func TestOnlyOneBuildsAtATime(t *testing.T) {
	b := Builder{Dir: t.TempDir()}
	r := Recipes(DebianMirrors())[Default]
	var inside, most atomic.Int32
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			unlock, err := b.lock(t.Context(), r)
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			inside.Add(-1)
			unlock()
		})
	}
	wait.Wait()
	if most.Load() != 1 {
		t.Errorf("%d were inside at once", most.Load())
	}
	unlock, err := b.lock(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.lock(ctx, r); err == nil {
		t.Error("waiting did not end with its context")
	}
}

func TestSteps(t *testing.T) {
	var got []string
	w := &stepWriter{say: func(s string) { got = append(got, s) }}
	for _, part := range []string{"I: Retrieving a\nI: Retr", "ieving b\nI: Unpacking a\n", "W: something odd\nI: Unpacking b\nnoise\n", "I: Configuring a"} {
		if n, err := fmt.Fprint(w, part); err != nil || n != len(part) {
			t.Fatal(n, err)
		}
	}
	if diff := cmp.Diff([]string{"downloading packages", "unpacking packages", "W: something odd"}, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestUserDataScriptIsPlainShell(t *testing.T) {
	content, err := files.ReadFile("files/user-data.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(content), "#!/bin/sh\n") || strings.Contains(string(content), "[[") {
		t.Error("the script is not for a plain sh")
	}
}
