package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

// Expand lists what takes place in a span, in the order of time. Cancelled
// occurrences are listed too, with their status. It is safe for bad input:
// rules that would take too long are refused and become problems, and then
// only what the event says itself counts.
func (c *Calendar) Expand(s Span) ([]Occurrence, []Problem) {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.DefaultDuration <= 0 {
		s.DefaultDuration = 2 * time.Hour
	}
	x := &expansion{cal: c, span: s, masters: map[string]bool{}, changed: map[string][]*Event{}}
	for i := range c.Events {
		e := &c.Events[i]
		if e.RecurrenceID.IsZero() {
			x.masters[e.UID] = true
		} else {
			x.changed[e.UID] = append(x.changed[e.UID], e)
		}
	}
	for _, list := range x.changed {
		slices.SortStableFunc(list, func(a, b *Event) int { return a.RecurrenceID.Wall.Compare(b.RecurrenceID.Wall) })
	}
	for i := range c.Events {
		e := &c.Events[i]
		if !e.RecurrenceID.IsZero() {
			if !x.masters[e.UID] { // an instance without its series stands for itself
				x.add(e, e.Start, e.RecurrenceID, nil)
			}
			continue
		}
		x.series(e)
	}
	slices.SortFunc(x.out, func(a, b Occurrence) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.UID, b.UID), cmp.Compare(a.Instance, b.Instance))
	})
	return x.out, x.problems
}

type expansion struct {
	cal      *Calendar
	span     Span
	masters  map[string]bool
	changed  map[string][]*Event
	out      []Occurrence
	problems []Problem
	steps    int64
	full     bool
}

func (x *expansion) problem(e *Event, format string, args ...any) {
	x.problems = append(x.problems, Problem{UID: e.UID, Text: fmt.Sprintf(format, args...)})
}

// series adds an event and its repetitions, each as its change says.
func (x *expansion) series(e *Event) {
	walls := []Stamp{e.Start}
	if e.RRule != "" {
		if rule, err := x.rule(e); err != nil {
			x.problem(e, "RRULE %q is not followed, only the first occurrence counts: %v", e.RRule, err)
		} else {
			walls = rule
		}
	}
	walls = append(walls, e.RDates...)
	seen := map[time.Time]bool{}
	excluded := x.excluded(e)
	for _, w := range walls {
		key := w.Wall
		if seen[key] {
			continue
		}
		seen[key] = true
		if change, shift := x.change(e, w); change != nil {
			if !shift {
				continue // added below, once, wherever it went
			}
			moved := w
			moved.Wall, moved.Zone = w.Wall.Add(change.Start.Wall.Sub(change.RecurrenceID.Wall)), change.Start.Zone
			if !excluded[x.moment(w)] {
				x.add(change, moved, w, e)
			}
			continue
		}
		if !excluded[x.moment(w)] {
			x.add(e, w, w, e)
		}
	}
	for _, change := range x.changed[e.UID] {
		// A cancelled series takes its changed instances with it, unless they are newer.
		if e.Cancelled() && change.Sequence <= e.Sequence {
			cancelled := *change
			cancelled.Status = e.Status
			change = &cancelled
		}
		x.add(change, change.Start, change.RecurrenceID, e)
	}
}

// change finds what replaces an occurrence: itself, or with shift a change of it and all after it.
func (x *expansion) change(e *Event, w Stamp) (change *Event, shift bool) {
	at := x.moment(w)
	for _, c := range x.changed[e.UID] {
		rid := x.moment(x.sameZone(c.RecurrenceID, e.Start))
		switch {
		case rid.Equal(at) || c.RecurrenceID.Date && sameDay(c.RecurrenceID.Wall, w.Wall):
			return c, false
		case c.Future && rid.Before(at):
			change, shift = c, true
		}
	}
	return change, shift
}

func sameDay(a, b time.Time) bool { return a.Format(time.DateOnly) == b.Format(time.DateOnly) }

// sameZone reads a floating reference to an occurrence in the series' own zone.
func (x *expansion) sameZone(s, series Stamp) Stamp {
	if s.Zone == "" && !s.Date {
		s.Zone = series.Zone
	}
	return s
}

func (x *expansion) excluded(e *Event) map[time.Time]bool {
	out := map[time.Time]bool{}
	for _, s := range e.ExDates {
		if s.Date && !e.Start.Date { // a whole day without the event
			s = Stamp{Wall: s.Wall.Add(e.Start.Wall.Sub(e.Start.Wall.Truncate(24 * time.Hour))), Zone: e.Start.Zone}
		}
		out[x.moment(x.sameZone(s, e.Start))] = true
	}
	return out
}

