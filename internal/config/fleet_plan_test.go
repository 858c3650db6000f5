package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const planFleet = `
server: https://kickoff.internal:8140
clouds:
  aws: {region: eu-west-1, key: my-ec2-key, prices: {m7g.large: 0.0816}}
calendars:
  fixtures: {url: https://example.com/fixtures.ics, refresh: 5m, default_duration: 2h}
  old: {history: [{from: 2025-08-01T00:00:00Z, file: a.ics}, {from: 2025-09-01T00:00:00Z, file: b.ics}]}
groups:
  backend-production:
    cloud: aws
    types: [m7g.large, m6g.large]
    security_groups: [backend-production]
    limits: {min: 1, max: 20, floor: 1, launches_per_day: 200, money_per_day: 50}
    size: 1
    timezone: Europe/Berlin
    windows:
      - {days: [sat, sun], from: "14:00", to: "19:00", size: 4}
      - {date: 2025-12-31, from: "20:00", to: "03:00", size: 5, before: 10m}
    matches:
      - {calendar: fixtures, category: League, size: 6, before: 20m, after: 30m}
    overlap: sum
    load: {metric: requests_per_second, per_instance: 120}
    lead_time: {default: 5m, percentile: 99, margin: 1m}
    boot: {median: 90s, p95: 150s}
`

func TestParseFleetPlan(t *testing.T) {
	f, err := ParseFleetPlan("/srv/fleet.yaml", []byte(planFleet))
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)
	want := &Plan{Timezone: berlin, Sum: true, MoneyPerDay: 50, Price: 0.0816,
		Windows: []Window{{Line: 17, Days: []time.Weekday{time.Saturday, time.Sunday}, From: 14 * time.Hour, To: 19 * time.Hour, Size: 4},
			{Line: 18, Dated: true, Date: day, Until: day.AddDate(0, 0, 1), From: 20 * time.Hour, To: 3 * time.Hour, Size: 5, Before: 10 * time.Minute}},
		Matches: []Match{{Line: 20, Calendar: "fixtures", Category: "League", Size: 6, Before: 20 * time.Minute, After: 30 * time.Minute}},
		Load:    &Load{Metric: "requests_per_second", PerInstance: 120, Down: DefaultLoadDown, WarmUp: DefaultWarmUp},
		Lead:    LeadTime{Default: 5 * time.Minute, Percentile: 99, Margin: time.Minute, Samples: DefaultLeadSamples},
		Boot:    &Boot{Median: 90 * time.Second, P95: 150 * time.Second}}
	if d := cmp.Diff(want, f.Groups[0].Plan, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); d != "" {
		t.Error(d)
	}
	if c := f.Calendars["old"]; len(c.History) != 2 || c.History[1].File != "/srv/b.ics" || f.Calendars["fixtures"].DefaultDuration != 2*time.Hour {
		t.Errorf("%+v", f.Calendars)
	}
	if _, err := ParseFleet("/srv/fleet.yaml", []byte(planFleet)); err == nil || !strings.Contains(err.Error(), "not supported yet") {
		t.Error("the server takes what it does not act upon:", err)
	}
}

func TestParseFleetPlanRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"unknown zone", "Europe/Berlin", "Europe/Berlln", "is not known"},
		{"unknown day", "[sat, sun]", "[sat, sunday]", `there is no day named "sunday"`},
		{"unknown key", "overlap:", "overlapp:", "did you mean 'overlap'?"},
		{"unknown calendar", "calendar: fixtures", "calendar: fixture", "did you mean 'fixtures'?"},
		{"clock", `from: "14:00"`, `from: "25:00"`, "must be a time of day"},
		{"date", "date: 2025-12-31", "date: 31.12.2025", "must be a day such as"},
		{"both", "date: 2025-12-31", "days: [sat], date: 2025-12-31", "days or a date, not both"},
		{"no size", ", size: 4", "", "size is missing"},
		{"overlap", "overlap: sum", "overlap: mean", "overlap must be max or sum"},
		{"per_instance", "per_instance: 120", "per_instance: 0", "must be above 0"},
		{"percentile", "percentile: 99", "percentile: 101", "must be from 1 to 99.9999"},
		{"boot", "p95: 150s", "p95: 15s", "below the median"},
		{"two sources", "refresh: 5m", "file: x.ics", "give one of url, file and history"},
		{"order", "2025-09-01T00:00:00Z", "2025-07-01T00:00:00Z", "in the order of time"},
		{"price", "m7g.large: 0.0816", "m7g.large: cheap", "must be a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := strings.Replace(planFleet, tt.old, tt.new, 1)
			if src == planFleet {
				t.Fatal("the test changes nothing")
			}
			if _, err := ParseFleetPlan("/f.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func FuzzParseFleetPlan(f *testing.F) {
	f.Add([]byte(planFleet))
	f.Fuzz(func(t *testing.T, src []byte) {
		fl, err := ParseFleetPlan("/f.yaml", src)
		if (fl == nil) == (err == nil) {
			t.Fatalf("value %v, error %v", fl, err)
		}
	})
}
