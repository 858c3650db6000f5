package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/config"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/wire"
)

// rollout is a rolling run: one instance after the other is drained, run, and
// put back when its gate is open. It lives in memory; what a crash leaves out
// of its balancer is put back by putBack.
type rollout struct {
	mu     sync.Mutex
	run    api.Run
	events []api.RunEvent
	ended  bool
	news   news
}

// keepRollouts is how many rolling runs are remembered after their end.
const keepRollouts = 50

func (r *rollout) tell(now time.Time, step, inst string, res *api.RunResult, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := api.RunEvent{Seq: len(r.events) + 1, At: now, Step: step, Instance: inst, Message: fmt.Sprintf(format, args...), Result: res}
	if step == api.RunEnd {
		run := r.run
		e.Run, r.ended = &run, true
	}
	r.events = append(r.events, e)
	r.news.tell()
}

func (r *rollout) state() api.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.run
	run.Results = slices.Clone(run.Results)
	return run
}

// after gives the events after a number, whether the run has ended with them,
// and a channel that is closed when there are more.
func (r *rollout) after(seq int) ([]api.RunEvent, bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.news.next()
	return slices.Clone(r.events[min(max(seq, 0), len(r.events)):]), r.ended, next
}

// rolling reports whether a rolling run is going on.
func (c *Controller) rolling(id string) bool {
	c.mu.RLock()
	r := c.rollouts[id]
	c.mu.RUnlock()
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.ended
}

// StartRun begins a rolling run on a group, or a run on one instance, and
// returns at once. Only one may go on in a group at a time.
func (c *Controller) StartRun(_ context.Context, who string, req api.RunRequest) (api.Run, error) {
	group, targets, err := c.runTargets(req)
	if err != nil {
		return api.Run{}, err
	}
	if c.opt.Code != nil {
		c.opt.Code.Refresh()
	}
	r := &rollout{run: api.Run{ID: "r-" + randomHex(5), Group: group, Noop: req.Noop, Started: c.now(), Total: len(targets)}}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.rollouts {
		if s := other.state(); s.Group == group && s.Finished.IsZero() {
			return api.Run{}, api.Errorf(api.CodeConflict, "rolling run %s is going on in group %s", s.ID, group)
		}
	}
	started := c.tasks.start("rollout "+r.run.ID, func(ctx context.Context) { c.roll(ctx, r, who, targets) })
	if !started {
		return api.Run{}, api.Errorf(api.CodeUnavailable, "the controller is not running")
	}
	c.forgetRollouts()
	c.rollouts[r.run.ID] = r
	return r.state(), nil
}

func (c *Controller) forgetRollouts() {
	for len(c.rollouts) >= keepRollouts {
		oldest := ""
		for id, r := range c.rollouts {
			if s := r.state(); !s.Finished.IsZero() && (oldest == "" || s.Started.Before(c.rollouts[oldest].state().Started)) {
				oldest = id
			}
		}
		if oldest == "" {
			return
		}
		delete(c.rollouts, oldest)
	}
}

