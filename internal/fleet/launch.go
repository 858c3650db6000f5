package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/fleet/plan"
)

// launchRequested asks the clouds for the instances that have only an intent:
// one call each, beside the pass, under the cloud's rate limit.
func (c *Controller) launchRequested(context.Context) error {
	now := c.now()
	for _, i := range c.list(func(i *instance.Instance) bool { return i.Stage == instance.Requested && !now.Before(i.NextTry) }) {
		v := c.clouds[i.Intent.Cloud]
		if v == nil {
			continue
		}
		c.tasks.start("launch "+i.LaunchID, func(ctx context.Context) { c.launchOne(ctx, v, i.LaunchID) })
	}
	return nil
}

func (c *Controller) launchOne(ctx context.Context, v *cloudView, launch string) {
	if v.limit.wait(ctx) != nil {
		return
	}
	i := c.get(launch)
	if i == nil || i.Stage != instance.Requested || c.now().Before(i.NextTry) {
		return
	}
	callCtx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	ci, err := v.driver.Launch(callCtx, c.request(i))
	if ctx.Err() != nil {
		return // asked again with the same token after the restart
	}
	if err == nil {
		c.crash(CrashAccepted)
		err = c.accepted(ctx, launch, ci)
		c.crash(CrashBound)
	} else {
		err = c.refused(ctx, v, launch, err)
	}
	if err != nil {
		c.log.Warn("store the cloud's answer", "launch", launch, "error", err)
	}
}

// request makes the call's parameters from the intent alone: a retry is
// byte-identical.
func (c *Controller) request(i *instance.Instance) cloud.LaunchRequest {
	in := i.Intent
	script := strings.ReplaceAll(in.UserData, instance.TokenPlaceholder, c.opt.Tokens.Token(i.LaunchID))
	return cloud.LaunchRequest{
		Token: in.ClientToken, Fleet: c.opt.Fleet, Group: in.Group, Image: in.Image, Type: in.Type, Zone: in.Zone,
		SecurityGroups: in.SecurityGroups, Tags: in.Tags, UserData: []byte(script),
	}
}

// accepted binds a launch to the instance that the cloud gave.
func (c *Controller) accepted(ctx context.Context, launch string, ci cloud.Instance) error {
	return c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
		if i.ID != "" {
			return errUnchanged
		}
		i.ID, i.Address, i.Reason = ci.ID, ci.PrivateIP, ""
		ch.Bind = []instance.Binding{{LaunchID: launch, ID: ci.ID}}
		fetched := !i.Times[instance.Enrolling].IsZero()
		i.Advance(instance.Pending, ch.At)
		if ci.State == cloud.Running {
			i.Advance(instance.Booting, ch.At)
		}
		if fetched {
			i.Advance(instance.Enrolling, ch.At)
		}
		tell(ch, i, instance.Info, instance.KindStage, "accepted by cloud %s for launch %s", i.Intent.Cloud, launch)
		return nil
	})
}

// refused decides what becomes of a launch that the cloud did not accept.
func (c *Controller) refused(ctx context.Context, v *cloudView, launch string, cause error) error {
	switch cloud.KindOf(cause) {
	case cloud.KindNoCapacity:
		return c.noRoom(ctx, launch, cause)
	case cloud.KindAuth, cloud.KindInvalid, cloud.KindLimit:
		return c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
			i.Refused = true
			if !i.Stage.Starting() {
				return nil
			}
			c.failIn(i, ch, "the cloud refused the launch: "+cause.Error())
			return nil
		})
	case cloud.KindParameterMismatch:
		return c.mismatch(ctx, v, launch, cause)
	case cloud.KindThrottled:
		v.limit.hold(2 * time.Second)
	}
	return c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
		i.Attempts++
		i.Asked = ch.At
		i.NextTry = ch.At.Add(min(time.Second<<min(i.Attempts, 6), time.Minute))
		if i.Reason != cause.Error() {
			tell(ch, i, instance.Warning, instance.KindCloud, "launch not accepted, will be tried again: %v", cause)
		}
		i.Reason = cause.Error()
		return nil
	})
}

// noRoom gives an intent up for which the cloud has no room, so that the next
// one is made for another type or zone.
func (c *Controller) noRoom(ctx context.Context, launch string, cause error) error {
	i := c.get(launch)
	if i == nil {
		return nil
	}
	g := c.groupConfig(i)
	c.mu.Lock()
	c.full[placeKey(i.Intent.Cloud, plan.Place{Type: i.Intent.Type, Zone: i.Intent.Zone})] = c.now().Add(time.Minute)
	none := true
	for _, p := range plan.Places(g.Types, g.Zones) {
		none = none && c.now().Before(c.full[placeKey(g.Cloud, p)])
	}
	c.mu.Unlock()
	return c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
		i.Refused, i.Reason = true, "no capacity: "+cause.Error()
		tell(ch, i, instance.Warning, instance.KindCloud, "no capacity for type %q in zone %q: %v", i.Intent.Type, i.Intent.Zone, cause)
		i.Enter(instance.Draining, ch.At)
		if none {
			s := c.group(i.Intent.Group)
			if ch.At.After(s.NextLaunch) {
				tellGroup(ch, s.Group, instance.Alarm, instance.KindCloud, "no capacity for any of its types and zones; tried again in 30s")
			}
			s.NextLaunch = ch.At.Add(30 * time.Second)
			ch.Groups = append(ch.Groups, s)
		}
		return nil
	})
}

// mismatch deals with a client token that the cloud knows with other
// parameters: the machine of the earlier call is not what we want.
func (c *Controller) mismatch(ctx context.Context, v *cloudView, launch string, cause error) error {
	i := c.get(launch)
	if i == nil {
		return nil
	}
	ci, err := v.driver.FindByToken(ctx, i.Intent.ClientToken)
	if err != nil && !cloud.IsKind(err, cloud.KindNotFound) {
		return fmt.Errorf("find launch %s: %w", launch, err)
	}
	return c.edit(ctx, launch, func(i *instance.Instance, ch *instance.Change) error {
		if i.ID == "" && ci.ID != "" {
			i.ID = ci.ID
			ch.Bind = []instance.Binding{{LaunchID: launch, ID: ci.ID}}
		}
		if i.Stage.Starting() {
			c.failIn(i, ch, "the cloud knows the launch with other parameters: "+cause.Error())
		}
		return nil
	})
}
