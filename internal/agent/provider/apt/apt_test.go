package apt

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

const status = "install\tinstalled\tcurl\tamd64\t7.88.1-10\t\n" +
	"hold\tinstalled\tgit\tamd64\t1:2.39.5-0\t\n" +
	"deinstall\tconfig-files\tnginx\tamd64\t1.22.1-9\t\n" +
	"install\tinstalled\topenjdk-17-jre-headless\tamd64\t17.0.15\tjava-runtime-headless, java2-runtime-headless (= 17)\n" +
	"install\thalf-configured\tbroken\tamd64\t1\t\n"

func res(t *testing.T, title string, params resource.Params, lines *[]string) *provider.Resource {
	t.Helper()
	typ, _ := resource.Builtin().Lookup("package")
	p, err := typ.Munge(title, params)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Resource{Ref: catalog.Ref{Type: "Package", Title: title}, Type: typ, Params: p, Reporter: &reporter{lines: lines}}
}

type reporter struct {
	mu    sync.Mutex
	lines *[]string
}

func (r *reporter) Report(l provider.Line) {
	if r.lines != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		*r.lines = append(*r.lines, l.Message)
	}
}

func free(string) (Holder, bool, error) { return Holder{}, false, nil }

func newTest(script *system.Script) *Provider {
	return New(Options{Machine: system.NewMachine("", script), Holder: free})
}

func ok(text string) system.Result { return system.Result{Stdout: []byte(text)} }

func ensure(s string) resource.Params { return resource.Params{"ensure": value.String(s)} }

func TestCheck(t *testing.T) {
	policy := "curl:\n  Installed: 7.88.1-10\n  Candidate: 7.88.1-11\n  Version table:\n *** 7.88.1-10 500\n" +
		"git:\n  Installed: 1:2.39.5-0\n  Candidate: 1:2.39.5-0\nnope:\n  Installed: (none)\n  Candidate: (none)\n"
	tests := []struct {
		title  string
		params resource.Params
		want   string
	}{
		{"curl", ensure("installed"), ""},
		{"curl:amd64", ensure("installed"), ""},
		{"curl", ensure("latest"), "ensure 7.88.1-10 7.88.1-11 "},
		{"git", ensure("latest"), ""},
		{"curl", ensure("7.88.1-10"), ""},
		{"curl", ensure("7.0"), "ensure 7.88.1-10 7.0 "},
		{"nginx", ensure("present"), "ensure absent present created"},
		{"nginx", ensure("absent"), ""},
		{"nginx", ensure("purged"), "ensure absent purged purged"},
		{"curl", ensure("absent"), "ensure 7.88.1-10 absent removed"},
		{"new", ensure("present"), "ensure purged present created"},
		{"new", ensure("absent"), ""},
		{"broken", ensure("present"), "ensure absent present created"},
		{"java-runtime-headless", ensure("present"), ""},
		{"java-runtime-headless", resource.Params{"allow_virtual": value.Bool(false)}, "ensure purged present created"},
		{"web server", resource.Params{"name": value.String("new")}, "ensure purged present created"},
		{"git", resource.Params{"mark": value.String("none")}, "mark hold none "},
		{"git", resource.Params{"mark": value.String("hold")}, ""},
	}
	for _, tt := range tests {
		p := newTest(&system.Script{Answers: []system.Answer{
			{Prefix: "dpkg-query", Result: ok(status)}, {Prefix: "apt-cache policy", Result: ok(policy)}}})
		cs, err := p.Check(t.Context(), res(t, tt.title, tt.params, nil))
		if err != nil {
			t.Errorf("%s: %v", tt.title, err)
			continue
		}
		var got strings.Builder
		for _, c := range cs {
			got.WriteString(c.Property + " " + c.Previous.String() + " " + c.Desired.String() + " " + c.Message)
		}
		if got.String() != tt.want {
			t.Errorf("%s %v: got %q, want %q", tt.title, tt.params, got.String(), tt.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		title  string
		params resource.Params
		want   string
	}{
		{"x", resource.Params{"provider": value.String("pip")}, "provider 'pip' is not supported"},
		{"x", ensure("> 1.0"), "give a single version"},
		{"-o=APT::Foo", ensure("present"), "is not the name of a package"},
		{"curl-", ensure("present"), "is not the name of a package"},
		{"a b", ensure("present"), "is not the name of a package"},
		{"x", resource.Params{"source": value.String("http://x/y.deb")}, "absolute path"},
		{"x", resource.Params{"reinstall_on_refresh": value.Bool(true)}, "reinstall_on_refresh"},
	}
	for _, tt := range tests {
		p := newTest(&system.Script{Answers: []system.Answer{{Prefix: "dpkg-query", Result: ok(status)}}})
		_, err := p.Check(t.Context(), res(t, tt.title, tt.params, nil))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.title, err, tt.want)
		}
	}
}

