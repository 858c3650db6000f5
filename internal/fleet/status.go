package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/config"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/instance"
)

// Status gives the state of all groups, or of one; with all, also instances
// that are gone.
func (c *Controller) Status(ctx context.Context, group string, all bool) (api.Fleet, error) {
	f := api.Fleet{At: c.now(), Groups: []api.Group{}}
	newest, err := c.opt.Store.FleetEvents(ctx, -1, 1)
	if err != nil {
		return f, err
	}
	if len(newest) > 0 {
		f.Seq = newest[0].Seq
	}
	var gone []*instance.Instance
	if all {
		list, err := c.opt.Store.FleetInstances(ctx, true)
		if err != nil {
			return f, err
		}
		for _, i := range list {
			if i.Stage == instance.Gone {
				gone = append(gone, i)
			}
		}
	}
	configured := map[string]bool{}
	for _, g := range c.Config().Groups {
		configured[g.Name] = true
		if group == "" || g.Name == group {
			f.Groups = append(f.Groups, c.groupStatus(g, gone, f.At))
		}
	}
	for _, name := range c.strays(configured) {
		if group == "" || name == group {
			g := c.groupStatus(config.Group{Name: name}, gone, f.At)
			g.Problems = append(g.Problems, "the group is no longer in fleet.yaml: its instances are left alone; end them with kickoff fleet terminate")
			f.Groups = append(f.Groups, g)
		}
	}
	if group != "" && len(f.Groups) == 0 {
		return f, c.noGroup(group)
	}
	return f, nil
}

// strays names groups that have instances and no configuration.
func (c *Controller) strays(configured map[string]bool) []string {
	var out []string
	for _, i := range c.list(nil) {
		if g := i.Intent.Group; !configured[g] {
			configured[g] = true
			out = append(out, g)
		}
	}
	return out
}

func (c *Controller) groupStatus(g config.Group, gone []*instance.Instance, now time.Time) api.Group {
	s := c.group(g.Name)
	d := c.decide(g, s)
	out := api.Group{
		Name: g.Name, Cloud: g.Cloud, Balancer: g.Balancer, Size: d.Size, Why: d.Why(), Override: s.Override,
		Stopped: s.Stopped, Held: s.Held, Instances: []api.Instance{},
	}
	if s.NextLaunch.After(now) {
		out.Waiting = s.NextLaunch
	}
	for _, i := range append(gone, c.list(inGroup(g.Name))...) {
		if i.Intent.Group != g.Name {
			continue
		}
		v := c.view(i, now)
		out.Instances = append(out.Instances, v)
		if code := c.wantedCode(i); out.CodeID == "" && code != unknownCode {
			out.CodeID = code
		}
		switch {
		case i.Serving() && v.Health.Up:
			out.Serving++
		case i.Stage == instance.InService:
			out.Out++
		case i.Stage.Starting():
			out.Starting++
		case i.Stage == instance.Failed:
			out.Failed++
		case i.Stage != instance.Gone:
			out.Leaving++
		}
	}
	out.Problems = c.problems(g, out, s, now)
	return out
}

// problems lists what a person should know about a group, worst first.
func (c *Controller) problems(g config.Group, out api.Group, s instance.GroupState, now time.Time) []string {
	var p []string
	if s.Stopped != "" {
		p = append(p, "launches are stopped: "+s.Stopped+" (kickoff fleet resume "+g.Name+")")
	}
	if s.Held != "" {
		p = append(p, s.Held)
	}
	p = append(p, c.outside(g)...)
	for _, i := range out.Instances {
		c.mu.RLock()
		codeErr := c.codeErr[i.ID]
		c.mu.RUnlock()
		switch {
		case codeErr != "":
			p = append(p, "what "+i.Name+" should run is not known: "+codeErr)
		case i.Stage == instance.Failed:
			p = append(p, fmt.Sprintf("%s failed in %s: %s", i.Name, i.FailedIn, i.Reason))
		case i.Stage == instance.InService && !i.LastRun.IsZero() && !i.LastRun.OK():
			p = append(p, i.Name+" serves, but its last run failed")
		case i.Stage == instance.InService && !i.Current && i.Out.IsZero():
			p = append(p, i.Name+" serves with other code than is wanted (kickoff fleet run "+g.Name+")")
		}
	}
	if s.Stopped == "" && s.NextLaunch.After(now) && out.Serving+out.Starting+out.Out < out.Size {
		p = append(p, fmt.Sprintf("waits until %s with the next launch, after %d failures", s.NextLaunch.UTC().Format("15:04:05Z"), s.Failures))
	}
	return p
}

