package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/fleet/instance"
	"kickoff/internal/fleet/plan"
	"kickoff/internal/wire"
)

// maxFailedRuns is how many runs of an agent may fail before its instance has
// failed to converge.
const maxFailedRuns = 3

// nudgePause is the time between runs asked of an instance that converges.
const nudgePause = 10 * time.Second

// fail ends an instance's way to service, or its service.
func (c *Controller) fail(ctx context.Context, launch, reason string) error {
	return c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
		if !i.Stage.Counts() {
			return errUnchanged
		}
		c.failIn(i, ch, reason)
		return nil
	})
}

// failIn is fail as part of a change. The caller holds write.
func (c *Controller) failIn(i *instance.Instance, ch *instance.Change, reason string) {
	was := i.Stage
	i.Fail(reason, ch.At)
	i.Admitted, i.Out = false, instance.Out{}
	tell(ch, i, instance.Warning, instance.KindStage, "failed in stage %s: %s", was, reason)
	if was.Starting() {
		c.countFailure(i, ch)
	}
}

// countFailure makes the group back off, and stop after too many in a row.
func (c *Controller) countFailure(i *instance.Instance, ch *instance.Change) {
	s := c.group(i.Intent.Group)
	s.Failures++
	s.NextLaunch = ch.At.Add(plan.Backoff(s.Failures))
	if s.Failures >= plan.StopAfter && s.Stopped == "" {
		s.Stopped = fmt.Sprintf("%d launches in a row failed, last %s: %s", s.Failures, i.Name(), i.Reason)
		s.StoppedAt = ch.At
		tellGroup(ch, s.Group, instance.Alarm, instance.KindStop,
			"stops launching: %s (mend it, then: kickoff fleet resume %s)", s.Stopped, s.Group)
	}
	ch.Groups = append(ch.Groups, s)
}

// timeouts fails instances that stay in a stage for too long.
func (c *Controller) timeouts(ctx context.Context) error {
	t := c.opt.Timeouts
	limits := map[instance.Stage]struct {
		d    time.Duration
		what string
	}{
		instance.Requested:  {t.Requested, "the cloud did not accept it"},
		instance.Pending:    {t.Pending, "the cloud did not start it"},
		instance.Booting:    {t.Booting, "it did not ask for its binary: see its console (kickoff fleet console)"},
		instance.Enrolling:  {t.Enrolling, "it got no certificate: see its console (kickoff fleet console) and the server's enrolment log"},
		instance.Converging: {t.Converging, "it did not become ready"},
	}
	return c.each(func(i *instance.Instance) bool { return i.Stage.Starting() }, func(i *instance.Instance) error {
		if i.Stage == instance.Converging && i.FailedRuns >= maxFailedRuns {
			return c.fail(ctx, i.LaunchID, fmt.Sprintf("%d runs failed%s", i.FailedRuns, because(i.LastRun)))
		}
		l := limits[i.Stage]
		if age := c.now().Sub(i.Times[i.Stage]); age > l.d {
			reason := fmt.Sprintf("%s within %s", l.what, l.d)
			switch {
			case i.Stage == instance.Converging:
				if _, lacks := c.gate(i); lacks != "" {
					reason += ": " + lacks
				}
			case i.Reason != "":
				reason += ": " + i.Reason
			}
			return c.fail(ctx, i.LaunchID, reason)
		}
		return nil
	})
}

// How long an agent that converges may be silent before it is asked to run
// again: its run may have ended while this server was down, and its report is
// lost. A run that is going on is not disturbed, the new one waits for it.
const (
	silentWithoutCatalog = 20 * time.Second
	silentWithCatalog    = 2 * time.Minute
)

// nudge asks agents to run again whose last run failed, used old code, or was
// lost, while they are on their way to service.
func (c *Controller) nudge(context.Context) error {
	for _, i := range c.list(func(i *instance.Instance) bool {
		return i.Stage == instance.Converging && !i.Admitted || i.Stage == instance.InService && i.Out.Run != "" && !c.rolling(i.Out.Run)
	}) {
		if ok, _ := c.converged(i); ok || c.wantedCode(i) == unknownCode {
			continue
		}
		if up, _ := c.opt.Hub.Connected(i.ID); up && c.nudgeDue(i) {
			c.tasks.start("nudge "+i.LaunchID, func(ctx context.Context) { c.nudgeOne(ctx, i) })
		}
	}
	return nil
}

// nudgeDue says whether an agent should be asked to run now, and notes that it is.
func (c *Controller) nudgeDue(i *instance.Instance) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[i.ID]
	since, pause := laterOf(i.LastRun.At, c.nudged[i.LaunchID]), nudgePause
	if i.LastRun.IsZero() {
		since, pause = laterOf(since, i.Times[instance.Converging]), silentWithoutCatalog
		if !n.CatalogAt.IsZero() {
			since, pause = laterOf(since, n.CatalogAt), silentWithCatalog
		}
		if c.ran[i.ID] {
			pause = nudgePause
		}
	}
	if c.now().Sub(since) < pause {
		return false
	}
	c.nudged[i.LaunchID] = c.now()
	delete(c.ran, i.ID)
	return true
}

// RunFinished notes that an agent says its run has ended. If no report of it
// comes, it was lost, and the agent is asked to run again.
func (c *Controller) RunFinished(certname string) {
	c.mu.Lock()
	for _, i := range c.instances {
		if i.ID == certname && i.Stage == instance.Converging {
			c.ran[certname] = true
		}
	}
	c.mu.Unlock()
	c.Trigger()
}

func (c *Controller) nudgeOne(ctx context.Context, i *instance.Instance) {
	callCtx, stop := context.WithTimeout(ctx, c.opt.Timeouts.Run)
	defer stop()
	var r wire.RunResult
	err := c.opt.Hub.Call(callCtx, i.ID, wire.KindRun, wire.RunArgs{RunID: "nudge-" + randomHex(4)}, &r)
	if err != nil && ctx.Err() == nil {
		c.log.Warn("ask agent to run again", "instance", i.ID, "error", err)
	}
}

// clearFailed lets the oldest failed instances go that are too many to be kept
// for a look, and those that never were a machine.
func (c *Controller) clearFailed(ctx context.Context) error {
	var errs []error
	kept := map[string]int{}
	failed := c.list(func(i *instance.Instance) bool { return i.Stage == instance.Failed })
	for n := len(failed) - 1; n >= 0; n-- {
		i := failed[n]
		if i.ID == "" { // there is nothing to look at
			errs = append(errs, c.leave(ctx, i.LaunchID, i.Reason))
			continue
		}
		if kept[i.Intent.Group]++; kept[i.Intent.Group] > plan.KeepFailed {
			errs = append(errs, c.leave(ctx, i.LaunchID, i.Reason))
		}
	}
	return errors.Join(errs...)
}
