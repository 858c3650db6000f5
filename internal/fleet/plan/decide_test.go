package plan

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
)

func oneMatch(t testing.TB) (*Timetable, *Lead) {
	g := group(t, config.Plan{Matches: matchRules})
	g.Limits.Floor = 1
	table := compile(t, Source{Group: g, Calendars: map[string]*calendar.Calendar{"f": fixtures(t, "a League 20250802T133000Z 2")},
		From: at("2025-08-01T00:00Z"), To: at("2025-08-04T00:00Z")})
	return table, NewLead(g.Plan.Lead, nil, 20)
}

func TestDecideAhead(t *testing.T) {
	table, lead := oneMatch(t) // the window is 13:10 to 16:00, the lead 5m + 1m
	tests := []struct {
		now               string
		serving, starting int
		size, launch      int
		leave             int
		late              bool
		next              string
	}{
		{"2025-08-02T12:00Z", 1, 0, 1, 0, 0, false, "2025-08-02T13:04Z"},
		{"2025-08-02T13:03Z", 1, 0, 1, 0, 0, false, "2025-08-02T13:04Z"},
		{"2025-08-02T13:04Z", 1, 0, 6, 5, 0, false, "2025-08-02T13:10Z"},
		{"2025-08-02T13:05Z", 1, 5, 6, 0, 0, false, "2025-08-02T13:10Z"},
		{"2025-08-02T13:06Z", 1, 2, 6, 3, 0, true, "2025-08-02T13:10Z"},
		{"2025-08-02T13:10Z", 6, 0, 6, 0, 0, false, "2025-08-02T16:00Z"},
		{"2025-08-02T13:10Z", 5, 1, 6, 0, 0, true, "2025-08-02T16:00Z"},
		{"2025-08-02T15:59Z", 6, 0, 6, 0, 0, false, "2025-08-02T16:00Z"},
		{"2025-08-02T16:00Z", 6, 0, 1, 0, 5, false, "2025-08-04T00:00Z"},
		{"2025-08-02T12:00Z", 1, 2, 1, 0, 2, false, "2025-08-02T13:04Z"},
		// Not worth to end and launch again: needed in a moment.
		{"2025-08-02T13:03Z", 6, 0, 1, 0, 0, false, "2025-08-02T13:04Z"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.now, tt.serving, tt.starting), func(t *testing.T) {
			a := table.Decide(&State{Now: at(tt.now), Serving: tt.serving, Starting: tt.starting, Lead: lead})
			if a.Size != tt.size || a.Launch != tt.launch || a.Leave != tt.leave || a.Late != tt.late || !a.Next.Equal(at(tt.next)) {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestClockSetBackAndForward(t *testing.T) {
	table, lead := oneMatch(t)
	for _, now := range []string{"2025-07-20T00:00Z", "2025-08-20T00:00Z"} {
		if a := table.Decide(&State{Now: at(now), Serving: 1, Lead: lead}); a.Size != 1 {
			t.Errorf("outside of the timetable: %+v", a)
		}
	}
}

func TestDecideLimitsAndLoad(t *testing.T) {
	g := group(t, config.Plan{Matches: matchRules, MoneyPerDay: 10})
	g.Limits.LaunchesPerDay = 7
	table := compile(t, Source{Group: g, Calendars: map[string]*calendar.Calendar{"f": fixtures(t, "a League 20250802T133000Z 2")}, From: at("2025-08-01T00:00Z"), To: at("2025-08-04T00:00Z")})
	in, out := at("2025-08-02T14:00Z"), at("2025-08-02T10:00Z")
	tests := []struct {
		name string
		s    State
		want string
	}{
		{"money stops launches and ends nothing", State{Now: in, Serving: 4, Spent: 10}, "size 6, launch 0, leave 0, match, money_per_day"},
		{"launches of the day", State{Now: in, Serving: 1, Launches: 4}, "size 6, launch 3, leave 0, match, launches_per_day"},
		{"load below the window", State{Now: in, Serving: 6, Load: 3}, "size 6, launch 0, leave 0, match, "},
		{"load above the window", State{Now: in, Serving: 6, Load: 9}, "size 9, launch 3, leave 0, load, "},
		{"load above the limit", State{Now: in, Serving: 20, Load: 99}, "size 20, launch 0, leave 0, load, "},
		{"load alone", State{Now: out, Serving: 1, Load: 3}, "size 3, launch 2, leave 0, load, "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := table.Decide(&tt.s)
			if got := fmt.Sprintf("size %d, launch %d, leave %d, %s, %s", a.Size, a.Launch, a.Leave, a.Won, a.Blocked); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	table, lead := oneMatch(t)
	s := State{Now: at("2025-08-02T13:06Z"), Serving: 1, Starting: 2, Load: 2, Lead: lead}
	r := table.Explain(table.Decide(&s), &s)
	want := "a (League) wants 6, launched ahead to be in service at Sat 2 Aug 15:10:00 CEST; LATE: 3 missing; launched now they are in service at about Sat 2 Aug 15:11:00 CEST"
	if r.Text() != want || len(r.Lost) != 2 || r.Lost[0].Rule != RuleSize || r.Lost[1].Rule != RuleLoad {
		t.Errorf("%s\n%+v", r.Text(), r.Lost)
	}
}

func TestLead(t *testing.T) {
	c := config.LeadTime{Default: 5 * time.Minute, Percentile: 99, Margin: time.Minute, Samples: 20}
	if l := NewLead(c, []time.Duration{time.Second}, 12); l.Wave(3) != 5*time.Minute || l.Total(3) != 6*time.Minute || !strings.Contains(l.Text, "1 measured, 20 needed") {
		t.Errorf("%+v", l)
	}
	var samples []time.Duration
	for i := range 100 {
		samples = append(samples, time.Duration(60+i)*time.Second)
	}
	l := NewLead(c, samples, 12)
	if l.Wave(1) < 158*time.Second || l.Wave(12) < l.Wave(1) || l.Wave(99) != l.Wave(12) || l.Wave(0) != 0 {
		t.Errorf("%v", l.waves)
	}
	b := LeadOf(c, &config.Boot{Median: 90 * time.Second, P95: 150 * time.Second}, 12)
	// The 99th percentile of one is 90 s * exp(2.326 * 0.3106).
	if d := b.Wave(1).Seconds() - 90*math.Exp(2.3263*0.31056); math.Abs(d) > 0.1 || b.Wave(12) <= b.Wave(1) {
		t.Errorf("%v", b.waves)
	}
}

func TestTracker(t *testing.T) {
	l := &config.Load{PerInstance: 100, Down: 10 * time.Minute}
	var tr Tracker
	begin := at("2025-08-02T12:00Z")
	for i, tt := range []struct {
		minute int
		total  float64
		want   int
	}{
		{0, 150, 2}, {1, 450, 5}, {2, 100, 5}, {3, 290, 5}, {11, 110, 5}, {13, 110, 3}, {21, 110, 3}, {22, 110, 2}, {23, 900, 9}, {24, math.NaN(), 9}, {20, 0, 9},
	} {
		if got := tr.Observe(l, Sample{At: begin.Add(time.Duration(tt.minute) * time.Minute), Total: tt.total}); got != tt.want {
			t.Errorf("step %d: %d, want %d", i, got, tt.want)
		}
	}
	var warm Tracker
	if got := warm.Observe(l, Sample{At: begin, PerInstance: 120, Warm: 2}); got != 3 {
		t.Errorf("instances that warm up make the load look smaller: %d", got)
	}
}

// TestTrackerNeverTooLow: the size is at least what the load asks for now, and at most its highest of the last while.
func TestTrackerNeverTooLow(t *testing.T) {
	l := &config.Load{PerInstance: 10, Down: 10 * time.Minute}
	rapid.Check(t, func(t *rapid.T) {
		var tr Tracker
		now := at("2025-08-02T12:00Z")
		type seen struct {
			at   time.Time
			want int
		}
		var all []seen
		highest := 0
		for range rapid.IntRange(1, 80).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "seconds")) * time.Second)
			total := rapid.Float64Range(0, 500).Draw(t, "total")
			want := int(math.Ceil(total/10 - 1e-9))
			all = append(all, seen{now, want})
			highest = max(highest, want)
			got := tr.Observe(l, Sample{At: now, Total: total})
			low := 0
			for _, s := range all {
				if now.Sub(s.at) <= l.Down {
					low = max(low, s.want)
				}
			}
			if got < low || got > highest {
				t.Fatalf("%d is not within %d and %d", got, low, highest)
			}
		}
	})
}

// drawn is a random timetable with its calendar's matches.
func drawn(t *rapid.T, loc *time.Location) (*Timetable, *Lead) {
	p := config.Plan{Timezone: loc, Sum: rapid.Bool().Draw(t, "sum")}
	g := config.Group{Name: "g", Size: rapid.IntRange(0, 3).Draw(t, "size"), Plan: &p,
		Limits: config.Limits{Max: rapid.IntRange(3, 15).Draw(t, "max"), Floor: rapid.IntRange(0, 2).Draw(t, "floor")}}
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		p.Windows = append(p.Windows, config.Window{From: time.Duration(rapid.IntRange(0, 95).Draw(t, "from")) * 15 * time.Minute,
			To: time.Duration(rapid.IntRange(0, 96).Draw(t, "to")) * 15 * time.Minute, Size: rapid.IntRange(0, 12).Draw(t, "wsize"),
			Before: time.Duration(rapid.IntRange(0, 60).Draw(t, "before")) * time.Minute})
	}
	from := rapid.SampledFrom([]time.Time{at("2025-10-24T00:00Z"), at("2026-03-27T00:00Z"), at("2025-08-01T00:00Z")}).Draw(t, "begin")
	s := Source{Group: g, From: from, To: from.Add(96 * time.Hour)}
	for range rapid.IntRange(0, 2).Draw(t, "overrides") {
		begin := from.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "at")) * time.Hour)
		s.Overrides = append(s.Overrides, Override{Size: rapid.IntRange(0, 20).Draw(t, "osize"), From: begin, Until: begin.Add(5 * time.Hour), Force: rapid.Bool().Draw(t, "force")})
	}
	table, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	lead := NewLead(config.LeadTime{Default: time.Duration(rapid.IntRange(0, 40).Draw(t, "lead")) * time.Minute, Margin: time.Minute, Samples: 5}, nil, 20)
	return table, lead
}

