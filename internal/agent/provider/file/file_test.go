package file

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// bed is a directory, a provider on it, and what it reported.
type bed struct {
	t     *testing.T
	p     *Provider
	dir   string
	lines []string
}

func newBed(t *testing.T, sources provider.Sources) *bed {
	t.Helper()
	b := &bed{t: t, dir: t.TempDir()}
	b.p = New(Options{Machine: system.NewMachine("", system.Host{}), Sources: sources, Backups: NewBucket(filepath.Join(t.TempDir(), "bucket"))})
	return b
}

// Report implements provider.Reporter.
func (b *bed) Report(l provider.Line) { b.lines = append(b.lines, l.Message) }

func (b *bed) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bed) res(name string, pairs ...any) *provider.Resource {
	b.t.Helper()
	typ, _ := resource.Builtin().Lookup("file")
	params := resource.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i].(string)] = value.FromGo(pairs[i+1])
	}
	munged, err := typ.Munge(b.path(name), params)
	if err != nil {
		b.t.Fatal(err)
	}
	return &provider.Resource{Ref: catalog.Ref{Type: "File", Title: b.path(name)}, Type: typ, Params: munged, Reporter: b}
}

// apply checks, applies, checks again, and gives the changes as text.
func (b *bed) apply(r *provider.Resource) string {
	b.t.Helper()
	cs, err := b.p.Check(b.t.Context(), r)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, c := range cs {
		text := c.Message
		if text == "" {
			text = fmt.Sprintf("%s %s>%s", c.Property, c.Previous, c.Desired)
		}
		if err := c.Apply(b.t.Context()); err != nil {
			return text + " failed: " + err.Error()
		}
		out = append(out, text)
	}
	again, err := b.p.Check(b.t.Context(), r)
	if err != nil || len(again) > 0 {
		b.t.Errorf("%s is not in sync after %v: %v %v", r.Ref, out, again, err)
	}
	return strings.ReplaceAll(strings.Join(out, "; "), b.dir, "DIR")
}

func (b *bed) write(name, content string, mode os.FileMode) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.path(name), []byte(content), mode); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Chmod(b.path(name), mode); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

const xSum = "{sha256}73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac" // of "x\n"