func TestBatch(t *testing.T) {
	script := &system.Script{Answers: []system.Answer{
		{Prefix: "dpkg-query", Result: ok(status), Once: true},
		{Prefix: "apt-get", Result: ok("")},
		{Prefix: "dpkg-query", Result: ok(status + "install\tinstalled\ta\tamd64\t1\t\ninstall\tinstalled\tb\tamd64\t2\t\n")},
	}}
	p := newTest(script)
	noRecommends := value.Strings("--no-install-recommends", "-o")
	noRecommends = value.NewArray(append(noRecommends.Elems()[:1:1], value.HashOf("--solver", "x"))...)
	rs := []*provider.Resource{
		res(t, "a", resource.Params{"install_options": noRecommends}, nil),
		res(t, "b", resource.Params{"install_options": noRecommends, "ensure": value.String("latest")}, nil),
		res(t, "c", ensure("1.0"), nil),
	}
	if err := p.Prefetch(t.Context(), rs[:1]); err != nil {
		t.Fatal(err)
	}
	errs := p.Batch(t.Context(), rs, make([]provider.Change, 3))
	if errs[0] != nil || errs[1] != nil || errs[2] == nil || !strings.Contains(errs[2].Error(), "c is not installed") {
		t.Errorf("errors: %v", errs)
	}
	want := []string{
		"dpkg-query -W -f " + queryFormat,
		"apt-get -q -y -o DPkg::Lock::Timeout=3 install -o DPkg::Options::=--force-confdef -o DPkg::Options::=--force-confold --no-install-recommends --solver=x a b",
		"dpkg-query -W -f " + queryFormat,
		"apt-get -q -y -o DPkg::Lock::Timeout=3 install -o DPkg::Options::=--force-confdef -o DPkg::Options::=--force-confold --allow-downgrades --allow-change-held-packages c=1.0",
		"dpkg-query -W -f " + queryFormat,
	}
	if d := cmp.Diff(want, script.Ran()); d != "" {
		t.Error(d)
	}
}

func TestBatchFailureLeavesTheOthers(t *testing.T) {
	script := &system.Script{Answers: []system.Answer{
		{Prefix: "dpkg-query", Result: ok(status)},
		{Prefix: "apt-get -q -y -o DPkg::Lock::Timeout=3 update", Result: ok("")},
		{Prefix: "apt-get", Result: system.Result{Code: 100, Stderr: []byte("E: Unable to locate package nope\n")}},
	}}
	p := newTest(script)
	rs := []*provider.Resource{res(t, "curl", ensure("present"), nil), res(t, "nope", ensure("present"), nil)}
	errs := p.Batch(t.Context(), rs, make([]provider.Change, 2))
	if errs[0] != nil || errs[1] != provider.ErrNotBatched {
		t.Errorf("errors: %v", errs)
	}
	updates := 0
	for _, line := range script.Ran() {
		if strings.HasSuffix(line, " update") {
			updates++
		}
	}
	if updates != 1 {
		t.Errorf("%d updates, want 1", updates)
	}
	// The lists are not fetched a second time in the same run.
	cs, err := p.Check(t.Context(), rs[1])
	if err != nil || len(cs) != 1 {
		t.Fatal(cs, err)
	}
	err = cs[0].Apply(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), "returned 100: E: Unable to locate package nope") {
		t.Errorf("error: %v", err)
	}
	for _, line := range script.Ran() {
		if strings.HasSuffix(line, " update") {
			t.Error("updated again")
		}
	}
}

