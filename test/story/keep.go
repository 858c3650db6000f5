package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// kept is what a story that was left running remembers for the one who ends it.
type kept struct {
	Binary string
	// Processes are in the order in which they must be ended.
	Processes []keptProcess
}

type keptProcess struct {
	Name string
	PID  int
}

func keptFile(dir string) string { return filepath.Join(dir, "running.json") }

// leaveRunning hands the story over to a person: the repository moves to a process of its own, and a file says what
// has to be ended.
func (s *Story) leaveRunning(ctx context.Context) error {
	link, err := s.consoleLink(ctx)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := s.git.Close(); err != nil {
		return err
	}
	s.git = nil
	git := exec.Command(self, "-serve-git", filepath.Join(s.dir, "git"), "-address", s.gitAddress())
	git.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := git.Start(); err != nil {
		return fmt.Errorf("leave the git repository running: %w", err)
	}
	note, err := json.Marshal(kept{s.p.Binary, []keptProcess{
		{"server", s.server.cmd.Process.Pid}, {"git", git.Process.Pid}, {"local-cloud", s.cloud.cmd.Process.Pid},
	}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(keptFile(s.dir), note, 0o600); err != nil {
		return err
	}
	s.tell.act("Left running, as asked")
	s.tell.say("console:  %s  (one-time link, good for 15 minutes)", link)
	s.tell.say("commands: KICKOFF_SOCKET=%s %s fleet status", s.socket(), s.p.Binary)
	s.tell.say("logs:     %s", filepath.Join(s.dir, "*.log"))
	s.tell.say("end it:   make demo-stop")
	return nil
}

// Running reports whether a story was left running in dir.
func Running(dir string) bool {
	_, err := os.Stat(keptFile(dir))
	return err == nil
}

// Stop ends a story that was left running in dir, and removes it.
func Stop(dir string, out io.Writer) error {
	raw, err := os.ReadFile(keptFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("nothing was left running in %s", dir)
	}
	if err != nil {
		return err
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return fmt.Errorf("read %s: %w", keptFile(dir), err)
	}
	for _, p := range k.Processes {
		if err := p.end(dir); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s ended\n", p.Name)
	}
	return os.RemoveAll(dir)
}

// end asks the process to end and waits for it. A process with that number that is not ours any more is left alone.
func (p keptProcess) end(dir string) error {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
	if err != nil || !strings.Contains(string(cmdline), dir) {
		return nil //nolint:nilerr // it has ended already
	}
	if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end %s: %w", p.Name, err)
	}
	for range 600 {
		if syscall.Kill(p.PID, 0) != nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s (process %d) did not end within a minute", p.Name, p.PID)
}