// outside lists problems with a group's cloud and balancer.
func (c *Controller) outside(g config.Group) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var p []string
	if v := c.clouds[g.Cloud]; v != nil && v.err != nil {
		p = append(p, "cloud "+g.Cloud+" does not answer: "+v.err.Error())
	}
	if l := c.balancers[g.Balancer]; l != nil {
		switch {
		case errors.Is(l.err, balancer.ErrNoNodes):
			p = append(p, "balancer "+g.Balancer+": "+l.err.Error())
		case l.err != nil:
			p = append(p, "balancer "+g.Balancer+" does not answer: "+l.err.Error())
		case len(l.missing) > 0:
			p = append(p, "balancer "+g.Balancer+" answers in part: not "+strings.Join(l.missing, ", "))
		}
	}
	return p
}

// view is an instance as the API shows it.
func (c *Controller) view(i *instance.Instance, now time.Time) api.Instance {
	v := api.Instance{
		Name: i.Name(), LaunchID: i.LaunchID, ID: i.ID, Group: i.Intent.Group, Stage: i.Stage, Since: i.Times[i.Stage],
		Address: i.Address, Type: i.Intent.Type, Zone: i.Intent.Zone, Image: i.Intent.Image, LeadSeconds: i.Times.Lead().Seconds(),
		Health: i.Health, LastRun: i.LastRun, Out: i.Out, Reason: i.Reason, FailedIn: i.FailedIn,
	}
	for _, s := range i.Times.Spans() {
		span := api.StageSpan{Stage: s.Stage, Begin: s.Begin, End: s.End}
		switch {
		case !s.End.IsZero():
			span.Seconds = s.End.Sub(s.Begin).Seconds()
		case s.Stage != instance.Gone:
			span.Seconds = now.Sub(s.Begin).Seconds()
		}
		v.Stages = append(v.Stages, span)
	}
	if i.ID == "" || i.Stage == instance.Gone {
		return v
	}
	v.Connected, _ = c.opt.Hub.Connected(i.ID)
	want := c.wantedCode(i)
	v.Current = !i.LastRun.IsZero() && (want == "" || i.LastRun.CodeID == want)
	if i.Stage == instance.InService || i.Stage == instance.Converging {
		if up, known, detail := c.health(i); known {
			v.Health.Up, v.Health.Detail = up, detail
		}
	}
	v.Waiting = c.waiting(i, v.Connected)
	return v
}

// waiting says what an instance lacks to go on.
func (c *Controller) waiting(i *instance.Instance, connected bool) string {
	switch i.Stage {
	case instance.Pending:
		return "the cloud starts it"
	case instance.Booting:
		return "boots; has not asked for its binary yet"
	case instance.Enrolling:
		return "waits for its certificate"
	case instance.Converging:
		if open, lacks := c.gate(i); !open {
			if !connected && i.LastRun.IsZero() {
				lacks += " (agent not connected)"
			}
			return lacks
		}
		return "enters its balancer"
	case instance.InService:
		if i.Out.Run != "" && !c.rolling(i.Out.Run) {
			if open, lacks := c.gate(i); !open {
				return lacks
			}
		}
	case instance.Draining:
		if p := c.presence(i); !i.Has(instance.StepDrained) && p.sessions > 0 {
			return fmt.Sprintf("%d sessions open", p.sessions)
		}
	}
	return ""
}

// GetInstance gives one instance by id or launch id, also one that is gone.
func (c *Controller) GetInstance(ctx context.Context, name string) (api.Instance, error) {
	if i, err := c.find(name); err == nil {
		return c.view(i, c.now()), nil
	}
	list, err := c.opt.Store.FleetInstances(ctx, true)
	if err != nil {
		return api.Instance{}, err
	}
	for _, i := range list {
		if i.ID == name || i.LaunchID == name {
			return c.view(i, c.now()), nil
		}
	}
	return api.Instance{}, api.Errorf(api.CodeNotFound, "there is no instance %s", name)
}

// Events gives events after a sequence number, oldest first; with a negative
// number the newest.
func (c *Controller) Events(ctx context.Context, after int64, limit int) ([]instance.Event, error) {
	return c.opt.Store.FleetEvents(ctx, after, limit)
}

// WatchEvents calls f for each event after seq, until ctx ends or f fails.
func (c *Controller) WatchEvents(ctx context.Context, seq int64, f func(instance.Event) error) error {
	for {
		next := c.news.next()
		list, err := c.opt.Store.FleetEvents(ctx, max(seq, 0), 500)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := f(e); err != nil {
				return err
			}
			seq = e.Seq
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}