func TestInterruptedDpkgIsRepaired(t *testing.T) {
	script := &system.Script{Answers: []system.Answer{
		{Prefix: "dpkg --configure -a", Result: ok("")},
		{Prefix: "apt-get", Once: true, Result: system.Result{Code: 100,
			Stderr: []byte("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n")}},
		{Prefix: "apt-get", Result: ok("")},
		{Prefix: "dpkg-query", Result: ok(status), Once: true},
		{Prefix: "dpkg-query", Result: ok(status + "install\tinstalled\tnew\tamd64\t1\t\n")},
	}}
	var lines []string
	r := res(t, "new", ensure("present"), &lines)
	p := newTest(script)
	cs, err := p.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := cs[0].Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"dpkg was interrupted: running dpkg --configure -a"}, lines); d != "" {
		t.Error(d)
	}
}

func TestWaitsForTheLockAndNamesTheHolder(t *testing.T) {
	script := &system.Script{Answers: []system.Answer{
		{Prefix: "dpkg-query", Result: ok(status + "install\tinstalled\tnew\tamd64\t1\t\n")}, {Prefix: "apt-get", Result: ok("")}}}
	calls := 0
	p := New(Options{Machine: system.NewMachine("", script), Holder: func(path string) (Holder, bool, error) {
		calls++
		return Holder{4711, "apt-get upgrade"}, calls == 1, nil
	}})
	var lines []string
	if err := p.aptGet(t.Context(), res(t, "new", ensure("present"), &lines), []string{"install", "new"}); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "/var/lib/dpkg/lock-frontend, held by process 4711 (apt-get upgrade)") {
		t.Errorf("lines: %q", lines)
	}
}

func TestGivesUpOnTheLock(t *testing.T) {
	p := New(Options{Machine: system.NewMachine("", &system.Script{}), LockWait: time.Nanosecond,
		Holder: func(string) (Holder, bool, error) { return Holder{1, "aptd"}, true, nil }})
	err := p.aptGet(t.Context(), res(t, "new", ensure("present"), nil), []string{"install", "new"})
	if err == nil || !strings.Contains(err.Error(), "is held by process 1 (aptd)") {
		t.Errorf("error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.lockWait = time.Hour
	if err := p.aptGet(ctx, res(t, "new", ensure("present"), nil), []string{"install", "new"}); err == nil {
		t.Error("not cancelled")
	}
}

// TestLockHolder takes a real lock in another process.
func TestLockHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if _, held, err := lockHolder(path); held || err != nil {
		t.Errorf("no file: %v %v", held, err)
	}
	if os.Getenv("KICKOFF_TAKE_LOCK") != "" {
		t.Skip("the other process")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, held, err := lockHolder(path); held || err != nil {
		t.Errorf("free: %v %v", held, err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestTakeLock")
	cmd.Env = append(os.Environ(), "KICKOFF_TAKE_LOCK="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	buf := make([]byte, 7)
	if _, err := out.Read(buf); err != nil {
		t.Fatal(err)
	}
	h, held, err := lockHolder(path)
	if err != nil || !held || h.PID != cmd.Process.Pid || !strings.Contains(h.Command, "TestTakeLock") {
		t.Errorf("got %v %v %v, want process %d", h, held, err, cmd.Process.Pid)
	}
}

// TestTakeLock is the other process of TestLockHolder.
func TestTakeLock(t *testing.T) {
	path := os.Getenv("KICKOFF_TAKE_LOCK")
	if path == "" {
		t.Skip("only as another process")
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("locked\n")
	time.Sleep(time.Minute)
}

func FuzzParseStatus(f *testing.F) {
	f.Add(status)
	f.Add("\t\t\t\t\t\n")
	f.Fuzz(func(t *testing.T, s string) { parseStatus(s); parsePolicy(s) })
}
