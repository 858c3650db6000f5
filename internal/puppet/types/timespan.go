package types

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"kickoff/internal/value"
)

// Timespan is a length of time in nanoseconds.
type Timespan struct{ ns int64 }

// NewTimespan gives the Timespan of d.
func NewTimespan(d time.Duration) *Timespan { return &Timespan{int64(d)} }

// Duration gives the length.
func (t *Timespan) Duration() time.Duration { return time.Duration(t.ns) }

// Seconds is the length in seconds.
func (t *Timespan) Seconds() float64 { return float64(t.ns) / 1e9 }

// TypeName implements value.Value.
func (*Timespan) TypeName() string { return "Timespan" }

// String implements value.Value: days-hours:minutes:seconds.fraction.
func (t *Timespan) String() string {
	ns, neg := uint64(t.ns), ""
	if t.ns < 0 {
		ns, neg = uint64(-t.ns), "-"
	}
	s := ns / 1e9
	frac := strings.TrimRight(fmt.Sprintf("%09d", ns%1e9), "0")
	if frac == "" {
		frac = "0"
	}
	return fmt.Sprintf("%s%d-%02d:%02d:%02d.%s", neg, s/86400, s/3600%24, s/60%60, s%60, frac)
}

// Key implements value.Keyer.
func (t *Timespan) Key() string { return t.String() }

// Rich implements value.Richer.
func (t *Timespan) Rich() (string, value.Value) { return "Timespan", value.String(t.String()) }

// Compare orders timespans: -1, 0, 1.
func (t *Timespan) Compare(o *Timespan) int {
	switch {
	case t.ns < o.ns:
		return -1
	case t.ns > o.ns:
		return 1
	}
	return 0
}

// secondsSpan is the Timespan of a number of seconds.
func secondsSpan(s float64) *Timespan { return &Timespan{int64(math.Round(s * 1e9))} }

// timespanTexts are the forms that a Timespan is read from, each with the groups sign, days, hours, minutes, seconds,
// fraction.
var timespanTexts = []*regexp.Regexp{
	regexp.MustCompile(`^(-)?(\d+)-(\d+):(\d+):(\d+)(?:\.(\d{1,9}))?$`),
	regexp.MustCompile(`^(-)?()(\d+):(\d+):(\d+)(?:\.(\d{1,9}))?$`),
	regexp.MustCompile(`^(-)?()()(\d+):(\d+)\.(\d{1,9})$`),
	regexp.MustCompile(`^(-)?()()()(\d+)(?:\.(\d{1,9}))?$`),
	regexp.MustCompile(`^(-)?(\d+)-(\d+):(\d+)()()$`),
}

// ParseTimespan reads [-][days-]hours:minutes:seconds[.fraction], [-]minutes:seconds.fraction, [-]seconds[.fraction] and
// [-]days-hours:minutes.
func ParseTimespan(s string) (*Timespan, bool) {
	var m []string
	for _, re := range timespanTexts {
		if m = re.FindStringSubmatch(s); m != nil {
			break
		}
	}
	if m == nil {
		return nil, false
	}
	ns := (((atoi(m[2])*24+atoi(m[3]))*60+atoi(m[4]))*60 + atoi(m[5])) * 1e9
	if m[6] != "" {
		ns += atoi((m[6] + "000000000")[:9])
	}
	if m[1] != "" {
		ns = -ns
	}
	return &Timespan{ns}, true
}
