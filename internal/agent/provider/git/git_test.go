package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// bed is an origin with two commits, a tag and a branch, and a place for copies.
type bed struct {
	t                   *testing.T
	origin, copy        string
	first, second, side string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	b := &bed{t: t, origin: filepath.Join(dir, "origin"), copy: filepath.Join(dir, "copy")}
	b.git(dir, "init", "-q", "-b", "main", b.origin)
	b.commit("one")
	b.first = b.git(b.origin, "rev-parse", "HEAD")
	b.git(b.origin, "tag", "-a", "-m", "v1", "v1")
	b.git(b.origin, "checkout", "-q", "-b", "side")
	b.commit("side")
	b.side = b.git(b.origin, "rev-parse", "HEAD")
	b.git(b.origin, "checkout", "-q", "main")
	b.commit("two")
	b.second = b.git(b.origin, "rev-parse", "HEAD")
	return b
}

func (b *bed) git(dir string, args ...string) string {
	b.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (b *bed) commit(content string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.origin, "f"), []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.git(b.origin, "add", "f")
	b.git(b.origin, "commit", "-q", "-m", content)
}

func (b *bed) apply(pairs ...any) string {
	b.t.Helper()
	typ, _ := resource.Builtin().Lookup("vcsrepo")
	params := resource.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i].(string)] = value.FromGo(pairs[i+1])
	}
	if params["ensure"] == nil {
		params["ensure"] = value.String("present") // without any property a resource is not managed
	}
	munged, err := typ.Munge(b.copy, params)
	if err != nil {
		b.t.Fatal(err)
	}
	r := &provider.Resource{Ref: catalog.Ref{Type: "Vcsrepo", Title: b.copy}, Type: typ, Params: munged}
	p := New(system.NewMachine("", system.Host{}))
	cs, err := p.Check(b.t.Context(), r)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, c := range cs {
		if err := c.Apply(b.t.Context()); err != nil {
			return "failed: " + err.Error()
		}
		text := c.Message
		if text == "" {
			text = c.Property + " " + c.Previous.String() + ">" + c.Desired.String()
		}
		out = append(out, text)
	}
	if again, err := p.Check(b.t.Context(), r); err != nil || len(again) > 0 {
		b.t.Errorf("not in sync after %v: %v %v", out, again, err)
	}
	text := strings.Join(out, "; ")
	for id, name := range map[string]string{b.first: "FIRST", b.second: "SECOND", b.side: "SIDE"} {
		text = strings.ReplaceAll(text, id, name)
	}
	return text
}

func (b *bed) expect(want, content string, pairs ...any) {
	b.t.Helper()
	if got := b.apply(pairs...); got != want {
		b.t.Errorf("%v: got %q, want %q", pairs, got, want)
	}
	data, err := os.ReadFile(filepath.Join(b.copy, "f"))
	if err != nil && content != "" || string(data) != content {
		b.t.Errorf("%v: content %q, want %q", pairs, data, content)
	}
}

func TestRevisions(t *testing.T) {
	b := newBed(t)
	b.expect("created", "two", "ensure", "present", "source", b.origin)
	b.expect("", "two", "ensure", "present", "source", b.origin)
	b.expect("revision SECOND>FIRST", "one", "source", b.origin, "revision", "v1")
	b.expect("revision FIRST>SIDE", "side", "source", b.origin, "revision", "side")
	b.expect("revision SIDE>FIRST", "one", "source", b.origin, "revision", b.first)
	b.expect("", "one", "source", b.origin, "revision", b.first[:10])
	b.expect("revision FIRST>SECOND", "two", "source", b.origin, "revision", "main")
	b.expect("failed: revision 'nope' is not known to "+b.origin, "two", "source", b.origin, "revision", "nope")
	b.commit("three")
	b.expect("", "two", "source", b.origin, "revision", "main")
	third := b.git(b.origin, "rev-parse", "HEAD")
	b.expect("revision SECOND>"+third, "three", "source", b.origin, "revision", "main", "ensure", "latest")
	b.expect("", "three", "source", b.origin, "ensure", "latest")
	b.expect("removed", "", "source", b.origin, "ensure", "absent")
}

func TestCloneAtARevision(t *testing.T) {
	for revision, content := range map[string]string{"v1": "one", "side": "side", "main": "two"} {
		b := newBed(t)
		b.expect("created", content, "source", b.origin, "revision", revision)
	}
	b := newBed(t)
	b.expect("created", "one", "source", b.origin, "revision", b.first)
	b = newBed(t)
	b.expect("created", "two", "source", "file://"+b.origin, "depth", 1)
}

func TestSourceChange(t *testing.T) {
	b, other := newBed(t), newBed(t)
	other.commit("elsewhere")
	b.expect("created", "two", "source", b.origin, "revision", "main")
	b.expect("source "+b.origin+">"+other.origin, "elsewhere", "source", other.origin, "revision", "main")
}

func TestWhatIsInTheWay(t *testing.T) {
	b := newBed(t)
	if err := os.MkdirAll(filepath.Join(b.copy, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.expect("error: path "+b.copy+" exists and is not the desired repository", "", "source", b.origin)
	b.expect("created", "two", "source", b.origin, "force", true)
	b.expect("failed: it is another kind of repository, which is not replaced without 'force'", "two", "source", b.origin, "ensure", "bare")
	b.expect("ensure present>bare", "", "source", b.origin, "ensure", "bare", "force", true)
	b.expect("", "", "source", b.origin, "ensure", "bare")
}

func TestEmptyDirectoryAndNewRepository(t *testing.T) {
	b := newBed(t)
	if err := os.MkdirAll(b.copy, 0o755); err != nil {
		t.Fatal(err)
	}
	b.expect("created", "two", "source", b.origin)
	b.copy += "2"
	b.expect("created", "", "ensure", "present")
	b.copy += "3"
	b.expect("created", "", "ensure", "bare")
}

// A clone that was killed leaves a repository without commits.
func TestInterruptedClone(t *testing.T) {
	b := newBed(t)
	b.git("/", "init", "-q", b.copy)
	b.expect("created", "two", "source", b.origin, "revision", "main")
	if err := os.Remove(filepath.Join(b.copy, ".git", "HEAD")); err != nil {
		t.Fatal(err)
	}
	b.expect("created", "two", "source", b.origin, "revision", "main")
}

func TestRefuses(t *testing.T) {
	b := newBed(t)
	for _, params := range [][]any{{"provider", "svn"}, {"source", "ext::sh -c id"}, {"source", "--upload-pack=id"}, {"revision", "--x"},
		{"identity", "/x"}, {"source", map[string]any{"a": "b"}}, {"user", "nosuchuser"}} {
		if got := b.apply(append([]any{"ensure", "present"}, params...)...); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%v: %s", params, got)
		}
	}
}
