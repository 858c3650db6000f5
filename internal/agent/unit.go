package agent

import (
	"context"
	"maps"
	"net"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"

	"kickoff/internal/agent/provider"
)

// unit is what the agent knows about itself as a service.
type unit struct {
	// name is the systemd unit that the process runs in, "" if none.
	name string

	mu      sync.Mutex
	restart bool
}

// ownUnit finds the unit in the process's cgroup.
func ownUnit() *unit {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || os.Getenv("INVOCATION_ID") == "" {
		return &unit{}
	}
	for line := range strings.Lines(string(text)) {
		if name := path.Base(strings.TrimSpace(line)); strings.HasSuffix(name, ".service") {
			return &unit{name: name}
		}
	}
	return &unit{}
}

// guard keeps a catalog from restarting the agent in the middle of the run that applies it: the restart is made after
// the run.
func (u *unit) guard(providers map[string]provider.Provider) map[string]provider.Provider {
	service, ok := providers["service"]
	if u.name == "" || !ok {
		return providers
	}
	out := make(map[string]provider.Provider, len(providers))
	maps.Copy(out, providers)
	out["service"] = &selfService{service, u}
	return out
}

// wantRestart notes that the agent is to be restarted after the run.
func (u *unit) wantRestart() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.restart = true
}

// takeRestart reports whether a restart is wanted, once.
func (u *unit) takeRestart() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	wanted := u.restart
	u.restart = false
	return wanted
}

// restartNow asks systemd to restart the agent; systemd then ends this process.
func (u *unit) restartNow(ctx context.Context) error {
	return exec.CommandContext(ctx, "systemctl", "restart", "--no-block", u.name).Run()
}

// selfService is the service provider, except for the agent's own unit.
type selfService struct {
	provider.Provider
	unit *unit
}

func (s *selfService) own(r *provider.Resource) bool {
	return strings.TrimSuffix(r.Text("name"), ".service")+".service" == s.unit.name
}

// Refresh implements provider.Refresher.
func (s *selfService) Refresh(ctx context.Context, r *provider.Resource) (bool, error) {
	if s.own(r) {
		s.unit.wantRestart()
		r.Report(provider.Line{Level: provider.Info, Message: "This is the agent itself: it is restarted after the run"})
		return true, nil
	}
	if p, ok := s.Provider.(provider.Refresher); ok {
		return p.Refresh(ctx, r)
	}
	return false, nil
}

// Prefetch implements provider.Prefetcher.
func (s *selfService) Prefetch(ctx context.Context, rs []*provider.Resource) error {
	if p, ok := s.Provider.(provider.Prefetcher); ok {
		return p.Prefetch(ctx, rs)
	}
	return nil
}

// Name implements provider.Named.
func (s *selfService) Name() string {
	if p, ok := s.Provider.(provider.Named); ok {
		return p.Name()
	}
	return ""
}

// notifySystemd tells systemd how the service is, if it asked to be told.
func notifySystemd(state string) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return
	}
	if address[0] == '@' {
		address = "\x00" + address[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state)) // nobody to tell about a failure
}
