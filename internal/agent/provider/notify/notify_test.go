package notify

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/agent/provider"
	"kickoff/internal/value"
)

type lines []provider.Line

// Report implements provider.Reporter.
func (l *lines) Report(line provider.Line) { *l = append(*l, line) }

func TestNotify(t *testing.T) {
	tests := []struct {
		params    map[string]value.Value
		sensitive map[string]bool
		want      provider.Line
	}{
		{map[string]value.Value{"message": value.String("hi")}, nil,
			provider.Line{Level: provider.Notice, Property: "message", Message: "hi", Bare: true}},
		{map[string]value.Value{"message": value.String("hi"), "withpath": value.Bool(true), "loglevel": value.String("warning")}, nil,
			provider.Line{Level: provider.Warning, Property: "message", Message: "hi"}},
		{map[string]value.Value{"message": value.String("hi")}, map[string]bool{"message": true},
			provider.Line{Level: provider.Notice, Property: "message", Message: value.Redacted, Bare: true}},
	}
	for _, tt := range tests {
		var got lines
		cs, err := New().Check(t.Context(), &provider.Resource{Params: tt.params, Sensitive: tt.sensitive, Reporter: &got})
		if err != nil || len(cs) != 1 {
			t.Fatal(cs, err)
		}
		if len(got) > 0 {
			t.Error("Check wrote something")
		}
		if err := cs[0].Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(lines{tt.want}, got); d != "" {
			t.Error(d)
		}
	}
}