// moment is when a stamp is, for this expansion's zone.
func (x *expansion) moment(s Stamp) time.Time {
	loc, _ := x.cal.location(s.Zone, x.span.Zone)
	return Clock(s.Wall, loc).First
}

// rule lists the occurrences of a rule that may touch the span, first ones
// included. The rule runs on the wall clock, so that clock changes do not move it.
func (x *expansion) rule(e *Event) ([]Stamp, error) {
	opt, err := rrule.StrToROptionInLocation(e.RRule, time.UTC)
	if err != nil {
		return nil, err
	}
	loc, _ := x.cal.location(e.Start.Zone, x.span.Zone)
	opt.Dtstart = e.Start.Wall
	length := max(x.length(e), 0) + 24*time.Hour
	end := Wall(x.span.To, loc).Add(24 * time.Hour)
	if !opt.Until.IsZero() {
		until := opt.Until
		if untilIsUTC(e.RRule) && e.Start.Zone != "UTC" {
			until = Wall(until, loc)
		} else if untilIsDay(e.RRule) {
			until = until.Add(24*time.Hour - time.Second)
		}
		if until.Before(end) {
			end = until
		}
	}
	count := opt.Count
	opt.Until, opt.Count = end, 0
	if end.Before(opt.Dtstart) {
		return nil, nil
	}
	steps, err := bound(opt, end)
	if err != nil {
		return nil, err
	}
	if x.steps += steps; x.steps > maxTotalSteps {
		return nil, fmt.Errorf("the rules of the calendar take more than %d steps together", maxTotalSteps)
	}
	r, err := rrule.NewRRule(*opt)
	if err != nil {
		return nil, err
	}
	return x.walk(e, r.Iterator(), count, Wall(x.span.From, loc).Add(-length))
}

// walk counts the occurrences and keeps those that are not over before from.
func (x *expansion) walk(e *Event, next rrule.Next, count int, from time.Time) ([]Stamp, error) {
	var out []Stamp
	// DTSTART is the first occurrence even where it does not fit its own rule.
	first, n := false, 0
	keep := func(t time.Time) {
		if n++; !t.Before(from) {
			out = append(out, Stamp{Wall: t, Zone: e.Start.Zone, Date: e.Start.Date})
		}
	}
	for {
		t, ok := next()
		if !ok || count > 0 && n >= count {
			break
		}
		if !first && !t.Equal(e.Start.Wall) {
			keep(e.Start.Wall)
		}
		first = true
		if count > 0 && n >= count {
			break
		}
		keep(t)
		if len(out) > maxOccurrences || n > maxSteps {
			return nil, fmt.Errorf("it gives more than %d occurrences", min(len(out), maxSteps)-1)
		}
	}
	if !first {
		keep(e.Start.Wall)
	}
	return out, nil
}

func untilIsUTC(rule string) bool { return matchUntil(rule, "Z") }
func untilIsDay(rule string) bool { return matchUntil(rule, "") }

var units = map[rrule.Frequency]time.Duration{rrule.YEARLY: 24 * time.Hour, rrule.MONTHLY: 24 * time.Hour, rrule.WEEKLY: 24 * time.Hour,
	rrule.DAILY: 24 * time.Hour, rrule.HOURLY: time.Hour, rrule.MINUTELY: time.Minute, rrule.SECONDLY: time.Second}

// bound refuses rules that would take too many steps, before the first one.
func bound(o *rrule.ROption, end time.Time) (steps int64, err error) {
	if o.Interval > 100_000 {
		return 0, fmt.Errorf("interval %d is too large", o.Interval)
	}
	steps = int64(end.Sub(o.Dtstart)/units[o.Freq]) / int64(max(o.Interval, 1))
	times := int64(1)
	for _, list := range [][]int{o.Byhour, o.Byminute, o.Bysecond} {
		times *= int64(max(len(list), 1))
	}
	lists := len(o.Byweekday) + len(o.Bymonth) + len(o.Bymonthday) + len(o.Byyearday) + len(o.Byweekno) + len(o.Bysetpos) + len(o.Byeaster)
	switch {
	case times > maxTimesPerDay:
		return 0, fmt.Errorf("it asks for %d times on one day", times)
	case steps*times > maxSteps:
		return 0, fmt.Errorf("it takes %d steps, at most %d are made", steps*times, maxSteps)
	case lists > 800:
		return 0, fmt.Errorf("it lists %d days", lists)
	}
	return steps * times, nil
}
