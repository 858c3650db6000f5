package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/wire"
)

// cloudView is a cloud and what it last said. Its fields after limit are
// guarded by the controller's mu.
type cloudView struct {
	driver cloud.Cloud
	limit  limiter

	// seen is by instance id; asked is when the answer was asked for, so that
	// what is missing in it can be judged.
	seen  map[string]cloud.Instance
	asked time.Time
	err   error
}

// tooYoung is how long after its launch an instance may be missing from a
// cloud's list without being lost.
const tooYoung = time.Minute

// observeClouds asks every cloud, beside the pass, for what it runs of ours.
func (c *Controller) observeClouds(context.Context) error {
	for name, v := range c.clouds {
		c.tasks.start("describe "+name, func(ctx context.Context) { c.describe(ctx, name, v) })
	}
	return nil
}

func (c *Controller) describe(ctx context.Context, name string, v *cloudView) {
	asked := c.now()
	callCtx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	list, err := v.driver.Describe(callCtx)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if v.err == nil {
			c.log.Warn("cloud does not answer", "cloud", name, "error", err)
		}
		v.err = fmt.Errorf("describe instances: %w", err)
		return
	}
	if v.err != nil {
		c.log.Info("cloud answers again", "cloud", name)
	}
	v.err, v.asked, v.seen = nil, asked, make(map[string]cloud.Instance, len(list))
	for _, i := range list {
		if i.Fleet() == c.opt.Fleet {
			v.seen[i.ID] = i
		}
	}
}

// observeNodes reads what the server knows of our agents.
func (c *Controller) observeNodes(ctx context.Context) error {
	nodes, err := c.opt.Store.FleetNodes(ctx)
	if err != nil {
		return err
	}
	code, codeErr := map[string]string{}, map[string]string{}
	var errs []error
	for _, n := range nodes {
		if c.opt.Code == nil || n.CertificateAt.IsZero() {
			continue
		}
		id, err := c.opt.Code.CodeID(ctx, n.Certname)
		if err != nil {
			errs = append(errs, fmt.Errorf("code of %s: %w", n.Certname, err))
			id = unknownCode
			codeErr[n.Certname] = err.Error()
		}
		code[n.Certname] = id
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.code, c.codeErr = code, codeErr
	clear(c.nodes)
	for _, n := range nodes {
		c.nodes[n.Certname] = n
	}
	return errors.Join(errs...)
}

// follow moves instances to the stages that clouds and agents show.
func (c *Controller) follow(ctx context.Context) error {
	return c.each(func(i *instance.Instance) bool { return i.ID != "" && i.Stage != instance.Gone }, func(i *instance.Instance) error {
		if err := c.followCloud(ctx, i); err != nil {
			return err
		}
		return c.followNode(ctx, i.LaunchID)
	})
}

// seen gives what the cloud last said about an instance, and whether it may be
// taken for lost.
func (c *Controller) seen(i *instance.Instance) (ci cloud.Instance, known, lost bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v := c.clouds[i.Intent.Cloud]
	if v == nil || v.asked.IsZero() {
		return ci, false, false
	}
	ci, known = v.seen[i.ID]
	accepted := i.Times[instance.Pending]
	switch {
	case known:
		lost = !ci.State.Alive()
	default:
		lost = v.asked.Sub(accepted) > tooYoung
	}
	return ci, known, lost
}

func (c *Controller) followCloud(ctx context.Context, i *instance.Instance) error {
	ci, known, lost := c.seen(i)
	switch {
	case lost && i.Lost.IsZero() && !i.Has(instance.StepTerminated):
		return c.lose(ctx, i, ci)
	case !known:
		return nil
	}
	running := ci.State == cloud.Running && i.Stage.Starting() && i.Times[instance.Booting].IsZero()
	if ci.PrivateIP == i.Address && !running || ci.PrivateIP == "" && !running {
		return nil
	}
	return c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		if ci.PrivateIP != "" {
			i.Address = ci.PrivateIP
		}
		if running {
			i.Advance(instance.Booting, ch.At)
			tell(ch, i, instance.Info, instance.KindStage, "the cloud says it is running (%s)", i.Address)
		}
		return nil
	})
}

// lose takes note that the cloud ended a machine without our asking.
func (c *Controller) lose(ctx context.Context, i *instance.Instance, ci cloud.Instance) error {
	why := "the cloud no longer knows it"
	if ci.ID != "" {
		why = "the cloud says it is " + string(ci.State)
		if ci.StateReason != "" {
			why += " (" + ci.StateReason + ")"
		}
	}
	return c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		starting := i.Stage.Starting()
		if !i.Stage.Leaving() {
			i.Reason = why
			tell(ch, i, instance.Warning, instance.KindCloud, "taken away: %s; cleaning up", why)
		}
		i.Lost = ch.At
		// Nothing is left to drain, and nothing to end if it has ended. One that is only stopped has to be ended.
		i.Record(instance.StepDrained)
		if ci.ID == "" || ci.State == cloud.Terminated || ci.State == cloud.ShuttingDown {
			i.Record(instance.StepTerminated)
		}
		i.Enter(instance.Terminating, ch.At)
		if starting {
			c.countFailure(i, ch)
		}
		return nil
	})
}

