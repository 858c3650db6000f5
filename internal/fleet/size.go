package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/fleet/plan"
	"kickoff/internal/fleet/userdata"
)

// tokenLife is how long an enrolment token is good.
const tokenLife = 2 * time.Hour

// decideSizes decides for every group how many instances it should have, and
// makes intents or lets instances go.
func (c *Controller) decideSizes(ctx context.Context) error {
	var errs []error
	for _, g := range c.Config().Groups {
		if err := c.decideSize(ctx, g); err != nil {
			errs = append(errs, fmt.Errorf("group %s: %w", g.Name, err))
		}
	}
	return errors.Join(errs...)
}

// decide gives the decision for a group as it is now.
func (c *Controller) decide(g config.Group, s instance.GroupState) plan.Decision {
	return plan.Decide(plan.Input{
		Now: c.now(), Group: g.Name, Size: g.Size, Override: s.Override, OverrideBy: s.OverrideBy, OverrideAt: s.OverrideAt,
		Limits: plan.Limits{Min: g.Limits.Min, Max: g.Limits.Max, Floor: g.Limits.Floor},
	})
}

func (c *Controller) decideSize(ctx context.Context, g config.Group) error {
	d := c.decide(g, c.group(g.Name))
	if err := c.recordDecision(ctx, g, d); err != nil {
		return err
	}
	have := c.list(func(i *instance.Instance) bool { return i.Intent.Group == g.Name && i.Stage.Counts() })
	switch missing := d.Size - len(have); {
	case missing > 0:
		return c.intend(ctx, g, missing, d.Why())
	case missing < 0 && c.group(g.Name).Held == "":
		return c.shrink(ctx, have, -missing, d.Why())
	}
	return nil
}

// recordDecision keeps a decision that differs from the last one, and lets a
// stopped group go on when its configuration changed.
func (c *Controller) recordDecision(ctx context.Context, g config.Group, d plan.Decision) error {
	digest := configDigest(g)
	s := c.group(g.Name)
	if s.Config == digest && s.Target == d.Size && s.Why == d.Why() {
		return nil
	}
	return c.editGroup(ctx, g.Name, func(s *instance.GroupState, ch *instance.Change) error {
		if s.Config != "" && s.Config != digest {
			if s.Stopped != "" {
				tellGroup(ch, g.Name, instance.Info, instance.KindResume, "its configuration changed: launches again")
			}
			s.Stopped, s.Failures, s.NextLaunch = "", 0, time.Time{}
		}
		if s.Target != d.Size || s.Why != d.Why() {
			record, err := json.Marshal(d)
			if err != nil {
				return err
			}
			ch.Decisions = append(ch.Decisions, instance.DecisionRecord{At: ch.At, Group: g.Name, Record: record})
			tellGroup(ch, g.Name, instance.Info, instance.KindDecision, "%d instances wanted (%s)", d.Size, d.Why())
		}
		s.Config, s.Target, s.Why = digest, d.Size, d.Why()
		return nil
	})
}

