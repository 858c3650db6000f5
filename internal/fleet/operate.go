package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/fleet/plan"
)

func (c *Controller) noGroup(name string) error {
	var names []string
	for _, g := range c.Config().Groups {
		names = append(names, g.Name)
	}
	return api.Errorf(api.CodeNotFound, "there is no group %q in %s", name, c.Config().File).WithHint("groups: %s", strings.Join(names, ", "))
}

// resize changes the operator's size of a group and says what became of it.
func (c *Controller) resize(ctx context.Context, group, what string, f func(g *instance.GroupState, before int) error) (api.SizeAnswer, error) {
	g, ok := c.Config().Group(group)
	if !ok {
		return api.SizeAnswer{}, c.noGroup(group)
	}
	var before, after plan.Decision
	err := c.editGroup(ctx, group, func(s *instance.GroupState, ch *instance.Change) error {
		before = c.decide(g, *s)
		if err := f(s, before.Size); err != nil {
			return err
		}
		after = c.decide(g, *s)
		tellGroup(ch, group, instance.Info, instance.KindOperator, "%s: %d wanted, was %d", what, after.Size, before.Size)
		return nil
	})
	a := api.SizeAnswer{Group: group, Before: before.Size, Size: after.Size, Why: after.Why()}
	for _, b := range after.Bound {
		a.Notes = append(a.Notes, b.Why)
	}
	return a, err
}

// Scale sets the operator's size of a group, or clears it.
func (c *Controller) Scale(ctx context.Context, who, group string, r api.ScaleRequest) (api.SizeAnswer, error) {
	what := who + " gives the size back to fleet.yaml"
	if r.Size != nil {
		if *r.Size < 0 {
			return api.SizeAnswer{}, api.Errorf(api.CodeBadRequest, "size %d is negative", *r.Size)
		}
		what = fmt.Sprintf("%s scales to %d", who, *r.Size)
	}
	if r.Reason != "" {
		what += " (" + r.Reason + ")"
	}
	return c.resize(ctx, group, what, func(g *instance.GroupState, _ int) error {
		g.Override, g.OverrideBy, g.OverrideAt = r.Size, who, c.now()
		return nil
	})
}

// Launch asks for count more instances than are wanted now, and lets a group
// launch again that had stopped.
func (c *Controller) Launch(ctx context.Context, who, group string, count int) (api.SizeAnswer, error) {
	if count < 1 {
		return api.SizeAnswer{}, api.Errorf(api.CodeBadRequest, "count %d: at least one", count)
	}
	g, ok := c.Config().Group(group)
	if !ok {
		return api.SizeAnswer{}, c.noGroup(group)
	}
	return c.resize(ctx, group, fmt.Sprintf("%s launches %d", who, count), func(s *instance.GroupState, before int) error {
		size := before + count
		if size > g.Limits.Max {
			return api.Errorf(api.CodeLimit, "%d more would make %d instances of %s; limits.max is %d", count, size, group, g.Limits.Max)
		}
		s.Override, s.OverrideBy, s.OverrideAt = &size, who, c.now()
		s.Stopped, s.Failures, s.NextLaunch = "", 0, time.Time{}
		return nil
	})
}

// Resume lets a stopped group launch again.
func (c *Controller) Resume(ctx context.Context, who, group string) (api.Done, error) {
	if _, ok := c.Config().Group(group); !ok {
		return api.Done{}, c.noGroup(group)
	}
	done := api.Done{Message: "group " + group + " launches again"}
	err := c.editGroup(ctx, group, func(g *instance.GroupState, ch *instance.Change) error {
		if g.Stopped == "" && g.Failures == 0 && !g.NextLaunch.After(ch.At) {
			done.Message = "group " + group + " had not stopped"
			return errUnchanged
		}
		g.Stopped, g.Failures, g.NextLaunch = "", 0, time.Time{}
		tellGroup(ch, group, instance.Info, instance.KindResume, "%s lets it launch again", who)
		return nil
	})
	return done, err
}

