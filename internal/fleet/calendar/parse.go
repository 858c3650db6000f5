package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// ErrEmpty means a calendar that is well formed and holds no event. For a feed
// that is a fault, not the news that all matches are off.
var ErrEmpty = errors.New("the calendar holds no events")

// Parse reads a text with one or more VCALENDAR objects. An event that cannot
// be understood becomes a problem; a text that cannot, an error.
func Parse(src []byte) (*Calendar, error) {
	if len(src) > MaxBytes {
		return nil, fmt.Errorf("the calendar is too large: %d bytes, at most %d are read", len(src), MaxBytes)
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if err := scan(src); err != nil {
		return nil, err
	}
	cal := &Calendar{Zones: map[string][]byte{}, Aliases: map[string]string{}}
	dec := ical.NewDecoder(bytes.NewReader(src))
	for n := 0; ; n++ {
		c, err := decode(dec)
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if errors.Is(err, io.EOF) {
			return nil, errors.New("no calendar: the text is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("not a calendar: %w", err)
		}
		cal.add(c)
		if len(cal.Events) > MaxEvents {
			return nil, fmt.Errorf("the calendar holds more than %d events", MaxEvents)
		}
	}
	cal.Events = newest(cal.Events)
	if len(cal.Events) == 0 && len(cal.Problems) == 0 {
		return cal, ErrEmpty
	}
	return cal, nil
}

// decode reads one VCALENDAR; the decoder panics on some malformed lines.
func decode(dec *ical.Decoder) (c *ical.Calendar, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("malformed line (%v)", p)
		}
	}()
	return dec.Decode()
}

// scan refuses what would make the decoder slow or deep before it begins, and
// a text that ends in the middle.
func scan(src []byte) error {
	depth, line, calendars := 0, 0, 0
	for n := 1; len(src) > 0; n++ {
		row, rest, _ := bytes.Cut(src, []byte("\n"))
		src = rest
		if len(row) > 0 && (row[0] == ' ' || row[0] == '\t') {
			line += len(row)
		} else {
			line = len(row)
		}
		if line > maxLine {
			return fmt.Errorf("line %d is longer than %d bytes", n, maxLine)
		}
		word := strings.ToUpper(string(row[:min(len(row), 16)]))
		switch {
		case strings.HasPrefix(word, "BEGIN:"):
			if depth++; depth > maxDepth {
				return fmt.Errorf("line %d: components are nested more than %d deep", n, maxDepth)
			}
			if strings.HasPrefix(word, "BEGIN:VCALENDAR") {
				calendars++
			}
		case strings.HasPrefix(word, "END:"):
			depth--
		}
	}
	if calendars == 0 {
		return errors.New("not a calendar: it holds no BEGIN:VCALENDAR")
	}
	if depth != 0 {
		return errors.New("the calendar ends in the middle: a component is not closed")
	}
	return nil
}

func (c *Calendar) add(cal *ical.Calendar) {
	cancel := false
	if m := cal.Props.Get("METHOD"); m != nil {
		cancel = strings.EqualFold(m.Value, "CANCEL")
	}
	for _, comp := range cal.Children {
		switch comp.Name {
		case ical.CompTimezone:
			c.addZone(comp)
		case ical.CompEvent:
			e, odd, err := readEvent(comp)
			if err != nil {
				c.Problems = append(c.Problems, Problem{UID: e.UID, Text: err.Error(), Broken: true})
				continue
			}
			if cancel {
				e.Status = "CANCELLED"
			}
			for _, text := range odd {
				c.Problems = append(c.Problems, Problem{UID: e.UID, Text: text})
			}
			c.Events = append(c.Events, e)
		}
	}
}