func (c *Controller) runTargets(req api.RunRequest) (group string, targets []string, err error) {
	if (req.Group == "") == (req.Instance == "") {
		return "", nil, api.Errorf(api.CodeBadRequest, "a run needs a group or an instance")
	}
	if req.Instance != "" {
		i, err := c.find(req.Instance)
		if err != nil {
			return "", nil, api.Errorf(api.CodeNotFound, "there is no instance %s", req.Instance)
		}
		if i.ID == "" || i.Stage != instance.InService && i.Stage != instance.Converging && i.Stage != instance.Failed {
			return "", nil, api.Errorf(api.CodeConflict, "%s is %s: it has no agent that could run", i.Name(), i.Stage)
		}
		return i.Intent.Group, []string{i.LaunchID}, nil
	}
	if _, ok := c.Config().Group(req.Group); !ok {
		return "", nil, c.noGroup(req.Group)
	}
	// Those that do not serve go first: they cost nothing and show whether it works.
	list := c.list(func(i *instance.Instance) bool { return i.Intent.Group == req.Group && i.Stage == instance.InService })
	slices.SortStableFunc(list, func(a, b *instance.Instance) int { return boolRank(a.Serving()) - boolRank(b.Serving()) })
	for _, i := range list {
		targets = append(targets, i.LaunchID)
	}
	if len(targets) == 0 {
		return "", nil, api.Errorf(api.CodeConflict, "no instance of group %s is in service", req.Group)
	}
	return req.Group, targets, nil
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// WatchRun calls f for each event of a rolling run after seq until its end.
func (c *Controller) WatchRun(ctx context.Context, id string, seq int, f func(api.RunEvent) error) error {
	c.mu.RLock()
	r := c.rollouts[id]
	c.mu.RUnlock()
	if r == nil {
		return api.Errorf(api.CodeNotFound, "there is no rolling run %s; a restart of the server ends them", id)
	}
	for {
		events, ended, next := r.after(seq)
		for _, e := range events {
			if err := f(e); err != nil {
				return err
			}
			seq = e.Seq
		}
		if ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}

// GetRun gives the state of a rolling run.
func (c *Controller) GetRun(id string) (api.Run, error) {
	c.mu.RLock()
	r := c.rollouts[id]
	c.mu.RUnlock()
	if r == nil {
		return api.Run{}, api.Errorf(api.CodeNotFound, "there is no rolling run %s; a restart of the server ends them", id)
	}
	return r.state(), nil
}

// roll carries a rolling run out.
func (c *Controller) roll(ctx context.Context, r *rollout, who string, targets []string) {
	run := r.state()
	what := "rolling run"
	if run.Noop {
		what = "rehearsal (noop)"
	}
	r.tell(c.now(), api.RunBegin, "", nil, "%s %s on %d of group %s, one at a time", what, run.ID, len(targets), run.Group)
	c.tellRollout(ctx, run.Group, instance.Info, "%s %s begins on %d instances (%s)", what, run.ID, len(targets), who)
	for _, launch := range targets {
		name, err := c.rollOne(ctx, r, launch)
		if err == nil {
			continue
		}
		r.mu.Lock()
		r.run.Failed, r.run.Error = name, err.Error()
		r.mu.Unlock()
		r.tell(c.now(), api.RunFailed, name, nil, "%s: %v; the rolling run stops here", name, err)
		break
	}
	r.mu.Lock()
	r.run.Finished = c.now()
	r.mu.Unlock()
	run = r.state()
	if run.Error != "" {
		c.tellRollout(ctx, run.Group, instance.Alarm, "%s %s stopped at %s: %s", what, run.ID, run.Failed, run.Error)
	} else {
		c.tellRollout(ctx, run.Group, instance.Info, "%s %s ended: %d of %d", what, run.ID, run.Done, run.Total)
	}
	r.tell(c.now(), api.RunEnd, "", nil, "%s", summary(run))
	c.Trigger()
}

func summary(run api.Run) string {
	changed := 0
	for _, res := range run.Results {
		if len(res.Changed) > 0 {
			changed++
		}
	}
	s := fmt.Sprintf("%d of %d done, %d changed", run.Done, run.Total, changed)
	if run.Error != "" {
		s += ", stopped at " + run.Failed
	}
	return fmt.Sprintf("%s, %s", s, seconds(run.Finished.Sub(run.Started)))
}

func (c *Controller) tellRollout(ctx context.Context, group string, level instance.Level, format string, args ...any) {
	err := c.editGroup(ctx, group, func(_ *instance.GroupState, ch *instance.Change) error {
		tellGroup(ch, group, level, instance.KindRollout, format, args...)
		return nil
	})
	if err != nil {
		c.log.Warn("store event of rolling run", "error", err)
	}
}

// rollOne takes one instance through the rolling run. It gives its name.
func (c *Controller) rollOne(ctx context.Context, r *rollout, launch string) (string, error) {
	i := c.get(launch)
	if i == nil || i.Stage.Leaving() || i.ID == "" {
		r.tell(c.now(), api.RunSkip, launch, nil, "%s is no longer there: skipped", launch)
		return launch, nil
	}
	run := r.state()
	drain, why := c.mustDrain(i, run)
	if why != "" {
		r.tell(c.now(), api.RunSkip, i.ID, nil, "%s: not drained: %s", i.ID, why)
	}
	if drain {
		if err := c.awaitOthers(ctx, r, i); err != nil {
			return i.ID, err
		}
		if err := c.takeOut(ctx, r, i); err != nil {
			return i.ID, err
		}
	}
	if err := c.runAgent(ctx, r, i); err != nil {
		return i.ID, err
	}
	if drain {
		if err := c.bringBack(ctx, r, i); err != nil {
			return i.ID, err
		}
	}
	r.mu.Lock()
	r.run.Done++
	r.mu.Unlock()
	return i.ID, nil
}

// mustDrain says whether an instance has to be taken out of its balancer for a
// run, and if one that is behind a balancer has not, why.
func (c *Controller) mustDrain(i *instance.Instance, run api.Run) (drain bool, why string) {
	g := c.groupConfig(i)
	switch {
	case run.Noop || g.Balancer == "" || i.Stage != instance.InService || i.Out.Run == "" && !i.Out.IsZero():
		return false, "" // nothing changes, nothing is served, or an operator keeps it out
	case i.Serving() && len(c.list(func(o *instance.Instance) bool { return o.Intent.Group == g.Name && o.Serving() })) == 1:
		return false, "it is the only one that serves"
	}
	return true, ""
}

// awaitOthers waits until all others that should serve do: at most one
// instance of a group is out at a time.
func (c *Controller) awaitOthers(ctx context.Context, r *rollout, i *instance.Instance) error {
	lacking := func() string {
		var names []string
		for _, o := range c.list(inGroup(i.Intent.Group)) {
			if o.LaunchID == i.LaunchID || o.Stage != instance.InService || o.Out.Run == "" && !o.Out.IsZero() {
				continue
			}
			if up, known, _ := c.health(o); !o.Out.IsZero() || known && !up {
				names = append(names, o.ID)
			}
		}
		return strings.Join(names, ", ")
	}
	if l := lacking(); l != "" && i.Serving() {
		r.tell(c.now(), api.RunGate, i.ID, nil, "%s waits: %s should serve and does not", i.ID, l)
	}
	return c.await(ctx, c.opt.Timeouts.Gate, func() (bool, error) { return !i.Serving() || lacking() == "", nil },
		func() string { return "others of the group should serve and do not: " + lacking() })
}

// takeOut drains an instance and waits until no session is left or the
// deadline has passed.
func (c *Controller) takeOut(ctx context.Context, r *rollout, i *instance.Instance) error {
	g := c.groupConfig(i)
	r.tell(c.now(), api.RunDrain, i.ID, nil, "%s drains (at most %s)", i.ID, g.Drain)
	err := c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		if i.Stage != instance.InService {
			return fmt.Errorf("it is %s by now", i.Stage)
		}
		i.Out = instance.Out{Reason: "rolling run", Run: r.state().ID, Since: ch.At}
		tell(ch, i, instance.Info, instance.KindRollout, "out of its balancer for rolling run %s", i.Out.Run)
		return nil
	})
	if err != nil {
		return err
	}
	deadline := c.now().Add(g.Drain)
	return c.await(ctx, g.Drain+c.opt.Timeouts.Deregister, func() (bool, error) {
		if err := c.still(i); err != nil {
			return false, err
		}
		p := c.presence(i)
		return p.absent || p.drained || !p.blind && !c.now().Before(deadline), nil
	}, func() string { return "its balancer does not confirm the drain" })
}