// Terminate ends instances: they drain, leave their balancer, and go.
func (c *Controller) Terminate(ctx context.Context, who string, r api.TerminateRequest) (api.Done, error) {
	if len(r.Instances) == 0 {
		return api.Done{}, api.Errorf(api.CodeBadRequest, "no instance is named")
	}
	var list []*instance.Instance
	seen := map[string]bool{}
	for _, name := range r.Instances { // all or nothing
		i, err := c.find(name)
		if err != nil {
			return api.Done{}, api.Errorf(api.CodeNotFound, "there is no instance %s", name).WithHint("kickoff fleet status lists them; nothing was terminated")
		}
		if !seen[i.LaunchID] {
			seen[i.LaunchID] = true
			list = append(list, i)
		}
	}
	reason := "terminated by " + who
	if r.Reason != "" {
		reason += ": " + r.Reason
	}
	shrink := map[string]int{}
	for _, i := range list {
		if i.Stage.Counts() {
			shrink[i.Intent.Group]++
		}
	}
	if r.Shrink {
		for group, n := range shrink {
			_, err := c.resize(ctx, group, fmt.Sprintf("%s terminates %d and shrinks", who, n), func(s *instance.GroupState, before int) error {
				size := max(before-n, 0)
				s.Override, s.OverrideBy, s.OverrideAt = &size, who, c.now()
				return nil
			})
			if err != nil {
				return api.Done{}, err
			}
		}
	}
	for _, i := range list {
		if err := c.leave(ctx, i.LaunchID, reason); err != nil {
			return api.Done{}, err
		}
	}
	return api.Done{Message: fmt.Sprintf("%d told to leave", len(list))}, nil
}

// Drain keeps an instance out of its balancer until Undrain.
func (c *Controller) Drain(ctx context.Context, who, name string, r api.DrainRequest) (api.Done, error) {
	reason := "drained by " + who
	if r.Reason != "" {
		reason += ": " + r.Reason
	}
	return c.setOut(ctx, name, "is kept out of service", func(i *instance.Instance, ch *instance.Change) error {
		i.Out = instance.Out{Reason: reason, Since: ch.At}
		tell(ch, i, instance.Info, instance.KindOperator, "%s", reason)
		return nil
	})
}

// undrainRun marks an instance that returns after an operator's drain: it is
// put back when its gate is open, as after a rolling run.
const undrainRun = "undrain"

// Undrain lets a drained instance back, through its gate.
func (c *Controller) Undrain(ctx context.Context, who, name string) (api.Done, error) {
	return c.setOut(ctx, name, "returns when its gate is open", func(i *instance.Instance, ch *instance.Change) error {
		if i.Out.IsZero() {
			return errUnchanged
		}
		if c.rolling(i.Out.Run) {
			return api.Errorf(api.CodeConflict, "%s is out for rolling run %s, which brings it back", i.Name(), i.Out.Run)
		}
		i.Out = instance.Out{Reason: "returns: waits for its gate", Run: undrainRun, Since: ch.At}
		tell(ch, i, instance.Info, instance.KindOperator, "%s lets it back", who)
		return nil
	})
}

func (c *Controller) setOut(ctx context.Context, name, message string, f func(*instance.Instance, *instance.Change) error) (api.Done, error) {
	i, err := c.find(name)
	if err != nil {
		return api.Done{}, api.Errorf(api.CodeNotFound, "there is no instance %s", name)
	}
	err = c.edit(ctx, i.LaunchID, func(i *instance.Instance, ch *instance.Change) error {
		if i.Stage != instance.InService {
			return api.Errorf(api.CodeConflict, "%s is %s, not in service", i.Name(), i.Stage)
		}
		return f(i, ch)
	})
	return api.Done{Message: i.Name() + " " + message}, err
}

// UserData gives the bootstrap script as the next launch of a group would get
// it, with a placeholder instead of the token.
func (c *Controller) UserData(group string) (api.UserData, error) {
	if _, ok := c.Config().Group(group); !ok {
		return api.UserData{}, c.noGroup(group)
	}
	script, err := c.script("l-example")
	return api.UserData{Group: group, Script: script}, err
}

// Console gives what an instance wrote to its console.
func (c *Controller) Console(ctx context.Context, name string) (api.ConsoleOutput, error) {
	i, err := c.find(name)
	if err != nil {
		return api.ConsoleOutput{}, api.Errorf(api.CodeNotFound, "there is no instance %s", name)
	}
	v := c.clouds[i.Intent.Cloud]
	if i.ID == "" || v == nil {
		return api.ConsoleOutput{}, api.Errorf(api.CodeConflict, "%s has no machine yet", i.Name())
	}
	text, err := v.driver.ConsoleOutput(ctx, i.ID)
	if err != nil {
		return api.ConsoleOutput{}, api.Errorf(api.CodeUnavailable, "the cloud does not give the console of %s: %v", i.ID, err)
	}
	return api.ConsoleOutput{Instance: i.ID, Text: string(text)}, nil
}
