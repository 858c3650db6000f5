package simulate

import (
	"math/rand/v2"
	"slices"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/fleet/plan"
)

// giveUp is when a launch that never serves is recognised as failed, in the simulation.
const giveUp = 10 * time.Minute

// machine is one simulated instance.
type machine struct {
	id       int
	launched time.Time
	// ready is when it serves, or when it is given up.
	ready   time.Time
	fails   bool
	serving bool
	// gone is when its drain ends; zero while it is not told to leave.
	gone time.Time
}

// world is one group on its way through time.
type world struct {
	o        *Options
	group    config.Group
	rows     []Row
	rng      *rand.Rand
	progress func(float64)

	table    *plan.Timetable
	compiled time.Time // when the present versions of the calendars end; zero: never
	lead     *plan.Lead
	tracker  plan.Tracker

	machines  []machine
	nextID    int
	row       int
	demand    float64
	serving   int
	size      int
	late      bool
	retry     time.Time
	failures  int
	day       time.Time
	launches  int // of the day
	spent     float64
	res       *GroupResult
	decisions []Decision
}

func (w *world) run() error {
	p := w.group.Plan
	if p == nil {
		w.group.Plan = &config.Plan{Timezone: time.UTC}
		p = w.group.Plan
	}
	w.lead = plan.LeadOf(p.Lead, p.Boot, min(max(w.group.Limits.Max, 1), 10000))
	w.res.Lead = w.lead.Text
	now := w.o.From
	if err := w.compile(now); err != nil {
		return err
	}
	w.measure(now)
	w.begin(now)
	steps := 0
	for now.Before(w.o.To) {
		next := w.step(now)
		if next.After(w.o.To) {
			next = w.o.To
		}
		w.account(now, next)
		now = next
		if steps++; steps%4096 == 0 {
			w.progress(float64(now.Sub(w.o.From)) / float64(w.o.To.Sub(w.o.From)))
		}
		if !w.compiled.IsZero() && !now.Before(w.compiled) {
			if err := w.compile(now); err != nil {
				return err
			}
		}
	}
	w.finish()
	return nil
}

// compile makes the timetable from the calendars as they are known now.
func (w *world) compile(now time.Time) error {
	s := plan.Source{Group: w.group, Calendars: map[string]*calendar.Calendar{}, Durations: map[string]time.Duration{},
		From: w.o.From.Add(-time.Hour), To: w.o.To.Add(24 * time.Hour)}
	w.compiled = time.Time{}
	for name, versions := range w.o.Calendars {
		s.Durations[name] = w.o.Fleet.Calendars[name].DefaultDuration
		for i, v := range versions {
			if i == 0 || !v.From.After(now) {
				s.Calendars[name] = v.Calendar
			} else if w.compiled.IsZero() || v.From.Before(w.compiled) {
				w.compiled = v.From
			}
		}
	}
	t, err := plan.Compile(s)
	if err != nil {
		return err
	}
	w.table = t
	w.res.Warnings, w.res.Entries = t.Warnings, t.Entries
	return nil
}

// begin puts the group where the plan wants it at the start, all serving.
func (w *world) begin(now time.Time) {
	a := w.table.Decide(&plan.State{Now: now, Load: w.load(now), Lead: w.lead})
	for range a.Size {
		w.machines = append(w.machines, machine{id: w.nextID, launched: now, ready: now, serving: true})
		w.nextID++
	}
	w.serving, w.size, w.day = a.Size, a.Size, plan.Day(now, w.table.Zone)
}

// measure takes the rows up to now.
func (w *world) measure(now time.Time) {
	for w.row < len(w.rows) && !w.rows[w.row].At.After(now) {
		w.demand = w.rows[w.row].Demand
		w.row++
	}
}

// load is the size that the tracked load asks for.
func (w *world) load(now time.Time) int {
	l := w.group.Plan.Load
	if l == nil {
		return 0
	}
	return w.tracker.Observe(l, plan.Sample{At: now, Total: w.demand * l.PerInstance})
}

// step makes everything happen that happens at now, and says when to look again.
func (w *world) step(now time.Time) time.Time {
	w.measure(now)
	next := w.advance(now)
	if day := plan.Day(now, w.table.Zone); day.After(w.day) {
		w.day, w.launches, w.spent = day, 0, 0
	}
	starting := 0
	for i := range w.machines {
		if m := &w.machines[i]; !m.serving && m.gone.IsZero() {
			starting++
		}
	}
	s := plan.State{Now: now, Serving: w.serving, Starting: starting, Load: w.load(now), Lead: w.lead, Spent: w.spent, Launches: w.launches}
	a := w.table.Decide(&s)
	w.record(now, a, &s)
	earlier := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	if a.Launch > 0 && !now.Before(w.retry) {
		earlier(w.launch(now, a.Launch))
	}
	earlier(w.retry)
	if a.Leave > 0 {
		earlier(w.leave(now, a.Leave))
	}
	earlier(a.Next)
	if l := w.group.Plan.Load; l != nil {
		earlier(w.tracker.Falls(l))
	}
	if a.Blocked != "" {
		earlier(plan.Day(w.day.Add(36*time.Hour), w.table.Zone))
	}
	if a.Late {
		earlier(now.Add(time.Minute))
	}
	if w.row < len(w.rows) {
		earlier(w.rows[w.row].At)
	}
	if !w.compiled.IsZero() {
		earlier(w.compiled)
	}
	if n := len(w.res.Points); n == 0 || w.res.Points[n-1] != (Point{At: w.res.Points[n-1].At, Demand: w.demand, Wanted: a.Size, Serving: w.serving}) {
		w.res.Points = append(w.res.Points, Point{now, w.demand, a.Size, w.serving})
	}
	return next
}

