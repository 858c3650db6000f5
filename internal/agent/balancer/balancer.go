// Package balancer makes the HAProxy of its own node balance over exactly the servers that it is told.
//
// There are two places that have to agree. The file of the backend (a whole section, below a directory that HAProxy
// reads besides its main configuration) is the truth over a reload or a restart: it has the servers that take traffic,
// so they are back before the process accepts its first connection. The running process is changed over its admin
// socket, without a reload: servers are added, drained and removed there, and a server on standby is health checked
// although it takes no traffic.
//
// The file is written first, always. Whatever happens in between, the next Sync makes the process follow.
package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"kickoff/internal/wire"
)

// Options are where HAProxy is.
type Options struct {
	// Dir is the directory of backend files.
	Dir string
	// Socket is the admin socket; Master that of the master process, "" if there is none.
	Socket, Master string
	// Reload makes HAProxy read its files; nil asks systemd.
	Reload func(ctx context.Context) error
	Logger *slog.Logger
}

// A reloaded HAProxy may take so long to answer with the new configuration, and is told again so often.
const (
	reloadWait  = 2 * time.Second
	reloadTries = 3
)

// Balancer drives one HAProxy. It is safe for concurrent use.
type Balancer struct {
	opt Options
	mu  sync.Mutex
}

// New makes a Balancer.
func New(opt Options) *Balancer {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Reload == nil {
		opt.Reload = func(ctx context.Context) error {
			out, err := exec.CommandContext(ctx, "systemctl", "reload", "haproxy.service").CombinedOutput()
			if err != nil {
				return fmt.Errorf("reload haproxy: %w: %s", err, strings.TrimSpace(string(out)))
			}
			return nil
		}
	}
	return &Balancer{opt: opt}
}

// Sync makes file and process match what is wanted, and tells how the servers are then.
func (b *Balancer) Sync(ctx context.Context, want wire.BalancerSync) (*wire.BalancerStatus, error) {
	if err := validate(want); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	reload, err := b.writeFile(want)
	if err != nil {
		return nil, err
	}
	have, err := b.servers(ctx, want.Backend)
	if errors.Is(err, errNoBackend) {
		reload = true
	} else if err != nil {
		return nil, err
	}
	if reload {
		if have, err = b.reload(ctx, want.Backend); err != nil {
			return nil, err
		}
	}
	if err := b.follow(ctx, want, have); err != nil {
		return nil, err
	}
	return b.status(ctx, want)
}

// writeFile writes the backend's file if it is not right, and reports whether anything but its servers has changed:
// HAProxy takes such changes only by a reload.
func (b *Balancer) writeFile(want wire.BalancerSync) (reload bool, err error) {
	path := filepath.Join(b.opt.Dir, want.Backend+".cfg")
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return false, fmt.Errorf("read backend file: %w", err)
	}
	text := section(want)
	if string(old) == text {
		return false, nil
	}
	if _, err := os.Stat(filepath.Dir(b.opt.Dir)); err != nil {
		return false, fmt.Errorf("HAProxy is not set up on this node: %w", err)
	}
	if err := os.MkdirAll(b.opt.Dir, 0o755); err != nil {
		return false, fmt.Errorf("make directory of backend files: %w", err)
	}
	if err := replace(path, text); err != nil {
		return false, err
	}
	return withoutServers(string(old)) != withoutServers(text), nil
}

// replace writes a file as a whole. HAProxy reads every *.cfg of the directory, so the name in between is another one.
func replace(path, text string) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write backend file: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write backend file: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write backend file: %w", err)
	}
	return nil
}

