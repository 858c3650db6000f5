package localcloud_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/localcloud/api"
)

// inside runs a command in a machine, as an operator does.
func inside(t *testing.T, c *cloudProcess, id string, words ...string) string {
	t.Helper()
	c.waitState(t, id, api.Running)
	out, err := command(t, append([]string{"exec", "--socket", c.socket, id, "--"}, words...)...).CombinedOutput()
	if err != nil && len(out) > 0 {
		t.Logf("%v in %s: %v\n%s", words, id, err, out)
	}
	return string(out)
}

// traces is what this host shows of the local cloud on a state directory:
// processes, mounts, links and cgroups.
func traces(t *testing.T, stateDir string) []string {
	t.Helper()
	var all []string
	marker := []byte(stateDir)
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range processes {
		if dir == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		mounts, _ := os.ReadFile(filepath.Join(dir, "mountinfo")) // a machine's root names its upper directory
		if bytes.Contains(command, marker) || bytes.Contains(mounts, marker) {
			all = append(all, fmt.Sprintf("process %s %q", filepath.Base(dir), bytes.ReplaceAll(command, []byte{0}, []byte(" "))))
		}
	}
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(own)) {
		if strings.Contains(line, stateDir) {
			all = append(all, "mount "+strings.TrimSpace(line))
		}
	}
	for _, pattern := range []string{"/sys/class/net/kc-*", "/sys/fs/cgroup/kickoff-local-*", "/sys/fs/cgroup/*/kickoff-local-*"} {
		found, _ := filepath.Glob(pattern)
		all = append(all, found...)
	}
	slices.Sort(all)
	return all
}

// others removes from traces the links and cgroups that were there before.
func others(now, before []string) []string {
	return slices.DeleteFunc(now, func(trace string) bool { return slices.Contains(before, trace) })
}

// waitTraces waits until nothing but what was there before is left.
func waitTraces(t *testing.T, stateDir string, before []string) {
	t.Helper()
	var left []string
	for range 100 {
		if left = others(traces(t, stateDir), before); len(left) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("left over:\n%s", strings.Join(left, "\n"))
}

func TestNothingStaysAfterSIGTERM(t *testing.T) {
	needRoot(t)
	dir := stateDir(t)
	before := traces(t, dir)
	c := startCloud(t, dir, freeSubnet())
	var ids []string
	for range 4 {
		ids = append(ids, c.launch(t, "systemd-run --quiet sleep 1000; setsid sleep 2000 &\n").ID)
	}
	for _, id := range ids[:3] { // the fourth may still be on its way
		c.waitState(t, id, api.Running)
	}
	if err := c.Terminate(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	c.waitState(t, ids[0], api.Terminated)
	if left := others(traces(t, dir), before); len(left) == 0 {
		t.Error("the survey does not see running machines")
	}
	begin := time.Now()
	if err := c.stop(t); err != nil {
		t.Errorf("local cloud: %v", err)
	}
	t.Logf("stopped in %v", time.Since(begin))
	waitTraces(t, dir, before)
	if _, err := os.Lstat(c.socket); !os.IsNotExist(err) {
		t.Errorf("socket: %v, want it gone", err)
	}
	for _, id := range ids {
		entries, err := os.ReadDir(filepath.Join(dir, "instances", id))
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				t.Errorf("disk %s of %s is left", e.Name(), id)
			}
		}
	}
}

func TestRestartReapsAfterKill(t *testing.T) {
	needRoot(t)
	dir, subnet := stateDir(t), freeSubnet()
	before := traces(t, dir)
	c := startCloud(t, dir, subnet)
	var machines []api.Instance
	for range 3 {
		i := c.launch(t, "setsid sleep 1000 &\n")
		machines = append(machines, c.waitState(t, i.ID, api.Running))
	}
	if err := c.end(t, syscall.SIGKILL); err == nil {
		t.Error("killed, but it says it ended well")
	}
	alive := func(pid int) bool { return syscall.Kill(pid, 0) == nil && !zombie(pid) }
	if !alive(machines[0].PID) {
		t.Error("the machines died with the local cloud: nothing to reap")
	}
	again := startCloud(t, dir, subnet)
	for _, m := range machines {
		if alive(m.PID) {
			t.Errorf("init %d of %s still runs", m.PID, m.ID)
		}
		now, err := again.Instance(t.Context(), m.ID)
		if err != nil || now.State != api.Terminated || !strings.Contains(now.StateReason, "killed") {
			t.Errorf("%s: %s (%s), %v; want terminated", m.ID, now.State, now.StateReason, err)
		}
		same, err := again.Launch(t.Context(), api.LaunchRequest{Token: m.Token, Image: "debian-12"})
		if err == nil || same.ID != "" {
			t.Errorf("token %s launches %q, %v after the restart; want a parameter mismatch", m.Token, same.ID, err)
		}
		if _, err := again.Console(t.Context(), m.ID); err != nil {
			t.Errorf("console of %s: %v", m.ID, err)
		}
	}
	fresh := again.launch(t, "true\n")
	again.waitState(t, fresh.ID, api.Running)
	if err := again.stop(t); err != nil {
		t.Errorf("local cloud: %v", err)
	}
	waitTraces(t, dir, before)
}

