package simulate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

const fleetHead = `
clouds: {aws: {prices: {m: 0.1}}}
calendars: {f: {file: f.ics}}
groups:
  g:
    cloud: aws
    types: [m]
    security_groups: [g]
    drain: 30s
    size: 1
    timezone: Europe/Berlin
    matches: [{calendar: f, category: League, size: 6, before: 20m, after: 30m}]
    lead_time: {default: 5m, percentile: 99.9, margin: 2m}
    boot: {median: 90s, p95: 150s}
`

func ics(events ...string) *calendar.Calendar {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for i, e := range events {
		b.WriteString(fmt.Sprintf("BEGIN:VEVENT\r\nUID:m%d\r\nCATEGORIES:League\r\nDURATION:PT2H\r\nDTSTART;TZID=Europe/Berlin:%s\r\nEND:VEVENT\r\n", i, e))
	}
	c, err := calendar.Parse([]byte(b.String() + "END:VCALENDAR\r\n"))
	if err != nil && !errors.Is(err, calendar.ErrEmpty) {
		panic(err)
	}
	return c
}

func options(t testing.TB, yaml string, rows []Row, versions ...CalendarVersion) Options {
	t.Helper()
	f, err := config.ParseFleetPlan("/x/fleet.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return Options{Fleet: f, Calendars: map[string][]CalendarVersion{"f": versions}, Load: map[string][]Row{"g": rows}, Seed: 1}
}

func run(t testing.TB, o Options) *Result {
	t.Helper()
	r, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestClockChangeWeekends: a match in the night of each clock change, demand exactly within its window.
func TestClockChangeWeekends(t *testing.T) {
	for _, tt := range []struct {
		from, to, match, begin, end string
	}{
		{"2025-10-25T00:00:00Z", "2025-10-27T00:00:00Z", "20251026T013000", "2025-10-25T23:10:00Z", "2025-10-26T02:00:00Z"},
		{"2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z", "20260329T013000", "2026-03-29T00:10:00Z", "2026-03-29T03:00:00Z"},
		{"2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z", "20260329T023000", "2026-03-29T01:10:00Z", "2026-03-29T04:00:00Z"},
	} {
		rows := []Row{{at(tt.from), 0.5}, {at(tt.begin), 6}, {at(tt.end), 1}}
		o := options(t, fleetHead, rows, CalendarVersion{Calendar: ics(tt.match)})
		o.From, o.To = at(tt.from), at(tt.to)
		r := run(t, o)
		if r.ShortMinutes != 0 || r.Launches != 5 || r.LateAlarms != 0 || len(r.Decisions) != 2 {
			t.Errorf("%s: short %d, launches %d, late %d, decisions %d", tt.match, r.ShortMinutes, r.Launches, r.LateAlarms, len(r.Decisions))
		}
		hours := 48 + 5*at(tt.end).Sub(at(tt.begin)).Hours()
		if r.ServerHours < hours || r.ServerHours > hours+5*0.2 {
			t.Errorf("%s: %.2f server hours, the window alone is %.2f", tt.match, r.ServerHours, hours)
		}
	}
}

// TestShortMinutes counts a minute once and when any part of it is short.
func TestShortMinutes(t *testing.T) {
	rows := []Row{{at("2025-08-01T00:00:00Z"), 1}, {at("2025-08-01T10:00:30Z"), 1.5}, {at("2025-08-01T10:02:00Z"), 1}, {at("2025-08-01T11:00:59Z"), 3}, {at("2025-08-01T11:01:01Z"), 0}}
	o := options(t, fleetHead, rows, CalendarVersion{Calendar: ics()})
	o.From, o.To = at("2025-08-01T00:00:00Z"), at("2025-08-02T00:00:00Z")
	r := run(t, o)
	if r.ShortMinutes != 4 || r.Groups["g"].ShortMinutes != 4 || r.ShortServerMinutes < 0.81 || r.ShortServerMinutes > 0.82 {
		t.Errorf("short %d minutes, %.3f server minutes", r.ShortMinutes, r.ShortServerMinutes)
	}
	if r.ServerHours != 24 || r.Cost < 2.399 || r.Cost > 2.401 {
		t.Errorf("%.3f hours, %.3f", r.ServerHours, r.Cost)
	}
}

func TestLoadRaises(t *testing.T) {
	yaml := fleetHead + "    load: {metric: requests_per_second, per_instance: 100, down_after: 10m}\n"
	rows := []Row{{at("2025-08-01T00:00:00Z"), 0.5}, {at("2025-08-01T10:00:00Z"), 3.2}, {at("2025-08-01T12:00:00Z"), 0.5}}
	o := options(t, yaml, rows, CalendarVersion{Calendar: ics()})
	o.From, o.To = at("2025-08-01T00:00:00Z"), at("2025-08-02T00:00:00Z")
	r := run(t, o)
	if r.Launches != 3 || len(r.Decisions) != 2 || r.Decisions[0].Size != 4 || !r.Decisions[1].At.Round(time.Second).Equal(at("2025-08-01T12:10:00Z")) || r.ShortMinutes > 6 {
		t.Errorf("launches %d, short %d, %+v", r.Launches, r.ShortMinutes, r.Decisions)
	}
}

// TestHistory: a match that is moved two hours before it begins, and one that comes late.
func TestHistory(t *testing.T) {
	rows := []Row{{at("2025-08-01T00:00:00Z"), 1}, {at("2025-08-01T17:10:00Z"), 6}, {at("2025-08-01T20:00:00Z"), 1}}
	for _, tt := range []struct {
		known string
		late  int
	}{{"2025-08-01T11:00:00Z", 0}, {"2025-08-01T17:09:00Z", 1}} {
		o := options(t, fleetHead, rows, CalendarVersion{Calendar: ics("20250801T153000")}, CalendarVersion{From: at(tt.known), Calendar: ics("20250801T193000")})
		o.From, o.To = at("2025-08-01T00:00:00Z"), at("2025-08-02T00:00:00Z")
		r := run(t, o)
		if r.LateAlarms != tt.late || (r.ShortMinutes > 0) != (tt.late > 0) {
			t.Errorf("known at %s: %d alarms, %d short minutes", tt.known, r.LateAlarms, r.ShortMinutes)
		}
	}
}

// TestTroubleNeverShrinks: launches that fail or are refused cost time, and the window has its size in the end.
func TestTroubleNeverShrinks(t *testing.T) {
	rows := []Row{{at("2025-08-01T00:00:00Z"), 1}, {at("2025-08-01T15:00:00Z"), 5}, {at("2025-08-01T16:00:00Z"), 1}}
	o := options(t, fleetHead+"    failure_rate: 0.3\n    refusal_rate: 0.3\n", rows, CalendarVersion{Calendar: ics("20250801T153000")})
	o.From, o.To = at("2025-08-01T00:00:00Z"), at("2025-08-02T00:00:00Z")
	for seed := range uint64(20) {
		o.Seed = seed
		r := run(t, o)
		for _, p := range r.Groups["g"].Points {
			if p.At.After(at("2025-08-01T13:10:00Z")) && p.At.Before(at("2025-08-01T16:00:00Z")) && p.Wanted != 6 {
				t.Fatalf("seed %d: %+v", seed, p)
			}
		}
		if last := r.Groups["g"].Points; last[len(last)-1].Serving != 1 {
			t.Fatalf("seed %d ends with %+v", seed, last[len(last)-1])
		}
	}
}

func TestRunRefuses(t *testing.T) {
	o := options(t, fleetHead, nil, CalendarVersion{Calendar: ics()})
	o.From, o.To = at("2025-08-01T00:00:00Z"), at("2025-08-01T00:00:00Z")
	if _, err := Run(o); !errors.Is(err, ErrSpan) {
		t.Error(err)
	}
	o.To, o.Load["other"] = at("2025-08-02T00:00:00Z"), nil
	if _, err := Run(o); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Error(err)
	}
}

func TestReadLoad(t *testing.T) {
	got, err := ReadLoad(strings.NewReader("group,time,demand,note\ng,2025-08-01T01:00:00+01:00,2.5,x\ng,2025-07-31T00:00:00Z,1,\n"))
	if d := cmp.Diff(map[string][]Row{"g": {{at("2025-07-31T00:00:00Z"), 1}, {at("2025-08-01T00:00:00Z"), 2.5}}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, tt := range []struct{ src, want string }{
		{"", "head line"}, {"time,group\n", "must name the columns"}, {"time,group,demand\n", "no rows"}, {"time,group,demand\nnoon,g,1\n", "line 2: time"},
		{"time,group,demand\n2025-08-01T00:00:00Z,g,NaN\n", "line 2: demand"}, {"time,group,demand\n2025-08-01T00:00:00Z,g,-1\n", "line 2: demand"}, {"time,group,demand\n2025-08-01T00:00:00Z,g\n", "line 2"},
	} {
		if _, err := ReadLoad(strings.NewReader(tt.src)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.src, err)
		}
	}
}

// season loads examples/season.
func season(t testing.TB) Options {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "examples", "season")
	f, err := config.LoadFleetPlan(filepath.Join(dir, "fleet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(dir, "fixtures.ics"))
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	csv, err := os.Open(filepath.Join(dir, "load.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer csv.Close()
	load, err := ReadLoad(csv)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Fleet: f, Calendars: map[string][]CalendarVersion{"fixtures": {{Calendar: cal}}}, Load: load, Seed: 1,
		From: at("2025-08-01T00:00:00Z"), To: at("2026-06-01T00:00:00Z")}
}

func TestSeason(t *testing.T) {
	o := season(t)
	for seed := range uint64(50) {
		o.Seed = seed
		r := run(t, o)
		g := r.Groups["backend-production"]
		if r.ShortMinutes != 0 || r.LateAlarms != 0 {
			t.Errorf("seed %d: %d short minutes, %d late alarms", seed, r.ShortMinutes, r.LateAlarms)
		}
		if g.ServerHours > 1.01*g.WindowHours || g.ServerHours < g.WindowHours {
			t.Errorf("seed %d: %.1f server hours; the windows alone are %.1f", seed, g.ServerHours, g.WindowHours)
		}
		if g.OptimumCost > g.Cost || g.OptimumCost < g.Cost/2 {
			t.Errorf("seed %d: cost %.2f, optimum %.2f", seed, g.Cost, g.OptimumCost)
		}
	}
	if d := cmp.Diff(run(t, o), run(t, o), cmpopts.IgnoreUnexported(GroupResult{})); d != "" {
		t.Error("the same seed gives another result:", d)
	}
}

func TestPictureAndSketch(t *testing.T) {
	r := run(t, season(t))
	var b bytes.Buffer
	if err := r.Picture(&b); err != nil {
		t.Fatal(err)
	}
	for dec := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal("the picture is no XML:", err)
		}
	}
	b.Reset()
	if err := r.Sketch(&b, "backend-production", 80); err != nil || strings.Contains(b.String()[:strings.Index(b.String(), "match")], "!") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// BenchmarkSeasonOfMinutes simulates ten months with a row for every minute.
func BenchmarkSeasonOfMinutes(b *testing.B) {
	o := season(b)
	coarse := o.Load["backend-production"]
	var rows []Row
	for i, t := 0, o.From; t.Before(o.To); t = t.Add(time.Minute) {
		for i+1 < len(coarse) && !coarse[i+1].At.After(t) {
			i++
		}
		rows = append(rows, Row{t, coarse[i].Demand + float64(t.Minute())/1000})
	}
	o.Load = map[string][]Row{"backend-production": rows}
	for b.Loop() {
		run(b, o)
	}
}
