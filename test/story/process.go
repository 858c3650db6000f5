package story

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a child that we started; its output goes to a file of the work directory.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// unprivileged is the user that the server runs as: no account has this id, and it owns nothing but its data.
const unprivileged = 64100

// start runs the binary with args. uid 0 keeps our own user.
func (s *Story) start(name string, uid uint32, args ...string) (*process, error) {
	path := filepath.Join(s.dir, name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(s.p.Binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, log: path, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop asks the process to end, and insists after the deadline.
func (p *process) stop(deadline time.Duration) error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(deadline):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %s of SIGTERM; its log is %s", p.name, deadline, p.log)
	}
}

// ended gives the reason for which the process is gone, or nil while it runs.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended (%v):\n%s", p.name, p.err, tail(p.log, 20))
	default:
		return nil
	}
}

// tail gives the last lines of a file.
func tail(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// command makes a command of the binary that speaks to our server.
func (s *Story) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.p.Binary, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "KICKOFF_SOCKET="+s.socket())
	return cmd
}

// kickoff runs one command of the binary to its end and gives its standard output.
func (s *Story) kickoff(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := s.stream(ctx, func(line []byte) error {
		out.Write(line)
		return nil
	}, args...)
	return out.Bytes(), err
}

// stream runs one command of the binary and gives each line of its standard output as it comes.
func (s *Story) stream(ctx context.Context, each func(line []byte) error, args ...string) error {
	cmd := s.command(ctx, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("kickoff %v: %w", args, err)
	}
	var bad error
	for r := bufio.NewReader(out); bad == nil; {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			bad = each(line)
		}
		if err != nil {
			break
		}
	}
	if bad != nil {
		_ = cmd.Process.Kill()
	}
	if err := cmd.Wait(); err != nil && bad == nil {
		bad = fmt.Errorf("kickoff %v: %w\n%s", args, err, errs.Bytes())
	}
	return bad
}

// waitFor asks until ok says yes, or that it is hopeless; what it says otherwise ends up in the error.
func waitFor(ctx context.Context, what string, limit time.Duration, ok func() (done bool, state string, hopeless error)) error {
	deadline := time.Now().Add(limit)
	for {
		done, state, hopeless := ok()
		if hopeless != nil {
			return fmt.Errorf("%s: %w", what, hopeless)
		}
		if done {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s; last seen: %s", what, limit, state)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s: interrupted; last seen: %s", what, state), ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