// TestDecideProperties: whatever the rules, a running window has what it wants,
// nothing is outside of the limits, and the answer stays the same until Next.
func TestDecideProperties(t *testing.T) {
	loc := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		table, lead := drawn(t, loc)
		for i := 1; i < len(table.Segments); i++ {
			if !table.Segments[i].Begin.Equal(table.Segments[i-1].End) {
				t.Fatal("a gap between segments")
			}
		}
		now := table.From.Add(time.Duration(rapid.IntRange(0, 96*3600-1).Draw(t, "now")) * time.Second)
		s := State{Now: now, Serving: rapid.IntRange(0, 20).Draw(t, "serving"), Starting: rapid.IntRange(0, 5).Draw(t, "starting"),
			Load: rapid.IntRange(0, 20).Draw(t, "load"), Lead: lead}
		a := table.Decide(&s)
		seg := table.Segments[a.Segment]
		switch {
		case now.Before(seg.Begin) || !now.Before(seg.End):
			t.Fatal("another segment")
		case a.Size < seg.Size:
			t.Fatalf("below what the timetable wants: %+v %+v", a, seg)
		case a.Size > table.limits.Max || a.Size < min(table.limits.Floor, table.limits.Max):
			t.Fatalf("outside of the limits: %+v", a)
		case s.Serving+s.Starting+a.Launch-a.Leave < a.Size:
			t.Fatalf("too few are left or launched: %+v", a)
		case !a.Next.After(now) || a.Next.After(table.To):
			t.Fatalf("next is %s at %s", a.Next, now)
		}
		later := s
		later.Now = now.Add(time.Duration(rapid.Int64Range(0, int64(a.Next.Sub(now))-1).Draw(t, "later")))
		if b := table.Decide(&later); b.Size != a.Size || b.Won != a.Won || b.Entry != a.Entry {
			t.Fatalf("changed before next: %+v at %s, %+v at %s", a, now, b, later.Now)
		}
		if r := table.Explain(a, &s); r.Size != a.Size || r.Won.Why == "" {
			t.Fatalf("%+v", r)
		}
	})
}

