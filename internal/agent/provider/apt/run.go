package apt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
)

// environment keeps maintainer scripts from asking a person.
var environment = []string{"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical", "APT_LISTCHANGES_FRONTEND=none",
	"APT_LISTBUGS_FRONTEND=none", "NEEDRESTART_SUSPEND=1", "UCF_FORCE_CONFFOLD=1"}

// locks are the files that apt and dpkg lock, in the order in which they are taken.
var locks = []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/cache/apt/archives/lock", "/var/lib/apt/lists/lock"}

var (
	unknownPackage = regexp.MustCompile(`(?m)^E: (?:Unable to locate package|Package '[^']*' has no installation candidate|` +
		`Version '[^']*' for '[^']*' was not found|Failed to fetch|Unable to fetch some archives|Couldn't find any package)`)
	lockTaken   = regexp.MustCompile(`(?m)^E: (?:Could not get lock|Unable to (?:acquire the dpkg frontend lock|lock))`)
	interrupted = regexp.MustCompile(`dpkg was interrupted, you must manually run`)
)

// aptGet runs apt-get for a resource. It waits for locks, repairs an interrupted dpkg, and updates the package lists
// once if something is not known. p.mu is held.
func (p *Provider) aptGet(ctx context.Context, r *provider.Resource, args []string) error {
	deadline := time.Now().Add(p.lockWait)
	repaired := false
	for {
		res, cmd, err := p.call(ctx, r, deadline, args)
		if err != nil {
			return err
		}
		if res.Code == 0 {
			return nil
		}
		said := string(res.Stderr) + string(res.Stdout)
		switch {
		case lockTaken.MatchString(said) && time.Now().Before(deadline):
			// Somebody was quicker than we: wait again.
		case interrupted.MatchString(said) && !repaired:
			repaired = true
			if err := p.repair(ctx, r, deadline); err != nil {
				return err
			}
		case unknownPackage.MatchString(said) && !p.updated && args[0] == "install":
			if err := p.update(ctx, r, deadline); err != nil {
				return fmt.Errorf("%w (after: %s)", err, firstError(said))
			}
		default:
			return failure(cmd, res)
		}
	}
}

func (p *Provider) call(ctx context.Context, r *provider.Resource, deadline time.Time, args []string) (system.Result, system.Command, error) {
	cmd := system.Command{
		Args: append([]string{"apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=3"}, args...),
		Env:  environment, Timeout: p.timeout,
	}
	if err := p.wait(ctx, r, deadline); err != nil {
		return system.Result{}, cmd, err
	}
	res, err := p.m.Run.Run(ctx, cmd)
	if err != nil {
		return res, cmd, fmt.Errorf("run %s: %w", cmd, err)
	}
	return res, cmd, nil
}

// update fetches the package lists, once in a run.
func (p *Provider) update(ctx context.Context, r *provider.Resource, deadline time.Time) error {
	p.updated = true
	r.Report(provider.Line{Level: provider.Info, Message: "a package is not known: updating the package lists"})
	res, cmd, err := p.call(ctx, r, deadline, []string{"update"})
	if err != nil {
		return err
	}
	clear(p.candidates)
	if res.Code != 0 {
		return failure(cmd, res)
	}
	return nil
}

func (p *Provider) repair(ctx context.Context, r *provider.Resource, deadline time.Time) error {
	r.Report(provider.Line{Level: provider.Warning, Message: "dpkg was interrupted: running dpkg --configure -a"})
	if err := p.wait(ctx, r, deadline); err != nil {
		return err
	}
	_, err := system.Must(ctx, p.m.Run, system.Command{
		Args: []string{"dpkg", "--configure", "-a", "--force-confdef", "--force-confold"}, Env: environment, Timeout: p.timeout})
	return err
}

// respond loads the answers to a package's questions.
func (p *Provider) respond(ctx context.Context, r *provider.Resource) error {
	file := r.Text("responsefile")
	if file == "" {
		return nil
	}
	_, err := system.Must(ctx, p.m.Run, system.Command{Args: []string{"debconf-set-selections", file}, Env: environment, Timeout: time.Minute})
	return err
}

// Holder is a process that holds a lock.
type Holder struct {
	PID     int
	Command string
}

// String names the process as a person would look for it.
func (h Holder) String() string {
	if h.PID <= 0 {
		return "a process that cannot be seen from here"
	}
	return fmt.Sprintf("process %d (%s)", h.PID, h.Command)
}

// The waits between looks at a lock, and between lines that tell about it.
const (
	lockLook = 500 * time.Millisecond
	lockTell = 15 * time.Second
)

// wait returns when nobody holds apt's locks, and tells who does.
func (p *Provider) wait(ctx context.Context, r *provider.Resource, deadline time.Time) error {
	start := time.Now()
	var told time.Time
	var last string
	for {
		path, holder, held, err := p.held()
		if err != nil {
			return err
		}
		if !held {
			if last != "" {
				r.Report(provider.Line{Level: provider.Notice,
					Message: fmt.Sprintf("the package lock is free after %d seconds", int(time.Since(start).Seconds()))})
			}
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("gave up after %s: %s is held by %s", p.lockWait, path, holder)
		}
		if who := holder.String(); who != last || time.Since(told) >= lockTell {
			last, told = who, time.Now()
			r.Report(provider.Line{Level: provider.Notice, Message: fmt.Sprintf(
				"waiting for the package lock %s, held by %s (%d seconds so far, giving up after %s)",
				path, who, int(time.Since(start).Seconds()), p.lockWait)})
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockLook):
		}
	}
}

func (p *Provider) held() (string, Holder, bool, error) {
	for _, path := range locks {
		h, held, err := p.holder(p.m.Path(path))
		if err != nil {
			return "", Holder{}, false, fmt.Errorf("look at the lock %s: %w", path, err)
		}
		if held {
			return path, h, true, nil
		}
	}
	return "", Holder{}, false, nil
}

// lockHolder asks the kernel who holds a POSIX lock on a file.
func lockHolder(path string) (Holder, bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return Holder{}, false, err
	}
	if lock.Type == unix.F_UNLCK {
		return Holder{}, false, nil
	}
	return Holder{PID: int(lock.Pid), Command: commandOf(int(lock.Pid))}, true, nil
}

func commandOf(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(data) == 0 {
		return "its command is not known"
	}
	line := strings.TrimSpace(strings.ReplaceAll(strings.TrimRight(string(data), "\x00"), "\x00", " "))
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return line
}

var errorLine = regexp.MustCompile(`(?m)^(?:E|dpkg): .*$`)

func firstError(said string) string {
	if m := errorLine.FindString(said); m != "" {
		return m
	}
	return "apt-get said nothing"
}

// failure is the error of apt-get: its own error lines, and the end of what it wrote, which is where a maintainer
// script's trouble stands.
func failure(cmd system.Command, res system.Result) error {
	lines := system.Lines(string(res.Stderr))
	if len(lines) == 0 {
		lines = system.Lines(string(res.Stdout))
	}
	const most = 12
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	for _, l := range errorLine.FindAllString(string(res.Stdout), -1) {
		if !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	return &system.ExitError{Command: cmd, Code: res.Code, Message: strings.Join(lines, "\n")}
}
