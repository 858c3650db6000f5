package types

import (
	"fmt"
	"time"

	"kickoff/internal/value"
)

// newTimestamp is Timestamp.new: now, seconds since the epoch, or a text.
func newTimestamp(args []value.Value) (value.Value, error) {
	if len(args) == 0 {
		return NewTimestamp(time.Now()), nil
	}
	switch a := args[0].(type) {
	case *Timestamp:
		return a, nil
	case value.Int:
		return NewTimestamp(time.Unix(int64(a), 0)), nil
	case value.Float:
		sec := int64(a)
		return NewTimestamp(time.Unix(sec, int64((float64(a)-float64(sec))*1e9))), nil
	case value.String:
		if t, ok := ParseTimestamp(string(a)); ok {
			return t, nil
		}
		return nil, fmt.Errorf("Unable to parse '%s' using any of the formats %%FT%%T.%%N %%Z, %%FT%%T %%Z, %%F %%T.%%N %%Z, %%F %%T %%Z, %%F %%Z, %%FT%%T.%%N, %%FT%%T, %%F %%T.%%N, %%F %%T, %%F", a)
	}
	return nil, fmt.Errorf("Timestamp.new expects a number or a String, got %s", Label(Infer(args[0])))
}

// newTimespan is Timespan.new: seconds, a text, or days, hours, minutes, seconds and fractions of them.
func newTimespan(args []value.Value) (value.Value, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("Timespan.new expects an argument")
	}
	switch a := args[0].(type) {
	case *Timespan:
		return a, nil
	case value.Int:
		if len(args) > 1 {
			return spanOfParts(args)
		}
		return secondsSpan(float64(a)), nil
	case value.Float:
		return secondsSpan(float64(a)), nil
	case value.String:
		if t, ok := ParseTimespan(string(a)); ok {
			return t, nil
		}
		return nil, fmt.Errorf("Unable to parse '%s' using any of the formats %%D-%%H:%%M:%%S.%%-N, %%H:%%M:%%S.%%-N, %%M:%%S.%%-N, %%S.%%-N, %%D-%%H:%%M:%%S, %%H:%%M:%%S, %%D-%%H:%%M, %%S", a)
	case *value.Hash:
		return spanOfHash(a)
	}
	return nil, fmt.Errorf("Timespan.new expects a number, a String or a Hash, got %s", Label(Infer(args[0])))
}

// spanUnits are the units of a Timespan, in the order of the arguments of new, in nanoseconds.
var spanUnits = []struct {
	name string
	ns   int64
}{
	{"days", 86400e9}, {"hours", 3600e9}, {"minutes", 60e9}, {"seconds", 1e9},
	{"milliseconds", 1e6}, {"microseconds", 1e3}, {"nanoseconds", 1},
}

func spanOfParts(args []value.Value) (value.Value, error) {
	if len(args) < 4 || len(args) > len(spanUnits) {
		return nil, fmt.Errorf("Timespan.new expects days, hours, minutes, seconds and at most three fractions, got %d arguments", len(args))
	}
	var ns int64
	for i, a := range args {
		n, ok := a.(value.Int)
		if !ok {
			return nil, fmt.Errorf("Timespan.new expects integers, got %s", Label(Infer(a)))
		}
		ns += int64(n) * spanUnits[i].ns
	}
	return &Timespan{ns}, nil
}

func spanOfHash(h *value.Hash) (value.Value, error) {
	if s, ok := h.GetString("string"); ok {
		return newTimespan([]value.Value{s})
	}
	var ns int64
	for _, u := range spanUnits {
		if v, ok := h.GetString(u.name); ok {
			n, ok := v.(value.Int)
			if !ok {
				return nil, fmt.Errorf("Timespan.new expects '%s' to be an Integer, got %s", u.name, Label(Infer(v)))
			}
			ns += int64(n) * u.ns
		}
	}
	if neg, _ := h.GetString("negative"); neg != nil && value.Truthy(neg) {
		ns = -ns
	}
	return &Timespan{ns}, nil
}
