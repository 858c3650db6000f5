package plan

import (
	"time"
)

// State is what a decision depends on beside the timetable.
type State struct {
	Now time.Time
	// Serving are in service, Starting were launched and are not yet.
	Serving, Starting int
	// Load is the size that the measured load asks for (Tracker), 0 without.
	Load int
	// Lead says how long waves take.
	Lead *Lead
	// Spent is the money of the day so far, Launches its launches.
	Spent    float64
	Launches int
}

// Answer is a decision: the size, what to do now, why, and until when that
// cannot change by itself. Explain puts it in words.
type Answer struct {
	Size int
	// Launch and Leave are how many to launch and how many should go.
	Launch, Leave int
	// Won decided; Entry is its entry, or -1. Segment is the timetable's present one.
	Won     Rule
	Entry   int32
	Segment int32
	// Ahead means that the size belongs to a segment that begins at Begin.
	Ahead bool
	Begin time.Time
	// Late: Missing servers will not be, or are not, in service when a window
	// wants them; if launched now they are at about Ready.
	Late    bool
	Missing int
	Ready   time.Time
	// Blocked names the limit that stops launches, if any.
	Blocked Rule
	// Next is when the answer can change without news.
	Next time.Time
}

// Decide answers from the timetable. It does not allocate.
func (t *Timetable) Decide(s *State) Answer {
	k := t.at(s.Now)
	seg := &t.Segments[k]
	a := Answer{Size: seg.Size, Won: seg.Won, Entry: seg.Entry, Segment: int32(k), Next: seg.End}
	if load := t.bounded(s.Load); seg.Won != RuleOverride && s.Load > seg.Claimed && load > a.Size {
		a.Size, a.Won, a.Entry = load, RuleLoad, -1
	}
	running := seg.Size
	keep := a.Size
	have := s.Serving + s.Starting
	t.lookAhead(&a, s, k, have, &keep)
	if seg.Windows > 0 && s.Serving < running && seg.Won != RuleOverride {
		a.late(s, running-s.Serving)
	}
	a.Launch = max(a.Size-have, 0)
	a.Leave = max(have-max(a.Size, keep), 0)
	if a.Launch > 0 {
		t.block(&a, s)
	}
	return a
}

// lookAhead raises the size for what begins within the lead time of its wave,
// and says what should be kept because it is needed again soon. The wave is
// counted from the timetable alone, so that what is launched does not change it.
func (t *Timetable) lookAhead(a *Answer, s *State, k, have int, keep *int) {
	now := t.Segments[k].Size
	reach := s.Lead.Longest() * 5 / 4
	for i := k + 1; i < len(t.Segments); i++ {
		seg := &t.Segments[i]
		if !seg.Begin.Add(-reach).Before(a.Next) {
			break // nothing from here on matters before Next
		}
		wave := seg.Size - now
		if wave <= 0 {
			continue
		}
		lead := s.Lead.Total(wave)
		due := seg.Begin.Add(-lead)
		if !s.Now.Before(due) {
			if seg.Size > a.Size {
				a.Size, a.Won, a.Entry, a.Ahead, a.Begin = seg.Size, seg.Won, seg.Entry, true, seg.Begin
			}
			if missing := seg.Size - have; missing > 0 && s.Now.Add(s.Lead.Wave(missing)).After(seg.Begin) && seg.Windows > 0 {
				a.late(s, missing)
			}
		} else if due.Before(a.Next) {
			a.Next = due
		}
		if !s.Now.Before(due.Add(-lead / 4)) { // not worth a launch in between
			*keep = max(*keep, seg.Size)
		}
	}
}

func (a *Answer) late(s *State, missing int) {
	if missing > a.Missing {
		a.Late, a.Missing = true, missing
		a.Ready = s.Now.Add(s.Lead.Wave(missing))
	}
}

// block applies the limits that stop launches and never end a server.
func (t *Timetable) block(a *Answer, s *State) {
	if t.limits.LaunchesPerDay > 0 && s.Launches+a.Launch > t.limits.LaunchesPerDay {
		a.Launch, a.Blocked = max(t.limits.LaunchesPerDay-s.Launches, 0), RuleLaunches
	}
	if t.moneyPerDay > 0 && s.Spent >= t.moneyPerDay {
		a.Launch, a.Blocked = 0, RuleMoney
	}
}
