// Package simulate rehearses a fleet.yaml: a loop around plan.Compile and
// plan.Decide, the functions that the controller calls, with instances that
// boot as long as a distribution says. It is pure and, for one seed, repeatable.
//
// Time jumps from one thing that can change something to the next: a row of the
// load, a launch that serves, a drain that ends, the moment that the last
// decision named, a new version of a calendar.
package simulate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
	"kickoff/internal/fleet/plan"
)

// Row is one row of a load file: the demand of a group from a time on, in servers.
type Row struct {
	At     time.Time
	Demand float64
}

// CalendarVersion is what a calendar was from a time on; the first is in force
// from the beginning of all time.
type CalendarVersion struct {
	From     time.Time
	Calendar *calendar.Calendar
}

// Options say what to rehearse.
type Options struct {
	Fleet     *config.Fleet
	Calendars map[string][]CalendarVersion
	// Load holds each group's rows in the order of time.
	Load map[string][]Row
	// From is inclusive, To exclusive.
	From, To time.Time
	Seed     uint64
	// Progress is told the share of the work that is done; may be nil.
	Progress func(float64)
}

// Point is a moment at which demand, wanted or serving changed.
type Point struct {
	At      time.Time `json:"at"`
	Demand  float64   `json:"demand"`
	Wanted  int       `json:"wanted"`
	Serving int       `json:"serving"`
}

// GroupResult is how one group fared.
type GroupResult struct {
	ShortMinutes       int     `json:"short_minutes"`
	ShortServerMinutes float64 `json:"short_server_minutes"`
	ServerHours        float64 `json:"server_hours"`
	Cost               float64 `json:"cost"`
	OptimumCost        float64 `json:"optimum_cost"`
	OptimumHours       float64 `json:"optimum_server_hours"`
	// WindowHours is what the timetable alone asks for, without lead and drain.
	WindowHours float64        `json:"window_server_hours"`
	Launches    int            `json:"launches"`
	LateAlarms  int            `json:"late_alarms"`
	Lead        string         `json:"lead,omitempty"`
	Warnings    []plan.Warning `json:"warnings,omitempty"`

	// Points and Entries are for the picture.
	Points  []Point      `json:"-"`
	Entries []plan.Entry `json:"-"`
	short   map[int64]bool
}

// Decision is one change of a group's size.
type Decision struct {
	At     time.Time   `json:"at"`
	Group  string      `json:"group"`
	From   int         `json:"from"`
	Size   int         `json:"size"`
	Launch int         `json:"launch,omitempty"`
	Leave  int         `json:"leave,omitempty"`
	Reason plan.Reason `json:"reason"`
}

// Result is what the rehearsal showed.
type Result struct {
	From               time.Time               `json:"from"`
	To                 time.Time               `json:"to"`
	Seed               uint64                  `json:"seed"`
	ShortMinutes       int                     `json:"short_minutes"`
	ShortServerMinutes float64                 `json:"short_server_minutes"`
	ServerHours        float64                 `json:"server_hours"`
	Cost               float64                 `json:"cost"`
	OptimumCost        float64                 `json:"optimum_cost"`
	Launches           int                     `json:"launches"`
	LateAlarms         int                     `json:"late_alarms"`
	Decisions          []Decision              `json:"decisions"`
	Groups             map[string]*GroupResult `json:"groups"`
}

// ErrSpan means that the end is not after the beginning.
var ErrSpan = errors.New("the end of the simulation must be after its beginning")

// Run rehearses every group that the load names.
func Run(o Options) (*Result, error) {
	if !o.To.After(o.From) {
		return nil, ErrSpan
	}
	res := &Result{From: o.From, To: o.To, Seed: o.Seed, Groups: map[string]*GroupResult{}, Decisions: []Decision{}}
	for name := range o.Load {
		if _, ok := o.Fleet.Group(name); !ok {
			return nil, fmt.Errorf("the load names group %q, which fleet.yaml does not hold", name)
		}
	}
	short := map[int64]bool{}
	done := 0
	for i, g := range o.Fleet.Groups {
		rows, ok := o.Load[g.Name]
		if !ok {
			continue
		}
		w := &world{o: &o, group: g, rows: rows, rng: rand.New(rand.NewPCG(o.Seed, uint64(i)+1)), res: &GroupResult{short: map[int64]bool{}},
			progress: func(p float64) { o.progress((float64(done) + p) / float64(len(o.Load))) }}
		if err := w.run(); err != nil {
			return nil, fmt.Errorf("simulate group %s: %w", g.Name, err)
		}
		res.add(g.Name, w, short)
		done++
	}
	res.ShortMinutes = len(short)
	slices.SortStableFunc(res.Decisions, func(a, b Decision) int { return a.At.Compare(b.At) })
	return res, nil
}

func (o *Options) progress(p float64) {
	if o.Progress != nil {
		o.Progress(p)
	}
}

func (r *Result) add(name string, w *world, short map[int64]bool) {
	g := w.res
	g.ShortMinutes = len(g.short)
	for m := range g.short {
		short[m] = true
	}
	r.ShortServerMinutes += g.ShortServerMinutes
	r.ServerHours += g.ServerHours
	r.Cost += g.Cost
	r.OptimumCost += g.OptimumCost
	r.Launches += g.Launches
	r.LateAlarms += g.LateAlarms
	r.Decisions = append(r.Decisions, w.decisions...)
	r.Groups[name] = g
}

// boot draws the time from a launch to service.
func boot(b *config.Boot, fallback time.Duration, rng *rand.Rand) time.Duration {
	switch {
	case b == nil:
		return fallback
	case len(b.Samples) > 0:
		return b.Samples[rng.IntN(len(b.Samples))]
	}
	mean, sigma := plan.BootMoments(b)
	return time.Duration(math.Exp(mean+sigma*rng.NormFloat64()) * float64(time.Second))
}

// medianBoot is what the clairvoyant counts with.
func medianBoot(b *config.Boot, fallback time.Duration) time.Duration {
	switch {
	case b == nil:
		return fallback
	case len(b.Samples) > 0:
		return slices.Sorted(slices.Values(b.Samples))[len(b.Samples)/2]
	}
	return b.Median
}