// still fails when an instance is not in service any more.
func (c *Controller) still(i *instance.Instance) error {
	if now := c.get(i.LaunchID); now == nil || now.Stage != instance.InService {
		return fmt.Errorf("it left service meanwhile")
	}
	return nil
}

func (c *Controller) runAgent(ctx context.Context, r *rollout, i *instance.Instance) error {
	run := r.state()
	r.tell(c.now(), api.RunStart, i.ID, nil, "%s runs its agent", i.ID)
	callCtx, stop := context.WithTimeout(ctx, c.opt.Timeouts.Run)
	defer stop()
	var res wire.RunResult
	began := c.now()
	if err := c.opt.Hub.Call(callCtx, i.ID, wire.KindRun, wire.RunArgs{RunID: run.ID + "-" + i.ID, Noop: run.Noop}, &res); err != nil {
		return fmt.Errorf("its agent did not run: %w", err)
	}
	out := api.RunResult{Instance: i.ID, Status: res.Status, ExitCode: res.ExitCode, Changed: res.Changed, Failed: res.Failed,
		Summary: res.Summary, CodeID: res.CodeID, Seconds: res.Seconds}
	r.mu.Lock()
	r.run.Results = append(r.run.Results, out)
	r.mu.Unlock()
	r.tell(c.now(), api.RunRan, i.ID, &out, "%s: %s in %s", i.ID, runWord(out), seconds(c.now().Sub(began)))
	if res.Status == "failed" || res.ExitCode != 0 && res.ExitCode != 2 {
		reason := res.Summary
		if len(res.Failed) > 0 {
			reason = strings.Join(res.Failed, ", ")
		}
		return fmt.Errorf("its run failed (exit status %d): %s", res.ExitCode, reason)
	}
	return nil
}

