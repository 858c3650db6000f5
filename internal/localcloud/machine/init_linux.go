package machine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init is the child's side of Start: it turns the calling process into the
// machine's init. It returns only when that failed, with the status to exit
// with; the parent has been told why.
func Init() int {
	// Capabilities belong to a thread, and exec keeps the calling one's.
	runtime.LockOSThread()
	report := os.NewFile(errorFD, "errors")
	if _, err := report.Stat(); err != nil {
		fmt.Fprintln(os.Stderr, "this command is started by kickoff local-cloud only")
		return 2
	}
	unix.CloseOnExec(errorFD)
	unix.CloseOnExec(specFD)
	err := become(bufio.NewReader(os.NewFile(specFD, "spec")))
	fmt.Fprintln(report, err)
	return 1
}

// become does everything up to and including exec.
func become(in *bufio.Reader) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read spec: %w", err)
	}
	var s spec
	if err := json.Unmarshal(line, &s); err != nil {
		return fmt.Errorf("read spec: %w", err)
	}
	console, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", consoleFD))
	if err != nil {
		return fmt.Errorf("find console: %w", err)
	}
	unix.Umask(0)
	root := filepath.Join(s.Dir, "root")
	if err := mountAll(s, root, console); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := pivot(root); err != nil {
		return err
	}
	if err := takeConsole(); err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	if line, err := in.ReadString('\n'); err != nil || line != goLine {
		return errors.New("the local cloud gave up")
	}
	unix.Umask(0o022)
	err = syscall.Exec(s.Init[0], s.Init, s.Env)
	return fmt.Errorf("execute %s: %w", s.Init[0], err)
}

// mount is one file system of a machine.
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (m mount) do(root string) error {
	target := filepath.Join(root, m.target)
	if err := unix.Mount(m.source, target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s (%s): %w", m.target, m.kind, err)
	}
	return nil
}

const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// mountAll mounts the machine's root and everything in it.
func mountAll(s spec, root, console string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := mountRoot(s, root); err != nil {
		return err
	}
	for _, m := range []mount{
		{"proc", "proc", "proc", safe, ""},
		{"sysfs", "sys", "sysfs", safe | unix.MS_RDONLY, ""},
		{"cgroup2", "sys/fs/cgroup", "cgroup2", safe, ""},
		{"tmpfs", "dev", "tmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=755,size=1m"},
		{"tmpfs", "run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
	} {
		if err := m.do(root); err != nil {
			return err
		}
	}
	if err := makeDevices(root); err != nil {
		return err
	}
	for _, m := range []mount{
		{"devpts", "dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5"},
		{"tmpfs", "dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		{console, "dev/console", "", unix.MS_BIND, ""},
	} {
		if err := m.do(root); err != nil {
			return err
		}
	}
	return hideHost(root)
}

// mountRoot mounts the overlay. "volatile" saves every sync of the upper
// layer, which is most of the time dpkg takes; kernels before 5.10 lack it.
func mountRoot(s spec, root string) error {
	for _, path := range append([]string{s.Dir}, s.Lower...) {
		if strings.ContainsAny(path, `:,\`) {
			return fmt.Errorf("mount overlay: path %q has a colon, comma or backslash", path)
		}
	}
	data := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s",
		strings.Join(s.Lower, ":"), filepath.Join(s.Dir, "upper"), filepath.Join(s.Dir, "work"))
	err := error(unix.EINVAL)
	if s.Volatile {
		err = unix.Mount("overlay", root, "overlay", 0, data+",volatile")
	}
	if errors.Is(err, unix.EINVAL) {
		err = unix.Mount("overlay", root, "overlay", 0, data)
	}
	if err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	return nil
}

// makeDevices fills the machine's /dev: what every program may expect, and no
// device of the host.
func makeDevices(root string) error {
	dev := filepath.Join(root, "dev")
	for name, number := range map[string][2]uint32{
		"null": {1, 3}, "zero": {1, 5}, "full": {1, 7}, "random": {1, 8}, "urandom": {1, 9}, "tty": {5, 0},
	} {
		device := int(unix.Mkdev(number[0], number[1]))
		if err := unix.Mknod(filepath.Join(dev, name), unix.S_IFCHR|0o666, device); err != nil {
			return fmt.Errorf("make /dev/%s: %w", name, err)
		}
	}
	for _, name := range []string{"pts", "shm"} {
		if err := os.Mkdir(filepath.Join(dev, name), 0o755); err != nil {
			return fmt.Errorf("make /dev/%s: %w", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dev, "console"), nil, 0o600); err != nil {
		return fmt.Errorf("make /dev/console: %w", err)
	}
	for name, to := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
			return fmt.Errorf("make /dev/%s: %w", name, err)
		}
	}
	return nil
}

// hideHost makes the host's kernel settings read-only, except those of the
// machine's own network, and covers what reads or stops the host.
func hideHost(root string) error {
	const rebind = unix.MS_BIND | unix.MS_REMOUNT | safe
	sys := filepath.Join(root, "proc/sys")
	for _, m := range []mount{
		{sys, "proc/sys", "", unix.MS_BIND, ""},
		{"", "proc/sys", "", rebind | unix.MS_RDONLY, ""},
		{filepath.Join(sys, "net"), "proc/sys/net", "", unix.MS_BIND, ""},
		{"", "proc/sys/net", "", rebind, ""},
	} {
		if err := m.do(root); err != nil {
			return err
		}
	}
	null := filepath.Join(root, "dev/null")
	for _, name := range []string{"sysrq-trigger", "kcore", "kmsg", "timer_list"} {
		m := mount{null, "proc/" + name, "", unix.MS_BIND, ""}
		if err := m.do(root); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	for _, name := range []string{"sys/kernel/debug", "sys/kernel/tracing", "sys/firmware"} {
		m := mount{"tmpfs", name, "tmpfs", safe | unix.MS_RDONLY, "size=0"}
		if err := m.do(root); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// pivot makes root the root, and drops the host's.
func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	return nil
}

// takeConsole makes the console the controlling terminal and the standard
// streams of init.
func takeConsole() error {
	fd, err := unix.Open("/dev/console", unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open console: %w", err)
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCSCTTY, 0); err != nil {
		return fmt.Errorf("take console: %w", err)
	}
	for to := range 3 {
		if err := unix.Dup3(fd, to, 0); err != nil {
			return fmt.Errorf("connect console: %w", err)
		}
	}
	_ = unix.Close(fd)
	_ = unix.Close(consoleFD)
	return nil
}
