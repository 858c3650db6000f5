package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/instance"
)

// unknownCode stands for the code of a node whose classification or
// environment is broken: nobody enters service with it.
const unknownCode = "?"

// converged reports whether an instance's last run succeeded with the code
// that the fleet wants, and what it lacks if not.
func (c *Controller) converged(i *instance.Instance) (bool, string) {
	want := c.wantedCode(i)
	switch {
	case want == unknownCode:
		c.mu.RLock()
		defer c.mu.RUnlock()
		return false, "what it should run is not known: " + c.codeErr[i.ID]
	case i.LastRun.IsZero():
		return false, "waits for its first run to end"
	case !i.LastRun.OK():
		return false, "its last run failed" + because(i.LastRun)
	case want != "" && i.LastRun.CodeID != want:
		return false, fmt.Sprintf("runs code %s, wanted is %s", shortCode(i.LastRun.CodeID), shortCode(want))
	}
	return true, ""
}

// because says what went wrong first in a run, as the end of a sentence.
func because(r instance.Run) string {
	if r.Detail == "" {
		return ""
	}
	return ": " + r.Detail
}

func (c *Controller) wantedCode(i *instance.Instance) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.code[i.ID]
}

func shortCode(id string) string {
	if id == "" {
		return "unknown"
	}
	return id[:min(len(id), 12)]
}

// health says what is known of an instance's health: up, whether it is known
// at all, and the balancer's or prober's word for it.
func (c *Controller) health(i *instance.Instance) (up, known bool, detail string) {
	g := c.groupConfig(i)
	if g.Health == nil {
		return true, true, "no health check"
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if g.Health.From == config.HealthFromAgent {
		p := c.probes[i.LaunchID]
		if p == nil {
			return false, false, "not probed yet"
		}
		return p.up, p.known, p.detail
	}
	lb := c.balancers[g.Balancer]
	if lb == nil {
		return false, false, "no balancer"
	}
	s, ok := lb.status[i.ID]
	switch {
	case lb.err != nil:
		return false, false, lb.err.Error()
	case !ok:
		return false, false, "the balancer has not checked it yet"
	}
	return s.Up, true, s.Detail
}

// gate reports whether an instance may enter service: converged, current and
// healthy. If not, it says what is lacking.
func (c *Controller) gate(i *instance.Instance) (bool, string) {
	if ok, lacks := c.converged(i); !ok {
		return false, lacks
	}
	up, _, detail := c.health(i)
	if !up {
		return false, "health check: " + detail
	}
	return true, ""
}

// admit lets instances into service whose gate is open.
func (c *Controller) admit(ctx context.Context) error {
	return c.each(func(i *instance.Instance) bool { return i.Stage == instance.Converging }, func(i *instance.Instance) error {
		g := c.groupConfig(i)
		open, _ := c.gate(i)
		switch {
		case g.Name == "" || !open && !i.Admitted:
			return nil
		case g.Balancer == "":
			return c.enterService(ctx, i)
		case !i.Admitted:
			err := c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
				i.Admitted = true
				return nil
			})
			c.crash(CrashAdmitted)
			return err
		case c.balances(g.Balancer, i.ID):
			c.crash(CrashEntered)
			return c.enterService(ctx, i)
		}
		return nil
	})
}

// balances reports whether a balancer serves with an instance and finds it up.
func (c *Controller) balances(name, id string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	lb := c.balancers[name]
	if lb == nil || !lb.complete {
		return false
	}
	s, ok := lb.status[id]
	return ok && lb.applied[id] == balancer.Ready && s.State == balancer.Ready && s.Up
}

func (c *Controller) enterService(ctx context.Context, i *instance.Instance) error {
	return c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		if !i.Stage.Starting() {
			return errUnchanged
		}
		i.Admitted = true
		i.Advance(instance.InService, ch.At)
		i.Health = instance.Health{Up: true, Since: ch.At}
		tell(ch, i, instance.Info, instance.KindStage, "in service, %s after it was requested", seconds(i.Times.Lead()))
		if g := c.group(i.Intent.Group); g.Failures > 0 {
			g.Failures, g.NextLaunch = 0, time.Time{}
			ch.Groups = append(ch.Groups, g)
		}
		return nil
	})
}

