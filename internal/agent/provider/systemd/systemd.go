// Package systemd manages services with systemd.
//
// Unit files that changed are read again before a service is started, restarted or enabled. When a service does not
// start, the error holds the last lines of its journal.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/value"
)

// Options are what the provider needs.
type Options struct {
	Machine *system.Machine
	// Timeout ends a call of systemctl; 0 is five minutes, more than systemd's own limit of a start.
	Timeout time.Duration
}

// Provider manages services.
type Provider struct {
	m       *system.Machine
	timeout time.Duration

	mu sync.Mutex
	// started are the services that this run has started: they need no restart for what was changed before that.
	started map[string]bool
}

var (
	_ provider.Provider  = (*Provider)(nil)
	_ provider.Refresher = (*Provider)(nil)
	_ provider.Named     = (*Provider)(nil)
)

// New makes a provider for one run.
func New(opt Options) *Provider {
	if opt.Timeout == 0 {
		opt.Timeout = 5 * time.Minute
	}
	return &Provider{m: opt.Machine, timeout: opt.Timeout, started: map[string]bool{}}
}

// Name implements provider.Named.
func (p *Provider) Name() string { return "systemd" }

// unit is what systemd says about a service.
type unit struct{ load, active, file, reload string }

// running is the value of ensure.
func (u unit) running() string {
	switch u.active {
	case "active", "reloading", "refreshing":
		return "running"
	}
	return "stopped"
}

// enabled is the value of enable; "" if the unit cannot be enabled or disabled, which is as good as either.
func (u unit) enabled() string {
	switch u.file {
	case "enabled", "enabled-runtime", "alias":
		return "true"
	case "masked", "masked-runtime":
		return "mask"
	case "static", "indirect", "generated", "transient":
		return ""
	}
	return "false"
}

func (p *Provider) show(ctx context.Context, name string) (unit, error) {
	res, err := p.systemctl(ctx, "show", "-p", "LoadState,ActiveState,UnitFileState,NeedDaemonReload", "--", name)
	if err != nil {
		return unit{}, err
	}
	var u unit
	for line := range strings.Lines(string(res.Stdout)) {
		key, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "LoadState":
			u.load = v
		case "ActiveState":
			u.active = v
		case "UnitFileState":
			u.file = v
		case "NeedDaemonReload":
			u.reload = v
		}
	}
	return u, nil
}

func (p *Provider) systemctl(ctx context.Context, args ...string) (system.Result, error) {
	return system.Must(ctx, p.m.Run, system.Command{Args: append([]string{"systemctl"}, args...), Timeout: p.timeout})
}

// Check implements provider.Provider.
func (p *Provider) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	if err := p.supported(r); err != nil {
		return nil, err
	}
	name := r.Text("name")
	u, err := p.show(ctx, name)
	if err != nil {
		return nil, err
	}
	state := u.running()
	if cmd := r.Text("status"); cmd != "" {
		if state, err = p.customStatus(ctx, cmd); err != nil {
			return nil, err
		}
	}
	if want := r.Text("ensure"); want != "" && want != state {
		return []provider.Change{{
			Property: "ensure", Previous: value.String(state), Desired: value.String(want),
			Apply: func(ctx context.Context) error { return p.ensure(ctx, r, name, want) },
		}}, nil
	}
	have, want, ok := enableDiffers(r, u)
	if !ok {
		return nil, nil
	}
	return []provider.Change{{
		Property: "enable", Previous: value.String(have), Desired: value.String(want),
		Apply: func(ctx context.Context) error { return p.enable(ctx, name, want) },
	}}, nil
}

// enableDiffers compares enable; a masked unit counts as disabled unless it shall be masked.
func enableDiffers(r *provider.Resource, u unit) (have, want string, differs bool) {
	want, have = r.Text("enable"), u.enabled()
	if want == "" || have == "" && want != "mask" {
		return have, want, false
	}
	if have == "mask" && want != "mask" {
		have = "false"
	}
	if have == "" {
		have = "true"
	}
	return have, want, have != want
}

func (p *Provider) supported(r *provider.Resource) error {
	if name := r.Text("provider"); name != "" && name != "systemd" && name != "debian" {
		return fmt.Errorf("provider '%s' is not supported: this agent manages services with systemd", name)
	}
	for _, name := range []string{"flags", "logonaccount", "binary", "control", "manifest"} {
		if r.Has(name) {
			return fmt.Errorf("attribute '%s' is not supported by provider systemd", name)
		}
	}
	if e := r.Text("enable"); e == "manual" || e == "delayed" {
		return fmt.Errorf("enable => '%s' is not supported by provider systemd", e)
	}
	if r.Text("hasstatus") == "false" && !r.Has("status") {
		return errors.New("hasstatus => false is not supported by provider systemd without a status command")
	}
	if _, err := os.Stat(p.m.Path("/run/systemd/system")); err != nil {
		return errors.New("systemd does not run on this machine")
	}
	return nil
}

