package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
)

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02T15:04Z", s)
	if err != nil {
		panic(err)
	}
	return t
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// fixtures is a calendar of matches: "uid category begin hours [status]".
func fixtures(t testing.TB, lines ...string) *calendar.Calendar {
	t.Helper()
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for _, l := range lines {
		f := strings.Fields(l)
		b.WriteString(fmt.Sprintf("BEGIN:VEVENT\r\nUID:%s\r\nSUMMARY:%s\r\nCATEGORIES:%s\r\nDTSTART:%s\r\nDURATION:PT%sH\r\n", f[0], f[0], f[1], f[2], f[3]))
		if len(f) > 4 {
			b.WriteString("STATUS:" + f[4] + "\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	c, err := calendar.Parse([]byte(b.String() + "END:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func group(t testing.TB, p config.Plan) config.Group {
	if p.Timezone == nil {
		p.Timezone = berlin(t)
	}
	if p.Lead == (config.LeadTime{}) {
		p.Lead = config.LeadTime{Default: 5 * time.Minute, Percentile: 99, Margin: time.Minute, Samples: 20}
	}
	return config.Group{Name: "g", Size: 1, Limits: config.Limits{Max: 20}, Plan: &p}
}

var matchRules = []config.Match{
	{Calendar: "f", Category: "League", Size: 6, Before: 20 * time.Minute, After: 30 * time.Minute},
	{Calendar: "f", Category: "Cup", Size: 12, Before: 20 * time.Minute, After: 30 * time.Minute},
}

func compile(t testing.TB, s Source) *Timetable {
	t.Helper()
	tt, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return tt
}

// sizes lists where the size changes.
func sizes(tt *Timetable) string {
	var out []string
	last := -1
	for _, s := range tt.Segments {
		if s.Size != last {
			out = append(out, fmt.Sprintf("%s=%d", s.Begin.Format("02T15:04"), s.Size))
		}
		last = s.Size
	}
	return strings.Join(out, " ")
}

func TestWindowsAndClockChanges(t *testing.T) {
	h := func(hours, minutes int) time.Duration {
		return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	}
	tests := []struct {
		name     string
		w        config.Window
		from, to string
		want     string
	}{
		{"summer", config.Window{From: h(14, 0), To: h(19, 0)}, "2025-08-02T00:00Z", "2025-08-03T00:00Z", "02T00:00=1 02T12:00=4 02T17:00=1"},
		{"margins", config.Window{From: h(14, 0), To: h(19, 0), Before: h(1, 0), After: h(0, 30)}, "2025-08-02T00:00Z", "2025-08-03T00:00Z", "02T00:00=1 02T11:00=4 02T17:30=1"},
		{"days", config.Window{Days: []time.Weekday{time.Sunday}, From: h(14, 0), To: h(19, 0)}, "2025-08-02T00:00Z", "2025-08-04T00:00Z", "02T00:00=1 03T12:00=4 03T17:00=1"},
		{"over midnight", config.Window{Days: []time.Weekday{time.Saturday}, From: h(22, 0), To: h(2, 0)}, "2025-08-02T00:00Z", "2025-08-04T00:00Z", "02T00:00=1 02T20:00=4 03T00:00=1"},
		{"dated", config.Window{Dated: true, Date: at("2025-08-03T00:00Z"), Until: at("2025-08-04T00:00Z"), From: h(14, 0), To: h(12, 0)}, "2025-08-01T00:00Z", "2025-08-09T00:00Z", "01T00:00=1 03T12:00=4 04T10:00=1"},
		{"day of 25 hours", config.Window{From: 0, To: h(24, 0), Days: []time.Weekday{time.Sunday}}, "2025-10-25T00:00Z", "2025-10-28T00:00Z", "25T00:00=1 25T22:00=4 26T23:00=1"},
		{"day of 23 hours", config.Window{From: 0, To: h(24, 0), Days: []time.Weekday{time.Sunday}}, "2026-03-28T00:00Z", "2026-03-31T00:00Z", "28T00:00=1 28T23:00=4 29T22:00=1"},
		{"begins in the skipped hour", config.Window{From: h(2, 30), To: h(5, 0), Days: []time.Weekday{time.Sunday}}, "2026-03-28T00:00Z", "2026-03-31T00:00Z", "28T00:00=1 29T01:00=4 29T03:00=1"},
		{"within the skipped hour", config.Window{From: h(2, 15), To: h(2, 45), Days: []time.Weekday{time.Sunday}}, "2026-03-28T00:00Z", "2026-03-31T00:00Z", "28T00:00=1 29T01:00=4 29T01:45=1"},
		{"begins in the repeated hour", config.Window{From: h(2, 30), To: h(5, 0), Days: []time.Weekday{time.Sunday}}, "2025-10-25T00:00Z", "2025-10-28T00:00Z", "25T00:00=1 26T00:30=4 26T04:00=1"},
		{"ends in the repeated hour", config.Window{From: h(1, 0), To: h(2, 30), Days: []time.Weekday{time.Sunday}}, "2025-10-25T00:00Z", "2025-10-28T00:00Z", "25T00:00=1 25T23:00=4 26T01:30=1"},
		{"runs when the timetable begins", config.Window{From: h(22, 0), To: h(6, 0)}, "2025-08-02T00:00Z", "2025-08-02T12:00Z", "02T00:00=4 02T04:00=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.w.Size = 4
			table := compile(t, Source{Group: group(t, config.Plan{Windows: []config.Window{tt.w}}), From: at(tt.from), To: at(tt.to)})
			if got := sizes(table); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMatchesOverlapAndPrecedence(t *testing.T) {
	cal := fixtures(t, "a League 20250802T133000Z 2", "b Cup 20250802T150000Z 2", "c League 20250805T133000Z 2 CANCELLED", "d League 20250806T133000Z 1 TENTATIVE", "e Friendly 20250807T133000Z 2")
	from, to := at("2025-08-02T00:00Z"), at("2025-08-08T00:00Z")
	cals := map[string]*calendar.Calendar{"f": cal}
	override := func(n int, force bool) []Override {
		return []Override{{Size: n, From: at("2025-08-02T14:00Z"), Until: at("2025-08-02T18:00Z"), By: "anna", Force: force}}
	}
	tests := []struct {
		name string
		edit func(*config.Group, *Source)
		want string
	}{
		{"largest wins", func(*config.Group, *Source) {}, "02T00:00=1 02T13:10=6 02T14:40=12 02T17:30=1 06T13:10=6 06T15:00=1"},
		{"sum", func(g *config.Group, _ *Source) { g.Plan.Sum = true }, "02T00:00=1 02T13:10=6 02T14:40=18 02T16:00=12 02T17:30=1 06T13:10=6 06T15:00=1"},
		{"limit", func(g *config.Group, _ *Source) { g.Limits.Max = 8 }, "02T00:00=1 02T13:10=6 02T14:40=8 02T17:30=1 06T13:10=6 06T15:00=1"},
		{"floor", func(g *config.Group, _ *Source) { g.Limits.Floor = 2 }, "02T00:00=2 02T13:10=6 02T14:40=12 02T17:30=2 06T13:10=6 06T15:00=2"},
		{"override above", func(_ *config.Group, s *Source) { s.Overrides = override(15, false) }, "02T00:00=1 02T13:10=6 02T14:00=15 02T18:00=1 06T13:10=6 06T15:00=1"},
		{"override below is ignored inside", func(_ *config.Group, s *Source) { s.Overrides = override(3, false) }, "02T00:00=1 02T13:10=6 02T14:40=12 02T17:30=3 02T18:00=1 06T13:10=6 06T15:00=1"},
		{"override below by force", func(_ *config.Group, s *Source) { s.Overrides = override(3, true) }, "02T00:00=1 02T13:10=6 02T14:00=3 02T18:00=1 06T13:10=6 06T15:00=1"},
		{"override to nothing stays at the floor", func(g *config.Group, s *Source) { s.Overrides = override(0, true); g.Limits.Floor = 1 }, "02T00:00=1 02T13:10=6 02T14:00=1 06T13:10=6 06T15:00=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := group(t, config.Plan{Matches: matchRules})
			s := Source{Group: g, Calendars: cals, From: from, To: to}
			tt.edit(&g, &s)
			s.Group = g
			if got := sizes(compile(t, s)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	cal := fixtures(t, "a League 20250802T133000Z 2", "b Cup 20250803T150000Z 2")
	g := group(t, config.Plan{Matches: append(matchRules, config.Match{Calendar: "f", Title: "show", Size: 9}), MoneyPerDay: 1, Price: 0.1,
		Windows: []config.Window{{From: time.Hour, To: 2 * time.Hour, Size: 1, Line: 7}}})
	g.Limits.Max, g.Limits.LaunchesPerDay = 8, 6
	table := compile(t, Source{Group: g, Calendars: map[string]*calendar.Calendar{"f": cal}, From: at("2025-08-02T00:00Z"), To: at("2025-08-05T00:00Z"),
		Overrides: []Override{{Size: 2, From: at("2025-08-02T13:30Z"), Until: at("2025-08-02T14:00Z"), Force: true}}})
	var all []string
	for _, w := range table.Warnings {
		all = append(all, w.Text)
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{"no event of calendar f fits", "b (Cup) wants 12: limits.max allows 8", "line 7: the window asks for 1, which size: 1 gives anyway",
		"override 2 wants 2 is below the 6", "needs 9 launches, launches_per_day is 6", "money_per_day is 1.00"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestFits(t *testing.T) {
	o := &calendar.Occurrence{Title: "Adler - Bergstadt", Location: "North Stadium", Categories: []string{"Sport", "league"}}
	for _, tt := range []struct {
		m    config.Match
		want bool
	}{
		{config.Match{}, true}, {config.Match{Category: "League"}, true}, {config.Match{Category: "leag"}, false}, {config.Match{Category: "L*"}, true},
		{config.Match{Title: "bergstadt"}, true}, {config.Match{Title: "bergstadt*"}, false}, {config.Match{Title: "adler*"}, true},
		{config.Match{Location: "stadium", Category: "League"}, true}, {config.Match{Location: "south", Category: "League"}, false},
	} {
		if got := Fits(tt.m, o); got != tt.want {
			t.Errorf("%+v: %t", tt.m, got)
		}
	}
}

func TestCost(t *testing.T) {
	g := group(t, config.Plan{Matches: matchRules, Price: 0.5})
	table := compile(t, Source{Group: g, Calendars: map[string]*calendar.Calendar{"f": fixtures(t, "a League 20250802T133000Z 2")}, From: at("2025-08-02T00:00Z"), To: at("2025-08-03T00:00Z")})
	hours := 24 + 5*(2+50.0/60)
	if got := table.ServerHours(table.From, table.To); got < hours-1e-6 || got > hours+1e-6 || table.Cost(table.From, table.To) != got/2 {
		t.Error(got, hours)
	}
}
