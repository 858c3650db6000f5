package conformance

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// modulePackages are the ten Debian packages whose manifests every change of the parser has to accept.
var modulePackages = []string{
	"puppet-module-puppetlabs-stdlib", "puppet-module-puppetlabs-apache", "puppet-module-puppetlabs-mysql",
	"puppet-module-puppetlabs-postgresql", "puppet-module-puppetlabs-apt", "puppet-module-puppetlabs-concat",
	"puppet-module-puppetlabs-haproxy", "puppet-module-puppetlabs-ntp", "puppet-module-puppetlabs-rabbitmq", "puppet-module-nova",
}

// moduleRoot is where Debian's module packages put their modules (as links).
const moduleRoot = "/usr/share/puppet/modules"

// requireOracle skips, unless conformance tests are asked for, and installs what they need.
func requireOracle(t *testing.T) {
	t.Helper()
	if os.Getenv("KICKOFF_CONFORMANCE") != "1" {
		t.Skip("SKIPPED: not compared with the real Puppet; set KICKOFF_CONFORMANCE=1 (installs Debian packages, needs root)")
	}
	var missing []string
	for _, name := range append([]string{"puppet-agent"}, modulePackages...) {
		out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name).Output()
		if err != nil || !strings.HasPrefix(string(out), "ii") {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return
	}
	args := append([]string{"-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"}, missing...)
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("apt-get install %v: %v\n%s", missing, err, out)
	}
}

// job is a text for the real parser: a file, or a text itself.
type job struct {
	File string `json:"file,omitempty"`
	Code string `json:"code,omitempty"`
	EPP  bool   `json:"epp,omitempty"`
	Dump bool   `json:"dump,omitempty"`
}

// answer is what the real parser says about it.
type answer struct {
	OK    bool   `json:"ok"`
	Tree  string `json:"tree"`
	Error string `json:"error"`
}

// ask has the real parser look at all jobs, in one process.
func ask(t *testing.T, jobs []job) []answer {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ruby", "parser_oracle.rb")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the real parser: %v", err)
	}
	go func() {
		enc := json.NewEncoder(in)
		for _, j := range jobs {
			if enc.Encode(j) != nil {
				break
			}
		}
		in.Close()
	}()
	start := time.Now()
	answers := make([]answer, 0, len(jobs))
	lines := bufio.NewReaderSize(out, 1<<20)
	dec := json.NewDecoder(lines)
	for range jobs {
		var a answer
		if err := dec.Decode(&a); err != nil {
			t.Fatalf("answer %d of the real parser: %v", len(answers)+1, err)
		}
		answers = append(answers, a)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the real parser: %v", err)
	}
	t.Logf("the real parser took %s for %d texts", time.Since(start).Round(time.Millisecond), len(jobs))
	return answers
}

// moduleFiles lists files of the installed modules with an extension, in a stable order. With packages, only theirs.
func moduleFiles(t *testing.T, ext string, packages []string) []string {
	t.Helper()
	var files []string
	if len(packages) > 0 {
		for _, name := range packages {
			out, err := exec.Command("dpkg-query", "-L", name).Output()
			if err != nil {
				t.Fatalf("list files of %s: %v", name, err)
			}
			for f := range strings.FieldsSeq(string(out)) {
				if strings.HasSuffix(f, ext) {
					files = append(files, f)
				}
			}
		}
		sort.Strings(files)
		return files
	}
	modules, err := filepath.Glob(moduleRoot + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		dir, err := filepath.EvalSymlinks(m)
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ext) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sort.Strings(files)
	return files
}
