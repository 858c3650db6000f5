package types

import (
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

// timestampLayouts are the forms that Timestamp('...') reads without a format.
var timestampLayouts = []string{
	"2006-01-02T15:04:05.999999999 MST", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05 MST", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05",
	"2006-01-02T15:04 MST", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 MST", "2006-01-02",
	"2006-01-02 15:04:05.999999999 MST", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999 -0700",
}

// ParseTimestamp reads the common forms of ISO 8601.
func ParseTimestamp(s string) (*Timestamp, bool) {
	for _, layout := range timestampLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return NewTimestamp(t), true
		}
	}
	return nil, false
}
