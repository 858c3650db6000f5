package calendar

import (
	"time"
	_ "time/tzdata" // the binary runs where no zone files are installed
)

// Reading says which moments a time of the wall clock means. Usually First and
// Last are the same; in the hour that a clock change repeats they are an hour
// apart. In the hour that is skipped, Skipped is set: First and Last are what
// RFC 5545 says (the offset before the change goes on), Jump is the change.
type Reading struct {
	First, Last time.Time
	Skipped     bool
	Jump        time.Time
}

// Earliest is the moment from which something that begins then must be ready.
func (r Reading) Earliest() time.Time {
	if r.Skipped {
		return r.Jump
	}
	return r.First
}

// Clock reads the wall clock of a place: wall is what it shows, as if it were UTC.
func Clock(wall time.Time, loc *time.Location) Reading {
	wall = wall.UTC()
	before, after := offset(wall.Add(-24*time.Hour), loc), offset(wall.Add(24*time.Hour), loc)
	one := wall.Add(-before)
	if before == after && offset(one, loc) == before {
		return Reading{First: one, Last: one}
	}
	two := wall.Add(-after)
	okOne, okTwo := offset(one, loc) == before, offset(two, loc) == after
	switch {
	case okOne && okTwo && before != after:
		return Reading{First: one, Last: two}
	case okOne:
		return Reading{First: one, Last: one}
	case okTwo:
		return Reading{First: two, Last: two}
	}
	jump, _ := one.In(loc).ZoneBounds()
	return Reading{First: one, Last: one, Skipped: true, Jump: jump.UTC()}
}

// offset is how far the clocks of loc are ahead of UTC at a moment.
func offset(at time.Time, loc *time.Location) time.Duration {
	_, seconds := at.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}

// Wall is what the clock of a place shows at a moment, as if it were UTC.
func Wall(at time.Time, loc *time.Location) time.Time {
	return at.UTC().Add(offset(at, loc))
}
