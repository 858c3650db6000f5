package providers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// trees are the directories that manifests may change: each tool sees an overlay over them.
var trees = []string{"etc", "srv", "home"}

// overlay runs a script in a mount namespace in which the trees are overlaid by directories below $1.
const overlay = `set -e
dir=$1; script=$2
mount --make-rprivate /
for tree in ` + "etc srv home" + `; do
  mkdir -p "$dir/$tree.upper" "$dir/$tree.work"
  mount -t overlay overlay -o "lowerdir=/$tree,upperdir=$dir/$tree.upper,workdir=$dir/$tree.work" "/$tree"
done
exec sh "$script"
`

// TestLikePuppet applies the steps of each scenario (one manifest after the other) and compares.
func TestLikePuppet(t *testing.T) {
	binary := requirements(t)
	scenarios, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scenarios) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range scenarios {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			steps := strings.Split(string(text), "----\n")
			puppet := play(t, steps, "puppet apply --color=false --facts_terminus=memory --confdir=/home/.puppet --vardir=/home/.puppet/var "+
				"--modulepath /usr/share/puppet/modules -e")
			kickoff := play(t, steps, binary+" apply --color=false -e")
			if d := cmp.Diff(puppet.log, kickoff.log); d != "" {
				t.Errorf("what is logged (-puppet +kickoff):\n%s\n%s", d, kickoff.raw)
			}
			if d := cmp.Diff(puppet.files, kickoff.files); d != "" {
				t.Errorf("what is left behind (-puppet +kickoff):\n%s", d)
			}
		})
	}
}

// requirements gives the binary, or skips the test and says why.
func requirements(t *testing.T) string {
	t.Helper()
	if os.Getenv("KICKOFF_ROOT_TESTS") != "1" || os.Getuid() != 0 {
		t.Skip("needs root and KICKOFF_ROOT_TESTS=1")
	}
	for _, name := range []string{"puppet", "unshare"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	dir := t.TempDir()
	try := exec.Command("unshare", "--mount", "sh", "-c", overlay, "sh", dir, writeScript(t, dir, "exit 0\n"))
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("this machine cannot overlay its directories: %v: %s", err, out)
	}
	if binary := os.Getenv("KICKOFF_BINARY"); binary != "" {
		return binary
	}
	binary := filepath.Join(dir, "kickoff")
	build := exec.Command("go", "build", "-o", binary, "kickoff/cmd/kickoff")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return binary
}

func writeScript(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "script")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outcome is what a tool said and did.
type outcome struct {
	log, files []string
	raw        string
}

func play(t *testing.T, steps []string, tool string) outcome {
	t.Helper()
	dir := t.TempDir()
	var script strings.Builder
	for i, manifest := range steps {
		name := filepath.Join(dir, fmt.Sprintf("%d.pp", i))
		if err := os.WriteFile(name, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&script, "echo '== step %d'\n%s \"$(cat %s)\" || true\n", i+1, tool, name)
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", overlay, "sh", dir, writeScript(t, dir, script.String()))
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", tool, err, out)
	}
	return outcome{relevant(out), left(t, dir), string(out)}
}

var (
	shown   = regexp.MustCompile(`^(==|Notice:|Warning:|Error: /)`)
	ignored = regexp.MustCompile(`^Notice: (Compiled|Applied) catalog|Facter`)
	// Puppet says for some properties again which one it could not set; both name the resource and the reason.
	couldNotSet = regexp.MustCompile(`failed: Could not (?:set '?\w+'? on \w+(?:\[\w+\])?|create user \w+): (.*?)( \(line: \d+\))?$`)
	temporary   = regexp.MustCompile(`20\d{6}-\d+-\w+(\.lock)?`)
	program     = regexp.MustCompile(`'/usr/s?bin/(\w+)`)
)

// relevant are the lines that both tools are to have in common. Puppet logs errors of changes twice, without the
// resource and with it: only the latter count.
func relevant(out []byte) []string {
	var lines []string
	for line := range bytes.Lines(out) {
		s := strings.TrimRight(string(line), "\n")
		if !shown.MatchString(s) || ignored.MatchString(s) {
			continue
		}
		s = couldNotSet.ReplaceAllString(s, "failed: $1")
		s = strings.Replace(s, "from environment production source(s)", "from source(s)", 1)
		s = temporary.ReplaceAllString(s, "")
		lines = append(lines, program.ReplaceAllString(s, "'$1"))
	}
	return lines
}

// left lists what is in the upper directories: kind, mode, owner, and content.
func left(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, tree := range trees {
		upper := filepath.Join(dir, tree+".upper")
		err := filepath.Walk(upper, func(path string, st os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			rel := "/" + tree + strings.TrimPrefix(path, upper)
			if strings.HasPrefix(rel, "/home/.puppet") || rel == "/"+tree || uninteresting[filepath.Base(rel)] {
				return nil
			}
			sys := st.Sys().(*syscall.Stat_t)
			line := fmt.Sprintf("%s %s %d:%d", rel, st.Mode(), sys.Uid, sys.Gid)
			switch {
			case st.Mode().IsRegular():
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				line += " " + normalise(string(data))
			case st.Mode()&os.ModeSymlink != 0:
				to, err := os.Readlink(path)
				if err != nil {
					return err
				}
				line += " -> " + to
			}
			out = append(out, line)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sort.Strings(out)
	return out
}

// uninteresting are copies that the shadow suite makes before each change.
var uninteresting = map[string]bool{"passwd-": true, "group-": true, "shadow-": true, "gshadow-": true, "subuid-": true, "subgid-": true,
	".pwd.lock": true}

var header = regexp.MustCompile(`(?m)^# HEADER:.*\n`)

// normalise drops the header that Puppet writes above keys.
func normalise(s string) string { return header.ReplaceAllString(s, "") }
