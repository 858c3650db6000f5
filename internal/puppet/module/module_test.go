package module

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write makes files below a directory.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func environment(t *testing.T, l *Library, name string) *Environment {
	t.Helper()
	env, err := l.Environment(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestEnvironmentFindsCode(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{
		"envs/production/manifests/b.pp":                     "",
		"envs/production/manifests/a/z.pp":                   "",
		"envs/production/functions/g.pp":                     "function environment::g() {}",
		"envs/production/modules/a/manifests/init.pp":        "class a {}",
		"envs/production/modules/a/manifests/b/c.pp":         "class a::b::c {}",
		"envs/production/modules/a/functions/init.pp":        "function a() {}",
		"envs/production/modules/a/types/port.pp":            "type A::Port = Integer",
		"envs/production/modules/a/templates/x.epp":          "x",
		"envs/production/modules/a/metadata.json":            `{"name":"me-a","version":"1.2.3","dependencies":[{"name":"me/b"}]}`,
		"envs/production/modules/Bad-name/manifests/init.pp": "",
		"shared/a/manifests/init.pp":                         "class a { shadowed }",
		"shared/s/manifests/init.pp":                         "class s {}",
	})
	l := NewLibrary(Options{EnvironmentPath: []string{base + "/envs"}, BaseModulePath: []string{base + "/shared"}})
	env := environment(t, l, "production")
	dir := base + "/envs/production"
	if diff := cmp.Diff([]string{dir + "/manifests/a/z.pp", dir + "/manifests/b.pp"}, env.Manifests()); diff != "" {
		t.Errorf("manifests: %s", diff)
	}
	var names []string
	for _, m := range env.Modules() {
		names = append(names, m.Name)
	}
	if diff := cmp.Diff([]string{"a", "s"}, names); diff != "" {
		t.Errorf("modules: %s", diff)
	}
	want := []string{dir + "/modules/a/manifests/b/c.pp", dir + "/modules/a/manifests/init.pp"}
	if diff := cmp.Diff(want, env.ManifestFiles("a::b::c")); diff != "" {
		t.Errorf("files of a::b::c: %s", diff)
	}
	for name, got := range map[string]string{
		dir + "/functions/g.pp":              env.FunctionFile("environment::g"),
		dir + "/modules/a/functions/init.pp": env.FunctionFile("a"),
		dir + "/modules/a/types/port.pp":     env.TypeFile("a::port"),
		dir + "/modules/a/templates/x.epp":   env.FindFile("templates", "a/x.epp"),
		"":                                   env.FindFile("templates", "a/../../../x"),
	} {
		if got != name {
			t.Errorf("found %q, want %q", got, name)
		}
	}
	if m := env.ModuleOf(dir + "/modules/a/manifests/init.pp"); m == nil || m.Name != "a" {
		t.Errorf("module of a file: %v", m)
	}
	meta, err := env.Module("a").Metadata()
	if err != nil || meta.Version != "1.2.3" || len(meta.Dependencies) != 1 {
		t.Errorf("metadata %+v, %v", meta, err)
	}
}

func TestEnvironmentConf(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{
		"p/environment.conf":         "# comment\nmodulepath = mods:$basemodulepath:/nowhere\nmanifest = start.pp\nconfig_version = 'git describe'\n",
		"p/start.pp":                 "",
		"p/manifests/unused.pp":      "",
		"p/mods/x/manifests/init.pp": "",
	})
	env := environment(t, NewLibrary(Options{EnvironmentPath: []string{base}, BaseModulePath: []string{"/base"}}), "p")
	if diff := cmp.Diff([]string{base + "/p/mods", "/base", "/nowhere"}, env.ModulePath); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{base + "/p/start.pp"}, env.Manifests()); diff != "" {
		t.Error(diff)
	}
	if env.ConfigVersion != "git describe" || env.Module("x") == nil {
		t.Errorf("config_version %q, module x %v", env.ConfigVersion, env.Module("x"))
	}
	write(t, base, map[string]string{"q/environment.conf": "modulepath\n"})
	l := NewLibrary(Options{EnvironmentPath: []string{base}})
	if _, err := l.Environment(t.Context(), "q"); err == nil || !strings.Contains(err.Error(), "environment.conf:1") {
		t.Errorf("bad environment.conf: %v", err)
	}
}

func TestUnknownEnvironment(t *testing.T) {
	l := NewLibrary(Options{EnvironmentPath: []string{t.TempDir()}})
	for _, name := range []string{"nope", "", "../etc", "a/b", "a\n"} {
		_, err := l.Environment(t.Context(), name)
		if _, ok := errors.AsType[*UnknownError](err); !ok {
			t.Errorf("environment %q: %v", name, err)
		}
	}
	if len(l.envs) != 0 {
		t.Errorf("unknown names are kept: %d", len(l.envs))
	}
}