// putBack lets instances serve again that were taken out by something that is
// over: a rolling run that ended or was cut off, or an operator's drain.
func (c *Controller) putBack(ctx context.Context) error {
	return c.each(func(i *instance.Instance) bool {
		return i.Stage == instance.InService && i.Out.Run != "" && !c.rolling(i.Out.Run)
	}, func(i *instance.Instance) error {
		if open, _ := c.gate(i); !open {
			return nil
		}
		return c.clearOut(ctx, i.LaunchID, "its gate is open again: back in service")
	})
}

func (c *Controller) clearOut(ctx context.Context, launchID, why string) error {
	return c.edit(ctx, launchID, func(i *instance.Instance, ch *instance.Change) error {
		if i.Out.IsZero() {
			return errUnchanged
		}
		i.Out = instance.Out{}
		tell(ch, i, instance.Info, instance.KindRollout, "%s", why)
		return nil
	})
}

// watchHealth notes health as it changes, and ends instances whose health
// check fails for too long, unless too many fail at once.
func (c *Controller) watchHealth(ctx context.Context) error {
	var errs []error
	for _, g := range c.Config().Groups {
		if g.Health != nil {
			errs = append(errs, c.watchGroup(ctx, g))
		}
	}
	return errors.Join(errs...)
}

func (c *Controller) watchGroup(ctx context.Context, g config.Group) error {
	serving := c.list(func(i *instance.Instance) bool { return i.Intent.Group == g.Name && i.Serving() })
	var sick, late []*instance.Instance
	for _, i := range serving {
		up, known, detail := c.health(i)
		if !known {
			continue // nobody is blamed for a balancer that does not answer
		}
		if up != i.Health.Up {
			if err := c.noteHealth(ctx, i, up, detail); err != nil {
				return err
			}
			i = c.get(i.LaunchID)
		}
		if !up && i != nil {
			sick = append(sick, i)
			if c.now().Sub(i.Health.Since) > c.opt.Timeouts.Unhealthy {
				late = append(late, i)
			}
		}
	}
	if err := c.hold(ctx, g.Name, len(serving), len(sick)); err != nil {
		return err
	}
	if removable(len(serving), len(sick)) == 0 {
		return nil
	}
	for _, i := range late {
		reason := fmt.Sprintf("health check failed for %s: %s", seconds(c.now().Sub(i.Health.Since)), i.Health.Detail)
		if err := c.fail(ctx, i.LaunchID, reason); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) noteHealth(ctx context.Context, i *instance.Instance, up bool, detail string) error {
	return c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		i.Health = instance.Health{Up: up, Detail: detail, Since: ch.At}
		if up {
			tell(ch, i, instance.Info, instance.KindHealth, "healthy again")
		} else {
			tell(ch, i, instance.Warning, instance.KindHealth, "health check fails: %s", detail)
		}
		return nil
	})
}

// hold notes that more than a third of a group is unhealthy, or no longer.
func (c *Controller) hold(ctx context.Context, group string, serving, sick int) error {
	held := sick > 0 && removable(serving, sick) == 0
	if held == (c.group(group).Held != "") {
		return nil
	}
	return c.editGroup(ctx, group, func(g *instance.GroupState, ch *instance.Change) error {
		if !held {
			g.Held = ""
			tellGroup(ch, group, instance.Info, instance.KindHold, "no longer more than a third unhealthy: removals go on")
			return nil
		}
		g.Held = fmt.Sprintf("%d of %d fail their health check at once, more than a third: nothing is removed", sick, serving)
		tellGroup(ch, group, instance.Alarm, instance.KindHold, "%s", g.Held)
		return nil
	})
}
