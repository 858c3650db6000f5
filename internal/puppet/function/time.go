package function

import (
	"context"
	"time"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// timeTable: strftime.
func timeTable() []eval.Function {
	return []eval.Function{
		fn("strftime",
			sig(strftimeSpan, eval.Req("time_object", "Timespan"), eval.Req("format", "String")),
			sig(strftimeStamp, eval.Req("time_object", "Timestamp"), eval.Req("format", "String"), eval.Opt("timezone", "String")),
			sig(strftimeNow, eval.Req("format", "String"), eval.Opt("timezone", "String"))),
	}
}

func strftimeSpan(_ context.Context, c *eval.Call) (value.Value, error) {
	s, err := types.FormatSpan(c.Arg(0).(*types.Timespan), c.Str(1))
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	return value.String(s), nil
}

func strftimeStamp(_ context.Context, c *eval.Call) (value.Value, error) {
	return formatTime(c, c.Arg(0).(*types.Timestamp).Time(), c.Str(1), c.Arg(2))
}

func strftimeNow(_ context.Context, c *eval.Call) (value.Value, error) {
	return formatTime(c, time.Now().UTC(), c.Str(0), c.Arg(1))
}

func formatTime(c *eval.Call, t time.Time, format string, zone value.Value) (value.Value, error) {
	if !value.IsUndef(zone) {
		loc := time.Local
		if name := zone.String(); name != "current" {
			var err error
			if loc, err = time.LoadLocation(name); err != nil {
				return nil, c.Errorf("Illegal timezone '%s'", name)
			}
		}
		t = t.In(loc)
	}
	return value.String(types.FormatTime(t, format)), nil
}
