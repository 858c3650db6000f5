package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errLocked says that another run is going on.
var errLocked = errors.New("another run is in progress")

// runLock keeps two runs apart. It is held by the kernel (flock), so a killed run leaves nothing behind; the pid in the
// file is for people, and keeps us apart from Puppet's own agent, which looks at nothing else.
type runLock struct{ file *os.File }

func takeLock(path string) (*runLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open run lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errLocked, f.Close())
	}
	if pid := lockHolder(f); pid != 0 {
		return nil, errors.Join(errLocked, f.Close())
	}
	text := strconv.Itoa(os.Getpid())
	if err := errors.Join(f.Truncate(0), writeAt(f, text)); err != nil {
		return nil, errors.Join(fmt.Errorf("write run lock: %w", err), f.Close())
	}
	return &runLock{f}, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// lockHolder gives the pid of a living Puppet agent that the file names, 0 if there is none.
func lockHolder(f *os.File) int {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || pid == os.Getpid() {
		return 0
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(command), "puppet\x00agent") && !strings.Contains(string(command), "puppet agent") {
		return 0
	}
	return pid
}

func (l *runLock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// waitForLock takes the lock, trying again every pause for at most limit. A pause of zero means no waiting.
func waitForLock(ctx context.Context, path string, pause, limit time.Duration, tell func()) (*runLock, error) {
	started := time.Now()
	for {
		l, err := takeLock(path)
		if err == nil || !errors.Is(err, errLocked) || pause <= 0 {
			return l, err
		}
		if limit >= 0 && time.Since(started) >= limit {
			return nil, err
		}
		tell()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// disabledReason tells whether an administrator has disabled runs, and why.
func disabledReason(path string) (string, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	var d struct {
		Message string `json:"disabled_message"`
	}
	if json.Unmarshal(text, &d) != nil || d.Message == "" {
		return "reason not specified", true
	}
	return d.Message, true
}

// Disable keeps the agent from making runs until Enable.
func Disable(path, reason string) error {
	if reason == "" {
		reason = "reason not specified"
	}
	text, err := json.Marshal(map[string]string{"disabled_message": reason})
	if err != nil {
		return err
	}
	return writeFile(path, text, 0o644)
}

// Enable lets the agent make runs again.
func Enable(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