func configDigest(g config.Group) string {
	text, err := json.Marshal(g)
	if err != nil {
		return "" // plain data: cannot fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// intend stores intents for n more instances, if the group may launch now.
func (c *Controller) intend(ctx context.Context, g config.Group, n int, why string) error {
	s := c.group(g.Name)
	if s.Stopped != "" || c.now().Before(s.NextLaunch) {
		return nil
	}
	if day := g.Limits.LaunchesPerDay; day > 0 {
		used, err := c.opt.Store.FleetLaunchesSince(ctx, g.Name, c.now().Add(-24*time.Hour))
		if err != nil {
			return err
		}
		if n = min(n, day-used); n <= 0 {
			return c.pauseLaunches(ctx, g, day)
		}
	}
	for range n {
		i, err := c.newIntent(g, why)
		if err != nil {
			return err
		}
		if err := c.storeIntent(ctx, i); err != nil {
			return err
		}
		c.crash(CrashIntentStored)
	}
	return nil
}

// pauseLaunches says once that the day's launches are used up.
func (c *Controller) pauseLaunches(ctx context.Context, g config.Group, day int) error {
	return c.editGroup(ctx, g.Name, func(s *instance.GroupState, ch *instance.Change) error {
		s.NextLaunch = ch.At.Add(10 * time.Minute)
		tellGroup(ch, g.Name, instance.Alarm, instance.KindStop,
			"limits.launches_per_day: %d launches in 24 hours, no more for now", day)
		return nil
	})
}

func (c *Controller) newIntent(g config.Group, why string) (*instance.Instance, error) {
	launch := "l-" + randomHex(10)
	script, err := c.script(launch)
	if err != nil {
		return nil, err
	}
	place := c.place(g)
	now := c.now()
	return &instance.Instance{
		LaunchID: launch, Stage: instance.Requested, Times: instance.Times{instance.Requested: now},
		Intent: instance.Intent{
			Group: g.Name, Cloud: g.Cloud, ClientToken: "kickoff-" + launch, Image: g.Image, Type: place.Type, Zone: place.Zone,
			SecurityGroups: g.SecurityGroups, Tags: g.Tags, Binaries: c.opt.Binaries, UserData: script, Why: why,
		},
	}, nil
}

// script is the user-data of a launch, with a placeholder instead of the token.
func (c *Controller) script(launch string) (string, error) {
	script, err := userdata.Render(userdata.Params{
		Server: c.Config().Server, CA: c.opt.CA, Binaries: c.opt.Binaries, LaunchID: launch, Token: instance.TokenPlaceholder,
	})
	if err != nil {
		return "", fmt.Errorf("make user-data: %w", err)
	}
	return string(script), nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// place chooses where the next instance goes: the first type that is not known
// to be short of room, in the zone that has the fewest of the group.
func (c *Controller) place(g config.Group) plan.Place {
	used := map[string]int{}
	for _, i := range c.list(func(i *instance.Instance) bool { return i.Intent.Group == g.Name && i.Stage.Counts() }) {
		used[i.Intent.Zone]++
	}
	places := plan.Places(g.Types, g.Zones)
	best := plan.Place{}
	found := false
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range places {
		if c.now().Before(c.full[placeKey(g.Cloud, p)]) || found && p.Type != best.Type {
			continue
		}
		if !found || cmp.Less(used[p.Zone], used[best.Zone]) {
			best, found = p, true
		}
	}
	if !found {
		return places[0]
	}
	return best
}

func placeKey(cloudName string, p plan.Place) string { return cloudName + "/" + p.Type + "/" + p.Zone }

func (c *Controller) storeIntent(ctx context.Context, i *instance.Instance) error {
	c.write.Lock()
	defer c.write.Unlock()
	ch := instance.Change{At: c.now(), Instances: []*instance.Instance{i}}
	ch.IssueToken = &instance.EnrolmentToken{
		LaunchID: i.LaunchID, Hash: c.opt.HashToken(c.opt.Tokens.Token(i.LaunchID)), Expires: ch.At.Add(tokenLife),
	}
	tell(&ch, i, instance.Info, instance.KindStage, "requested for group %s (%s)", i.Intent.Group, i.Intent.Why)
	return c.commit(ctx, ch)
}

// shrink lets n of the instances go that cost the least to lose.
func (c *Controller) shrink(ctx context.Context, have []*instance.Instance, n int, why string) error {
	cs := make([]plan.Candidate, len(have))
	for k, i := range have {
		up, _, _ := c.health(i)
		current, _ := c.converged(i)
		cs[k] = plan.Candidate{LaunchID: i.LaunchID, Stage: i.Stage, Serving: i.Serving(), Healthy: up, Current: current,
			Since: i.Times[instance.Requested]}
	}
	var errs []error
	for _, launch := range plan.Leave(cs, n) {
		errs = append(errs, c.leave(ctx, launch, "no longer needed: "+why))
	}
	return errors.Join(errs...)
}