func TestCodeIDFollowsContent(t *testing.T) {
	files := map[string]string{
		"p/manifests/site.pp":              "notify { 'a': }",
		"p/modules/m/files/f":              "content",
		"p/modules/m/manifests/init.pp":    "class m {}",
		"p/modules/m/spec/ignored_spec.rb": "x",
		"p/.git/HEAD":                      "ref",
	}
	one, two := t.TempDir(), t.TempDir()
	write(t, one, files)
	write(t, two, files)
	l := NewLibrary(Options{EnvironmentPath: []string{one}})
	first := environment(t, l, "p")
	if other := environment(t, NewLibrary(Options{EnvironmentPath: []string{two}}), "p"); other.CodeID() != first.CodeID() {
		t.Error("the place of an environment changes its code_id")
	}
	if again := environment(t, l, "p"); again != first {
		t.Error("an unchanged environment gave another snapshot")
	}
	write(t, one, map[string]string{"p/.git/HEAD": "other", "p/modules/m/spec/ignored_spec.rb": "y"})
	if again := environment(t, l, "p"); again != first {
		t.Error("files that no catalog depends on changed the snapshot")
	}
	seen := map[string]bool{first.CodeID(): true}
	for _, change := range []map[string]string{
		{"p/manifests/site.pp": "notify { 'b': }"}, {"p/modules/m/files/f": "other"}, {"p/data/common.yaml": "a: 1"},
		{"p/modules/n/manifests/init.pp": "class n {}"},
	} {
		write(t, one, change)
		env := environment(t, l, "p")
		if seen[env.CodeID()] {
			t.Errorf("%v did not change the code_id", change)
		}
		seen[env.CodeID()] = true
	}
	text, err := first.ReadFile(one + "/p/manifests/site.pp")
	if err != nil || string(text) != "notify { 'a': }" {
		t.Errorf("the old snapshot reads %q, %v", text, err)
	}
	if _, err := first.ReadFile(one + "/p/modules/m/files/f"); err == nil {
		t.Error("the old snapshot reads the new content of a file that it does not keep")
	}
}

func TestSameSizeSameTimeIsSeen(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{"p/manifests/site.pp": "notify { 'a': }"})
	l := NewLibrary(Options{EnvironmentPath: []string{base}})
	first := environment(t, l, "p")
	path := filepath.Join(base, "p/manifests/site.pp")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, base, map[string]string{"p/manifests/site.pp": "notify { 'b': }"})
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if environment(t, l, "p").CodeID() == first.CodeID() {
		t.Error("a change that kept size and time was not seen")
	}
}

func TestLinkedEnvironmentIsSwitched(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{"v1/manifests/site.pp": "1", "v2/manifests/site.pp": "2", "envs/x/manifests/a.pp": ""})
	link := filepath.Join(base, "envs", "p")
	if err := os.Symlink(filepath.Join(base, "v1"), link); err != nil {
		t.Fatal(err)
	}
	l := NewLibrary(Options{EnvironmentPath: []string{filepath.Join(base, "envs")}})
	first := environment(t, l, "p")
	if err := os.Symlink(filepath.Join(base, "v2"), link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	second := environment(t, l, "p")
	if first.CodeID() == second.CodeID() || first.Dir != second.Dir {
		t.Errorf("switched link: %s %s", first.CodeID(), second.CodeID())
	}
	names, err := l.Names()
	if diff := cmp.Diff([]string{"p", "x"}, names); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestCircularLinkEnds(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{"p/manifests/site.pp": ""})
	if err := os.Symlink(".", filepath.Join(base, "p/manifests/loop")); err != nil {
		t.Fatal(err)
	}
	l := NewLibrary(Options{EnvironmentPath: []string{base}})
	if _, err := l.Environment(t.Context(), "p"); err == nil || !strings.Contains(err.Error(), "circular link") {
		t.Errorf("circular link: %v", err)
	}
}

func TestRecheck(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{"p/manifests/site.pp": "1"})
	now := time.Unix(1_000_000, 0)
	l := NewLibrary(Options{EnvironmentPath: []string{base}, Recheck: time.Minute, Now: func() time.Time { return now }})
	first := environment(t, l, "p")
	write(t, base, map[string]string{"p/manifests/site.pp": "2"})
	if environment(t, l, "p") != first {
		t.Error("the disk was looked at within the recheck time")
	}
	now = now.Add(2 * time.Minute)
	second := environment(t, l, "p")
	if second == first {
		t.Error("the change was not seen after the recheck time")
	}
	write(t, base, map[string]string{"p/manifests/site.pp": "3"})
	l.Refresh()
	if environment(t, l, "p") == second {
		t.Error("the change was not seen after Refresh")
	}
}

func TestParseIsShared(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{"p/manifests/site.pp": "notify { 'a': }", "p/manifests/bad.pp": "notify {"})
	l := NewLibrary(Options{EnvironmentPath: []string{base}})
	env := environment(t, l, "p")
	var wg sync.WaitGroup
	progs := make([]any, 8)
	for i := range progs {
		wg.Go(func() {
			prog, err := env.Parse(base + "/p/manifests/site.pp")
			if err != nil {
				t.Error(err)
			}
			progs[i] = prog
		})
	}
	wg.Wait()
	for _, p := range progs {
		if p != progs[0] {
			t.Error("the same content was parsed twice")
		}
	}
	if _, err := env.Parse(base + "/p/manifests/bad.pp"); err == nil {
		t.Error("a syntax error was not reported")
	}
}

func TestGlobMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"**/*.pp", "a.pp", true}, {"**/*.pp", "a/b/c.pp", true}, {"*.pp", "a/b.pp", false}, {"a/*.yaml", "a/x.yaml", true},
		{"a/**", "a/b/c", true}, {"**/x/*", "a/x/y", true}, {"**/x/*", "a/y", false}, {"[", "a", false},
	} {
		if got := globMatch(c.pattern, c.path); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.path, got)
		}
	}
}
