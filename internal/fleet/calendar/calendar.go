// Package calendar reads iCalendar texts (RFC 5545) and lists what happens in
// a span of time. It is pure: text in, occurrences out. Fetching is feed's.
//
// An event is kept as it was written: with times of the wall clock and the
// name of their zone. It becomes moments only when it is expanded, because a
// floating time is in the zone of whoever asks.
//
// Whatever a text says, the work for it is bounded: its size, the depth of its
// components, the steps of one rule and the occurrences of the whole calendar.
package calendar

import (
	"sync"
	"time"
)

// The bounds of the work that one calendar may cause.
const (
	// MaxBytes is the largest text that is read.
	MaxBytes = 20 << 20
	// maxLine is the longest unfolded line; the decoder is quadratic in parameters.
	maxLine = 256 << 10
	// maxDepth is how deep components may be nested.
	maxDepth = 8
	// MaxEvents is how many events one calendar may hold.
	MaxEvents = 50000
	// maxSteps bounds the candidates of one rule, maxOccurrences what a rule
	// gives in one expansion and maxTotal what a calendar gives.
	maxSteps       = 200_000
	maxTotalSteps  = 1_000_000
	maxOccurrences = 5000
	maxTotal       = 100_000
	// maxTimesPerDay bounds BYHOUR x BYMINUTE x BYSECOND.
	maxTimesPerDay = 288
)

// Stamp is a time as an event writes it.
type Stamp struct {
	// Wall is what the clock shows, as if it were UTC.
	Wall time.Time `json:"wall,omitzero"`
	// Zone names the clock: "UTC", a TZID, or nothing for a floating time.
	Zone string `json:"zone,omitempty"`
	// Date means a whole day.
	Date bool `json:"date,omitempty"`
}

// IsZero reports whether there is no time.
func (s Stamp) IsZero() bool { return s.Wall.IsZero() }

// Event is one VEVENT.
type Event struct {
	UID string `json:"uid"`
	// RecurrenceID is set where the event replaces one instance of a series;
	// Future means that it replaces also those after it.
	RecurrenceID Stamp     `json:"recurrence_id,omitzero"`
	Future       bool      `json:"future,omitempty"`
	Sequence     int       `json:"sequence,omitempty"`
	DTStamp      time.Time `json:"dtstamp,omitzero"`

	Title      string   `json:"title,omitempty"`
	Location   string   `json:"location,omitempty"`
	Categories []string `json:"categories,omitempty"`
	Status     string   `json:"status,omitempty"`

	Start    Stamp         `json:"start"`
	End      Stamp         `json:"end,omitzero"`
	Duration time.Duration `json:"duration,omitempty"`
	RRule    string        `json:"rrule,omitempty"`
	RDates   []Stamp       `json:"rdates,omitempty"`
	ExDates  []Stamp       `json:"exdates,omitempty"`
}

// Cancelled reports whether the event says that it does not take place.
func (e *Event) Cancelled() bool { return e.Status == "CANCELLED" }

// Key names the event among all of its calendar.
func (e *Event) Key() string {
	if e.RecurrenceID.IsZero() {
		return e.UID
	}
	return e.UID + "\x00" + e.RecurrenceID.Wall.Format("20060102T150405") + e.RecurrenceID.Zone
}

// Problem is something odd about an event or the whole calendar.
type Problem struct {
	UID  string `json:"uid,omitempty"`
	Text string `json:"text"`
	// Broken means that the event could not be understood and is not in the plan.
	Broken bool `json:"broken,omitempty"`
}

// Calendar is what a text said: of events with the same key only the newest.
// Its methods may be called by several goroutines; its fields are not changed.
type Calendar struct {
	Events []Event           `json:"events"`
	Zones  map[string][]byte `json:"zones,omitempty"`
	// Aliases are names of the zone database for zones that the text defines.
	Aliases  map[string]string `json:"aliases,omitempty"`
	Problems []Problem         `json:"problems,omitempty"`

	mu sync.Mutex
	// loaded are the zones that were needed, found or not.
	loaded map[string]*time.Location
}

// Occurrence is one match: when it is and what is known about it.
type Occurrence struct {
	UID string `json:"uid"`
	// Instance tells the occurrences of a series apart: the original wall time.
	Instance   string    `json:"instance,omitempty"`
	Title      string    `json:"title,omitempty"`
	Location   string    `json:"location,omitempty"`
	Categories []string  `json:"categories,omitempty"`
	Status     string    `json:"status,omitempty"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	// Odd are remarks a person should read before the match.
	Odd []string `json:"odd,omitempty"`
}

// Span is what to expand, and for whom.
type Span struct {
	From, To time.Time
	// Zone is that of floating times and of unknown zones; UTC when nil.
	Zone *time.Location
	// DefaultDuration is that of events without end; two hours when 0.
	DefaultDuration time.Duration
}

// newer reports whether a replaces b: SEQUENCE, then DTSTAMP, then the later in the text.
func newer(a, b *Event) bool {
	if a.Sequence != b.Sequence {
		return a.Sequence > b.Sequence
	}
	return !a.DTStamp.Before(b.DTStamp)
}

// newest keeps of the events with equal keys the newest, in the order of their first appearance.
func newest(events []Event) []Event {
	at := map[string]int{}
	var out []Event
	for i := range events {
		e := &events[i]
		k, seen := at[e.Key()]
		switch {
		case !seen:
			at[e.Key()] = len(out)
			out = append(out, *e)
		case newer(e, &out[k]):
			out[k] = *e
		}
	}
	return out
}
