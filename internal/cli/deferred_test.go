package cli

import (
	"strings"
	"testing"

	"kickoff/internal/value"
)

func TestDeferredCalls(t *testing.T) {
	d, err := newDeferredCalls()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []value.Value
		want string
		err  string
	}{
		{"join", []value.Value{value.Strings("a", "b"), value.String("-")}, "a-b", ""},
		{"sprintf", []value.Value{value.String("%03d"), value.Int(7)}, "007", ""},
		{"nosuch", nil, "", "Unknown function: 'nosuch'"},
		{"$facts", nil, "", "an agent has no variables"},
		{"include", []value.Value{value.String("x")}, "", "deferred function include"},
		{"join", nil, "", "deferred function join"},
	} {
		got, err := d.Resolve(t.Context(), &value.Deferred{Name: c.name, Args: value.NewArray(c.args...)})
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v, want error %q", c.name, err, c.err)
			}
		case err != nil || got.String() != c.want:
			t.Errorf("%s = %v, %v; want %s", c.name, got, err, c.want)
		}
	}
}
