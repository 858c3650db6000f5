package feed

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"kickoff/internal/fleet/calendar"
)

const vanishedText = "vanished from the feed"

// merge brings a fetched calendar, or nil for an unchanged one, into the plan.
func (f *Feed) merge(next *calendar.Calendar, now time.Time) error {
	old := f.state.Calendar
	if old == nil {
		if next != nil {
			f.state.Calendar, f.state.Good = next, now
		}
		return nil
	}
	missing := maps.Clone(f.state.Missing)
	if missing == nil {
		missing = map[string]int{}
	}
	present := map[string]bool{}
	if next == nil { // unchanged: what counted as missing is missing once more
		next = &calendar.Calendar{Zones: old.Zones, Aliases: old.Aliases}
		for _, p := range old.Problems {
			if !strings.Contains(p.Text, vanishedText) { // said anew below
				next.Problems = append(next.Problems, p)
			}
		}
		for _, e := range old.Events {
			if missing[e.Key()] == 0 {
				next.Events = append(next.Events, e)
			}
		}
	}
	for i := range next.Events {
		present[next.Events[i].Key()] = true
	}
	broken := map[string]bool{}
	for _, p := range next.Problems {
		if p.Broken {
			broken[p.UID] = true
		}
	}
	gone := vanished(old, present, broken)
	if err := together(old, gone, now, f.opt.DefaultDuration); err != nil {
		return fmt.Errorf("calendar %s: %w", f.opt.Name, err)
	}
	merged := &calendar.Calendar{Events: next.Events, Problems: next.Problems, Zones: united(old.Zones, next.Zones), Aliases: united(old.Aliases, next.Aliases)}
	for i := range old.Events {
		e := &old.Events[i]
		key := e.Key()
		switch {
		case present[key]:
			delete(missing, key)
		case broken[e.UID]: // it is there and cannot be understood: what it said last stays
			merged.Events = append(merged.Events, *e)
		default:
			if missing[key]++; missing[key] < VanishAfter {
				merged.Events = append(merged.Events, *e)
				merged.Problems = append(merged.Problems, calendar.Problem{UID: e.UID,
					Text: fmt.Sprintf("%s "+vanishedText+"; it stays in the plan until %d healthy fetches lack it (%d so far)", e.Title, VanishAfter, missing[key])})
			} else {
				delete(missing, key)
			}
		}
	}
	f.state.Calendar, f.state.Missing, f.state.Good = merged, missing, now
	return nil
}

// vanished lists the UIDs of old events that the new copy lacks; a change that
// vanished while its series is there is none of them.
func vanished(old *calendar.Calendar, present, broken map[string]bool) map[string]bool {
	gone := map[string]bool{}
	for i := range old.Events {
		if e := &old.Events[i]; !present[e.Key()] && !present[e.UID] && !broken[e.UID] {
			gone[e.UID] = true
		}
	}
	return gone
}

// together refuses a copy in which more than half of the next days' matches vanish at once.
func together(old *calendar.Calendar, gone map[string]bool, now time.Time, duration time.Duration) error {
	if len(gone) == 0 {
		return nil
	}
	occurrences, _ := old.Expand(calendar.Span{From: now, To: now.Add(Horizon), DefaultDuration: duration})
	all, lost := 0, 0
	for _, o := range occurrences {
		if o.Status == "CANCELLED" {
			continue
		}
		if all++; gone[o.UID] {
			lost++
		}
	}
	// One match of one is no majority that vanishes together.
	if lost > 1 && 2*lost > all {
		return fmt.Errorf("%d of the %d events of the next 14 days vanished together: taken for a fault of the feed, the last good plan stays", lost, all)
	}
	return nil
}

// united holds the entries of both; the new ones win.
func united[V any](old, next map[string]V) map[string]V {
	out := make(map[string]V, len(old)+len(next))
	maps.Copy(out, old)
	maps.Copy(out, next)
	return out
}