func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(text), ") Z ")
}

func TestTwoCloudsSideBySide(t *testing.T) {
	needRoot(t)
	a, b := startCloud(t, stateDir(t), freeSubnet()), startCloud(t, stateDir(t), freeSubnet())
	ia, ib := a.launch(t, "true\n"), b.launch(t, "true\n")
	a.waitState(t, ia.ID, api.Running)
	b.waitState(t, ib.ID, api.Running)
	if err := a.stop(t); err != nil {
		t.Error(err)
	}
	if i := b.waitState(t, ib.ID, api.Running); i.PID == 0 {
		t.Error("the other cloud's machine is gone")
	}
}

func TestStartIsRefused(t *testing.T) {
	needRoot(t)
	dir, subnet := stateDir(t), freeSubnet()
	c := startCloud(t, dir, subnet)
	other := stateDir(t)
	fine := map[string]string{"--state-dir": other, "--socket": filepath.Join(other, "api.sock"), "--subnet": freeSubnet()}
	for _, test := range []struct {
		name, flag, value, want string
	}{
		{"state directory", "--state-dir", dir, "another local cloud runs on " + dir},
		{"socket", "--socket", c.socket, "another local cloud serves " + c.socket},
		{"subnet in use", "--subnet", subnet, "overlaps the route to"},
		{"subnet IPv6", "--subnet", "fd00::/64", "want an IPv4 network"},
		{"subnet nonsense", "--subnet", "ten", "--subnet"},
		{"unknown image", "--image", "windows-95", `there is no image "windows-95"`},
		{"unknown owner", "--socket-owner", "no-such-user", "--socket-owner"},
		{"host name", "--host-name", "a b", "is not a DNS name"},
		{"limit", "--max-instances", "-1", "must be at least 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var args []string
			for flag, value := range fine {
				if flag != test.flag {
					args = append(args, flag, value)
				}
			}
			out, err := command(t, append(args, test.flag, test.value)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("error %v, output:\n%s\nwant %q in it", err, out, test.want)
			}
		})
	}
	if left := traces(t, other); slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, other) }) {
		t.Errorf("a refused start left:\n%s", strings.Join(left, "\n"))
	}
}

func TestSocketIsForItsOwner(t *testing.T) {
	needRoot(t)
	const owner, stranger = 64001, 64002
	// The socket's directory must be open to all, or nobody but root gets as far.
	dir, err := os.MkdirTemp("/var/tmp", "kickoff-socket-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := startCloud(t, dir, freeSubnet(), "--socket-owner", fmt.Sprint(owner))
	if err := os.Chmod(c.stateDir, 0o755); err != nil {
		t.Fatal(err)
	}
	i := c.launch(t, "true\n")
	list := func(uid uint32) (string, error) {
		cmd := exec.Command("curl", "-sS", "--unix-socket", c.socket, "http://local-cloud/v1/instances")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	text, err := list(owner)
	var got []api.Instance
	if err != nil || json.Unmarshal([]byte(text), &got) != nil || len(got) != 1 || got[0].ID != i.ID {
		t.Errorf("the owner got %q, %v", text, err)
	}
	if text, err := list(stranger); err == nil {
		t.Errorf("a stranger got %q", text)
	}
	if err := os.Chmod(c.socket, 0o666); err != nil { // the mode is not the only lock
		t.Fatal(err)
	}
	if text, _ := list(stranger); !strings.Contains(text, api.CodeUnauthorized) {
		t.Errorf("a stranger who can connect got %q", text)
	}
}

func TestAPIRefuses(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet(), "--max-instances", "1")
	c.launch(t, "true\n")
	codes := map[string]string{}
	for name, r := range map[string]api.LaunchRequest{
		"beyond the limit": {Token: newToken(), Image: "debian-12"},
		"no token":         {Image: "debian-12"},
		"unknown image":    {Token: newToken(), Image: "debian-1"},
		"unbuilt image":    {Token: newToken(), Image: "../../etc"},
		"user-data":        {Token: newToken(), Image: "debian-12", UserData: make([]byte, api.MaxUserData+1)},
		"empty group":      {Token: newToken(), Image: "debian-12", SecurityGroups: []string{""}},
	} {
		_, err := c.Launch(t.Context(), r)
		if refusal, ok := err.(*api.Error); ok {
			codes[name] = refusal.Code
		} else {
			codes[name] = fmt.Sprint(err)
		}
	}
	want := map[string]string{
		"beyond the limit": api.CodeLimit, "no token": api.CodeInvalid, "unknown image": api.CodeNoImage,
		"unbuilt image": api.CodeNoImage, "user-data": api.CodeInvalid, "empty group": api.CodeInvalid,
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}
