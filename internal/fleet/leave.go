package fleet

import (
	"context"
	"fmt"
	"time"

	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/instance"
)

// findFor is how long after the last launch call an unknown client token may
// still turn up in the cloud.
const findFor = time.Minute

// leave tells an instance to go. What follows is letGo's.
func (c *Controller) leave(ctx context.Context, launch, reason string) error {
	err := c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
		if i.Stage.Leaving() {
			return errUnchanged
		}
		i.Reason = reason
		i.DrainUntil = ch.At.Add(c.groupConfig(i).Drain)
		if i.Stage == instance.Failed { // not behind its balancer
			i.DrainUntil = ch.At
		}
		i.Out = instance.Out{}
		i.Enter(instance.Draining, ch.At)
		tell(ch, i, instance.Info, instance.KindStage, "told to leave: %s", reason)
		return nil
	})
	c.crash(CrashDrainBegun)
	return err
}

// letGo takes every leaving instance one step further. The steps are recorded,
// each is idempotent, and the order is: drained, deregistered, retired (one
// transaction for all that is ours), terminated, gone.
func (c *Controller) letGo(ctx context.Context) error {
	return c.each(func(i *instance.Instance) bool { return i.Stage.Leaving() }, func(i *instance.Instance) error {
		switch {
		case i.ID == "" && !i.Refused:
			return c.resolve(i)
		case !i.Has(instance.StepDrained):
			return c.awaitDrained(ctx, i)
		case !i.Has(instance.StepDeregistered):
			return c.awaitDeregistered(ctx, i)
		case !i.Has(instance.StepRetired):
			return c.retire(ctx, i)
		case !i.Has(instance.StepTerminated):
			return c.terminate(i)
		}
		return c.awaitGone(ctx, i)
	})
}

// resolve finds out whether a launch whose answer we never got has become a
// machine.
func (c *Controller) resolve(i *instance.Instance) error {
	v := c.clouds[i.Intent.Cloud]
	if v == nil || c.tasks.busy("launch "+i.LaunchID) {
		return nil
	}
	c.tasks.start("resolve "+i.LaunchID, func(ctx context.Context) {
		if v.limit.wait(ctx) != nil {
			return
		}
		ci, err := v.driver.FindByToken(ctx, i.Intent.ClientToken)
		if err != nil && !cloud.IsKind(err, cloud.KindNotFound) {
			return // the next pass asks again
		}
		asked := i.Asked
		if asked.IsZero() {
			asked = i.Times[instance.Requested]
		}
		if ci.ID == "" && c.now().Sub(asked) < findFor {
			_ = sleep(ctx, time.Second)
			return
		}
		err = c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
			if i.ID != "" || i.Refused {
				return errUnchanged
			}
			i.Refused = ci.ID == ""
			if i.ID = ci.ID; i.ID != "" {
				ch.Bind = []instance.Binding{{LaunchID: i.LaunchID, ID: i.ID}}
			}
			return nil
		})
		if err != nil {
			c.log.Warn("resolve launch", "launch", i.LaunchID, "error", err)
		}
	})
	return nil
}

// step records a step of a termination.
func (c *Controller) step(ctx context.Context, i *instance.Instance, s instance.Step, format string, args ...any) error {
	return c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		if i.Has(s) {
			return errUnchanged
		}
		i.Record(s)
		tell(ch, i, instance.Info, instance.KindTerminate, format, args...)
		return nil
	})
}

func (c *Controller) awaitDrained(ctx context.Context, i *instance.Instance) error {
	p := c.presence(i)
	switch late := !c.now().Before(i.DrainUntil); {
	case !i.Admitted, p.absent:
		return c.step(ctx, i, instance.StepDrained, "nothing to drain")
	case p.drained:
		c.crash(CrashDrained)
		return c.step(ctx, i, instance.StepDrained, "drained: no session left")
	case late && p.blind:
		return c.step(ctx, i, instance.StepDrained, "its drain's deadline passed; the balancer does not answer")
	case late:
		return c.step(ctx, i, instance.StepDrained, "its drain's deadline passed with %d sessions open", p.sessions)
	}
	return nil
}

