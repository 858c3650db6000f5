// Command generate writes fixtures.ics and load.csv of examples/season: a
// season with league and cup matches, some moved, cancelled, repeated or
// without end, on both days of a clock change too. The same call writes
// the same bytes.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// match is a fixture as it finally is.
type match struct {
	uid, title, category, status string
	begin, end                   time.Time
	// moved is when it was to begin at first; noEnd leaves its end out.
	moved time.Time
	noEnd bool
}

func main() {
	dir := flag.String("dir", "examples/season", "folder to write to")
	flag.Parse()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	matches := season(berlin)
	if err := os.WriteFile(filepath.Join(*dir, "fixtures.ics"), []byte(calendar(matches)), 0o644); err != nil {
		log.Fatal(err)
	}
	if err := writeLoad(filepath.Join(*dir, "load.csv"), matches, berlin); err != nil {
		log.Fatal(err)
	}
}

// season lists a match on every Saturday or Sunday, cup matches on some
// Wednesdays, and evening matches on the days of the clock changes.
func season(berlin *time.Location) []match {
	var out []match
	teams := []string{"Adler", "Bergstadt", "Concordia", "Dynamo", "Eintracht", "Fortuna", "Hansa", "Kickers", "Lok"}
	for week := range 40 {
		day := time.Date(2025, 8, 9+7*week, 15, 30, 0, 0, berlin)
		if week%5 == 4 {
			day = time.Date(2025, 8, 10+7*week, 17, 30, 0, 0, berlin)
		}
		if m := day.Month(); m == time.January || m == time.December && day.Day() > 20 {
			continue // the winter break
		}
		m := match{uid: fmt.Sprintf("league-%02d@example.com", week+1), title: teams[week%9] + " - " + teams[(week*2+1)%9], category: "League",
			begin: day, end: day.Add(2 * time.Hour)}
		switch week % 11 {
		case 3: // moved to the evening
			m.moved, m.begin = m.begin, time.Date(day.Year(), day.Month(), day.Day(), 20, 30, 0, 0, berlin)
			m.end = m.begin.Add(2 * time.Hour)
		case 6:
			m.status = "CANCELLED"
		case 8:
			m.status = "TENTATIVE"
		case 9:
			m.noEnd = true
		}
		out = append(out, m)
	}
	for i, day := range []time.Time{
		time.Date(2025, 8, 27, 20, 45, 0, 0, berlin), time.Date(2025, 10, 29, 20, 45, 0, 0, berlin), time.Date(2025, 12, 3, 18, 0, 0, 0, berlin),
		time.Date(2026, 2, 11, 20, 45, 0, 0, berlin), time.Date(2026, 4, 22, 20, 45, 0, 0, berlin), time.Date(2026, 5, 23, 20, 0, 0, 0, berlin),
		// Shows of the night of each clock change: the first lasts through the repeated hour, the second through the skipped one.
		time.Date(2025, 10, 26, 0, 30, 0, 0, berlin), time.Date(2026, 3, 29, 0, 30, 0, 0, berlin),
	} {
		out = append(out, match{uid: fmt.Sprintf("cup-%d@example.com", i+1), title: fmt.Sprintf("Cup - round %d", i+1), category: "Cup", begin: day, end: day.Add(150 * time.Minute)})
	}
	slices.SortFunc(out, func(a, b match) int { return a.begin.Compare(b.begin) })
	return out
}

func calendar(matches []match) string {
	b := &strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\r\n", args...) }
	line("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//kickoff//season//EN")
	event := func(m match, begin, end time.Time, sequence int, status string) {
		line("BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:202507%02dT120000Z\r\nSEQUENCE:%d", m.uid, 1+sequence, sequence)
		line("DTSTART;TZID=Europe/Berlin:%s", begin.Format("20060102T150405"))
		if !m.noEnd {
			line("DTEND;TZID=Europe/Berlin:%s", end.Format("20060102T150405"))
		}
		line("SUMMARY:%s\r\nCATEGORIES:%s", m.title, m.category)
		if status != "" {
			line("STATUS:%s", status)
		}
		line("END:VEVENT")
	}
	for _, m := range matches {
		switch {
		case !m.moved.IsZero(): // the old version is still in the file, after the new one
			event(m, m.begin, m.end, 1, m.status)
			event(m, m.moved, m.moved.Add(m.end.Sub(m.begin)), 0, m.status)
		case m.status == "CANCELLED":
			event(m, m.begin, m.end, 0, "")
			event(m, m.begin, m.end, 1, m.status)
		default:
			event(m, m.begin, m.end, 0, m.status)
		}
	}
	line("END:VCALENDAR")
	return b.String()
}

// writeLoad writes a quiet demand by the hour, and that of each match in steps of five minutes.
func writeLoad(path string, matches []match, berlin *time.Location) error {
	rows := map[time.Time]float64{}
	from, to := time.Date(2025, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for t := from; t.Before(to); t = t.Add(time.Hour) {
		rows[t] = quiet(t, berlin)
	}
	for _, m := range matches {
		if m.status == "CANCELLED" {
			continue
		}
		begin, end := m.begin.Add(-20*time.Minute), m.end.Add(30*time.Minute)
		for t := range rows {
			if !t.Before(begin) && t.Before(end) {
				delete(rows, t)
			}
		}
		for t := begin; t.Before(end); t = t.Add(5 * time.Minute) {
			rows[t.UTC()] = crowd(m, t)
		}
		rows[end.UTC()] = quiet(end, berlin)
	}
	times := make([]time.Time, 0, len(rows))
	for t := range rows {
		times = append(times, t)
	}
	slices.SortFunc(times, time.Time.Compare)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "time,group,demand")
	for _, t := range times {
		fmt.Fprintf(w, "%s,backend-production,%.2f\n", t.Format(time.RFC3339), rows[t])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// quiet is the demand of a day without a match: highest in the evening.
func quiet(t time.Time, zone *time.Location) float64 {
	return 0.45 + 0.35*math.Sin(float64(t.In(zone).Hour()-13)/24*2*math.Pi)
}

// crowd is the demand around a match: full from ten minutes before the
// whistle, a dip in each half, a last wave after the end.
func crowd(m match, t time.Time) float64 {
	full := 5.8
	if m.category == "Cup" {
		full = 11.7
	}
	minute := t.Sub(m.begin).Minutes()
	length := m.end.Sub(m.begin).Minutes()
	switch {
	case minute < -10:
		return full * 0.7
	case minute > length+15:
		return full * 0.3
	case minute >= length:
		return full * 0.9
	}
	return full * (0.9 + 0.1*math.Cos(minute/45*2*math.Pi))
}