// advance lets machines serve, fail and go, and gives the next such moment.
func (w *world) advance(now time.Time) time.Time {
	next := w.o.To
	kept := w.machines[:0]
	for _, m := range w.machines {
		if !m.gone.IsZero() && !m.gone.After(now) {
			w.end(m.launched, m.gone)
			continue
		}
		if m.gone.IsZero() && !m.serving && !m.ready.After(now) {
			if m.fails {
				w.failures++
				w.retry = now.Add(plan.Backoff(w.failures))
				w.end(m.launched, now)
				continue
			}
			m.serving = true
			w.serving++
			w.failures = 0
		}
		if at := m.gone; at.After(now) && at.Before(next) {
			next = at
		}
		if !m.serving && m.gone.IsZero() && m.ready.Before(next) {
			next = m.ready
		}
		kept = append(kept, m)
	}
	w.machines = kept
	return next
}

func (w *world) end(launched, gone time.Time) {
	hours := gone.Sub(launched).Hours()
	w.res.ServerHours += hours
	w.res.Cost += hours * w.group.Plan.Price
}

func (w *world) launch(now time.Time, n int) time.Time {
	p := w.group.Plan
	var first time.Time
	for range n {
		if w.rng.Float64() < p.RefusalRate {
			w.retry = now.Add(plan.Backoff(1))
			continue
		}
		m := machine{id: w.nextID, launched: now, ready: now.Add(boot(p.Boot, p.Lead.Default, w.rng))}
		if w.rng.Float64() < p.FailureRate {
			m.fails, m.ready = true, now.Add(giveUp)
		}
		w.nextID++
		w.launches++
		w.res.Launches++
		w.machines = append(w.machines, m)
		if first.IsZero() || m.ready.Before(first) {
			first = m.ready
		}
	}
	return first
}

// leave tells those to go that plan.Leave picks; what never served goes at once.
func (w *world) leave(now time.Time, n int) time.Time {
	cs := make([]plan.Candidate, 0, len(w.machines))
	byName := map[string]int{}
	for i, m := range w.machines {
		if !m.gone.IsZero() {
			continue
		}
		c := plan.Candidate{LaunchID: name(m.id), Stage: instance.Booting, Since: m.launched}
		if m.serving {
			c.Stage, c.Serving, c.Healthy, c.Current = instance.InService, true, true, true
		}
		byName[c.LaunchID] = i
		cs = append(cs, c)
	}
	first := time.Time{}
	for _, id := range plan.Leave(cs, n) {
		m := &w.machines[byName[id]]
		m.gone = now.Add(time.Millisecond)
		if m.serving {
			m.serving = false
			w.serving--
			m.gone = now.Add(max(w.group.Drain, time.Millisecond))
		}
		if first.IsZero() || m.gone.Before(first) {
			first = m.gone
		}
	}
	return first
}

func name(id int) string {
	const digits = "0123456789abcdef"
	b := []byte("00000000")
	for i := len(b) - 1; id > 0 && i >= 0; i, id = i-1, id/16 {
		b[i] = digits[id%16]
	}
	return string(b)
}

func (w *world) record(now time.Time, a plan.Answer, s *plan.State) {
	if a.Late && !w.late {
		w.res.LateAlarms++
	}
	w.late = a.Late
	if a.Size == w.size {
		return
	}
	w.decisions = append(w.decisions, Decision{At: now, Group: w.group.Name, From: w.size, Size: a.Size, Launch: a.Launch, Leave: a.Leave, Reason: w.table.Explain(a, s)})
	w.size = a.Size
}

// account adds up the span from now to next, in which nothing changes.
func (w *world) account(now, next time.Time) {
	if d := w.demand - float64(w.serving); d > 1e-9 && next.After(now) {
		w.res.ShortServerMinutes += d * next.Sub(now).Minutes()
		for m := now.Unix() / 60; m*60 < next.Unix() || m*60 == next.Unix() && next.Nanosecond() > 0; m++ {
			w.res.short[m] = true
		}
	}
	if w.group.Plan.MoneyPerDay > 0 {
		w.spent += float64(len(w.machines)) * next.Sub(now).Hours() * w.group.Plan.Price
	}
}

// finish closes the books: what runs is counted until the end.
func (w *world) finish() {
	for _, m := range w.machines {
		gone := w.o.To
		if !m.gone.IsZero() && m.gone.Before(gone) {
			gone = m.gone
		}
		w.end(m.launched, gone)
	}
	w.res.WindowHours = w.table.ServerHours(w.o.From, w.o.To)
	w.res.OptimumHours = w.optimum()
	w.res.OptimumCost = w.res.OptimumHours * w.group.Plan.Price
	slices.SortStableFunc(w.res.Entries, func(a, b plan.Entry) int { return a.Begin.Compare(b.Begin) })
}
