package story

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// Traces is what a run may leave on a machine: mounts, network links, cgroups and processes. Others come and go on the
// same machine meanwhile, so only what bears our name counts: a mount below our directory or of a machine, a link or a
// cgroup of the local cloud, a process of our binary.
type Traces struct {
	mounts, links, cgroups, processes map[string]bool
}

// Survey takes stock of the machine. Processes are those whose command line or working directory names dir or the
// binary.
func Survey(dir, binary string) (Traces, error) {
	t := Traces{}
	var err error
	if t.mounts, err = mounts(dir); err != nil {
		return t, err
	}
	if t.links, err = links(); err != nil {
		return t, err
	}
	t.cgroups = cgroups()
	t.processes = processes(dir, binary)
	return t, nil
}

// Since lists what is there now and was not there before.
func (t Traces) Since(before Traces) []string {
	var left []string
	for _, kind := range []struct {
		name      string
		now, then map[string]bool
	}{
		{"mount", t.mounts, before.mounts}, {"link", t.links, before.links},
		{"cgroup", t.cgroups, before.cgroups}, {"process", t.processes, before.processes},
	} {
		for name := range kind.now {
			if !kind.then[name] {
				left = append(left, kind.name+" "+name)
			}
		}
	}
	slices.Sort(left)
	return left
}

func mounts(dir string) (map[string]bool, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && (strings.Contains(line, dir) || strings.Contains(line, "kickoff")) {
			found[fields[4]] = true
		}
	}
	return found, nil
}

func links() (map[string]bool, error) {
	list, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	found := map[string]bool{}
	for _, l := range list {
		if name := l.Attrs().Name; strings.HasPrefix(name, "kc-") {
			found[name] = true
		}
	}
	return found, nil
}

func cgroups() map[string]bool {
	found := map[string]bool{}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a cgroup that went away while we walked is none
		}
		if d.IsDir() && strings.Contains(path, "kickoff") {
			found[path] = true
		}
		return nil
	})
	return found
}

func processes(dir, binary string) map[string]bool {
	found := map[string]bool{}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		if filepath.Base(p) == fmt.Sprint(os.Getpid()) {
			continue
		}
		exe, _ := os.Readlink(filepath.Join(p, "exe"))
		cmdline, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		text := strings.ReplaceAll(string(cmdline), "\x00", " ")
		if exe == binary || strings.Contains(text, dir) {
			found[filepath.Base(p)+" "+strings.TrimSpace(text)] = true
		}
	}
	return found
}
