package calendar

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

// windowsZones are the names that Outlook writes, for where matches are played.
var windowsZones = map[string]string{
	"w. europe standard time": "Europe/Berlin", "romance standard time": "Europe/Paris", "central europe standard time": "Europe/Budapest",
	"central european standard time": "Europe/Warsaw", "gmt standard time": "Europe/London", "greenwich standard time": "Atlantic/Reykjavik",
	"e. europe standard time": "Europe/Chisinau", "fle standard time": "Europe/Kiev", "gtb standard time": "Europe/Bucharest",
	"turkey standard time": "Europe/Istanbul", "russian standard time": "Europe/Moscow", "israel standard time": "Asia/Jerusalem",
	"eastern standard time": "America/New_York", "central standard time": "America/Chicago", "mountain standard time": "America/Denver",
	"pacific standard time": "America/Los_Angeles", "e. south america standard time": "America/Sao_Paulo",
	"argentina standard time": "America/Buenos_Aires", "tokyo standard time": "Asia/Tokyo", "china standard time": "Asia/Shanghai",
	"india standard time": "Asia/Kolkata", "aus eastern standard time": "Australia/Sydney", "new zealand standard time": "Pacific/Auckland",
	"arabian standard time": "Asia/Dubai", "south africa standard time": "Africa/Johannesburg", "utc": "UTC", "gmt": "UTC", "z": "UTC",
}

// location finds a zone by the name an event gives it: the zone database, the
// names of Outlook, what the calendar itself defines. An empty name is the
// zone of who asks, and so is an unknown one.
func (c *Calendar) location(name string, fallback *time.Location) (loc *time.Location, known bool) {
	switch name {
	case "":
		return fallback, true
	case "UTC":
		return time.UTC, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	loc, seen := c.loaded[name]
	if !seen {
		loc = c.load(name)
		if c.loaded == nil {
			c.loaded = map[string]*time.Location{}
		}
		c.loaded[name] = loc
	}
	if loc == nil {
		return fallback, false
	}
	return loc, true
}

func (c *Calendar) load(name string) *time.Location {
	if w, ok := windowsZones[strings.ToLower(name)]; ok {
		name = w
	}
	// "/freeassociation.sourceforge.net/Europe/Berlin": the last two or three parts are the name.
	for rest := strings.TrimPrefix(name, "/"); rest != ""; _, rest, _ = strings.Cut(rest, "/") {
		if strings.EqualFold(rest, "local") || strings.Contains(rest, "..") {
			break
		}
		if loc, err := time.LoadLocation(rest); err == nil {
			return loc
		}
	}
	if alias, ok := c.Aliases[name]; ok {
		if loc, err := time.LoadLocation(alias); err == nil {
			return loc
		}
	}
	if data, ok := c.Zones[name]; ok {
		if loc, err := time.LoadLocationFromTZData(name, data); err == nil {
			return loc
		}
	}
	return nil
}

// observance is one change of a VTIMEZONE.
type observance struct {
	at       int64 // seconds since 1970
	from, to int   // seconds east of UTC
	daylight bool
}

// addZone keeps what a VTIMEZONE defines, as compiled zone data, for names
// that the zone database does not know.
func (c *Calendar) addZone(comp *ical.Component) {
	name := text(comp, "TZID")
	if name == "" {
		return
	}
	if alias := text(comp, "X-LIC-LOCATION"); alias != "" {
		if _, err := time.LoadLocation(alias); err == nil && alias != "Local" {
			c.Aliases[name] = alias
			return
		}
	}
	var all []observance
	for _, child := range comp.Children {
		if len(all) < 4000 {
			all = append(all, observances(child)...)
		}
	}
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b observance) int { return int(min(max(a.at-b.at, -1), 1)) })
	c.Zones[name] = zoneData(all)
}

// observances lists the changes of one STANDARD or DAYLIGHT part until 2100.
func observances(child *ical.Component) []observance {
	start := child.Props.Get("DTSTART")
	from, ok1 := utcOffset(text(child, "TZOFFSETFROM"))
	to, ok2 := utcOffset(text(child, "TZOFFSETTO"))
	if start == nil || !ok1 || !ok2 {
		return nil
	}
	first, err := readStamp(start, start.Value)
	if err != nil {
		return nil
	}
	walls := []time.Time{first.Wall}
	if p := child.Props.Get("RRULE"); p != nil {
		if opt, err := rrule.StrToROptionInLocation(p.Value, time.UTC); err == nil && opt.Freq == rrule.YEARLY && opt.Interval <= 1 {
			opt.Dtstart = first.Wall
			end := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
			if opt.Until.IsZero() || opt.Until.After(end) {
				opt.Until = end
			}
			opt.Count = 0
			if r, err := rrule.NewRRule(*opt); err == nil {
				if _, err := bound(opt, end); err == nil {
					walls = append(walls, r.Between(first.Wall, end, false)...)
				}
			}
		}
	}
	dates, _ := readStamps(child, "RDATE", nil)
	for _, d := range dates {
		walls = append(walls, d.Wall)
	}
	var out []observance
	for _, w := range walls[:min(len(walls), 1000)] {
		out = append(out, observance{at: w.Unix() - int64(from), from: from, to: to, daylight: child.Name == "DAYLIGHT"})
	}
	return out
}

func utcOffset(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if len(s) != 5 && len(s) != 7 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	v := 0
	for i, weight := range []int{36000, 3600, 600, 60, 10, 1}[:len(s)-1] {
		d := s[i+1]
		if d < '0' || d > '9' {
			return 0, false
		}
		v += int(d-'0') * weight
	}
	if s[0] == '-' {
		v = -v
	}
	return v, true
}

// zoneData writes a TZif file (RFC 8536), version 2, without a rule for the time after its last change.
func zoneData(all []observance) []byte {
	type kind struct {
		offset   int
		daylight bool
	}
	kinds := []kind{{all[0].from, false}}
	index := func(k kind) byte {
		i := slices.Index(kinds, k)
		if i < 0 {
			i = len(kinds)
			kinds = append(kinds, k)
		}
		return byte(i)
	}
	var times, types bytes.Buffer
	count := 0
	for i, o := range all {
		if i > 0 && all[i-1].at == o.at || len(kinds) > 200 {
			continue
		}
		_ = binary.Write(&times, binary.BigEndian, o.at)
		types.WriteByte(index(kind{o.to, o.daylight}))
		count++
	}
	var b bytes.Buffer
	head := func(timeCount, typeCount, chars int) {
		b.WriteString("TZif2")
		b.Write(make([]byte, 15))
		_ = binary.Write(&b, binary.BigEndian, []uint32{0, 0, 0, uint32(timeCount), uint32(typeCount), uint32(chars)})
	}
	head(0, 1, 4)
	b.Write([]byte{0, 0, 0, 0, 0, 0, 'U', 'T', 'C', 0})
	head(count, len(kinds), 6)
	b.Write(times.Bytes())
	b.Write(types.Bytes())
	for _, k := range kinds {
		_ = binary.Write(&b, binary.BigEndian, int32(k.offset))
		daylight := byte(0)
		if k.daylight {
			daylight = 1
		}
		b.Write([]byte{daylight, 0})
	}
	b.WriteString("LOCAL\x00\n\n")
	return b.Bytes()
}