// readEvent gives the event as far as it was understood, also with an error.
func readEvent(comp *ical.Component) (e Event, odd []string, err error) {
	e.UID = text(comp, "UID")
	e.Title, e.Location = text(comp, "SUMMARY"), text(comp, "LOCATION")
	e.Status = strings.ToUpper(strings.TrimSpace(text(comp, "STATUS")))
	for _, p := range comp.Props.Values("CATEGORIES") {
		list, err := p.TextList()
		if err != nil {
			list = strings.Split(p.Value, ",")
		}
		for _, c := range list {
			if c = strings.TrimSpace(c); c != "" && !slices.Contains(e.Categories, c) {
				e.Categories = append(e.Categories, c)
			}
		}
	}
	start := comp.Props.Get("DTSTART")
	if start == nil {
		return e, nil, errors.New("DTSTART is missing: it is not known when the event is")
	}
	if e.Start, err = readStamp(start, start.Value); err != nil {
		return e, nil, fmt.Errorf("DTSTART: %w", err)
	}
	odd = readEnd(comp, &e)
	if e.UID == "" {
		e.UID = "without-uid:" + e.Title + ":" + e.Start.Wall.Format("20060102T150405")
		odd = append(odd, "UID is missing: a later version of this event cannot be recognised")
	}
	odd = append(odd, readVersion(comp, &e)...)
	if p := comp.Props.Get("RRULE"); p != nil {
		e.RRule = p.Value
	}
	e.RDates, odd = readStamps(comp, "RDATE", odd)
	e.ExDates, odd = readStamps(comp, "EXDATE", odd)
	if p := comp.Props.Get("RECURRENCE-ID"); p != nil {
		if e.RecurrenceID, err = readStamp(p, p.Value); err != nil {
			return e, odd, fmt.Errorf("RECURRENCE-ID: %w", err)
		}
		e.Future = strings.EqualFold(p.Params.Get("RANGE"), "THISANDFUTURE")
	}
	return e, odd, nil
}

func readEnd(comp *ical.Component, e *Event) (odd []string) {
	var err error
	if p := comp.Props.Get("DTEND"); p != nil {
		if e.End, err = readStamp(p, p.Value); err != nil {
			return []string{fmt.Sprintf("DTEND: %v; the default duration is used", err)}
		}
	} else if p := comp.Props.Get("DURATION"); p != nil {
		if e.Duration, err = p.Duration(); err != nil || e.Duration <= 0 {
			e.Duration = 0
			return []string{fmt.Sprintf("DURATION %q is not a length of time; the default duration is used", p.Value)}
		}
	}
	return nil
}

func readVersion(comp *ical.Component, e *Event) (odd []string) {
	if p := comp.Props.Get("SEQUENCE"); p != nil {
		n, err := strconv.Atoi(strings.TrimSpace(p.Value))
		if err != nil {
			odd = append(odd, fmt.Sprintf("SEQUENCE %q is not a number", p.Value))
		}
		e.Sequence = n
	}
	if p := comp.Props.Get("DTSTAMP"); p != nil {
		s, err := readStamp(p, p.Value)
		if err != nil {
			odd = append(odd, "DTSTAMP: "+err.Error())
		}
		e.DTStamp = s.Wall
	}
	return odd
}

var unescape = strings.NewReplacer(`\\`, `\`, `\,`, ",", `\;`, ";", `\n`, "\n", `\N`, "\n")

// text reads a TEXT value; commas that should have been escaped belong to it.
func text(comp *ical.Component, name string) string {
	p := comp.Props.Get(name)
	if p == nil {
		return ""
	}
	return unescape.Replace(p.Value)
}

func readStamps(comp *ical.Component, name string, odd []string) ([]Stamp, []string) {
	var out []Stamp
	for _, p := range comp.Props.Values(name) {
		for v := range strings.SplitSeq(p.Value, ",") {
			v, _, _ = strings.Cut(v, "/") // a period: its start
			s, err := readStamp(&p, v)
			if err != nil {
				odd = append(odd, fmt.Sprintf("%s: %v", name, err))
				continue
			}
			out = append(out, s)
		}
	}
	return out, odd
}

// readStamp reads a DATE or a DATE-TIME.
func readStamp(p *ical.Prop, value string) (Stamp, error) {
	value = strings.TrimSpace(value)
	zone := strings.Trim(p.Params.Get("TZID"), `"`)
	forms := []struct {
		layout string
		stamp  Stamp
	}{
		{"20060102T150405Z", Stamp{Zone: "UTC"}},
		{"20060102T150405", Stamp{Zone: zone}},
		{"20060102T1504", Stamp{Zone: zone}},
		{"20060102", Stamp{Date: true}},
	}
	for _, f := range forms {
		if t, err := time.Parse(f.layout, value); err == nil {
			f.stamp.Wall = t
			return f.stamp, nil
		}
	}
	if s, ok := strings.CutSuffix(value, "60"); ok { // a leap second
		if t, err := time.Parse("20060102T1504", s); err == nil {
			return Stamp{Wall: t.Add(time.Minute), Zone: zone}, nil
		}
	}
	return Stamp{}, fmt.Errorf("%q is not a time", value)
}
