package plan

import (
	"fmt"
	"strings"
	"time"

	"kickoff/internal/config"
)

// Reason is a decision in words, for its record: the rule that won, the bounds
// that changed its size, the rules that lost.
type Reason struct {
	Size  int     `json:"size"`
	Won   Claim   `json:"won"`
	Bound []Claim `json:"bound,omitempty"`
	Lost  []Claim `json:"lost,omitempty"`
	// Late and Blocked are alarms; empty when all is well.
	Late    string `json:"late,omitempty"`
	Blocked string `json:"blocked,omitempty"`
}

// Text is the reason in one line.
func (r Reason) Text() string {
	parts := []string{r.Won.Why}
	for _, b := range r.Bound {
		parts = append(parts, b.Why)
	}
	for _, s := range []string{r.Blocked, r.Late} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "; ")
}

// Explain puts an answer in words.
func (t *Timetable) Explain(a Answer, s *State) Reason {
	seg := &t.Segments[a.Segment]
	r := Reason{Size: a.Size}
	claimed := seg
	if a.Ahead {
		claimed = &t.Segments[t.at(a.Begin)]
	}
	switch {
	case a.Won == RuleLoad:
		r.Won = Claim{RuleLoad, s.Load, fmt.Sprintf("the load asks for %d", s.Load)}
		if seg.Won == RuleSize {
			r.Lost = append(r.Lost, t.baseClaim())
		} else {
			r.Lost = append(r.Lost, t.claim(seg.Entry))
		}
	default:
		r.Won = t.winner(claimed)
	}
	r.Lost = append(r.Lost, t.losers(claimed, a, s)...)
	n := r.Won.Size
	r.bound(n < t.limits.Floor, RuleFloor, t.limits.Floor, "the protected floor", &n)
	r.bound(n < t.limits.Min, RuleLimit, t.limits.Min, "limits.min", &n)
	r.bound(n > t.limits.Max, RuleLimit, t.limits.Max, "limits.max", &n)
	if a.Ahead {
		r.Won.Why += fmt.Sprintf(", launched ahead to be in service at %s", t.clock(a.Begin))
	}
	if a.Late {
		r.Late = fmt.Sprintf("LATE: %d missing; launched now they are in service at about %s", a.Missing, t.clock(a.Ready))
	}
	switch a.Blocked {
	case RuleMoney:
		r.Blocked = fmt.Sprintf("no launches: %.2f of money_per_day %.2f are spent", s.Spent, t.moneyPerDay)
	case RuleLaunches:
		r.Blocked = fmt.Sprintf("launches are limited: %d of launches_per_day %d are used", s.Launches, t.limits.LaunchesPerDay)
	}
	return r
}

func (r *Reason) bound(hit bool, rule Rule, size int, what string, n *int) {
	if hit {
		r.Bound = append(r.Bound, Claim{rule, size, fmt.Sprintf("%s makes %d of %d", what, size, *n)})
		*n = size
	}
}

func (t *Timetable) clock(at time.Time) string { return at.In(t.Zone).Format("Mon 2 Jan 15:04:05 MST") }

func (t *Timetable) baseClaim() Claim {
	return Claim{RuleSize, t.base, fmt.Sprintf("size: %d in fleet.yaml", t.base)}
}

func (t *Timetable) claim(k int32) Claim {
	if k < 0 {
		return t.baseClaim()
	}
	e := t.Entries[k]
	return Claim{e.Rule, e.Size, fmt.Sprintf("%s wants %d", e.Title, e.Size)}
}

// winner is the claim that decided a segment.
func (t *Timetable) winner(s *Segment) Claim {
	c := t.claim(s.Entry)
	if s.Won != RuleMatch || !t.sum || s.Claimed == c.Size {
		return c
	}
	var titles []string
	for _, k := range s.Active {
		if t.Entries[k].Rule == RuleMatch {
			titles = append(titles, fmt.Sprintf("%s wants %d", t.Entries[k].Title, t.Entries[k].Size))
		}
	}
	return Claim{RuleMatch, s.Claimed, fmt.Sprintf("%d together: %s", s.Claimed, strings.Join(titles, ", "))}
}