func (c *Controller) awaitDeregistered(ctx context.Context, i *instance.Instance) error {
	p := c.presence(i)
	switch {
	case p.absent:
		c.crash(CrashDeregistered)
		return c.step(ctx, i, instance.StepDeregistered, "out of its balancer")
	case c.now().After(laterOf(i.DrainUntil, i.Times[instance.Draining]).Add(c.opt.Timeouts.Deregister)):
		return c.step(ctx, i, instance.StepDeregistered,
			"its balancer did not confirm within %s; it is told again when it answers", c.opt.Timeouts.Deregister)
	}
	return nil
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// retire ends what is ours in one transaction: certificate, exports, node data
// and token, together with the record of the step.
func (c *Controller) retire(ctx context.Context, i *instance.Instance) error {
	c.crash(CrashRetiring)
	err := c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		ch.Retire = append(ch.Retire, instance.Retirement{LaunchID: i.LaunchID, ID: i.ID, Reason: i.Reason})
		i.Record(instance.StepRetired)
		tell(ch, i, instance.Info, instance.KindTerminate, "retired: certificate revoked, exports and node data withdrawn")
		return nil
	})
	c.crash(CrashRetired)
	return err
}

// terminate asks the cloud, beside the pass, to end a machine.
func (c *Controller) terminate(i *instance.Instance) error {
	v := c.clouds[i.Intent.Cloud]
	if v == nil && i.ID != "" {
		return fmt.Errorf("terminate %s: its cloud %s is not configured", i.ID, i.Intent.Cloud)
	}
	if c.now().Before(i.NextTry) {
		return nil
	}
	c.tasks.start("terminate "+i.LaunchID, func(ctx context.Context) { c.terminateOne(ctx, v, i) })
	return nil
}

func (c *Controller) terminateOne(ctx context.Context, v *cloudView, i *instance.Instance) {
	if i.ID != "" {
		if v.limit.wait(ctx) != nil {
			return
		}
		callCtx, stop := context.WithTimeout(ctx, 2*time.Minute)
		defer stop()
		err := v.driver.Terminate(callCtx, i.ID)
		if ctx.Err() != nil {
			return
		}
		young := c.now().Sub(i.Times[instance.Pending]) < tooYoung // the cloud may not know it yet
		if err != nil && (young || !cloud.IsKind(err, cloud.KindNotFound)) {
			c.terminateLater(ctx, i, err)
			return
		}
		c.crash(CrashAsked)
	}
	err := c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		i.Record(instance.StepTerminated)
		i.Enter(instance.Terminating, ch.At)
		if i.ID != "" {
			tell(ch, i, instance.Info, instance.KindStage, "the cloud is asked to end it")
		}
		return nil
	})
	c.crash(CrashTerminated)
	if err != nil {
		c.log.Warn("store termination", "instance", i.Name(), "error", err)
	}
}

func (c *Controller) terminateLater(ctx context.Context, i *instance.Instance, cause error) {
	err := c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		i.Attempts++
		i.NextTry = ch.At.Add(min(time.Second<<min(i.Attempts, 6), time.Minute))
		level := instance.Warning
		if i.Attempts == 5 {
			level = instance.Alarm
		}
		tell(ch, i, level, instance.KindCloud, "the cloud did not end it, will be tried again: %v", cause)
		return nil
	})
	if err != nil {
		c.log.Warn("store failed termination", "instance", i.Name(), "error", err)
	}
}

// awaitGone waits until the cloud no longer has the machine.
func (c *Controller) awaitGone(ctx context.Context, i *instance.Instance) error {
	ci, known, _ := c.seen(i)
	if i.ID != "" {
		c.mu.RLock()
		v := c.clouds[i.Intent.Cloud]
		fresh := v != nil && v.asked.After(i.Times[instance.Terminating])
		c.mu.RUnlock()
		if !fresh || known && !ci.State.Gone() {
			return nil
		}
	}
	return c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		i.Enter(instance.Gone, ch.At)
		i.Intent.UserData = ""
		tell(ch, i, instance.Info, instance.KindStage, "gone")
		return nil
	})
}
