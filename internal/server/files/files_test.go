package files

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tree(t *testing.T) Tree {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("a/files/s.txt", "s\n", 0o644)
	write("a/files/tree/x", "x\n", 0o644)
	write("a/files/tree/.git/config", "", 0o644)
	write("a/lib/facter/f.rb", "from a", 0o644)
	write("a/lib/shared.rb", "from a", 0o644)
	write("b/lib/shared.rb", "from b", 0o644)
	write("b/lib/only_b.rb", "from b", 0o644)
	write("b/facts.d/b.sh", "#!/bin/sh\n", 0o755)
	write("secret", "secret", 0o600)
	write("a/manifests/init.pp", "class a {}", 0o644)
	for link, target := range map[string]string{
		"a/files/out": "../../secret", "a/files/abs": filepath.Join(dir, "secret"), "a/files/in": "s.txt",
		"a/files/loop": "loop", "a/files/up": "..",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return Tree{Modules: []Module{{"a", filepath.Join(dir, "a")}, {"b", filepath.Join(dir, "b")}}, Fallback: dir}
}

func TestOpen(t *testing.T) {
	tr := tree(t)
	var s Server
	for _, c := range []struct {
		mount, path, want string
		err               error
	}{
		{"modules", "a/s.txt", "s\n", nil},
		{"modules", "a/in", "s\n", nil},
		{"plugins", "shared.rb", "from a", nil},
		{"plugins", "only_b.rb", "from b", nil},
		{"pluginfacts", "b.sh", "#!/bin/sh\n", nil},
		{"modules", "a/tree", "", ErrNotFound},
		{"modules", "a/nope", "", ErrNotFound},
		{"modules", "zzz/s.txt", "", ErrNotFound},
		{"modules", "a/../../secret", "", ErrNotFound},
		{"modules", "a/tree/../s.txt", "", ErrNotFound},
		{"modules", "../secret", "", ErrNotFound},
		{"modules", "a/out", "", ErrNotFound},
		{"modules", "a/abs", "", ErrNotFound},
		{"modules", "a/up/manifests/init.pp", "", ErrNotFound},
		{"modules", "a/loop", "", ErrNotFound},
		{"modules", "a/s.txt/x", "", ErrNotFound},
		{"modules", "a/s.txt\x00", "", ErrNotFound},
		{"modules", "", "", ErrNotFound},
		{"nomount", "x", "", ErrMount},
	} {
		f, _, err := s.Open(tr, c.mount, c.path)
		if !errors.Is(err, c.err) || (c.err == nil && err != nil) {
			t.Errorf("%s/%s: error %v, want %v", c.mount, c.path, err, c.err)
			continue
		}
		if err != nil {
			continue
		}
		text, err := io.ReadAll(f)
		if err != nil || string(text) != c.want {
			t.Errorf("%s/%s: got %q, %v", c.mount, c.path, text, err)
		}
		f.Close()
	}
}

func TestOpenStatic(t *testing.T) {
	tr := tree(t)
	var s Server
	for p, want := range map[string]error{
		"modules/a/files/s.txt": nil, "modules/a/lib/shared.rb": nil, "modules/a/manifests/init.pp": ErrStatic,
		"modules/a/files": ErrStatic, "modules/a/files/../manifests/init.pp": ErrStatic, "modules/a/files/none": ErrNotFound,
		"modules/c/files/x": ErrNotFound,
	} {
		f, _, err := s.OpenStatic(tr, p)
		if !errors.Is(err, want) || (want == nil && err != nil) {
			t.Errorf("%s: got %v, want %v", p, err, want)
		}
		if f != nil {
			f.Close()
		}
	}
}

func names(list []*Metadata) []string {
	var out []string
	for _, md := range list {
		out = append(out, *md.RelativePath+" "+md.Type)
	}
	return out
}

func query(t *testing.T, text string) Query {
	t.Helper()
	v, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseQuery(v)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestSearch(t *testing.T) {
	tr := tree(t)
	var s Server
	for _, c := range []struct {
		mount, path, query string
		want               []string
	}{
		{"plugins", "", "recurse=false&links=manage", []string{". directory"}},
		{"plugins", "", "recurse=true&links=follow&ignore=.git", []string{
			". directory", "facter directory", "facter/f.rb file", "shared.rb file", "only_b.rb file",
		}},
		{"pluginfacts", "", "recurse=true&source_permissions=use", []string{". directory", "b.sh file"}},
		{"locales", "", "recurse=true", []string{". directory"}},
		{"modules", "a/tree", "recurse=true&ignore=.git", []string{". directory", "x file"}},
		{"modules", "a", "recurse=true&recurselimit=1&links=manage", []string{
			". directory", "abs link", "in link", "loop link", "out link", "s.txt file", "tree directory", "up link",
		}},
		{"modules", "a", "recurse=true&recurselimit=1&links=follow", []string{
			". directory", "in file", "s.txt file", "tree directory",
		}},
		{"modules", "a/s.txt", "recurse=true", []string{". file"}},
	} {
		list, err := s.Search(tr, c.mount, c.path, query(t, c.query))
		if err != nil {
			t.Errorf("%s/%s: %v", c.mount, c.path, err)
			continue
		}
		if diff := cmp.Diff(c.want, names(list)); diff != "" {
			t.Errorf("%s/%s?%s:\n%s", c.mount, c.path, c.query, diff)
		}
	}
	if _, err := s.Search(tr, "modules", "a/none", Query{ChecksumType: "sha256"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing directory: %v", err)
	}
}

func TestFind(t *testing.T) {
	tr := tree(t)
	var s Server
	md, err := s.Find(tr, "modules", "a/s.txt", query(t, "links=manage&checksum_type=sha256&source_permissions=ignore"))
	if err != nil {
		t.Fatal(err)
	}
	sum := "{sha256}cbc80bb5c0c0f8944bf73b3a429505ac5cde16644978bc9a1e74c5755f8ca556" // as in 03-first-run-mini.txt
	want := &Metadata{
		Path: filepath.Join(tr.Modules[0].Dir, "files/s.txt"), Links: "manage", Owner: uint32(os.Getuid()), Group: uint32(os.Getgid()),
		Mode: 420, Checksum: Checksum{"sha256", &sum}, Type: "file",
	}
	if diff := cmp.Diff(want, md); diff != "" {
		t.Error(diff)
	}
	md, err = s.Find(tr, "pluginfacts", "b.sh", query(t, "source_permissions=use&checksum_type=md5"))
	if err != nil || md.Mode != 0o755 || !strings.HasPrefix(*md.Checksum.Value, "{md5}") {
		t.Errorf("got %+v, %v", md, err)
	}
}

func TestChangedFileIsSeen(t *testing.T) {
	tr := tree(t)
	var s Server
	file := filepath.Join(tr.Modules[0].Dir, "files/s.txt")
	first, err := s.Find(tr, "modules", "a/s.txt", query(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("t\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	second, err := s.Find(tr, "modules", "a/s.txt", query(t, ""))
	if err != nil || *first.Checksum.Value == *second.Checksum.Value {
		t.Errorf("the checksum did not change: %v", err)
	}
}

func TestParseQueryRefuses(t *testing.T) {
	for _, text := range []string{"checksum_type=crc", "recurselimit=-1", "recurselimit=x", "ignore=%5B"} {
		v, _ := url.ParseQuery(text)
		if _, err := ParseQuery(v); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
