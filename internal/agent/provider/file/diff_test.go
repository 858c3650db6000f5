package file

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUnifiedLikeDiff has patch make the new content of the old one, for random contents.
func TestUnifiedLikeDiff(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("patch is not installed")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for i := range 150 {
		from, to := randomText(rnd), randomText(rnd)
		if i%3 == 0 {
			to = mutate(rnd, from)
		}
		diff := Unified("f", time.Unix(0, 0), []byte(from), []byte(to))
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte(from), 0o600); err != nil {
			t.Fatal(err)
		}
		if from == to {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "keep"), nil, 0o600); err != nil {
			t.Fatal(err) // patch removes a directory that it empties
		}
		cmd := exec.Command("patch", "-s", file)
		cmd.Stdin = strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("patch: %v: %s\nfrom %q\nto %q\n%s", err, out, from, to, diff)
		}
		got, err := os.ReadFile(file)
		if err != nil && to != "" {
			t.Fatal(err)
		}
		if string(got) != to {
			t.Fatalf("from %q\nto %q\ngot %q\n%s", from, to, got, diff)
		}
		_ = os.Remove(file)
	}
}

func randomText(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(30) {
		fmt.Fprintf(&b, "%d\n", rnd.IntN(6))
	}
	s := b.String()
	if rnd.IntN(4) == 0 {
		s = strings.TrimSuffix(s, "\n")
	}
	return s
}

func mutate(rnd *rand.Rand, s string) string {
	lines := strings.SplitAfter(s, "\n")
	lines[rnd.IntN(len(lines))] = "new\n"
	return strings.Join(lines, "")
}

// Recorded from Puppet 7.23, which calls diff -u; its second header names a temporary file.
func TestUnified(t *testing.T) {
	got := Unified("/a", time.Unix(0, 0).UTC(), []byte("y\nz\n"), []byte("y\nz"))
	want := "--- /a\t1970-01-01 00:00:00.000000000 +0000\n+++ (new content)\n@@ -1,2 +1,2 @@\n y\n-z\n+z\n\\ No newline at end of file\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
	got = Unified("/a", time.Unix(0, 0).UTC(), []byte("x\n"), []byte("y\nz\n"))
	if !strings.HasSuffix(got, "@@ -1 +1,2 @@\n-x\n+y\n+z\n") {
		t.Errorf("got\n%s", got)
	}
	if got := Unified("/a", time.Time{}, []byte("a\x00"), nil); !strings.HasPrefix(got, "Binary files") {
		t.Errorf("got %s", got)
	}
	big := strings.Repeat("a\n", 5000)
	other := strings.Repeat("b\n", 5000)
	if got := Unified("/a", time.Time{}, []byte(big), []byte(other)); strings.Count(got, "\n") != 10003 {
		t.Errorf("%d lines", strings.Count(got, "\n"))
	}
}

func FuzzUnified(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte("a\nc"))
	f.Fuzz(func(t *testing.T, a, b []byte) { Unified("x", time.Time{}, a, b) })
}

// TestParseModeLikeChmod compares with the real chmod.
func TestParseModeLikeChmod(t *testing.T) {
	modes := []string{"u+x", "a=rX", "u=rwX,go=rX", "go-w", "o=", "u+s", "g+s", "+t", "u=g", "o+u", "a-x+X", "ug+rw,o-rwx",
		"u=rw,g=r,o=", "g=u-w", "a+r", "u-s", "g=s", "=r", "+x", "u=rws,g=rxs"}
	dir := t.TempDir()
	file, sub := filepath.Join(dir, "f"), filepath.Join(dir, "d")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{"0644", "0755", "4751", "0000", "2600"} {
		for _, mode := range modes {
			for path, isDir := range map[string]bool{file: false, sub: true} {
				if isDir && start != "0644" && start != "0755" {
					continue // chmod keeps the set-id bits of directories; Puppet does not
				}
				// chmod respects the umask when nobody is named.
				script := `umask 0; if [ -d "$3" ]; then rmdir "$3"; mkdir "$3"; fi; chmod "$1" "$3" && chmod "$2" "$3" && stat -c %a "$3"`
				out, err := exec.Command("sh", "-c", script, "sh", start, mode, path).Output()
				if err != nil {
					t.Fatal(err)
				}
				var have uint32
				if _, err := fmt.Sscanf(start, "%o", &have); err != nil {
					t.Fatal(err)
				}
				got, err := parseMode(mode, have, isDir)
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.TrimSpace(string(out)); fmt.Sprintf("%o", got) != want {
					t.Errorf("%s then %s, directory %v: got %o, chmod %s", start, mode, isDir, got, want)
				}
			}
		}
	}
	if got, _ := parseMode("0644", 0, true); got != 0o755 {
		t.Errorf("0644 for a directory: %o", got)
	}
	for _, bad := range []string{"u", "77777", "u?x"} {
		if _, err := parseMode(bad, 0, false); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func FuzzParseMode(f *testing.F) {
	f.Add("u+x,g=u", uint32(0o644), true)
	f.Fuzz(func(t *testing.T, mode string, have uint32, dir bool) {
		if bits, err := parseMode(mode, have&0o7777, dir); err == nil && bits > 0o7777 {
			t.Errorf("%q gives %o", mode, bits)
		}
	})
}
