package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/fleet/instance"
)

func TestDecide(t *testing.T) {
	limits := Limits{Min: 1, Max: 20, Floor: 2}
	tests := []struct {
		name string
		in   Input
		size int
		won  Rule
		why  string
	}{
		{"size", Input{Size: 3, Limits: limits}, 3, RuleSize, "size: 3 in fleet.yaml"},
		{"override outranks size", Input{Size: 3, Override: new(5), OverrideBy: "uid 0", Limits: limits}, 5, RuleOverride, "override: 5 by uid 0"},
		{"floor outranks override", Input{Size: 3, Override: new(0), Limits: limits}, 2, RuleOverride, "override: 0; the protected floor makes 2 of 0"},
		{"limit outranks override", Input{Size: 3, Override: new(50), Limits: limits}, 20, RuleOverride, "override: 50; limits.max makes 20 of 50"},
		{"limit outranks floor", Input{Size: 3, Limits: Limits{Max: 1, Floor: 2}}, 1, RuleSize, "size: 3 in fleet.yaml; limits.max makes 1 of 3"},
		{"zero", Input{Limits: Limits{Max: 1}}, 0, RuleSize, "size: 0 in fleet.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Decide(tt.in)
			if d.Size != tt.size || d.Won.Rule != tt.won || d.Why() != tt.why {
				t.Errorf("got %d, %s, %q; want %d, %s, %q", d.Size, d.Won.Rule, d.Why(), tt.size, tt.won, tt.why)
			}
			if tt.won == RuleOverride && (len(d.Lost) != 1 || d.Lost[0].Rule != RuleSize) {
				t.Errorf("the rule that lost is not recorded: %+v", d.Lost)
			}
		})
	}
}

func TestLeave(t *testing.T) {
	at := func(m int) time.Time { return time.Date(2026, 11, 22, 20, m, 0, 0, time.UTC) }
	cs := []Candidate{
		{LaunchID: "old", Stage: instance.InService, Serving: true, Healthy: true, Current: true, Since: at(0)},
		{LaunchID: "new", Stage: instance.InService, Serving: true, Healthy: true, Current: true, Since: at(9)},
		{LaunchID: "stale", Stage: instance.InService, Serving: true, Healthy: true, Since: at(5)},
		{LaunchID: "sick", Stage: instance.InService, Serving: true, Current: true, Since: at(6)},
		{LaunchID: "booting", Stage: instance.Booting, Since: at(10)},
		{LaunchID: "asked", Stage: instance.Requested, Since: at(11)},
		{LaunchID: "asked-later", Stage: instance.Requested, Since: at(12)},
	}
	want := []string{"asked-later", "asked", "booting", "sick", "stale", "old", "new"}
	if d := cmp.Diff(want, Leave(cs, 10)); d != "" {
		t.Error(d)
	}
	if got := Leave(cs, -1); got != nil {
		t.Errorf("negative count gives %v", got)
	}
}

func TestRemovable(t *testing.T) {
	for _, tt := range []struct{ serving, unhealthy, want int }{
		{3, 1, 1}, {3, 2, 0}, {1, 1, 0}, {2, 1, 0}, {6, 2, 2}, {6, 3, 0}, {10, 0, 0},
	} {
		if got := Removable(tt.serving, tt.unhealthy); got != tt.want {
			t.Errorf("Removable(%d, %d) = %d, want %d", tt.serving, tt.unhealthy, got, tt.want)
		}
	}
}

func TestPlacesAndBackoff(t *testing.T) {
	want := []Place{{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", "2"}}
	if d := cmp.Diff(want, Places([]string{"a", "b"}, []string{"1", "2"})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Place{{}}, Places(nil, nil)); d != "" {
		t.Error(d)
	}
	if Backoff(0) != 0 || Backoff(1) != 10*time.Second || Backoff(2) != 20*time.Second || Backoff(99) != 5*time.Minute {
		t.Error("back-off", Backoff(1), Backoff(2), Backoff(99))
	}
}
