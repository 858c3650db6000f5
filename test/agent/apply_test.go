package agent

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kickoff/internal/cli"
)

// Each file of testdata is a txtar archive: files to be there before, a manifest, and flags. DIR is the directory of
// the run. Puppet and kickoff apply it, each in a directory of its own; what they log, their exit status and what is in
// the directory afterwards have to be equal.
func TestRunsAreLikePuppets(t *testing.T) {
	if _, err := exec.LookPath("puppet"); err != nil {
		t.Skip("puppet is not installed: apt-get install puppet-agent")
	}
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := runCase(t, archive, applyWithPuppet)
			got := runCase(t, archive, applyWithKickoff)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-puppet +kickoff:\n%s", diff)
			}
		})
	}
}

// outcome is what can be seen of a run.
type outcome struct {
	Code  int
	Log   []string
	Files map[string]string
}

type applier func(t *testing.T, dir string, args []string) (string, int)

func runCase(t *testing.T, archive *txtar.Archive, apply applier) outcome {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--detailed-exitcodes", "--color", "false"}
	for _, f := range archive.Files {
		text := strings.ReplaceAll(string(f.Data), "DIR", dir)
		if f.Name == "flags" {
			args = append(args, strings.Fields(text)...)
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	manifest := filepath.Join(dir, "site.pp")
	text, code := apply(t, dir, append(args, manifest))
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	return outcome{code, normalLines(text, dir), snapshot(t, dir)}
}

func applyWithPuppet(t *testing.T, _ string, args []string) (string, int) {
	conf := t.TempDir()
	cmd := exec.Command("puppet", append([]string{"apply", "--confdir", conf, "--vardir", conf + "/var", "--basemodulepath", conf}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func applyWithKickoff(t *testing.T, _ string, args []string) (string, int) {
	conf := t.TempDir()
	var out bytes.Buffer
	all := append([]string{"apply", "--confdir", conf, "--vardir", conf + "/var", "--publicdir", conf + "/public", "--ssldir", conf + "/ssl",
		"--environmentpath", conf, "--basemodulepath", conf}, args...)
	code := cli.Main(all, &cli.IO{In: strings.NewReader(""), Out: &out, Err: &out})
	return out.String(), code
}

// What differs from run to run, or says which program speaks.
var (
	noise = regexp.MustCompile(`^(Notice: (Compiled|Applied) catalog|Info: (Loading facts|Using environment|Applying configuration|Creating state file)|` +
		`.*Facter: |\s*\^+$|\s*lines\.$|\s*version\.gsub|$|Warning: Found a dependency cycle|Info: .*Filebucketed|Info: Computing checksum|Wrapped exception)`)
	diffHead = regexp.MustCompile(`^(---|\+\+\+) .*`)
)

func normalLines(text, dir string) []string {
	lines := []string{}
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\n"), dir, "DIR")
		line, _, _ = strings.Cut(line, `\nTry the '--graph'`)
		if noise.MatchString(line) {
			continue
		}
		lines = append(lines, diffHead.ReplaceAllString(line, "$1"))
	}
	return lines
}

// snapshot gives what is below a directory: modes and contents by path.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode()&os.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			what += " -> " + strings.ReplaceAll(target, dir, "DIR")
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += " " + strings.ReplaceAll(string(text), dir, "DIR")
		}
		files[strings.TrimPrefix(path, dir+"/")] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
