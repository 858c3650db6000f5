package plan

import (
	"cmp"
	"slices"
	"time"

	"kickoff/internal/fleet/instance"
)

// Candidate is an instance that counts against its group's size, as far as
// the choice of who leaves depends on it.
type Candidate struct {
	LaunchID string
	Stage    instance.Stage
	Serving  bool
	Healthy  bool
	Current  bool
	// Since is when it was requested.
	Since time.Time
}

// Leave picks n candidates that should go: first those that cost the least,
// which have not begun to serve (the youngest first), then the serving ones
// that are unhealthy, out, or run old code, and last the oldest.
func Leave(cs []Candidate, n int) []string {
	cs = slices.Clone(cs)
	slices.SortFunc(cs, func(a, b Candidate) int {
		return cmp.Or(
			cmp.Compare(worth(a), worth(b)),
			compareAge(a, b),
			cmp.Compare(a.LaunchID, b.LaunchID),
		)
	})
	var out []string
	for _, c := range cs[:min(max(n, 0), len(cs))] {
		out = append(out, c.LaunchID)
	}
	return out
}

func compareAge(a, b Candidate) int {
	if a.Stage == instance.InService && b.Stage == instance.InService {
		return a.Since.Compare(b.Since)
	}
	return b.Since.Compare(a.Since)
}

func worth(c Candidate) int {
	if c.Stage != instance.InService {
		return c.Stage.Rank()
	}
	w := 100
	if c.Serving {
		w += 1
	}
	if c.Current {
		w += 2
	}
	if c.Healthy {
		w += 4
	}
	return w
}

// Removable says how many of the unhealthy may be removed at once: none when
// more than a third of the group is unhealthy, because then the check or
// something they share is broken rather than the instances.
func Removable(serving, unhealthy int) int {
	if unhealthy*3 > serving {
		return 0
	}
	return unhealthy
}

// Place is where an instance may run.
type Place struct{ Type, Zone string }

// Places lists the combinations of types and zones in the order in which they
// should be tried: every zone with the first type, then the next type.
func Places(types, zones []string) []Place {
	if len(types) == 0 {
		types = []string{""}
	}
	if len(zones) == 0 {
		zones = []string{""}
	}
	var out []Place
	for _, t := range types {
		for _, z := range zones {
			out = append(out, Place{t, z})
		}
	}
	return out
}

// Backoff is how long launches of a group wait after so many failures in a row.
func Backoff(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	d := 10 * time.Second << min(failures-1, 5)
	return min(d, 5*time.Minute)
}

// StopAfter is how many failed launches in a row stop a group.
const StopAfter = 3

// KeepFailed is how many failed instances of a group are kept for a look.
const KeepFailed = 2
