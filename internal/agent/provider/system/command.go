package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Command is a program to run.
type Command struct {
	// Args are the program, absolute or found in PATH, and its arguments. No shell is involved.
	Args []string
	// Dir is the working directory; "" is /.
	Dir string
	// Env is added to the environment (NAME=value).
	Env []string
	// Unset names variables of our own environment that the program does not get.
	Unset []string
	// Stdin is what the program reads; nil is nothing.
	Stdin io.Reader
	// As is the identity to run as; nil is our own.
	As *Identity
	// Umask is octal; "" leaves it as it is.
	Umask string
	// Combined puts the error output into Stdout, in the order in which it was written.
	Combined bool
	// Native leaves the language of the environment as it is; otherwise the program speaks C.
	Native bool
	// Timeout ends the program and all that it started; 0 is no limit.
	Timeout time.Duration
}

// String is the command as a person would type it.
func (c Command) String() string { return strings.Join(c.Args, " ") }

// Identity is whom a program runs as.
type Identity struct {
	UID, GID int
	// Groups are the supplementary groups.
	Groups []int
}

// Result is how a program ended.
type Result struct {
	Stdout, Stderr []byte
	// Code is the exit status; 128 + the signal if a signal ended it.
	Code int
}

// Text is the standard output without the line break at its end.
func (r Result) Text() string { return strings.TrimRight(string(r.Stdout), "\n") }

// Message is what a failed program said, for an error: its error output, or else its output, on one line if short.
func (r Result) Message() string {
	msg := strings.TrimSpace(string(r.Stderr))
	if msg == "" {
		msg = strings.TrimSpace(string(r.Stdout))
	}
	return msg
}

// Runner runs programs. An error means that the program could not be run, or not to its end; an exit status other than
// zero is not an error. Runners are safe for concurrent use.
type Runner interface {
	Run(ctx context.Context, c Command) (Result, error)
}

// ErrTimeout says that a program was ended because its time was over.
var ErrTimeout = errors.New("timeout")

// Host runs programs on this machine.
type Host struct{}

var _ Runner = Host{}

// defaultPath finds programs when the agent itself was started without a PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// maxOutput bounds what is kept of a program's output.
const maxOutput = 16 << 20

// Run implements Runner. The program gets a process group of its own, which is ended as a whole.
func (Host) Run(ctx context.Context, c Command) (Result, error) {
	if len(c.Args) == 0 {
		return Result{}, errors.New("no command")
	}
	runCtx := ctx
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		runCtx, cancel = context.WithTimeoutCause(ctx, c.Timeout, ErrTimeout)
		defer cancel()
	}
	args := c.Args
	if c.Umask != "" {
		args = append([]string{"/bin/sh", "-c", `umask "$0" && exec "$@"`, c.Umask}, args...)
	}
	cmd := exec.CommandContext(runCtx, args[0], args[1:]...)
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Env = environment(c)
	cmd.Stdin = c.Stdin
	cmd.SysProcAttr = attributes(c.As)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	var stdout, stderr limited
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.Combined {
		cmd.Stderr = cmd.Stdout
	}
	err := cmd.Run()
	res := Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: -1}
	if cmd.ProcessState != nil {
		res.Code = exitCode(cmd.ProcessState)
	}
	if cause := context.Cause(runCtx); cause != nil && err != nil {
		return res, fmt.Errorf("%s: %w", c.Args[0], cause)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return res, nil
	}
	// A program that left a child with our pipe (a daemon) has done its work.
	if errors.Is(err, exec.ErrWaitDelay) {
		return res, nil
	}
	return res, err
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}

func environment(c Command) []string {
	env := make([]string, 0, len(c.Env)+16)
	hasPath := false
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !c.Native && (strings.HasPrefix(name, "LC_") || name == "LANG" || name == "LANGUAGE") {
			continue
		}
		if slices.Contains(c.Unset, name) {
			continue
		}
		hasPath = hasPath || name == "PATH"
		env = append(env, e)
	}
	if !hasPath {
		env = append(env, "PATH="+defaultPath)
	}
	if !c.Native {
		env = append(env, "LANG=C", "LC_ALL=C")
	}
	return append(env, c.Env...)
}

func attributes(as *Identity) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if as == nil {
		return attr
	}
	groups := make([]uint32, len(as.Groups))
	for i, g := range as.Groups {
		groups[i] = uint32(g)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(as.UID), Gid: uint32(as.GID), Groups: groups}
	return attr
}

// limited is a buffer that drops what is too much.
type limited struct{ bytes.Buffer }

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if room := maxOutput - l.Len(); room < len(p) {
		if room > 0 {
			l.Buffer.Write(p[:room])
		}
		return len(p), nil
	}
	return l.Buffer.Write(p)
}

// ExitError says that a program ended with another status than it should.
type ExitError struct {
	Command Command
	Code    int
	// Message is what the program said.
	Message string
}

// Error is Puppet's text.
func (e *ExitError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("Execution of '%s' returned %d", e.Command, e.Code)
	}
	return fmt.Sprintf("Execution of '%s' returned %d: %s", e.Command, e.Code, e.Message)
}

// Must runs a program and makes an error of a status other than zero.
func Must(ctx context.Context, r Runner, c Command) (Result, error) {
	res, err := r.Run(ctx, c)
	if err != nil {
		return res, fmt.Errorf("run %s: %w", c, err)
	}
	if res.Code != 0 {
		return res, &ExitError{c, res.Code, res.Message()}
	}
	return res, nil
}

// LookPath finds a program in a list of directories; a name with a slash is taken as it is.
func LookPath(root, name string, dirs []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(root, name)
	}
	for _, d := range dirs {
		p := strings.TrimRight(d, "/") + "/" + name
		if executable(root, p) == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("could not find command '%s'", name)
}

func executable(root, p string) error {
	st, err := os.Stat(root + p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("could not find command '%s'", p)
	case err != nil:
		return err
	case st.IsDir():
		return fmt.Errorf("'%s' is a directory, not a file", p)
	case st.Mode()&0o111 == 0:
		return fmt.Errorf("'%s' is not executable", p)
	}
	return nil
}

// ID reads a decimal user or group number.
func ID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil
}
