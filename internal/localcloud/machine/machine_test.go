package machine

import (
	"bufio"
	"bytes"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestBecomeRefusesNonsense(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "no line": "{", "no JSON": "hello\n"} {
		if err := become(bufio.NewReader(strings.NewReader(text))); err == nil || !strings.Contains(err.Error(), "read spec") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSpecIsOneLine(t *testing.T) {
	var b bytes.Buffer
	if err := (spec{Hostname: "a\nb", Init: []string{"/sbin/init"}}).write(&b); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("%d lines: %q", n, b.String())
	}
}

func TestOverlayPathsAreChecked(t *testing.T) {
	for _, path := range []string{"/a:b", "/a,b", `/a\b`} {
		if err := mountRoot(spec{Dir: "/x", Lower: []string{path}}, "/x/root"); err == nil || !strings.Contains(err.Error(), "colon") {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

func TestListens(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR2)
	defer signal.Stop(caught)
	if !listens(os.Getpid(), syscall.SIGUSR2) {
		t.Error("a caught signal is not seen")
	}
	if listens(os.Getpid(), syscall.SIGSTOP) || listens(1<<30, syscall.SIGUSR2) {
		t.Error("seen where there is none")
	}
}

func TestDangerousCapabilitiesAreNotKept(t *testing.T) {
	for _, number := range kept {
		switch number {
		case unix.CAP_MKNOD, unix.CAP_SYS_MODULE, unix.CAP_SYS_RAWIO, unix.CAP_SYS_TIME, unix.CAP_SYS_BOOT,
			unix.CAP_SYSLOG, unix.CAP_DAC_READ_SEARCH, unix.CAP_BPF:
			t.Errorf("capability %d is kept", number)
		}
	}
}

func TestGroupThatIsNotThere(t *testing.T) {
	g := Hierarchy{root: t.TempDir()}.Group("none").Sub("machine")
	if err := g.Kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Errorf("remove: %v", err)
	}
	if names, err := g.Subgroups(); err != nil || len(names) != 0 {
		t.Errorf("subgroups: %v, %v", names, err)
	}
}

func TestKillAndRemoveGroup(t *testing.T) {
	if os.Getenv("KICKOFF_ROOT_TESTS") != "1" {
		t.Skip("SKIPPED: needs root and KICKOFF_ROOT_TESTS=1")
	}
	h, err := FindHierarchy()
	if err != nil {
		t.Fatal(err)
	}
	g := h.Group("kickoff-machine-test").Sub("a")
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(g.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	process, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{
		Sys: &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(file.Fd())}})
	if err != nil {
		t.Fatal(err)
	}
	top := h.Group("kickoff-machine-test")
	if err := top.Kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	begin := time.Now()
	if state, err := process.Wait(); err != nil || state.Success() {
		t.Errorf("process ended as %v, %v", state, err)
	}
	if err := top.Remove(t.Context()); err != nil {
		t.Errorf("remove: %v", err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}
