package config

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// Calendar is one calendar of matches. Exactly one of URL and File is set,
// or History when the calendar changed over time (for rehearsals).
type Calendar struct {
	Name string
	URL  string
	// File is a path, made absolute relative to the fleet.yaml.
	File    string
	History []CalendarVersion
	// Refresh is how often it is asked for.
	Refresh time.Duration
	// DefaultDuration is that of an event without DTEND and DURATION.
	DefaultDuration time.Duration
}

// CalendarVersion is what a calendar was from a time on.
type CalendarVersion struct {
	From time.Time
	File string
}

// Plan is what the size of a group shall depend on.
type Plan struct {
	Timezone *time.Location
	Windows  []Window
	Matches  []Match
	// Sum adds matches of the same time up; otherwise the largest wins.
	Sum  bool
	Load *Load
	Lead LeadTime
	// Boot is how long an instance takes from request to service, for rehearsals.
	Boot *Boot
	// FailureRate is the share of launches that never serve, RefusalRate the
	// share of launch calls that the cloud refuses; for rehearsals.
	FailureRate, RefusalRate float64
	// MoneyPerDay stops launches; 0 means no limit.
	MoneyPerDay float64
	// Price is that of one instance per hour, in the currency of the prices.
	Price float64
}

// Window asks for a size at times of the wall clock.
type Window struct {
	// Line is where it stands in the file.
	Line int
	// Days are the weekdays on which it begins; all when empty. A dated
	// window has Dated set and begins on Date (midnight, UTC, stands for the day).
	Days  []time.Weekday
	Dated bool
	Date  time.Time
	// Until is the day a dated window ends on.
	Until time.Time
	// From and To are times of day; To at or before From is on the next day.
	From, To      time.Duration
	Size          int
	Before, After time.Duration
}

// Match asks for a size around each event of a calendar that fits.
type Match struct {
	Line     int
	Calendar string
	// Category, Title and Location must fit when not empty.
	Category, Title, Location string
	Size                      int
	Before, After             time.Duration
}

// Load raises the size with a measured number.
type Load struct {
	Metric string
	Query  string
	// PerInstance is how much one instance shall carry.
	PerInstance float64
	// Down is how long the load must be lower before the size falls.
	Down time.Duration
	// WarmUp is how long an instance serves before its share is believed.
	WarmUp time.Duration
}

// LeadTime says how much earlier a wave is launched.
type LeadTime struct {
	Default    time.Duration
	Percentile float64
	Margin     time.Duration
	// Samples is how many measured times make the default obsolete.
	Samples int
}

// Boot is a distribution of boot times: samples, or a median and a 95th percentile.
type Boot struct {
	Median, P95 time.Duration
	Samples     []time.Duration
}

// Defaults of the optional keys of planning.
const (
	DefaultRefresh       = 5 * time.Minute
	DefaultEventDuration = 2 * time.Hour
	DefaultLead          = 5 * time.Minute
	DefaultPercentile    = 99
	DefaultMargin        = time.Minute
	DefaultLeadSamples   = 20
	DefaultLoadDown      = 10 * time.Minute
	DefaultWarmUp        = 2 * time.Minute
)

// LoadFleetPlan reads and validates a fleet.yaml with everything a plan can be
// made of, also what the controller does not act upon yet.
func LoadFleetPlan(path string) (*Fleet, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseFleetPlan(path, src)
}

// ParseFleetPlan is LoadFleetPlan for a text.
func ParseFleetPlan(file string, src []byte) (*Fleet, error) {
	return parseFleet(&fleetReader{file: file, planning: true}, src)
}

func (r *fleetReader) calendar(e namedNode) Calendar {
	what := "calendar " + e.name
	c := Calendar{Name: e.name, Refresh: DefaultRefresh, DefaultDuration: DefaultEventDuration}
	m, ok := r.mapping(e.val, what, "url", "file", "history", "refresh", "default_duration")
	if !ok {
		return c
	}
	given := 0
	for _, k := range []string{"url", "file", "history"} {
		if m[k] != nil {
			given++
		}
	}
	if given != 1 {
		r.errorf(e.key, "fleet-value", "%s: give one of url, file and history", what)
	}
	if n := m["url"]; n != nil {
		c.URL = r.str(n, what+": url")
	}
	if m["file"] != nil {
		c.File = r.path(m, "file", "")
	}
	if n := m["history"]; n != nil {
		c.History = r.history(n, what+": history")
	}
	if n := m["refresh"]; n != nil {
		c.Refresh = r.duration(n, what+": refresh", 10*time.Second, 24*time.Hour)
	}
	if n := m["default_duration"]; n != nil {
		c.DefaultDuration = r.duration(n, what+": default_duration", time.Minute, 7*24*time.Hour)
	}
	return c
}

func (r *fleetReader) history(n *yaml.Node, what string) []CalendarVersion {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.errorf(n, "fleet-type", "%s must be a list of {from: TIME, file: FILE}, not %s", what, kindOf(n))
		return nil
	}
	var out []CalendarVersion
	for _, e := range n.Content {
		m, ok := r.mapping(e, what, "from", "file")
		if !ok || r.required(m, e, what, "from") == nil || r.required(m, e, what, "file") == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, resolve(m["from"]).Value)
		if err != nil {
			r.errorf(m["from"], "fleet-type", "%s: from must be a time such as 2026-08-01T12:00:00Z", what)
		}
		if len(out) > 0 && !at.After(out[len(out)-1].From) {
			r.errorf(m["from"], "fleet-value", "%s: the versions must be in the order of time", what)
		}
		out = append(out, CalendarVersion{From: at, File: r.path(m, "file", "")})
	}
	return out
}

func (r *fleetReader) prices(n *yaml.Node, what string) map[string]float64 {
	out := map[string]float64{}
	if n == nil {
		return out
	}
	es, _ := r.entries(n, what)
	for _, e := range es {
		out[e.name] = r.number(e.val, what+": "+e.name, 0, 1e6)
	}
	return out
}

func (r *fleetReader) number(n *yaml.Node, what string, low, high float64) float64 {
	n = resolve(n)
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || v != v {
		r.errorf(n, "fleet-type", "%s must be a number, not %s", what, kindOf(n))
		return low
	}
	if v < low || v > high {
		r.errorf(n, "fleet-value", "%s must be from %g to %g, not %g", what, low, high, v)
		return low
	}
	return v
}
