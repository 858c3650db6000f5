package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Options say which machine to start.
type Options struct {
	// Command is the program, with arguments, that calls Init: this binary.
	Command []string
	// Hostname is the machine's own name for itself.
	Hostname string
	// Lower are the image's directories, the top one first.
	Lower []string
	// Dir holds what the machine writes: upper, work and root are made in it.
	// Starting again on the same Dir continues with the same files.
	Dir string
	// Group is the machine's control group; Start makes it.
	Group Group
	// Console receives what the machine prints. It is written to by one
	// goroutine until the machine has ended.
	Console io.Writer
	// Attach connects the machine's network, given the process whose network
	// namespace it is, before init starts.
	Attach func(pid int) error
}

// Machine is a running machine.
type Machine struct {
	process *os.Process
	group   Group
	done    chan struct{}
	status  string
}

// Start starts a machine and returns when its init has been executed. When
// Start fails nothing of the machine is left but files in Dir.
func Start(ctx context.Context, o Options) (*Machine, error) {
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.MkdirAll(filepath.Join(o.Dir, name), 0o755); err != nil {
			return nil, fmt.Errorf("make machine directory: %w", err)
		}
	}
	// A volatile overlay leaves a mark that forbids the next mount; the files
	// are as safe as the page cache is, which is all a reboot needs.
	if err := os.RemoveAll(filepath.Join(o.Dir, "work", "work", "incompat")); err != nil {
		return nil, fmt.Errorf("prepare overlay: %w", err)
	}
	if err := o.Group.Make(); err != nil {
		return nil, err
	}
	m, err := start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, o.Group.Remove(context.WithoutCancel(ctx)))
	}
	return m, nil
}

func start(ctx context.Context, o Options) (*Machine, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	child, err := fork(o, slave)
	if err != nil {
		return nil, errors.Join(err, master.Close(), slave.Close())
	}
	m := &Machine{process: child.cmd.Process, group: o.Group, done: make(chan struct{})}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(o.Console, master) // ends with EIO or when master is closed
	}()
	go func() {
		defer close(m.done)
		state, _ := m.process.Wait()
		m.status = state.String()
		// The slave stays open here until the machine has ended: without any
		// opener the console hangs up and init stalls in the middle of boot.
		_ = slave.Close()
		select {
		case <-copied:
		case <-time.After(time.Second):
		}
		_ = master.Close()
		<-copied
	}()
	if err := child.release(ctx, o); err != nil {
		_ = o.Group.Kill()
		_ = m.process.Kill()
		<-m.done
		return nil, err
	}
	return m, nil
}

// child is a process on its way to becoming init.
type child struct {
	cmd    *exec.Cmd
	spec   *os.File // we write
	errors *os.File // we read
}

// fork starts the child in its namespaces; it waits for its spec.
func fork(o Options, slave *os.File) (*child, error) {
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer specRead.Close()
	errorRead, errorWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make pipe: %w", err), specWrite.Close())
	}
	defer errorWrite.Close()
	cgroup, err := os.Open(o.Group.Path())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open cgroup: %w", err), specWrite.Close(), errorRead.Close())
	}
	defer cgroup.Close()
	// Not CommandContext: the machine outlives the call. No Pdeathsig: it
	// fires when the forking thread ends, not the process.
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1"}
	cmd.ExtraFiles = []*os.File{slave, specRead, errorWrite}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET,
		Unshareflags: unix.CLONE_NEWCGROUP,
		UseCgroupFD:  true,
		CgroupFD:     int(cgroup.Fd()),
		Setsid:       true,
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("fork machine: %w", err), specWrite.Close(), errorRead.Close())
	}
	return &child{cmd: cmd, spec: specWrite, errors: errorRead}, nil
}

// release gives the child its spec, then its network, then lets it go, and
// waits until it has become init.
func (c *child) release(ctx context.Context, o Options) error {
	defer c.spec.Close()
	defer c.errors.Close()
	deadline := time.Now().Add(30 * time.Second)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	_ = c.errors.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = c.errors.SetReadDeadline(time.Now()) })
	defer stop()
	err := spec{
		Hostname: o.Hostname, Lower: o.Lower, Dir: o.Dir, Volatile: true,
		Init: []string{"/sbin/init"},
		Env:  []string{"container=kickoff", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb"},
	}.write(c.spec)
	if err == nil && o.Attach != nil {
		err = o.Attach(c.cmd.Process.Pid)
	}
	if err == nil {
		_, err = io.WriteString(c.spec, goLine)
	}
	if err != nil {
		// The child's own words explain a broken pipe better than we can.
		_ = c.errors.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	}
	text, readErr := io.ReadAll(io.LimitReader(c.errors, 4096))
	switch {
	case len(bytes.TrimSpace(text)) > 0:
		return fmt.Errorf("start machine: %s", strings.TrimSpace(string(text)))
	case err != nil:
		return fmt.Errorf("start machine: %w", err)
	case readErr != nil:
		return fmt.Errorf("wait for machine to start: %w", errors.Join(ctx.Err(), readErr))
	}
	return nil
}

// PID is the process id of the machine's init as the host sees it.
func (m *Machine) PID() int { return m.process.Pid }

// Done is closed when the machine's init has ended and its console is read to
// the end.
func (m *Machine) Done() <-chan struct{} { return m.done }

// Status says how init ended; call it after Done is closed.
func (m *Machine) Status() string { return m.status }

// signalHalt asks systemd for a clean halt: SIGRTMIN+3.
const signalHalt = syscall.Signal(34 + 3)

// Stop ends the machine: a clean halt, and when ctx ends first, a kill. It
// returns when no process of the machine is left and its cgroup is removed.
func (m *Machine) Stop(ctx context.Context) error {
	if m.awaitSignals(ctx) {
		_ = m.process.Signal(signalHalt) // already gone is fine
		select {
		case <-m.done:
		case <-ctx.Done():
		}
	}
	return m.Kill()
}

// awaitSignals waits until init listens to signalHalt: the kernel drops a
// signal for a PID 1 that has neither blocked nor caught it, and systemd takes
// a moment until it has. It reports whether asking makes sense.
func (m *Machine) awaitSignals(ctx context.Context) bool {
	for {
		if listens(m.process.Pid, signalHalt) {
			return true
		}
		select {
		case <-m.done:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// listens reports whether a process has blocked or caught a signal.
func listens(pid int, signal syscall.Signal) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if key != "SigBlk" && key != "SigCgt" {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err == nil && mask&(1<<(signal-1)) != 0 {
			return true
		}
	}
	return false
}

// Kill ends the machine at once, as a failing host would.
func (m *Machine) Kill() error {
	killErr := m.group.Kill()
	_ = m.process.Kill()
	<-m.done
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := m.group.Remove(ctx); err != nil {
		return errors.Join(killErr, err)
	}
	return nil
}
