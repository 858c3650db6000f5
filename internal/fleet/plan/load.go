package plan

import (
	"math"
	"time"

	"kickoff/internal/config"
)

// Tracker turns a measured load into a size: at once upwards, and downwards
// only when the load was lower for a while, so that the size does not flap.
// The zero value has seen nothing. It is a plain value; copies are independent.
type Tracker struct {
	// peaks are the highest wishes still remembered, falling: a newer one that
	// is as high makes older ones obsolete.
	peaks [24]peak
	n     int
}

type peak struct {
	at   time.Time
	want int
}

// Sample is one measurement of a group's load. The number is the whole
// group's: instances that warm up carry little of it, and then do not
// make it look smaller, as an average per instance would.
type Sample struct {
	At    time.Time
	Total float64
	// PerInstance is used when there is no total: the mean over Warm
	// instances, those that serve for longer than the warm-up.
	PerInstance float64
	Warm        int
}

// Observe takes a measurement and gives the size that the load asks for.
// Measurements that go back in time or are no numbers are ignored.
func (t *Tracker) Observe(l *config.Load, s Sample) int {
	total := s.Total
	if total == 0 {
		total = s.PerInstance * float64(s.Warm)
	}
	if math.IsNaN(total) || math.IsInf(total, 0) || t.n > 0 && s.At.Before(t.peaks[t.n-1].at) {
		return t.Want(s.At, l)
	}
	if t.n > 0 { // what was measured last was in force until now
		t.peaks[t.n-1].at = s.At
	}
	// A hair above a whole number is rounding, not load.
	want := int(min(max(math.Ceil(total/l.PerInstance-1e-9), 0), 1e6))
	for t.n > 0 && t.peaks[t.n-1].want <= want {
		t.n--
	}
	if t.n == len(t.peaks) { // forget the lowest but remember it as the one above it: rather too much
		t.n--
		t.peaks[t.n-1].at = s.At
	} else {
		t.peaks[t.n] = peak{s.At, want}
		t.n++
	}
	return t.Want(s.At, l)
}

// Want is the highest wish within the time that a fall takes.
func (t *Tracker) Want(now time.Time, l *config.Load) int {
	for t.n > 1 && now.Sub(t.peaks[0].at) > l.Down {
		copy(t.peaks[:], t.peaks[1:t.n])
		t.n--
	}
	if t.n == 0 {
		return 0
	}
	return t.peaks[0].want
}

// Falls is when the wish falls next without news; zero when it does not.
func (t *Tracker) Falls(l *config.Load) time.Time {
	if t.n < 2 {
		return time.Time{}
	}
	return t.peaks[0].at.Add(l.Down).Add(1)
}