// reload makes HAProxy read its files, and waits until the new process answers with the backend. A process that has
// just been started may miss the signal, so it is given again.
func (b *Balancer) reload(ctx context.Context, backend string) ([]server, error) {
	b.opt.Logger.Info("reloading haproxy for a changed backend", "backend", backend)
	before, _ := b.pid(ctx) // unknown is as good as another one
	for range reloadTries {
		if err := b.opt.Reload(ctx); err != nil {
			return nil, err
		}
		for deadline := time.Now().Add(reloadWait); time.Now().Before(deadline); {
			if pid, err := b.pid(ctx); err == nil && pid != before {
				return b.afterReload(ctx, backend)
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return nil, fmt.Errorf("haproxy has not come back after a reload: %w", ctx.Err())
			}
		}
	}
	return nil, errors.New("haproxy has not come back after a reload: 'haproxy -c' or its log may tell why")
}

func (b *Balancer) afterReload(ctx context.Context, backend string) ([]server, error) {
	have, err := b.servers(ctx, backend)
	if errors.Is(err, errNoBackend) {
		return nil, fmt.Errorf("haproxy does not read %s: %w", b.opt.Dir, err)
	}
	return have, err
}

// follow makes the process match.
func (b *Balancer) follow(ctx context.Context, want wire.BalancerSync, have []server) error {
	known := map[string]server{}
	for _, s := range have {
		known[s.name] = s
	}
	var problems []error
	for _, w := range want.Servers {
		s, ok := known[w.Name]
		delete(known, w.Name)
		if ok {
			problems = append(problems, b.adjust(ctx, want, w, s))
		} else {
			problems = append(problems, b.add(ctx, want, w))
		}
	}
	for _, s := range have {
		if _, surplus := known[s.name]; surplus {
			problems = append(problems, b.remove(ctx, want.Backend, s))
		}
	}
	return errors.Join(problems...)
}

// add makes a server known to the process. Its health starts as bad, so that it has to earn what the fleet wants to
// know; one that is to take traffic at once was in service before, and is taken to be healthy until a check fails.
func (b *Balancer) add(ctx context.Context, want wire.BalancerSync, w wire.BalancerServer) error {
	id := want.Backend + "/" + w.Name
	line := fmt.Sprintf("add server %s %s", id, serverArgs(want, w))
	if err := b.order(ctx, line, "New server registered"); err != nil {
		return err
	}
	if w.State == wire.ServerReady {
		return errors.Join(b.order(ctx, "enable health "+id, ""), b.order(ctx, "set server "+id+" state ready", ""))
	}
	return errors.Join(
		b.order(ctx, "set server "+id+" state drain", ""),
		b.order(ctx, "set server "+id+" health down", ""),
		b.order(ctx, "enable health "+id, ""),
	)
}

// adjust brings a server that the process knows to the wanted address and state.
func (b *Balancer) adjust(ctx context.Context, want wire.BalancerSync, w wire.BalancerServer, s server) error {
	id := want.Backend + "/" + w.Name
	if s.address != w.Address || s.port != want.Port {
		// Another machine under the same name: nothing that was learned of the old one holds.
		if err := b.remove(ctx, want.Backend, s); err != nil {
			return err
		}
		return b.add(ctx, want, w)
	}
	state := "drain"
	if w.State == wire.ServerReady {
		state = "ready"
	}
	var err error
	if s.state != state {
		err = b.order(ctx, "set server "+id+" state "+state, "")
	}
	if !s.checked {
		err = errors.Join(err, b.order(ctx, "enable health "+id, ""))
	}
	return err
}

// remove takes a server out: no new connections, the open ones closed, forgotten.
func (b *Balancer) remove(ctx context.Context, backend string, s server) error {
	id := backend + "/" + s.name
	if err := b.order(ctx, "set server "+id+" state maint", ""); err != nil {
		return err
	}
	if err := b.order(ctx, "disable health "+id, ""); err != nil {
		b.opt.Logger.Debug("health checks not disabled", "server", id, "error", err)
	}
	var err error
	for range 20 {
		if err = b.order(ctx, "del server "+id, "Server deleted"); err == nil {
			return nil
		}
		if err := b.order(ctx, "shutdown sessions server "+id, ""); err != nil {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("remove %s: %w", id, err)
}