// TestInServiceWhenItBegins: who follows the decisions has every window served in time, when instances take at most the lead time.
func TestInServiceWhenItBegins(t *testing.T) {
	loc := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		table, lead := drawn(t, loc)
		s := State{Now: table.From, Lead: lead}
		s.Serving = table.Decide(&s).Size
		var ready []time.Time // of those that start
		for s.Now.Before(table.To) {
			kept := ready[:0]
			for _, r := range ready {
				if r.After(s.Now) {
					kept = append(kept, r)
				} else {
					s.Serving++
				}
			}
			ready = kept
			s.Starting = len(ready)
			a := table.Decide(&s)
			if want := table.Segments[a.Segment].Size; s.Serving < want && a.Segment > 0 {
				t.Fatalf("%s: %d of %d serve", s.Now, s.Serving, want)
			}
			next := a.Next
			for range a.Launch {
				ready = append(ready, s.Now.Add(lead.Wave(1)))
			}
			for range a.Leave {
				if len(ready) > 0 {
					ready = ready[:len(ready)-1]
				} else {
					s.Serving--
				}
			}
			for _, r := range ready {
				if r.After(s.Now) && r.Before(next) {
					next = r
				}
			}
			s.Now = next
		}
	})
}

func TestDecideDoesNotAllocate(t *testing.T) {
	table, lead := oneMatch(t)
	s := State{Now: at("2025-08-02T13:05Z"), Serving: 1, Load: 3, Lead: lead}
	if n := testing.AllocsPerRun(100, func() { _ = table.Decide(&s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// fixturesOfAYear is a calendar of 500 matches.
func fixturesOfAYear(b *testing.B) *calendar.Calendar {
	var lines []string
	for i := range 500 {
		begin := at("2025-08-01T12:00Z").Add(time.Duration(i) * 17 * time.Hour)
		lines = append(lines, fmt.Sprintf("m%d %s %s 2", i, []string{"League", "Cup"}[i%2], begin.Format("20060102T150405Z")))
	}
	return fixtures(b, lines...)
}

func BenchmarkCompileYearOf500FixturesTenGroups(b *testing.B) {
	cals := map[string]*calendar.Calendar{"f": fixturesOfAYear(b)}
	g := group(b, config.Plan{Matches: matchRules, Windows: []config.Window{{From: 14 * time.Hour, To: 19 * time.Hour, Size: 4}}})
	for b.Loop() {
		for range 10 {
			compile(b, Source{Group: g, Calendars: cals, From: at("2025-08-01T00:00Z"), To: at("2026-08-01T00:00Z")})
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	g := group(b, config.Plan{Matches: matchRules, Windows: []config.Window{{From: 14 * time.Hour, To: 19 * time.Hour, Size: 4}}})
	table := compile(b, Source{Group: g, Calendars: map[string]*calendar.Calendar{"f": fixturesOfAYear(b)}, From: at("2025-08-01T00:00Z"), To: at("2026-08-01T00:00Z")})
	s := State{Now: at("2026-01-02T13:05Z"), Serving: 1, Load: 3, Lead: NewLead(g.Plan.Lead, nil, 20)}
	b.ReportAllocs()
	for b.Loop() {
		_ = table.Decide(&s)
	}
}
