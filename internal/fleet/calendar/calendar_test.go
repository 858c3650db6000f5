package calendar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// vcalendar wraps events, each given by its lines.
func vcalendar(events ...string) []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	for _, e := range events {
		b.WriteString("BEGIN:VEVENT\r\n" + strings.ReplaceAll(strings.TrimSpace(e), "\n", "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	return []byte(b.String() + "END:VCALENDAR\r\n")
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func expand(t testing.TB, src []byte, loc *time.Location, from, to string) []string {
	t.Helper()
	cal, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	occ, _ := cal.Expand(Span{From: parse(from), To: parse(to), Zone: loc})
	out := []string{}
	for _, o := range occ {
		s := o.Start.UTC().Format("2006-01-02T15:04Z") + "/" + o.End.Sub(o.Start).String()
		if o.Status == "CANCELLED" {
			s += " cancelled"
		}
		out = append(out, s)
	}
	return out
}

func TestExpand(t *testing.T) {
	const head = "UID:a\nDTSTAMP:20250101T000000Z\n"
	tests := []struct {
		name     string
		events   []string
		from, to string
		want     []string
	}{
		{"utc, end", []string{head + "DTSTART:20250809T133000Z\nDTEND:20250809T153000Z"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T13:30Z/2h0m0s"}},
		{"duration", []string{head + "DTSTART:20250809T133000Z\nDURATION:PT1H45M"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T13:30Z/1h45m0s"}},
		{"no end", []string{head + "DTSTART:20250809T133000Z"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T13:30Z/2h0m0s"}},
		{"end before begin", []string{head + "DTSTART:20250809T133000Z\nDTEND:20250809T123000Z"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T13:30Z/2h0m0s"}},
		{"tzid", []string{head + "DTSTART;TZID=America/New_York:20250809T133000\nDURATION:PT1H"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T17:30Z/1h0m0s"}},
		{"floating is in the asker's zone", []string{head + "DTSTART:20250809T133000\nDURATION:PT1H"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T11:30Z/1h0m0s"}},
		{"unknown zone is the asker's", []string{head + "DTSTART;TZID=Atlantis:20250809T133000\nDURATION:PT1H"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T11:30Z/1h0m0s"}},
		{"outlook's name", []string{head + "DTSTART;TZID=GMT Standard Time:20250809T133000\nDURATION:PT1H"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T12:30Z/1h0m0s"}},
		{"path of a zone", []string{head + "DTSTART;TZID=/example.org/2024/Europe/London:20250809T133000\nDURATION:PT1H"}, "2025-08-01", "2025-09-01", []string{"2025-08-09T12:30Z/1h0m0s"}},
		{"whole day of 25 hours", []string{head + "DTSTART;VALUE=DATE:20251026"}, "2025-10-01", "2025-11-01", []string{"2025-10-25T22:00Z/25h0m0s"}},
		{"whole day of 23 hours", []string{head + "DTSTART;VALUE=DATE:20260329\nDTEND;VALUE=DATE:20260330"}, "2026-03-01", "2026-04-15", []string{"2026-03-28T23:00Z/23h0m0s"}},
		{"skipped hour", []string{head + "DTSTART;TZID=Europe/Berlin:20260329T023000\nDURATION:PT1H"}, "2026-03-01", "2026-04-15", []string{"2026-03-29T01:30Z/1h0m0s"}},
		{"repeated hour is the first", []string{head + "DTSTART;TZID=Europe/Berlin:20251026T023000\nDURATION:PT1H"}, "2025-10-01", "2025-11-01", []string{"2025-10-26T00:30Z/1h0m0s"}},
		{"end in the repeated hour is the second", []string{head + "DTSTART;TZID=Europe/Berlin:20251026T003000\nDTEND;TZID=Europe/Berlin:20251026T023000"}, "2025-10-01", "2025-11-01", []string{"2025-10-25T22:30Z/3h0m0s"}},
		{"weekly through both clock changes", []string{head + "DTSTART;TZID=Europe/Berlin:20251019T153000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3"}, "2025-10-01", "2026-11-01",
			[]string{"2025-10-19T13:30Z/1h0m0s", "2025-10-26T14:30Z/1h0m0s", "2025-11-02T14:30Z/1h0m0s"}},
		{"exdate", []string{head + "DTSTART:20250801T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20250802T100000Z"}, "2025-08-01", "2025-09-01",
			[]string{"2025-08-01T10:00Z/1h0m0s", "2025-08-03T10:00Z/1h0m0s"}},
		{"moved instance", []string{head + "DTSTART:20250801T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3", head + "RECURRENCE-ID:20250802T100000Z\nDTSTART:20250805T180000Z\nDURATION:PT2H"},
			"2025-08-01", "2025-09-01", []string{"2025-08-01T10:00Z/1h0m0s", "2025-08-03T10:00Z/1h0m0s", "2025-08-05T18:00Z/2h0m0s"}},
		{"cancelled instance", []string{head + "DTSTART:20250801T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2", head + "RECURRENCE-ID:20250802T100000Z\nDTSTART:20250802T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED"},
			"2025-08-01", "2025-09-01", []string{"2025-08-01T10:00Z/1h0m0s", "2025-08-02T10:00Z/1h0m0s cancelled"}},
		{"this and future", []string{head + "DTSTART:20250801T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4", head + "RECURRENCE-ID;RANGE=THISANDFUTURE:20250803T100000Z\nDTSTART:20250803T120000Z\nDURATION:PT2H"},
			"2025-08-01", "2025-09-01", []string{"2025-08-01T10:00Z/1h0m0s", "2025-08-02T10:00Z/1h0m0s", "2025-08-03T12:00Z/2h0m0s", "2025-08-04T12:00Z/2h0m0s"}},
		{"highest sequence wins, wherever it stands", []string{head + "SEQUENCE:2\nDTSTART:20250803T100000Z\nDURATION:PT1H", head + "SEQUENCE:1\nDTSTART:20250801T100000Z\nDURATION:PT1H"},
			"2025-08-01", "2025-09-01", []string{"2025-08-03T10:00Z/1h0m0s"}},
		{"then the newest stamp", []string{"UID:a\nDTSTAMP:20250301T000000Z\nDTSTART:20250803T100000Z\nDURATION:PT1H", "UID:a\nDTSTAMP:20250201T000000Z\nDTSTART:20250801T100000Z\nDURATION:PT1H"},
			"2025-08-01", "2025-09-01", []string{"2025-08-03T10:00Z/1h0m0s"}},
		{"an older cancellation does not cancel", []string{head + "SEQUENCE:2\nDTSTART:20250803T100000Z\nDURATION:PT1H", head + "SEQUENCE:1\nSTATUS:CANCELLED\nDTSTART:20250803T100000Z"},
			"2025-08-01", "2025-09-01", []string{"2025-08-03T10:00Z/1h0m0s"}},
		{"running at the begin of the span", []string{head + "DTSTART:20250731T230000Z\nDURATION:PT2H"}, "2025-08-01", "2025-09-01", []string{"2025-07-31T23:00Z/2h0m0s"}},
		{"rdate", []string{head + "DTSTART:20250801T100000Z\nDURATION:PT1H\nRDATE:20250807T100000Z,20250809T100000Z"}, "2025-08-02", "2025-08-08", []string{"2025-08-07T10:00Z/1h0m0s"}},
		{"until of utc", []string{head + "DTSTART;TZID=Europe/Berlin:20250801T000000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20250801T220000Z"}, "2025-07-01", "2025-09-01",
			[]string{"2025-07-31T22:00Z/1h0m0s", "2025-08-01T22:00Z/1h0m0s"}},
	}
	berlin := zone(t, "Europe/Berlin")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, expand(t, vcalendar(tt.events...), berlin, tt.from, tt.to)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRFCExamples has rules of RFC 5545, section 3.8.5.3, with the days it states.
func TestRFCExamples(t *testing.T) {
	tests := []struct{ start, rule, want string }{
		{"19970902T090000", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"},
		{"19970902T090000", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"},
		{"19970902T090000", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR", // DTSTART is a Tuesday: it counts too
			"0902 0903 0905 0915 0917 0919 0929 1001 1003 1013 1015 1017 1027 1029 1031 1110 1112 1114 1124 1126 1128 1208 1210 1212 1222"},
		{"19970905T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "0905 1003 1107"},
		{"19970902T090000", "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=2,15", "0902 0915 1002 1015"},
		{"19970929T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=-1MO", "0929 1027 1124"},
		{"19970904T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"},
	}
	newYork := zone(t, "America/New_York")
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			cal, err := Parse(vcalendar("UID:r\nDTSTAMP:19970101T000000Z\nDTSTART;TZID=America/New_York:" + tt.start + "\nDURATION:PT1H\nRRULE:" + tt.rule))
			if err != nil {
				t.Fatal(err)
			}
			occ, problems := cal.Expand(Span{From: time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(1998, 1, 1, 0, 0, 0, 0, time.UTC)})
			var got []string
			for _, o := range occ {
				if h := o.Start.In(newYork).Hour(); h != 9 {
					t.Errorf("%s is at %d o'clock", o.Start, h)
				}
				got = append(got, o.Start.In(newYork).Format("0102"))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" || len(problems) > 0 {
				t.Error(d, problems)
			}
		})
	}
}

func TestOwnZone(t *testing.T) {
	src := strings.Replace(string(vcalendar("UID:a\nDTSTART;TZID=Stadium:20250809T133000\nDURATION:PT1H", "UID:b\nDTSTART;TZID=Stadium:20251209T133000\nDURATION:PT1H")), "BEGIN:VEVENT",
		"BEGIN:VTIMEZONE\r\nTZID:Stadium\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0230\r\nTZOFFSETTO:+0130\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n"+
			"BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nTZOFFSETFROM:+0130\r\nTZOFFSETTO:+0230\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT", 1)
	want := []string{"2025-08-09T11:00Z/1h0m0s", "2025-12-09T12:00Z/1h0m0s"}
	if d := cmp.Diff(want, expand(t, []byte(src), nil, "2025-08-01", "2026-01-01")); d != "" {
		t.Error(d)
	}
	src = strings.Replace(src, "TZID:Stadium\r\n", "TZID:Stadium\r\nX-LIC-LOCATION:Europe/Lisbon\r\n", 1)
	want = []string{"2025-08-09T12:30Z/1h0m0s", "2025-12-09T13:30Z/1h0m0s"}
	if d := cmp.Diff(want, expand(t, []byte(src), nil, "2025-08-01", "2026-01-01")); d != "" {
		t.Error(d)
	}
}

// TestMalicious has inputs that must cost little and break nothing.
func TestMalicious(t *testing.T) {
	rules := []string{
		"FREQ=YEARLY;UNTIL=99991231T235959Z", "FREQ=SECONDLY", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MINUTELY;COUNT=999999999",
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", "FREQ=DAILY;INTERVAL=999999999", "FREQ=DAILY;INTERVAL=-1",
		"FREQ=DAILY;BYHOUR=" + numbers(24) + ";BYMINUTE=" + numbers(60) + ";BYSECOND=" + numbers(60), "FREQ=NEVER", "", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYSETPOS=366",
	}
	var events []string
	for i := range 2000 {
		events = append(events, fmt.Sprintf("UID:%d\nDTSTART:19250809T133000Z\nDURATION:PT1H\nRRULE:%s", i, rules[i%len(rules)]))
	}
	begin := time.Now()
	cal, err := Parse(vcalendar(events...))
	if err != nil {
		t.Fatal(err)
	}
	occ, _ := cal.Expand(Span{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if took := time.Since(begin); took > 15*time.Second || len(occ) > maxTotal {
		t.Errorf("%s for %d occurrences", took, len(occ))
	}
}

func numbers(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return strings.Join(out, ",")
}

func TestParseRefuses(t *testing.T) {
	good := string(vcalendar("UID:a\nDTSTART:20250809T133000Z"))
	tests := []struct{ name, src, want string }{
		{"nothing", "", "no BEGIN:VCALENDAR"},
		{"a page", "<html>503</html>", "no BEGIN:VCALENDAR"},
		{"cut off", good[:len(good)-20], "ends in the middle"},
		{"no events", string(vcalendar()), "holds no events"},
		{"too large", good + strings.Repeat(" ", MaxBytes), "too large"},
		{"long line", strings.Replace(good, "UID:a", "UID:"+strings.Repeat("a", maxLine), 1), "longer than"},
		{"deep", strings.Repeat("BEGIN:VCALENDAR\r\n", 100), "nested"},
		{"no colon", strings.Replace(good, "UID:a", "UID;X=1", 1), "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.src)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := Parse(vcalendar()); !errors.Is(err, ErrEmpty) {
		t.Error("an empty calendar is not ErrEmpty:", err)
	}
	cal, err := Parse(vcalendar("UID:bad\nDTSTART:tomorrow", "UID:good\nDTSTART:20250809T133000Z"))
	if err != nil || len(cal.Events) != 1 || len(cal.Problems) != 1 || !cal.Problems[0].Broken || cal.Problems[0].UID != "bad" {
		t.Errorf("a broken event beside a good one: %+v, %v", cal, err)
	}
}

func TestText(t *testing.T) {
	cal, err := Parse(vcalendar("UID:a\nDTSTART:20250809T133000Z\nSUMMARY:Adler\\, Berg, Lok\\; a\\\\b\nCATEGORIES:Cup,Final\nCATEGORIES:Sport"))
	if err != nil || cal.Events[0].Title != `Adler, Berg, Lok; a\b` || strings.Join(cal.Events[0].Categories, "|") != "Cup|Final|Sport" {
		t.Errorf("%+v, %v", cal, err)
	}
}

func TestClock(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(s string) time.Time { v, _ := time.Parse("2006-01-02 15:04", s); return v }
	for _, tt := range []struct{ wall, earliest, first, last string }{
		{"2026-01-01 12:00", "2026-01-01 11:00", "2026-01-01 11:00", "2026-01-01 11:00"},
		{"2026-03-29 01:59", "2026-03-29 00:59", "2026-03-29 00:59", "2026-03-29 00:59"},
		{"2026-03-29 02:30", "2026-03-29 01:00", "2026-03-29 01:30", "2026-03-29 01:30"},
		{"2026-03-29 03:00", "2026-03-29 01:00", "2026-03-29 01:00", "2026-03-29 01:00"},
		{"2025-10-26 02:30", "2025-10-26 00:30", "2025-10-26 00:30", "2025-10-26 01:30"},
		{"2025-10-26 03:00", "2025-10-26 02:00", "2025-10-26 02:00", "2025-10-26 02:00"},
	} {
		r := Clock(at(tt.wall), berlin)
		if !r.Earliest().Equal(at(tt.earliest)) || !r.First.Equal(at(tt.first)) || !r.Last.Equal(at(tt.last)) {
			t.Errorf("%s: %s %s %s", tt.wall, r.Earliest(), r.First, r.Last)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(vcalendar("UID:a\nDTSTART;TZID=Europe/Berlin:20250809T133000\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20250816T133000"))
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, src []byte) {
		cal, err := Parse(src)
		if err != nil {
			return
		}
		occ, _ := cal.Expand(Span{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)})
		for _, o := range occ {
			if !o.End.After(o.Start) {
				t.Fatalf("%+v", o)
			}
		}
	})
}
