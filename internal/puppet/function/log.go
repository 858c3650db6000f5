package function

import (
	"context"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// logTable: messages, and fail.
func logTable() []eval.Function {
	table := []eval.Function{fn("fail", sig(fail, eval.Rest("values", "Any")))}
	for name, level := range map[string]eval.Level{
		"debug": eval.LevelDebug, "info": eval.LevelInfo, "notice": eval.LevelNotice, "warning": eval.LevelWarning,
		"err": eval.LevelErr, "alert": eval.LevelAlert, "emerg": eval.LevelEmerg, "crit": eval.LevelCrit,
	} {
		table = append(table, fn(name, sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			c.Log(level, joined(c.Args))
			return undef()
		}, eval.Rest("values", "Any"))))
	}
	return table
}

// joined is the text of a message: its arguments with blanks between them.
func joined(args []value.Value) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.String()
	}
	return strings.Join(parts, " ")
}

func fail(_ context.Context, c *eval.Call) (value.Value, error) {
	return nil, c.Errorf("%s", joined(c.Args))
}
