package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/instance"
)

// errUnchanged ends an edit without a change.
var errUnchanged = errors.New("unchanged")

// ErrNotFound means that there is no such instance, group or run.
var ErrNotFound = errors.New("not found")

// edit changes one instance, and what must change with it, in one transaction.
// f works on a copy and may return errUnchanged. Instances that f puts into the
// change besides its own, and groups, must come from c while edit runs.
func (c *Controller) edit(ctx context.Context, launchID string, f func(i *instance.Instance, ch *instance.Change) error) error {
	c.write.Lock()
	defer c.write.Unlock()
	old := c.get(launchID)
	if old == nil {
		return fmt.Errorf("instance %s: %w", launchID, ErrNotFound)
	}
	i := old.Clone()
	ch := instance.Change{At: c.now(), Instances: []*instance.Instance{i}}
	if err := f(i, &ch); err != nil {
		if errors.Is(err, errUnchanged) {
			return nil
		}
		return err
	}
	return c.commit(ctx, ch)
}

// editGroup changes what is remembered of a group. f may return errUnchanged.
func (c *Controller) editGroup(ctx context.Context, group string, f func(g *instance.GroupState, ch *instance.Change) error) error {
	c.write.Lock()
	defer c.write.Unlock()
	g := c.group(group)
	ch := instance.Change{At: c.now()}
	if err := f(&g, &ch); err != nil {
		if errors.Is(err, errUnchanged) {
			return nil
		}
		return err
	}
	ch.Groups = append(ch.Groups, g)
	return c.commit(ctx, ch)
}

// commit stores a change and then makes it visible. The caller holds write.
func (c *Controller) commit(ctx context.Context, ch instance.Change) error {
	// What was decided is stored even if the caller goes away in the middle.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer stop()
	events, err := c.opt.Store.FleetCommit(ctx, ch)
	if err != nil {
		return fmt.Errorf("store change of the fleet: %w", err)
	}
	c.mu.Lock()
	for _, i := range ch.Instances {
		if i.Stage == instance.Gone {
			delete(c.instances, i.LaunchID)
			delete(c.nudged, i.LaunchID)
			delete(c.ran, i.ID)
			delete(c.probes, i.LaunchID)
			continue
		}
		c.instances[i.LaunchID] = i
	}
	for _, g := range ch.Groups {
		c.groups[g.Group] = g
	}
	c.mu.Unlock()
	for _, e := range events {
		c.logEvent(e)
	}
	c.news.tell()
	c.Trigger()
	return nil
}

func (c *Controller) logEvent(e instance.Event) {
	level := slog.LevelInfo
	switch e.Level {
	case instance.Warning:
		level = slog.LevelWarn
	case instance.Alarm:
		level = slog.LevelError
	}
	c.log.Log(context.Background(), level, e.Message, "kind", e.Kind, "group", e.Group, "instance", e.Instance, "seq", e.Seq)
}

// tell appends an event about an instance to a change.
func tell(ch *instance.Change, i *instance.Instance, level instance.Level, kind instance.Kind, format string, args ...any) {
	ch.Events = append(ch.Events, instance.Event{
		At: ch.At, Level: level, Kind: kind, Group: i.Intent.Group, Instance: i.Name(), Stage: i.Stage,
		Message: i.Name() + ": " + fmt.Sprintf(format, args...),
	})
}

// tellGroup appends an event about a group to a change.
func tellGroup(ch *instance.Change, group string, level instance.Level, kind instance.Kind, format string, args ...any) {
	ch.Events = append(ch.Events, instance.Event{
		At: ch.At, Level: level, Kind: kind, Group: group, Message: group + ": " + fmt.Sprintf(format, args...),
	})
}

// get gives an instance by launch id, nil if there is none. Do not change it.
func (c *Controller) get(launchID string) *instance.Instance {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.instances[launchID]
}

// find gives an instance by id or launch id.
func (c *Controller) find(name string) (*instance.Instance, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if i := c.instances[name]; i != nil {
		return i, nil
	}
	for _, i := range c.instances {
		if i.ID == name && name != "" {
			return i, nil
		}
	}
	return nil, fmt.Errorf("instance %s: %w", name, ErrNotFound)
}

// list gives the instances that f accepts, in the order of their requests. Do
// not change them.
func (c *Controller) list(f func(*instance.Instance) bool) []*instance.Instance {
	c.mu.RLock()
	out := slices.Collect(maps.Values(c.instances))
	c.mu.RUnlock()
	if f != nil { // may take mu itself
		out = slices.DeleteFunc(out, func(i *instance.Instance) bool { return !f(i) })
	}
	slices.SortFunc(out, func(a, b *instance.Instance) int {
		return cmp.Or(a.Times[instance.Requested].Compare(b.Times[instance.Requested]), cmp.Compare(a.LaunchID, b.LaunchID))
	})
	return out
}

// inGroup accepts the instances of a group.
func inGroup(name string) func(*instance.Instance) bool {
	return func(i *instance.Instance) bool { return i.Intent.Group == name }
}

// group gives what is remembered of a group.
func (c *Controller) group(name string) instance.GroupState {
	c.mu.RLock()
	defer c.mu.RUnlock()
	g := c.groups[name]
	g.Group = name
	return g
}

// groupConfig gives the configuration of an instance's group; the zero Group
// for one that is no longer configured.
func (c *Controller) groupConfig(i *instance.Instance) config.Group {
	g, _ := c.Config().Group(i.Intent.Group)
	return g
}

// each calls f for all instances that sel accepts and joins the errors.
func (c *Controller) each(sel func(*instance.Instance) bool, f func(*instance.Instance) error) error {
	var errs []error
	for _, i := range c.list(sel) {
		errs = append(errs, f(i))
	}
	return errors.Join(errs...)
}

// seconds renders a duration for people.
func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