func (p *Provider) customStatus(ctx context.Context, cmd string) (string, error) {
	res, err := p.m.Run.Run(ctx, system.Command{Args: []string{"/bin/sh", "-c", cmd}, Timeout: p.timeout})
	if err != nil {
		return "", err
	}
	if res.Code == 0 {
		return "running", nil
	}
	return "stopped", nil
}

// ensure starts or stops a service, and brings enable along, as Puppet does.
func (p *Provider) ensure(ctx context.Context, r *provider.Resource, name, want string) error {
	u, err := p.fresh(ctx, name)
	if err != nil {
		return err
	}
	if want == "running" {
		if enable := r.Text("enable"); u.enabled() == "mask" && enable == "true" {
			if _, err := p.systemctl(ctx, "unmask", "--", name); err != nil {
				return err
			}
		}
		err = p.act(ctx, name, "start", r.Text("start"))
		if err == nil {
			p.mark(name)
		}
	} else {
		err = p.act(ctx, name, "stop", r.Text("stop"))
	}
	if err != nil {
		return err
	}
	if _, enable, differs := enableDiffers(r, u); differs {
		return p.enable(ctx, name, enable)
	}
	return nil
}

func (p *Provider) mark(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started[name] = true
}

// fresh has systemd read unit files again if they changed, and gives the unit.
func (p *Provider) fresh(ctx context.Context, name string) (unit, error) {
	u, err := p.show(ctx, name)
	if err != nil || u.reload != "yes" && u.load != "not-found" {
		return u, err
	}
	if _, err := p.systemctl(ctx, "daemon-reload"); err != nil {
		return u, err
	}
	return p.show(ctx, name)
}

// act starts, stops or restarts a service, by a command of its own if there is one.
func (p *Provider) act(ctx context.Context, name, verb, own string) error {
	cmd := system.Command{Args: []string{"systemctl", verb, "--", name}, Timeout: p.timeout}
	if own != "" {
		cmd.Args = []string{"/bin/sh", "-c", own}
	}
	res, err := p.m.Run.Run(ctx, cmd)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, name, err)
	}
	if res.Code == 0 {
		return nil
	}
	return &failure{name: name, verb: verb, said: res.Message(), journal: p.journal(ctx, name)}
}

// journalLines is how much of a journal an error holds.
const journalLines = "20"

func (p *Provider) journal(ctx context.Context, name string) string {
	res, err := p.m.Run.Run(ctx, system.Command{Timeout: 20 * time.Second,
		Args: []string{"journalctl", "-n", journalLines, "--since", "5 minutes ago", "-u", name, "--no-pager", "-o", "short"}})
	if err != nil || res.Code != 0 {
		return "the journal cannot be read"
	}
	return res.Text()
}

// failure says that a service did not do what it was told.
type failure struct{ name, verb, said, journal string }

// Error begins with Puppet's text.
func (e *failure) Error() string {
	return fmt.Sprintf("Systemd %s for %s failed!\n%s\njournalctl log for %s:\n%s", e.verb, e.name, e.said, e.name, e.journal)
}

func (p *Provider) enable(ctx context.Context, name, want string) error {
	u, err := p.fresh(ctx, name)
	if err != nil {
		return err
	}
	var verbs []string
	switch want {
	case "true":
		verbs = []string{"enable"}
		if u.enabled() == "mask" {
			verbs = []string{"unmask", "enable"}
		}
	case "false":
		verbs = []string{"disable"}
	case "mask":
		// A unit that was enabled keeps links to its name; they go first.
		if u.enabled() == "true" {
			verbs = append(verbs, "disable")
		}
		verbs = append(verbs, "mask")
	}
	for _, v := range verbs {
		if _, err := p.systemctl(ctx, v, "--", name); err != nil {
			return err
		}
	}
	return nil
}

// Refresh implements provider.Refresher: a running service is restarted, unless this run started it just now, after
// whatever notifies it.
func (p *Provider) Refresh(ctx context.Context, r *provider.Resource) (bool, error) {
	name := r.Text("name")
	p.mu.Lock()
	fresh := p.started[name]
	p.mu.Unlock()
	if fresh {
		return false, nil
	}
	u, err := p.fresh(ctx, name)
	if err != nil {
		return false, err
	}
	state := u.running()
	if cmd := r.Text("status"); cmd != "" {
		if state, err = p.customStatus(ctx, cmd); err != nil {
			return false, err
		}
	}
	if state != "running" {
		r.Report(provider.Line{Level: provider.Debug, Message: "Skipping restart; service is not running"})
		return false, nil
	}
	if r.Text("hasrestart") == "false" && !r.Has("restart") {
		if err := p.act(ctx, name, "stop", r.Text("stop")); err != nil {
			return true, err
		}
		return true, p.act(ctx, name, "start", r.Text("start"))
	}
	return true, p.act(ctx, name, "restart", r.Text("restart"))
}
