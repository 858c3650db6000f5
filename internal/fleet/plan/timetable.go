package plan

import (
	"fmt"
	"slices"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
)

// The rules that a timetable adds.
const (
	RuleWindow Rule = "window"
	RuleMatch  Rule = "match"
	RuleLoad   Rule = "load"
	// RuleMoney and RuleLaunches stop launches and change no size.
	RuleMoney    Rule = "money_per_day"
	RuleLaunches Rule = "launches_per_day"
)

// Override is an operator's size for a time.
type Override struct {
	Size int       `json:"size"`
	From time.Time `json:"from"`
	// Until is zero for an override without end.
	Until  time.Time `json:"until,omitzero"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// Force lets it go below what windows and matches ask for.
	Force bool `json:"force,omitempty"`
}

// Source is everything that a timetable is made of.
type Source struct {
	Group config.Group
	// Calendars are those that the group's matches name, as they are now; a
	// calendar that is missing is a warning.
	Calendars map[string]*calendar.Calendar
	// Durations are the default durations of the calendars' events.
	Durations map[string]time.Duration
	Overrides []Override
	// From and To bound the timetable.
	From, To time.Time
}

// Entry is what one rule asks for in one span of time, margins included.
type Entry struct {
	Rule  Rule      `json:"rule"`
	Size  int       `json:"size"`
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	// Title says what it is: a match, a window of the file, an override.
	Title string `json:"title"`
	// UID, EventBegin and EventEnd are those of a match.
	UID        string    `json:"uid,omitempty"`
	EventBegin time.Time `json:"event_begin,omitzero"`
	EventEnd   time.Time `json:"event_end,omitzero"`
	// Line is where the rule stands in fleet.yaml.
	Line  int  `json:"line,omitempty"`
	Force bool `json:"force,omitempty"`
}

// Segment is a span in which the timetable's answer does not change.
type Segment struct {
	Begin, End time.Time
	// Size is the answer, bounds applied; Claimed what the winning rule asked for.
	Size, Claimed int
	// Windows is what windows and matches ask for together.
	Windows int
	// Won is the rule that decided, Entry its entry or -1.
	Won   Rule
	Entry int32
	// Active are the entries in force.
	Active []int32
}

// Warning is what a person should know before it matters.
type Warning struct {
	At   time.Time `json:"at,omitzero"`
	Text string    `json:"text"`
}

// Timetable says for one group, for every moment from From to To, what the
// rules ask for. It is never changed after Compile and safe for concurrent use.
type Timetable struct {
	Group    string
	Zone     *time.Location
	From, To time.Time
	Entries  []Entry
	Segments []Segment
	Warnings []Warning

	base        int
	limits      config.Limits
	sum         bool
	price       float64
	moneyPerDay float64
}

// Compile makes the timetable of one group.
func Compile(s Source) (*Timetable, error) {
	if !s.To.After(s.From) {
		return nil, fmt.Errorf("the timetable of %s ends (%s) before it begins (%s)", s.Group.Name, s.To, s.From)
	}
	p := s.Group.Plan
	if p == nil {
		p = &config.Plan{}
	}
	t := &Timetable{Group: s.Group.Name, Zone: p.Timezone, From: s.From.UTC(), To: s.To.UTC(), base: s.Group.Size,
		limits: s.Group.Limits, sum: p.Sum, price: p.Price, moneyPerDay: p.MoneyPerDay}
	if t.Zone == nil {
		t.Zone = time.UTC
	}
	for _, w := range p.Windows {
		t.addWindow(w)
	}
	t.addMatches(s, p)
	for _, o := range s.Overrides {
		t.addOverride(o)
	}
	t.cut()
	t.warn(p)
	return t, nil
}

// add keeps an entry that touches the timetable.
func (t *Timetable) add(e Entry) {
	if e.End.After(t.From) && e.Begin.Before(t.To) && e.End.After(e.Begin) {
		t.Entries = append(t.Entries, e)
	}
}

// addWindow adds a window's days. A window is meant by the wall clock: it
// begins at the earliest and ends at the latest moment that its times can
// mean, so that a clock change never makes it too short.
func (t *Timetable) addWindow(w config.Window) {
	e := Entry{Rule: RuleWindow, Size: w.Size, Line: w.Line}
	place := func(first, last time.Time) {
		e.Begin = calendar.Clock(first.Add(w.From), t.Zone).Earliest().Add(-w.Before)
		e.End = calendar.Clock(last.Add(w.To), t.Zone).Last.Add(w.After)
		e.Title = fmt.Sprintf("window %s-%s on %s (line %d)", clock(w.From), clock(w.To), first.Format("Mon 2 Jan"), w.Line)
		t.add(e)
	}
	if w.Dated {
		place(w.Date, w.Until)
		return
	}
	slack := w.Before + w.After + 48*time.Hour
	last := calendar.Wall(t.To.Add(slack), t.Zone)
	for day := calendar.Wall(t.From.Add(-slack), t.Zone).Truncate(24 * time.Hour); day.Before(last); day = day.AddDate(0, 0, 1) {
		if len(w.Days) > 0 && !slices.Contains(w.Days, day.Weekday()) {
			continue
		}
		end := day
		if w.To <= w.From {
			end = day.AddDate(0, 0, 1)
		}
		place(day, end)
	}
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d/time.Hour), int(d/time.Minute)%60)
}

func (t *Timetable) addOverride(o Override) {
	e := Entry{Rule: RuleOverride, Size: o.Size, Begin: o.From.UTC(), End: o.Until.UTC(), Force: o.Force, Title: fmt.Sprintf("override %d", o.Size)}
	if o.Until.IsZero() {
		e.End = t.To
	}
	if o.By != "" {
		e.Title += " by " + o.By
	}
	if o.Reason != "" {
		e.Title += ": " + o.Reason
	}
	t.add(e)
}

// cut makes the segments: a sweep over all beginnings and ends.
func (t *Timetable) cut() {
	edges := []time.Time{t.From, t.To}
	order := make([]int32, len(t.Entries))
	for i, e := range t.Entries {
		order[i] = int32(i)
		for _, at := range []time.Time{e.Begin, e.End} {
			if at.After(t.From) && at.Before(t.To) {
				edges = append(edges, at)
			}
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	slices.SortStableFunc(order, func(a, b int32) int { return t.Entries[a].Begin.Compare(t.Entries[b].Begin) })
	var active []int32
	for i := range len(edges) - 1 {
		begin := edges[i]
		active = slices.DeleteFunc(active, func(k int32) bool { return !t.Entries[k].End.After(begin) })
		for len(order) > 0 && !t.Entries[order[0]].Begin.After(begin) {
			active = append(active, order[0])
			order = order[1:]
		}
		s := Segment{Begin: begin, End: edges[i+1], Active: slices.Clone(active)}
		t.settle(&s)
		t.Segments = append(t.Segments, s)
	}
}

// settle says which of the entries in force wins.
func (t *Timetable) settle(s *Segment) {
	s.Won, s.Entry, s.Claimed = RuleSize, -1, t.base
	window, match, override := int32(-1), int32(-1), int32(-1)
	matches := 0
	for _, k := range s.Active {
		e := &t.Entries[k]
		switch e.Rule {
		case RuleWindow:
			if window < 0 || e.Size > t.Entries[window].Size {
				window = k
			}
		case RuleMatch:
			if match < 0 || e.Size > t.Entries[match].Size {
				match = k
			}
			if matches = max(matches, e.Size); t.sum {
				matches = t.sumOf(s.Active)
			}
		case RuleOverride:
			if override < 0 || !e.Begin.Before(t.Entries[override].Begin) {
				override = k
			}
		}
	}
	if window >= 0 && t.Entries[window].Size > s.Claimed {
		s.Won, s.Entry, s.Claimed = RuleWindow, window, t.Entries[window].Size
	}
	if match >= 0 && matches >= s.Claimed {
		s.Won, s.Entry, s.Claimed = RuleMatch, match, matches
	}
	if s.Won != RuleSize {
		s.Windows = s.Claimed
	}
	if override >= 0 {
		if e := t.Entries[override]; e.Force || e.Size >= s.Windows {
			s.Won, s.Entry, s.Claimed = RuleOverride, override, e.Size
		}
	}
	s.Size = t.bounded(s.Claimed)
}

func (t *Timetable) sumOf(active []int32) int {
	sum := 0
	for _, k := range active {
		if t.Entries[k].Rule == RuleMatch {
			sum += t.Entries[k].Size
		}
	}
	return sum
}

// bounded applies the floor and the hard limits.
func (t *Timetable) bounded(n int) int {
	return min(max(n, t.limits.Floor, t.limits.Min), t.limits.Max)
}

// at finds the segment of a moment; the first or last outside of the timetable.
func (t *Timetable) at(now time.Time) int {
	low, high := 0, len(t.Segments)-1
	for low < high {
		mid := (low + high + 1) / 2
		if t.Segments[mid].Begin.After(now) {
			high = mid - 1
		} else {
			low = mid
		}
	}
	return low
}

// Cost is the price of the timetable's sizes from one moment to another.
func (t *Timetable) Cost(from, to time.Time) float64 { return t.ServerHours(from, to) * t.price }

// ServerHours is the timetable's sizes times their hours.
func (t *Timetable) ServerHours(from, to time.Time) float64 {
	sum := 0.0
	for i := t.at(from); i < len(t.Segments) && t.Segments[i].Begin.Before(to); i++ {
		s := &t.Segments[i]
		begin, end := s.Begin, s.End
		if from.After(begin) {
			begin = from
		}
		if to.Before(end) {
			end = to
		}
		sum += max(end.Sub(begin).Hours(), 0) * float64(s.Size)
	}
	return sum
}
