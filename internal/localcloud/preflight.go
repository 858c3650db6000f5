package localcloud

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kickoff/internal/localcloud/machine"
)

// Check is one finding about the host.
type Check struct {
	Name string `json:"name"`
	// Problem is empty when all is well.
	Problem string `json:"problem,omitempty"`
	// Remedy says what to do about the problem.
	Remedy string `json:"remedy,omitempty"`
	// Note is something worth knowing about a check that passed.
	Note string `json:"note,omitempty"`
}

// inotifyPerMachine is how many inotify instances a booted machine uses.
const inotifyPerMachine = 6

const inotifyFile = "/proc/sys/fs/inotify/max_user_instances"

// Preflight checks whether a local cloud can run here, and changes nothing.
func Preflight(o Options) []Check {
	o, err := o.withDefaults()
	if err != nil {
		return []Check{{Name: "options", Problem: err.Error()}}
	}
	checks := []Check{checkRoot()}
	if checks[0].Problem != "" {
		return checks // the others need root to say anything true
	}
	return append(checks, checkNamespaces(), checkCgroup(), checkOverlay(o.StateDir), checkInotify(o.MaxInstances))
}

func checkRoot() Check {
	c := Check{Name: "root"}
	if runtime.GOOS != "linux" {
		c.Problem, c.Remedy = "machines need Linux, this is "+runtime.GOOS, "run it in a Linux virtual machine"
	} else if os.Geteuid() != 0 {
		c.Problem = fmt.Sprintf("machines need root, this is user %d", os.Geteuid())
		c.Remedy = "run kickoff local-cloud as root; the server itself need not be"
	}
	return c
}

func checkNamespaces() Check {
	c := Check{Name: "namespaces"}
	for _, kind := range []string{"mnt", "pid", "uts", "ipc", "net", "cgroup"} {
		if _, err := os.Stat("/proc/self/ns/" + kind); err != nil {
			c.Problem, c.Remedy = "the kernel has no "+kind+" namespaces", "use a kernel with CONFIG_NAMESPACES and its parts"
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err == nil {
		for name, number := range map[string]int{"SYS_ADMIN": unix.CAP_SYS_ADMIN, "NET_ADMIN": unix.CAP_NET_ADMIN, "MKNOD": unix.CAP_MKNOD} {
			if data[number/32].Effective&(1<<(number%32)) == 0 {
				c.Problem = "this root lacks CAP_" + name
				c.Remedy = "run it outside the container, or give the container that capability (docker run --privileged)"
			}
		}
	}
	return c
}

func checkCgroup() Check {
	c := Check{Name: "cgroup2"}
	h, err := machine.FindHierarchy()
	if err != nil {
		c.Problem, c.Remedy = err.Error(), "mount it, or boot with systemd.unified_cgroup_hierarchy=1"
		return c
	}
	c.Note = h.Group("").Path()
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		c.Note += "; beside version 1, so services in machines have no memory limits"
	}
	return c
}

// checkOverlay looks whether the state directory can hold an overlay's upper
// layer. That overlays can be mounted is seen at the first machine.
func checkOverlay(stateDir string) Check {
	c := Check{Name: "overlayfs"}
	if text, err := os.ReadFile("/proc/filesystems"); err == nil && !strings.Contains(string(text), "\toverlay\n") {
		c.Note = "not loaded yet; mounting loads it where the kernel has it as a module"
		if _, err := os.Stat("/lib/modules"); err != nil {
			c.Problem, c.Remedy = "the kernel has no overlay file system", "use a kernel with CONFIG_OVERLAY_FS"
			return c
		}
	}
	dir := stateDir
	for dir != "/" {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		c.Problem = fmt.Sprintf("file system of %s: %v", dir, err)
		return c
	}
	if uint32(fs.Type) == unix.OVERLAYFS_SUPER_MAGIC || uint32(fs.Type) == unix.NFS_SUPER_MAGIC {
		c.Problem = "the file system of " + dir + " (overlay or NFS) cannot hold machines' disks"
		c.Remedy = "choose a directory on ext4, xfs, btrfs or tmpfs with --state-dir"
		return c
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < 2<<30 {
		c.Problem = fmt.Sprintf("only %d MB are free below %s", free>>20, dir)
		c.Remedy = "make room: an image has 250 MB, a machine with a JVM writes 500 MB"
	}
	return c
}

func readInotify() (int, error) {
	text, err := os.ReadFile(inotifyFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func checkInotify(machines int) Check {
	c := Check{Name: "inotify"}
	have, err := readInotify()
	if err != nil {
		c.Note = "limit unknown: " + err.Error()
		return c
	}
	want := wantInotify(machines)
	if have >= want {
		return c
	}
	if unix.Access(inotifyFile, unix.W_OK) == nil {
		c.Note = fmt.Sprintf("fs.inotify.max_user_instances is %d and will be raised to %d", have, want)
		return c
	}
	c.Problem = fmt.Sprintf("fs.inotify.max_user_instances is %d, which is enough for %d machines, not for %d", have, have/inotifyPerMachine, machines)
	c.Remedy = fmt.Sprintf("sysctl fs.inotify.max_user_instances=%d, or a smaller --max-instances", want)
	return c
}

// wantInotify leaves room for the host itself.
func wantInotify(machines int) int { return max(1024, 128+machines*inotifyPerMachine) }

// raiseInotify raises the limit if it is too low: a systemd that gets no
// inotify instance hangs while booting.
func raiseInotify(o Options) error {
	have, err := readInotify()
	if err != nil {
		return nil // a kernel without that limit
	}
	want := wantInotify(o.MaxInstances)
	if have >= want {
		return nil
	}
	if err := os.WriteFile(inotifyFile, []byte(strconv.Itoa(want)), 0); err != nil {
		return fmt.Errorf("raise fs.inotify.max_user_instances from %d to %d: %w", have, want, err)
	}
	o.Log.Info("raised fs.inotify.max_user_instances", "from", have, "to", want)
	return nil
}

// preflight turns the findings into one error.
func preflight(o Options) error {
	var all error
	for _, c := range Preflight(o) {
		if c.Problem != "" {
			all = errors.Join(all, fmt.Errorf("%s: %s; %s", c.Name, c.Problem, c.Remedy))
		}
	}
	return all
}
