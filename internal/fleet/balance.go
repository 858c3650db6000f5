package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/balancer/haproxy"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/fleet/plan"
)

// lb is a balancer and what it last said. Its fields after every are guarded
// by the controller's mu.
type lb struct {
	cfg   config.Balancer
	drive balancer.Balancer
	every time.Duration

	// asked is when the last Sync began, wanted what it asked for.
	asked  time.Time
	wanted map[string]balancer.Target
	// applied are the states of the last Sync that reached all of the
	// balancer; complete says that it was the last one.
	applied  map[string]balancer.State
	complete bool
	synced   bool // a Sync reached all of it, since we started
	status   map[string]balancer.Status
	err      error
	missing  []string
}

func removable(serving, sick int) int { return plan.Removable(serving, sick) }

func (c *Controller) makeBalancers(f *config.Fleet) (map[string]*lb, error) {
	build := c.opt.NewBalancer
	if build == nil {
		build = func(b config.Balancer, check *config.Health, nodes func() []string) (balancer.Balancer, error) {
			return haproxy.New(haproxy.Options{Backend: b.Name, Port: b.Port, Check: *check, Nodes: nodes, Hub: c.opt.Hub}), nil
		}
	}
	out := map[string]*lb{}
	c.mu.RLock()
	before := c.balancers
	c.mu.RUnlock()
	for name, b := range f.Balancers {
		var check *config.Health
		for _, g := range f.Groups {
			if g.Balancer == name && check == nil {
				check = g.Health
			}
		}
		if check == nil {
			continue // nobody is behind it
		}
		drive, err := build(b, check, func() []string { return c.balancerNodes(b.NodeGroup) })
		if err != nil {
			return nil, fmt.Errorf("balancer %s: %w", name, err)
		}
		l := &lb{cfg: b, drive: drive, every: min(check.Every, 2*time.Second)}
		if old := before[name]; old != nil {
			l.asked = old.asked
		}
		out[name] = l
	}
	return out, nil
}

// balancerNodes lists the certnames of the instances that run a balancer: those
// that have once converged and were not told to leave.
func (c *Controller) balancerNodes(group string) []string {
	var out []string
	for _, i := range c.list(inGroup(group)) {
		if i.Stage == instance.InService || i.Stage == instance.Draining && !i.Times[instance.InService].IsZero() && !i.Has(instance.StepRetired) {
			out = append(out, i.ID)
		}
	}
	return out
}

// targets says which instances should be behind a balancer, and how.
func (c *Controller) targets(name string) []balancer.Target {
	var out []balancer.Target
	for _, i := range c.list(nil) {
		g := c.groupConfig(i)
		if g.Balancer != name || i.ID == "" || i.Address == "" {
			continue
		}
		state, ok := c.wantedState(i)
		if ok {
			out = append(out, balancer.Target{Name: i.ID, Address: i.Address, State: state})
		}
	}
	return out
}

// wantedState is what an instance should be to its balancer.
func (c *Controller) wantedState(i *instance.Instance) (balancer.State, bool) {
	switch i.Stage {
	case instance.Converging:
		if i.Admitted {
			return balancer.Ready, true
		}
		ok, _ := c.converged(i)
		return balancer.Standby, ok
	case instance.InService:
		if i.Out.IsZero() {
			return balancer.Ready, true
		}
		return balancer.Drain, true
	case instance.Draining:
		return balancer.Drain, i.Admitted && !i.Has(instance.StepDrained)
	}
	return "", false
}

// syncBalancers tells every balancer what is wanted: at once when that
// changed, and regularly to hear about health.
func (c *Controller) syncBalancers(context.Context) error {
	c.mu.RLock()
	lbs := maps.Clone(c.balancers)
	c.mu.RUnlock()
	for name, l := range lbs {
		want := c.targets(name)
		byName := make(map[string]balancer.Target, len(want))
		for _, t := range want {
			byName[t.Name] = t
		}
		c.mu.RLock()
		age := c.now().Sub(l.asked)
		due := age >= l.every || age >= hurry && l.somebodyWaits(want) || !maps.Equal(byName, l.wanted) && (l.err == nil || age >= l.every/2)
		c.mu.RUnlock()
		if due {
			c.tasks.start("balancer "+name, func(ctx context.Context) { c.syncOne(ctx, l, want, byName) })
		}
	}
	return nil
}

// hurry is the period of asking a balancer when an instance waits for its answer.
const hurry = 500 * time.Millisecond

// somebodyWaits reports whether an instance waits to be found healthy or
// drained. The caller holds mu.
func (l *lb) somebodyWaits(want []balancer.Target) bool {
	for _, t := range want {
		if t.State == balancer.Standby || t.State == balancer.Drain && l.status[t.Name].Sessions > 0 {
			return true
		}
	}
	return false
}

func (c *Controller) syncOne(ctx context.Context, l *lb, want []balancer.Target, byName map[string]balancer.Target) {
	c.mu.Lock()
	l.asked, l.wanted = c.now(), byName
	c.mu.Unlock()
	callCtx, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	report, err := l.drive.Sync(callCtx, want)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noteBalancer(l, report, err)
	if err != nil {
		l.err, l.complete, l.status = err, false, nil
		return
	}
	l.err, l.missing = nil, report.Unreachable
	l.status = make(map[string]balancer.Status, len(report.Targets))
	for _, s := range report.Targets {
		l.status[s.Name] = s
	}
	l.complete = len(report.Unreachable) == 0
	if l.complete {
		l.synced = true
		l.applied = make(map[string]balancer.State, len(want))
		for _, t := range want {
			l.applied[t.Name] = t.State
		}
	}
	if l.somebodyWaits(want) {
		c.tasks.start("hurry "+l.cfg.Name, func(ctx context.Context) {
			if sleep(ctx, hurry) == nil {
				c.Trigger()
			}
		})
	}
	c.Trigger()
}

// noteBalancer logs when a balancer stops or begins to answer. The caller
// holds mu.
func (c *Controller) noteBalancer(l *lb, r balancer.Report, err error) {
	before := l.err != nil || len(l.missing) > 0
	switch {
	case errors.Is(err, balancer.ErrNoNodes):
	case err != nil && l.err == nil:
		c.log.Warn("balancer does not answer", "balancer", l.cfg.Name, "error", err)
	case len(r.Unreachable) > 0 && len(l.missing) == 0:
		c.log.Warn("balancer answers in part", "balancer", l.cfg.Name, "unreachable", r.Unreachable)
	case err == nil && len(r.Unreachable) == 0 && before:
		c.log.Info("balancer answers", "balancer", l.cfg.Name)
	}
}

// presence is what is known about an instance in its balancer.
type presence struct {
	// absent: the balancer does not have it, for sure.
	absent bool
	// drained: the balancer drains it and no session is left.
	drained  bool
	sessions int
	// blind: the balancer cannot tell.
	blind bool
}

func (c *Controller) presence(i *instance.Instance) presence {
	name := c.groupConfig(i).Balancer
	c.mu.RLock()
	defer c.mu.RUnlock()
	l := c.balancers[name]
	if name == "" || l == nil {
		return presence{absent: true}
	}
	if errors.Is(l.err, balancer.ErrNoNodes) {
		return presence{absent: true}
	}
	if l.err != nil || !l.complete {
		return presence{blind: true}
	}
	state, in := l.applied[i.ID]
	if !in {
		return presence{absent: true}
	}
	s := l.status[i.ID]
	return presence{drained: state == balancer.Drain && s.State != balancer.Ready && s.State != balancer.Mixed && s.Sessions == 0, sessions: s.Sessions}
}
