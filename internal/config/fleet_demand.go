package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

const maxSize = 100000

// plan reads what the size of a group depends on.
func (r *fleetReader) plan(m map[string]*yaml.Node, e namedNode, f *Fleet, g *Group) *Plan {
	what := "group " + e.name
	p := &Plan{Timezone: time.UTC, Lead: LeadTime{Default: DefaultLead, Percentile: DefaultPercentile, Margin: DefaultMargin, Samples: DefaultLeadSamples}}
	if n := m["timezone"]; n != nil {
		name := r.str(n, what+": timezone")
		loc, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			r.errorf(n, "fleet-value", "%s: timezone %q is not known; use a name such as Europe/Berlin", what, name)
		} else {
			p.Timezone = loc
		}
	}
	for _, n := range r.listOf(m["windows"], what+": windows") {
		p.Windows = append(p.Windows, r.window(n, what+": windows"))
	}
	for _, n := range r.listOf(m["matches"], what+": matches") {
		p.Matches = append(p.Matches, r.match(n, what+": matches", f))
	}
	if n := m["overlap"]; n != nil {
		s := r.str(n, what+": overlap")
		if p.Sum = s == "sum"; !p.Sum && s != "max" {
			r.errorf(n, "fleet-value", "%s: overlap must be max or sum, not %q", what, s)
		}
	}
	r.planLoad(m["load"], what+": load", p)
	r.planLead(m["lead_time"], what+": lead_time", p)
	r.planBoot(m["boot"], what+": boot", p)
	if n := m["failure_rate"]; n != nil {
		p.FailureRate = r.number(n, what+": failure_rate", 0, 0.99)
	}
	if n := m["refusal_rate"]; n != nil {
		p.RefusalRate = r.number(n, what+": refusal_rate", 0, 0.99)
	}
	p.Price = groupPrice(g, f)
	return p
}

// groupPrice is the price of the group's first type that has one; of a cloud's only price otherwise.
func groupPrice(g *Group, f *Fleet) float64 {
	prices := f.Clouds[g.Cloud].Prices
	for _, t := range g.Types {
		if p, ok := prices[t]; ok {
			return p
		}
	}
	if len(g.Types) == 0 && len(prices) == 1 {
		for _, p := range prices {
			return p
		}
	}
	return 0
}

// listOf reads a list of mappings.
func (r *fleetReader) listOf(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.errorf(n, "fleet-type", "%s must be a list, not %s", what, kindOf(n))
		return nil
	}
	return n.Content
}

var weekdays = map[string]time.Weekday{"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday,
	"thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday}

func (r *fleetReader) window(n *yaml.Node, what string) Window {
	w := Window{Line: n.Line}
	m, ok := r.mapping(n, what, "days", "date", "until", "from", "to", "size", "before", "after")
	if !ok {
		return w
	}
	for _, name := range r.strings(m["days"], what+": days") {
		d, ok := weekdays[strings.ToLower(name)]
		if !ok {
			r.unknownName(m["days"], what+": days", "day", name, slices.Collect(maps.Keys(weekdays)))
		}
		w.Days = append(w.Days, d)
	}
	if d := m["date"]; d != nil {
		w.Dated, w.Date = true, r.day(d, what+": date")
		w.Until = w.Date
		if m["days"] != nil {
			r.errorf(d, "fleet-value", "%s: a window has days or a date, not both", what)
		}
	}
	if f := r.required(m, n, what, "from"); f != nil {
		w.From = r.clock(f, what+": from")
	}
	if t := r.required(m, n, what, "to"); t != nil {
		w.To = r.clock(t, what+": to")
	}
	if u := m["until"]; u != nil {
		w.Until = r.day(u, what+": until")
		if !w.Dated || w.Until.Before(w.Date) || w.Until.Equal(w.Date) && w.To <= w.From {
			r.errorf(u, "fleet-value", "%s: until is the last day of a window that has a date, and not before it", what)
		}
	} else if w.Dated && w.To <= w.From {
		w.Until = w.Date.AddDate(0, 0, 1)
	}
	r.margins(m, n, what, &w.Size, &w.Before, &w.After)
	return w
}

func (r *fleetReader) match(n *yaml.Node, what string, f *Fleet) Match {
	w := Match{Line: n.Line}
	m, ok := r.mapping(n, what, "calendar", "category", "title", "location", "size", "before", "after")
	if !ok {
		return w
	}
	if c := r.required(m, n, what, "calendar"); c != nil {
		w.Calendar = r.str(c, what+": calendar")
		if _, ok := f.Calendars[w.Calendar]; !ok && w.Calendar != "" {
			r.unknownName(c, what, "calendar", w.Calendar, slices.Collect(maps.Keys(f.Calendars)))
		}
	}
	for key, to := range map[string]*string{"category": &w.Category, "title": &w.Title, "location": &w.Location} {
		if v := m[key]; v != nil {
			*to = r.str(v, what+": "+key)
		}
	}
	r.margins(m, n, what, &w.Size, &w.Before, &w.After)
	return w
}

// margins reads the size and the margins that windows and matches share.
func (r *fleetReader) margins(m map[string]*yaml.Node, n *yaml.Node, what string, size *int, before, after *time.Duration) {
	if s := r.required(m, n, what, "size"); s != nil {
		*size = r.integer(s, what+": size", 0, maxSize)
	}
	for key, to := range map[string]*time.Duration{"before": before, "after": after} {
		if v := m[key]; v != nil {
			*to = r.duration(v, what+": "+key, 0, 7*24*time.Hour)
		}
	}
}

func (r *fleetReader) day(n *yaml.Node, what string) time.Time {
	d, err := time.Parse(time.DateOnly, resolve(n).Value)
	if err != nil {
		r.errorf(n, "fleet-type", "%s must be a day such as 2026-12-24, not %s", what, kindOf(resolve(n)))
	}
	return d
}

// clock reads a time of day, 24:00 included.
func (r *fleetReader) clock(n *yaml.Node, what string) time.Duration {
	s := resolve(n).Value
	if s == "24:00" {
		return 24 * time.Hour
	}
	for _, form := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(form, s); err == nil {
			return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
		}
	}
	r.errorf(n, "fleet-type", `%s must be a time of day such as "14:00", not %s`, what, kindOf(resolve(n)))
	return 0
}