// losers are the claims that were in force and did not decide.
func (t *Timetable) losers(s *Segment, a Answer, st *State) []Claim {
	var out []Claim
	for _, k := range s.Active {
		if k == s.Entry || t.sum && s.Won == RuleMatch && t.Entries[k].Rule == RuleMatch {
			continue
		}
		out = append(out, t.claim(k))
	}
	if s.Won != RuleSize {
		out = append(out, t.baseClaim())
	}
	if st.Load > 0 && a.Won != RuleLoad {
		out = append(out, Claim{RuleLoad, st.Load, fmt.Sprintf("the load asks for %d", st.Load)})
	}
	return out
}

// Reason explains a segment by itself, without instances or load.
func (t *Timetable) Reason(k int) Reason {
	s := &t.Segments[k]
	return t.Explain(Answer{Size: s.Size, Won: s.Won, Entry: s.Entry, Segment: int32(k)}, &State{})
}

// warn lists what cannot be reached and what contradicts itself, with the
// moment from which it matters.
func (t *Timetable) warn(p *config.Plan) {
	say := func(at time.Time, format string, args ...any) {
		t.Warnings = append(t.Warnings, Warning{At: at, Text: fmt.Sprintf(format, args...)})
	}
	for _, w := range p.Windows {
		if w.Size <= t.base {
			say(time.Time{}, "line %d: the window asks for %d, which size: %d gives anyway", w.Line, w.Size, t.base)
		}
	}
	for _, m := range p.Matches {
		if m.Size <= t.base {
			say(time.Time{}, "line %d: the match rule asks for %d, which size: %d gives anyway", m.Line, m.Size, t.base)
		}
	}
	if t.base < t.limits.Floor {
		say(time.Time{}, "size: %d is below the floor %d", t.base, t.limits.Floor)
	}
	said := map[int32]bool{}
	for i := range t.Segments {
		s := &t.Segments[i]
		if s.Claimed > s.Size && !said[s.Entry] {
			said[s.Entry] = true
			say(s.Begin, "%s: limits.max allows %d", t.winner(s).Why, s.Size)
		}
		if s.Won == RuleOverride && s.Claimed < t.asked(s) && !said[-2-s.Entry] {
			said[-2-s.Entry] = true
			say(s.Begin, "%s is below the %d that windows and matches ask for", t.claim(s.Entry).Why, t.asked(s))
		}
	}
	t.warnDays(say)
}

// asked is what windows and matches ask for in a segment.
func (t *Timetable) asked(s *Segment) int {
	n := 0
	for _, k := range s.Active {
		if e := &t.Entries[k]; e.Rule != RuleOverride {
			n = max(n, e.Size)
		}
	}
	return n
}

// warnDays compares each day's launches and money with the limits.
func (t *Timetable) warnDays(say func(time.Time, string, ...any)) {
	if t.moneyPerDay <= 0 && t.limits.LaunchesPerDay <= 0 {
		return
	}
	for day := Day(t.From, t.Zone); day.Before(t.To); {
		next := Day(day.Add(36*time.Hour), t.Zone)
		if cost := t.Cost(day, next); t.moneyPerDay > 0 && cost > t.moneyPerDay {
			say(day, "%s costs %.2f, money_per_day is %.2f: launches will stop before its end", day.In(t.Zone).Format("Mon 2 Jan"), cost, t.moneyPerDay)
		}
		launches := 0
		for i := t.at(day) + 1; i < len(t.Segments) && t.Segments[i].Begin.Before(next); i++ {
			if !t.Segments[i].Begin.Before(day) {
				launches += max(t.Segments[i].Size-t.Segments[i-1].Size, 0)
			}
		}
		if l := t.limits.LaunchesPerDay; l > 0 && launches > l {
			say(day, "%s needs %d launches, launches_per_day is %d", day.In(t.Zone).Format("Mon 2 Jan"), launches, l)
		}
		day = next
	}
}

// Day is the midnight with which the day of a moment begins in a zone.
func Day(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}
