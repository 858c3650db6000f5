package types

import (
	"regexp"
	"strings"
	"time"

	"kickoff/internal/value"
)

// Timestamp is a point in time with nanoseconds.
type Timestamp struct{ t time.Time }

// NewTimestamp gives the Timestamp of t.
func NewTimestamp(t time.Time) *Timestamp { return &Timestamp{t.UTC()} }

// Time gives the time in UTC.
func (t *Timestamp) Time() time.Time { return t.t }

// TypeName implements value.Value.
func (*Timestamp) TypeName() string { return "Timestamp" }

// String implements value.Value.
func (t *Timestamp) String() string { return t.t.Format("2006-01-02T15:04:05.000000000 UTC") }

// Key implements value.Keyer.
func (t *Timestamp) Key() string { return t.String() }

// Rich implements value.Richer.
func (t *Timestamp) Rich() (string, value.Value) { return "Timestamp", value.String(t.String()) }

// Compare orders timestamps: -1, 0, 1.
func (t *Timestamp) Compare(o *Timestamp) int { return t.t.Compare(o.t) }

// Add gives t + d.
func (t *Timestamp) Add(d *Timespan) *Timestamp { return NewTimestamp(t.t.Add(time.Duration(d.ns))) }

// Sub gives t - d.
func (t *Timestamp) Sub(d *Timespan) *Timestamp { return NewTimestamp(t.t.Add(-time.Duration(d.ns))) }

// Since gives t - o.
func (t *Timestamp) Since(o *Timestamp) *Timespan { return &Timespan{int64(t.t.Sub(o.t))} }

// Seconds is the time since the epoch.
func (t *Timestamp) Seconds() float64 {
	return float64(t.t.Unix()) + float64(t.t.Nanosecond())/1e9
}

// timestampLayouts are the forms that Timestamp('...') reads without a format, the zone aside.
var timestampLayouts = []string{
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05",
	"2006-01-02",
}

var zoneText = regexp.MustCompile(`\s*(Z|[A-Z]{3,4}|[-+]\d\d:?\d\d)$`)

// zoneHours are the names of zones that are read, with their hours from UTC.
var zoneHours = map[string]int{
	"Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9,
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

// ParseTimestamp reads the common forms of ISO 8601, with or without a zone.
func ParseTimestamp(s string) (*Timestamp, bool) {
	var offset time.Duration
	if loc := zoneText.FindStringSubmatchIndex(s); loc != nil {
		var ok bool
		if offset, ok = zoneOffset(s[loc[2]:loc[3]], s[:loc[0]]); ok {
			s = s[:loc[0]]
		}
	}
	for _, layout := range timestampLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return NewTimestamp(t.Add(-offset)), true
		}
	}
	return nil, false
}

// zoneOffset reads a zone. Digits behind a date without a time are the date's own.
func zoneOffset(zone, before string) (time.Duration, bool) {
	if h, ok := zoneHours[zone]; ok {
		return time.Duration(h) * time.Hour, true
	}
	if zone[0] != '+' && zone[0] != '-' || !strings.Contains(before, ":") {
		return 0, false
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	d := time.Duration(atoi(digits[:2]))*time.Hour + time.Duration(atoi(digits[2:]))*time.Minute
	if zone[0] == '-' {
		d = -d
	}
	return d, true
}