func (r *fleetReader) planLoad(n *yaml.Node, what string, p *Plan) {
	if n == nil {
		return
	}
	m, ok := r.mapping(n, what, "metric", "query", "per_instance", "down_after", "warm_up")
	if !ok {
		return
	}
	l := &Load{Down: DefaultLoadDown, WarmUp: DefaultWarmUp}
	p.Load = l
	if v := r.required(m, n, what, "metric"); v != nil {
		l.Metric = r.str(v, what+": metric")
	}
	if v := m["query"]; v != nil {
		l.Query = r.str(v, what+": query")
	}
	if v := r.required(m, n, what, "per_instance"); v != nil {
		if l.PerInstance = r.number(v, what+": per_instance", 0, 1e12); l.PerInstance == 0 {
			r.errorf(v, "fleet-value", "%s: per_instance must be above 0", what)
		}
	}
	if v := m["down_after"]; v != nil {
		l.Down = r.duration(v, what+": down_after", 0, 24*time.Hour)
	}
	if v := m["warm_up"]; v != nil {
		l.WarmUp = r.duration(v, what+": warm_up", 0, time.Hour)
	}
}

func (r *fleetReader) planLead(n *yaml.Node, what string, p *Plan) {
	if n == nil {
		return
	}
	m, ok := r.mapping(n, what, "default", "percentile", "margin", "samples")
	if !ok {
		return
	}
	if v := m["default"]; v != nil {
		p.Lead.Default = r.duration(v, what+": default", 0, 24*time.Hour)
	}
	if v := m["percentile"]; v != nil {
		p.Lead.Percentile = r.number(v, what+": percentile", 1, 99.9999)
	}
	if v := m["margin"]; v != nil {
		p.Lead.Margin = r.duration(v, what+": margin", 0, 24*time.Hour)
	}
	if v := m["samples"]; v != nil {
		p.Lead.Samples = r.integer(v, what+": samples", 1, 10000)
	}
}

func (r *fleetReader) planBoot(n *yaml.Node, what string, p *Plan) {
	if n == nil {
		return
	}
	b := &Boot{}
	p.Boot = b
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			b.Samples = append(b.Samples, r.duration(c, what, 0, 24*time.Hour))
		}
		if len(b.Samples) == 0 {
			r.errorf(n, "fleet-value", "%s: the list of samples is empty", what)
		}
		return
	}
	m, ok := r.mapping(n, what, "median", "p95")
	if !ok || r.required(m, n, what, "median") == nil || r.required(m, n, what, "p95") == nil {
		return
	}
	b.Median = r.duration(m["median"], what+": median", time.Millisecond, 24*time.Hour)
	b.P95 = r.duration(m["p95"], what+": p95", time.Millisecond, 24*time.Hour)
	if b.P95 < b.Median {
		r.errorf(m["p95"], "fleet-value", "%s: p95 is below the median", what)
	}
}
