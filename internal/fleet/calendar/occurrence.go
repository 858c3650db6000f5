package calendar

import (
	"regexp"
	"strings"
	"time"
)

var untilForm = regexp.MustCompile(`(?i)UNTIL=([0-9]{8})(T[0-9]{6})?(Z?)`)

// matchUntil reports whether a rule's UNTIL is in UTC ("Z") or a day ("").
func matchUntil(rule, form string) bool {
	m := untilForm.FindStringSubmatch(rule)
	if m == nil {
		return false
	}
	if form == "" {
		return m[2] == ""
	}
	return m[2] != "" && strings.EqualFold(m[3], form)
}

// length is how long each occurrence is, in time.
func (x *expansion) length(e *Event) time.Duration {
	switch {
	case !e.End.IsZero():
		// An end in the repeated hour means the later one: nobody is sent home an hour early.
		loc, _ := x.cal.location(e.End.Zone, x.span.Zone)
		return Clock(e.End.Wall, loc).Last.Sub(x.moment(e.Start))
	case e.Duration > 0:
		return e.Duration
	case e.Start.Date:
		return 24 * time.Hour
	}
	return x.span.DefaultDuration
}

// end is when an occurrence that begins at start ends, and what is odd about it.
func (x *expansion) end(e *Event, start Stamp, begin time.Time) (time.Time, string) {
	length := x.length(e)
	switch {
	case length <= 0:
		return begin.Add(x.span.DefaultDuration), "it ends before it begins; the default duration " + short(x.span.DefaultDuration) + " is used"
	case e.End.IsZero() && e.Duration == 0 && !e.Start.Date:
		return begin.Add(length), "it has no end; the default duration " + short(length) + " is used"
	case e.Duration > 0:
		return begin.Add(length), ""
	case e.End.IsZero() || e.End.Date: // days have no fixed length
		loc, _ := x.cal.location(start.Zone, x.span.Zone)
		days := 24 * time.Hour
		if !e.End.IsZero() {
			days = e.End.Wall.Sub(e.Start.Wall)
		}
		return Clock(start.Wall.Add(days), loc).First, ""
	}
	return begin.Add(length), ""
}

// add lists an occurrence of e at a start, if it touches the span.
func (x *expansion) add(e *Event, start, original Stamp, series *Event) {
	if x.full {
		return
	}
	loc, known := x.cal.location(start.Zone, x.span.Zone)
	r := Clock(start.Wall, loc)
	end, odd := x.end(e, start, r.First)
	if !end.After(x.span.From) || !r.First.Before(x.span.To) {
		return
	}
	if len(x.out) >= maxTotal {
		x.full = true
		x.problem(e, "the calendar gives more than %d occurrences; the rest is left out", maxTotal)
		return
	}
	o := Occurrence{UID: e.UID, Title: e.Title, Location: e.Location, Categories: e.Categories, Status: e.Status, Start: r.First, End: end}
	if series != nil && series != e { // a change may leave out what stays the same
		if o.Title == "" {
			o.Title = series.Title
		}
		if o.Location == "" {
			o.Location = series.Location
		}
		if len(o.Categories) == 0 {
			o.Categories = series.Categories
		}
	}
	if series != nil && (series.RRule != "" || len(series.RDates) > 0) || !e.RecurrenceID.IsZero() {
		o.Instance = original.Wall.Format("20060102T150405")
	}
	o.Odd = x.odd(e, start, r, end, known)
	if odd != "" {
		o.Odd = append(o.Odd, odd)
	}
	x.out = append(x.out, o)
}

func (x *expansion) odd(e *Event, start Stamp, r Reading, end time.Time, known bool) (odd []string) {
	switch {
	case !known:
		odd = append(odd, "the zone "+start.Zone+" is not known; it is read as "+x.span.Zone.String())
	case start.Date:
		odd = append(odd, "it has no time of day: it counts from midnight to midnight in "+x.span.Zone.String())
	case start.Zone == "":
		odd = append(odd, "its time names no zone; it is read as "+x.span.Zone.String())
	}
	switch {
	case r.Skipped:
		odd = append(odd, "its time does not exist: the clocks skip it; it begins an hour later by the clock")
	case !r.First.Equal(r.Last):
		odd = append(odd, "its time comes twice: the clocks are set back; the first counts")
	}
	if end.Sub(r.First) > 24*time.Hour {
		odd = append(odd, "it lasts "+short(end.Sub(r.First)))
	}
	if e.Status == "TENTATIVE" {
		odd = append(odd, "it is tentative, and counts")
	}
	return odd
}

func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