func TestCreateAndChange(t *testing.T) {
	tests := []struct {
		name   string
		before func(b *bed)
		params []any
		want   string
	}{
		{"content", nil, []any{"content", "x\n"}, "defined content as '" + xSum + "'"},
		{"empty file", nil, []any{"ensure", "file"}, "created"},
		{"present", nil, []any{"ensure", "present", "mode", "0600"}, "created"},
		{"directory", nil, []any{"ensure", "directory", "mode", "0644"}, "created"},
		{"link", nil, []any{"ensure", "link", "target", "/x"}, "created"},
		{"link by ensure", nil, []any{"ensure", "/tmp/foo"}, "created"},
		{"nothing to manage", nil, []any{"mode", "0600"}, ""},
		{"absent", nil, []any{"ensure", "absent"}, ""},
		{"change", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"content", "y\n", "mode", "0600"},
			"content " + xSum + ">{sha256}8e6e4d2a7d87a6a3e2ce9a1a5e0e5c2f; mode 0644>0600"},
		{"same", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"content", "x\n"}, ""},
		{"md5", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"content", "", "checksum", "md5"},
			"content {md5}401b30e3b8b5d629635a5c613cdb7919>{md5}d41d8cd98f00b204e9800998ecf8427e"},
		{"replace => false", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"content", "y\n", "replace", false}, ""},
		{"remove", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"ensure", "absent"}, "removed"},
		{"file to directory", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"ensure", "directory"}, "ensure file>directory"},
		{"file to link", func(b *bed) { b.write("f", "x\n", 0o644) }, []any{"ensure", "link", "target", "/q"}, "ensure file>link"},
		{"directory to file", func(b *bed) { b.write("f/x", "", 0o644) }, []any{"ensure", "file"},
			"ensure directory>file failed: DIR/f is a directory, which is not removed without 'force'"},
		{"directory to file by force", func(b *bed) { b.write("f/x", "", 0o644) }, []any{"ensure", "file", "force", true}, "ensure directory>file"},
		{"directory stays", func(b *bed) { b.write("f/x", "", 0o644) }, []any{"ensure", "absent"}, ""},
		{"directory goes by force", func(b *bed) { b.write("f/x", "", 0o644) }, []any{"ensure", "absent", "force", true}, "removed"},
		{"retarget", func(b *bed) { _ = os.Symlink("/x", b.path("f")) }, []any{"ensure", "link", "target", "/y"}, "target /x>/y"},
		{"link to file", func(b *bed) { _ = os.Symlink("/x", b.path("f")) }, []any{"ensure", "file", "content", "x\n"},
			"defined content as '" + xSum + "'"},
		{"symbolic mode", func(b *bed) { b.write("f", "", 0o640) }, []any{"mode", "u+x,g=,o=r"}, "mode changed '0640' to '0704' (u+x,g=,o=r)"},
		{"no parent", nil, []any{"path", "P/no/f", "content", "x\n"},
			"defined content as '" + xSum + "' failed: No such file or directory - A directory component in DIR/no/f does not exist or is a dangling symbolic link"},
		{"nobody", nil, []any{"ensure", "file", "owner", "nosuchuser"}, "created failed: Could not find user nosuchuser"},
		{"nobody for what is there", func(b *bed) { b.write("f", "", 0o640) }, []any{"owner", "nosuchuser"}, "error: Could not find user nosuchuser"},
		{"valid", nil, []any{"content", "x\n", "validate_cmd", "/bin/grep -q x %"}, "defined content as '" + xSum + "'"},
		{"missing source", nil, []any{"source", []any{"/nonexist", "/nonexist2"}},
			"error: Could not retrieve information from source(s) /nonexist, /nonexist2"},
		{"source", func(b *bed) { b.write("src", "x\n", 0o600) }, []any{"source", []any{"/nonexist", "P/src"}}, "defined content as '" + xSum + "'"},
		{"source_permissions", func(b *bed) { b.write("src", "x\n", 0o701); b.write("f", "x\n", 0o600) },
			[]any{"source", "P/src", "source_permissions", "use"}, "mode 0600>0701"},
		{"checksum mtime", nil, []any{"content", "x", "checksum", "mtime"}, "error: checksum => 'mtime' is not supported: contents are compared by digest"},
		{"sourceselect", nil, []any{"source", "/x", "sourceselect", "all"}, "error: attribute 'sourceselect' => 'all' is not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, nil)
			if tt.before != nil {
				tt.before(b)
			}
			for i, p := range tt.params {
				switch p := p.(type) {
				case string:
					tt.params[i] = strings.Replace(p, "P/", b.dir+"/", 1)
				case []any:
					for j := range p {
						p[j] = strings.Replace(p[j].(string), "P/", b.dir+"/", 1)
					}
				}
			}
			got := strings.ReplaceAll(b.apply(b.res("f", tt.params...)), b.dir, "DIR")
			if tt.name == "change" { // the checksum of "y\n" is not written out above
				sum, _ := digest("sha256", strings.NewReader("y\n"))
				tt.want = "content " + xSum + ">" + sum + "; mode 0644>0600"
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestInvalidContentDoesNotTakeThePlace(t *testing.T) {
	b := newBed(t, nil)
	b.write("f", "old", 0o600)
	got := b.apply(b.res("f", "content", "bad", "validate_cmd", "/bin/echo wrong && /bin/grep -q y %"))
	if !strings.Contains(got, "returned 1: wrong") || b.read("f") != "old" {
		t.Errorf("got %s, content %q", got, b.read("f"))
	}
	left, _ := filepath.Glob(b.path(".*"))
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestSecrets(t *testing.T) {
	b := newBed(t, nil)
	r := b.res("f", "content", "hunter2", "mode", "0600")
	r.Sensitive = map[string]bool{"content": true}
	cs, err := b.p.Check(t.Context(), r)
	if err != nil || len(cs) != 1 || !cs[0].Sensitive {
		t.Fatalf("%+v %v", cs, err)
	}
	if err := cs[0].Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = b.res("f", "content", "hunter3", "mode", "0600")
	r.Sensitive = map[string]bool{"content": true}
	cs, err = b.p.Check(t.Context(), r)
	if err != nil || len(cs) != 1 || cs[0].Diff != "" || !cs[0].Sensitive {
		t.Errorf("%+v %v", cs, err)
	}
}

func TestDiffAndBackup(t *testing.T) {
	b := newBed(t, nil)
	b.write("f", "x\n", 0o640)
	r := b.res("f", "content", "y\n", "backup", ".bak")
	cs, err := b.p.Check(t.Context(), r)
	if err != nil || !strings.HasSuffix(cs[0].Diff, "@@ -1 +1 @@\n-x\n+y\n") {
		t.Fatalf("%v %v", cs, err)
	}
	b.apply(r)
	if b.read("f.bak") != "x\n" {
		t.Error("no backup with a suffix")
	}
	st, _ := os.Stat(b.path("f"))
	if st.Mode().Perm() != 0o640 {
		t.Errorf("mode %v was not kept", st.Mode())
	}
	b.apply(b.res("f", "content", "z\n"))
	if len(b.lines) != 1 || !strings.HasPrefix(b.lines[0], "Filebucketed "+b.path("f")+" to puppet with sum ") {
		t.Errorf("lines %q", b.lines)
	}
	sum := b.lines[0][strings.LastIndex(b.lines[0], " ")+1:]
	kept := filepath.Join(b.p.backups.dir, strings.Join(strings.Split(sum[:8], ""), "/"), sum)
	data, err := os.ReadFile(filepath.Join(kept, "contents"))
	if err != nil || string(data) != "y\n" {
		t.Errorf("bucket: %q %v", data, err)
	}
	if b.apply(b.res("f", "content", "q", "show_diff", false, "backup", false)); len(b.lines) != 1 {
		t.Errorf("backup => false made a backup: %q", b.lines)
	}
}

// server is a file server in memory.
type server struct {
	files map[string]string
	bad   bool
}

func (s *server) Metadata(_ context.Context, uri string, _ provider.MetadataQuery) (*provider.FileMetadata, error) {
	content, ok := s.files[uri]
	if !ok {
		return nil, provider.ErrNotFound
	}
	if content == "DIR" {
		return &provider.FileMetadata{Type: "directory", RelativePath: "."}, nil
	}
	sum, err := digest("sha256", strings.NewReader(content))
	return &provider.FileMetadata{Type: "file", Checksum: sum, Mode: 0o600, URI: uri}, err
}

func (s *server) Metadatas(ctx context.Context, uri string, q provider.MetadataQuery) ([]*provider.FileMetadata, error) {
	var out []*provider.FileMetadata
	for name := range s.files {
		rel := "."
		if name != uri {
			var ok bool
			if rel, ok = strings.CutPrefix(name, uri+"/"); !ok {
				continue
			}
		}
		m, err := s.Metadata(ctx, name, q)
		if err != nil {
			return nil, err
		}
		m.RelativePath = rel
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, provider.ErrNotFound
	}
	return out, nil
}

func (s *server) Content(_ context.Context, uri string, w io.Writer) error {
	if s.bad {
		_, err := io.WriteString(w, "something else")
		return err
	}
	content, ok := s.files[uri]
	if !ok {
		return provider.ErrNotFound
	}
	_, err := io.WriteString(w, content)
	return err
}

func TestRemoteSource(t *testing.T) {
	srv := &server{files: map[string]string{"puppet:///modules/m/f": "x\n"}}
	b := newBed(t, srv)
	if got := b.apply(b.res("f", "source", []any{"puppet:///modules/m/none", "puppet:///modules/m/f"})); got != "defined content as '"+xSum+"'" {
		t.Error(got)
	}
	srv.bad = true
	if got := b.apply(b.res("g", "source", "puppet:///modules/m/f")); !strings.Contains(got, "was announced") {
		t.Error(got)
	}
	if _, err := os.Stat(b.path("g")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a content that was not announced took the place")
	}
}

func TestGenerate(t *testing.T) {
	srv := &server{files: map[string]string{"puppet:///modules/m/d": "DIR", "puppet:///modules/m/d/sub": "DIR",
		"puppet:///modules/m/d/sub/f": "x\n", "puppet:///modules/m/d/g": "g"}}
	b := newBed(t, srv)
	b.write("d/old", "", 0o644)
	b.write("d/sub/older", "", 0o644)
	r := b.res("d", "ensure", "directory", "source", "puppet:///modules/m/d", "recurse", true, "purge", true, "force", true, "mode", "0640")
	b.apply(r)
	children, err := b.p.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, c := range children {
		titles = append(titles, strings.TrimPrefix(c.Title, b.dir))
		params := resource.Params{}
		for _, p := range c.Params {
			params[p.Name] = p.Value
		}
		typ, _ := resource.Builtin().Lookup("file")
		munged, err := typ.Munge(c.Title, params)
		if err != nil {
			t.Fatal(err)
		}
		b.apply(&provider.Resource{Ref: c.Ref, Type: typ, Params: munged, Reporter: b})
	}
	if d := cmp.Diff([]string{"/d/g", "/d/sub", "/d/sub/f", "/d/old", "/d/sub/older"}, titles); d != "" {
		t.Error(d)
	}
	if b.read("d/sub/f") != "x\n" || b.read("d/g") != "g" {
		t.Error("contents")
	}
	for _, gone := range []string{"d/old", "d/sub/older"} {
		if _, err := os.Stat(b.path(gone)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was not purged", gone)
		}
	}
	if st, _ := os.Stat(b.path("d/sub")); st.Mode().Perm() != 0o750 {
		t.Errorf("mode of the directory: %v", st.Mode())
	}
}

func TestGenerateLimitsAndIgnores(t *testing.T) {
	b := newBed(t, nil)
	b.write("src/a", "a", 0o644)
	b.write("src/deep/b", "b", 0o644)
	b.write("src/x.bak", "", 0o644)
	_ = os.Symlink("a", b.path("src/link"))
	r := b.res("d", "ensure", "directory", "source", b.path("src"), "recurse", "remote", "recurselimit", 1, "ignore", "*.bak")
	b.apply(r)
	children, err := b.p.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range children {
		ensure, _ := c.Param("ensure")
		got = append(got, filepath.Base(c.Title)+" "+ensure.String())
	}
	if d := cmp.Diff([]string{"a file", "deep directory", "link link"}, got); d != "" {
		t.Error(d)
	}
}
