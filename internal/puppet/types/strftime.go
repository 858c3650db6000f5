package types

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeFormat is one %… of a time's format: flags and width as in Ruby's strftime.
type timeFormat struct {
	pad          byte // 0: the default of the verb, '-': none
	upper, colon bool
	width        int
	verb         byte
}

// eachFormat gives literal text and directives in turn.
func eachFormat(format string, text func(string), directive func(f timeFormat, raw string)) {
	for format != "" {
		n := strings.IndexByte(format, '%')
		if n < 0 || n+1 == len(format) {
			text(format)
			return
		}
		text(format[:n])
		f, i := timeFormat{}, n+1
	flags:
		for ; i < len(format); i++ {
			switch ch := format[i]; ch {
			case '-', '0', '_':
				f.pad = ch
			case '^':
				f.upper = true
			case ':':
				f.colon = true
			case '#':
			default:
				break flags
			}
		}
		for ; i < len(format) && format[i] >= '0' && format[i] <= '9'; i++ {
			f.width = min(f.width*10+int(format[i]-'0'), 1000)
		}
		if i == len(format) {
			text(format[n:])
			return
		}
		f.verb = format[i]
		directive(f, format[n:i+1])
		format = format[i+1:]
	}
}

// num writes a number with the verb's padding unless the flags say another.
func (f timeFormat) num(n int64, width int, pad byte) string {
	switch f.pad {
	case '-':
		return strconv.FormatInt(n, 10)
	case '0':
		pad = '0'
	case '_':
		pad = ' '
	}
	if f.width > 0 {
		width = f.width
	}
	s := strconv.FormatInt(n, 10)
	return strings.Repeat(string(pad), max(0, width-len(s))) + s
}

// layouts are the verbs that have a layout of package time with the same meaning.
var layouts = map[byte]string{
	'B': "January", 'b': "Jan", 'h': "Jan", 'A': "Monday", 'a': "Mon", 'p': "PM", 'P': "pm", 'Z': "MST",
	'F': "2006-01-02", 'T': "15:04:05", 'X': "15:04:05", 'R': "15:04", 'r': "03:04:05 PM", 'D': "01/02/06",
	'x': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'v': "_2-JAN-2006", '+': "Mon Jan _2 15:04:05 MST 2006",
}

// FormatTime formats as Ruby's strftime.
func FormatTime(t time.Time, format string) string {
	var b strings.Builder
	eachFormat(format, func(s string) { b.WriteString(s) }, func(f timeFormat, raw string) {
		s, ok := formatTimeVerb(t, f)
		if !ok {
			s = raw
		}
		if f.upper {
			s = strings.ToUpper(s)
		}
		b.WriteString(s)
	})
	return b.String()
}

func formatTimeVerb(t time.Time, f timeFormat) (string, bool) {
	if layout, ok := layouts[f.verb]; ok {
		s := t.Format(layout)
		if f.verb == 'v' {
			s = strings.ToUpper(s)
		}
		return s, true
	}
	year, week := t.ISOWeek()
	switch f.verb {
	case 'Y':
		return f.num(int64(t.Year()), 1, '0'), true
	case 'C':
		return f.num(int64(t.Year()/100), 2, '0'), true
	case 'y':
		return f.num(int64(t.Year()%100), 2, '0'), true
	case 'm':
		return f.num(int64(t.Month()), 2, '0'), true
	case 'd':
		return f.num(int64(t.Day()), 2, '0'), true
	case 'e':
		return f.num(int64(t.Day()), 2, ' '), true
	case 'j':
		return f.num(int64(t.YearDay()), 3, '0'), true
	case 'H':
		return f.num(int64(t.Hour()), 2, '0'), true
	case 'k':
		return f.num(int64(t.Hour()), 2, ' '), true
	case 'I':
		return f.num(int64((t.Hour()+11)%12+1), 2, '0'), true
	case 'l':
		return f.num(int64((t.Hour()+11)%12+1), 2, ' '), true
	case 'M':
		return f.num(int64(t.Minute()), 2, '0'), true
	case 'S':
		return f.num(int64(t.Second()), 2, '0'), true
	case 'L':
		return fraction(int64(t.Nanosecond()), f, 3), true
	case 'N':
		return fraction(int64(t.Nanosecond()), f, 9), true
	case 'z':
		if f.colon {
			return t.Format("-07:00"), true
		}
		return t.Format("-0700"), true
	case 'u':
		return f.num(int64((t.Weekday()+6)%7+1), 1, '0'), true
	case 'w':
		return f.num(int64(t.Weekday()), 1, '0'), true
	case 'G':
		return f.num(int64(year), 1, '0'), true
	case 'g':
		return f.num(int64(year%100), 2, '0'), true
	case 'V':
		return f.num(int64(week), 2, '0'), true
	case 'U':
		return f.num(int64((t.YearDay()+6-int(t.Weekday()))/7), 2, '0'), true
	case 'W':
		return f.num(int64((t.YearDay()+6-int(t.Weekday()+6)%7)/7), 2, '0'), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case '%':
		return "%", true
	}
	return "", false
}

func fraction(ns int64, f timeFormat, digits int) string {
	if f.width > 0 {
		digits = f.width
	}
	s := fmt.Sprintf("%09d", ns)
	for len(s) < digits {
		s += "0"
	}
	return s[:digits]
}

// FormatSpan formats a Timespan: %D days, %H hours, %M minutes, %S seconds, %L milliseconds, %N nanoseconds. The largest
// unit that occurs takes what the larger ones would.
func FormatSpan(t *Timespan, format string) (string, error) {
	units := map[byte]int64{'D': 86400e9, 'H': 3600e9, 'M': 60e9, 'S': 1e9, 'L': 1e6, 'N': 1}
	below := map[byte]int64{'H': 24, 'M': 60, 'S': 60, 'L': 1000, 'N': 1e9}
	widths := map[byte]int{'D': 1, 'H': 2, 'M': 2, 'S': 2, 'L': 3, 'N': 9}
	largest := byte(0)
	eachFormat(format, func(string) {}, func(f timeFormat, _ string) {
		if u := units[f.verb]; u > units[largest] {
			largest = f.verb
		}
	})
	ns := t.ns
	var b strings.Builder
	var err error
	if ns < 0 {
		b.WriteByte('-')
		ns = -ns
	}
	eachFormat(format, func(s string) { b.WriteString(s) }, func(f timeFormat, raw string) {
		switch {
		case f.verb == '%':
			b.WriteByte('%')
		case units[f.verb] == 0:
			err = fmt.Errorf("Bad format specifier '%s' in '%s', at position %d", raw, format, strings.Index(format, raw))
		default:
			n := ns / units[f.verb]
			if f.verb != largest {
				n %= below[f.verb]
			}
			b.WriteString(f.num(n, widths[f.verb], '0'))
		}
	})
	return b.String(), err
}
