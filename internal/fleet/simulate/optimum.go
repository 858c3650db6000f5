package simulate

import (
	"math"
	"time"
)

// optimum gives the server hours of a clairvoyant who knows the demand:
// ceil(demand) serve at any time, each launched a median boot time before it is
// needed, and kept through a gap when that is not dearer than to stop and
// boot again.
func (w *world) optimum() float64 {
	boot := medianBoot(w.group.Plan.Boot, w.group.Plan.Lead.Default)
	type interval struct{ begin, end time.Time }
	var open []time.Time           // when level i was last raised
	closed := map[int][]interval{} // per level
	level := func(n int, at time.Time) {
		for len(open) > n {
			i := len(open) - 1
			closed[i] = append(closed[i], interval{open[i], at})
			open = open[:i]
		}
		for len(open) < n {
			open = append(open, at)
		}
	}
	demand := 0.0
	begun := false
	for _, r := range w.rows {
		if !r.At.Before(w.o.To) {
			break
		}
		if r.At.After(w.o.From) && !begun {
			level(servers(demand), w.o.From)
			begun = true
		}
		if demand = r.Demand; begun {
			level(servers(demand), r.At)
		}
	}
	if !begun {
		level(servers(demand), w.o.From)
	}
	level(0, w.o.To)
	total := time.Duration(0)
	for _, list := range closed {
		for i, v := range list {
			total += v.end.Sub(v.begin)
			if i == 0 {
				if v.begin.After(w.o.From) {
					total += min(boot, v.begin.Sub(w.o.From))
				}
				continue
			}
			total += min(boot, v.begin.Sub(list[i-1].end))
		}
	}
	return total.Hours()
}

func servers(demand float64) int { return int(math.Ceil(demand - 1e-9)) }