// followNode notes certificates and reports.
func (c *Controller) followNode(ctx context.Context, launchID string) error {
	i := c.get(launchID)
	if i == nil || i.Stage.Leaving() {
		return nil
	}
	c.mu.RLock()
	n := c.nodes[i.ID]
	c.mu.RUnlock()
	newCert := !n.CertificateAt.IsZero() && i.Stage.Starting() && i.Times[instance.Converging].IsZero()
	newRun := !n.Run.IsZero() && n.Run.ID != i.LastRun.ID && n.Run.At.After(i.LastRun.At)
	if !newCert && !newRun {
		return nil
	}
	return c.edit(ctx, launchID, func(i *instance.Instance, ch *instance.Change) error {
		if newCert {
			i.Advance(instance.Enrolling, n.CertificateAt) // its fetch may not have been seen
			i.Advance(instance.Converging, n.CertificateAt)
			tell(ch, i, instance.Info, instance.KindStage, "has its certificate and converges")
		}
		if newRun {
			c.noteRun(i, ch, n.Run)
		}
		return nil
	})
}

// noteRun takes the outcome of a run into the instance.
func (c *Controller) noteRun(i *instance.Instance, ch *instance.Change, r instance.Run) {
	before := i.LastRun
	i.LastRun = r
	switch {
	case r.OK():
		i.FailedRuns = 0
		if i.Stage == instance.Converging {
			tell(ch, i, instance.Info, instance.KindStage, "converged (%s)", r.Status)
		} else if !before.IsZero() && !before.OK() {
			tell(ch, i, instance.Info, instance.KindStage, "its run succeeded again")
		}
	case i.Stage == instance.Converging:
		i.FailedRuns++
		tell(ch, i, instance.Warning, instance.KindStage, "run %d of %d failed%s", i.FailedRuns, maxFailedRuns, because(r))
	default:
		tell(ch, i, instance.Warning, instance.KindStage, "its last run failed; it stays in service while it is healthy%s", because(r))
	}
}

// BinaryRequested notes that the machine of a launch asked for our binary.
func (c *Controller) BinaryRequested(ctx context.Context, launchID string) {
	i := c.get(launchID)
	if i == nil || !i.Stage.Starting() || !i.Times[instance.Enrolling].IsZero() {
		return
	}
	err := c.edit(ctx, launchID, func(i *instance.Instance, ch *instance.Change) error {
		if !i.Stage.Starting() || !i.Times[instance.Enrolling].IsZero() {
			return errUnchanged
		}
		if i.Stage == instance.Requested { // the cloud's answer has not reached us yet
			i.Times[instance.Enrolling] = ch.At
			return nil
		}
		i.Advance(instance.Booting, ch.At)
		i.Advance(instance.Enrolling, ch.At)
		tell(ch, i, instance.Info, instance.KindStage, "fetches its binary and enrols")
		return nil
	})
	if err != nil {
		c.log.Warn("note fetch of binary", "launch", launchID, "error", err)
	}
}

// Pinned reports whether a launch that is not gone pins a binary's digest.
func (c *Controller) Pinned(digest string) bool {
	return len(c.list(func(i *instance.Instance) bool {
		for _, d := range i.Intent.Binaries {
			if d == digest {
				return true
			}
		}
		return false
	})) > 0
}

// probe is what we know of the health of an instance whose agent asks itself.
type probe struct {
	ok, bad int // in a row
	up      bool
	known   bool
	asked   time.Time
	detail  string
}

// probeHealth has agents without a balancer ask themselves.
func (c *Controller) probeHealth(context.Context) error {
	for _, i := range c.list(func(i *instance.Instance) bool {
		return i.Stage == instance.Converging || i.Stage == instance.InService
	}) {
		g := c.groupConfig(i)
		if g.Health == nil || g.Health.From != config.HealthFromAgent {
			continue
		}
		c.mu.Lock()
		p := c.probes[i.LaunchID]
		if p == nil {
			p = &probe{}
			c.probes[i.LaunchID] = p
		}
		due := c.now().Sub(p.asked) >= g.Health.Every
		if due {
			p.asked = c.now()
		}
		c.mu.Unlock()
		if due {
			c.tasks.start("probe "+i.LaunchID, func(ctx context.Context) { c.probeOne(ctx, i, *g.Health) })
		}
	}
	return nil
}

func (c *Controller) probeOne(ctx context.Context, i *instance.Instance, h config.Health) {
	limit := max(h.Every, 2*time.Second)
	callCtx, stop := context.WithTimeout(ctx, limit+time.Second)
	defer stop()
	var r wire.ProbeResult
	args := wire.ProbeArgs{URL: fmt.Sprintf("http://127.0.0.1:%d%s", h.Port, h.HTTP), Timeout: limit.String()}
	err := c.opt.Hub.Call(callCtx, i.ID, wire.KindProbe, args, &r)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.probes[i.LaunchID]
	if p == nil {
		return
	}
	switch {
	case err != nil:
		p.ok, p.bad, p.detail = 0, p.bad+1, "agent does not answer: "+err.Error()
	case !r.OK:
		p.ok, p.bad, p.detail = 0, p.bad+1, r.Error
		if r.Status != 0 {
			p.detail = fmt.Sprintf("status %d", r.Status)
		}
	default:
		p.ok, p.bad, p.detail = p.ok+1, 0, fmt.Sprintf("status %d", r.Status)
	}
	if p.ok >= h.Healthy {
		p.up, p.known = true, true
	}
	if p.bad >= h.Unhealthy {
		p.up, p.known = false, true
	}
}