func runWord(r api.RunResult) string {
	if len(r.Changed) == 0 {
		return r.Status
	}
	return fmt.Sprintf("%s %d: %s", r.Status, len(r.Changed), strings.Join(r.Changed, ", "))
}

// bringBack waits for the gate and lets an instance serve again. After a run
// that changed something, a health check that is up may be stale: it must have
// stayed up for as long as the balancer may take to notice that it is not.
func (c *Controller) bringBack(ctx context.Context, r *rollout, i *instance.Instance) error {
	r.tell(c.now(), api.RunGate, i.ID, nil, "%s waits for its gate: converged, current, healthy", i.ID)
	g := c.groupConfig(i)
	settle := time.Duration(0)
	if results := r.state().Results; len(results) > 0 && len(results[len(results)-1].Changed) > 0 {
		settle = settleTime(g.Health)
	}
	began, upSince, lacks := c.now(), time.Time{}, ""
	err := c.await(ctx, c.opt.Timeouts.Gate+settle, func() (bool, error) {
		if err := c.still(i); err != nil {
			return false, err
		}
		var open bool
		if open, lacks = c.gate(c.get(i.LaunchID)); !open {
			upSince = time.Time{}
			return false, nil
		}
		if upSince.IsZero() {
			upSince = c.now()
		}
		return c.now().Sub(laterOf(began, upSince)) >= settle, nil
	}, func() string { return "its gate did not open: " + lacks })
	if err != nil {
		return err
	}
	if err := c.clearOut(ctx, i.LaunchID, "its gate is open: back in service"); err != nil {
		return err
	}
	err = c.await(ctx, c.opt.Timeouts.Gate, func() (bool, error) {
		return c.balances(g.Balancer, i.ID), c.still(i)
	}, func() string { return "its balancer does not serve with it" })
	if err == nil {
		r.tell(c.now(), api.RunBack, i.ID, nil, "%s is back in service", i.ID)
	}
	return err
}

// settleTime is how long a balancer may take to notice that a server is down.
func settleTime(h *config.Health) time.Duration {
	if h == nil {
		return 0
	}
	return time.Duration(h.Unhealthy+1) * h.Every
}

// await looks again and again until done, an error, or the time is over.
func (c *Controller) await(ctx context.Context, limit time.Duration, done func() (bool, error), what func() string) error {
	deadline := c.now().Add(limit)
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if !c.now().Before(deadline) {
			return fmt.Errorf("%s (waited %s)", what(), limit)
		}
		if err := sleep(ctx, min(c.opt.Poll, 250*time.Millisecond)); err != nil {
			return err
		}
	}
}
