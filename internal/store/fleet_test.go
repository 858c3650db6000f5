package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

var fleetTime = time.Date(2026, 11, 22, 20, 40, 0, 0, time.UTC)

func openFleet(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "kickoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fleetInstance(launch, id string) *instance.Instance {
	return &instance.Instance{
		LaunchID: launch, ID: id, Stage: instance.Requested, Times: instance.Times{instance.Requested: fleetTime},
		Intent: instance.Intent{Group: "web", Cloud: "local", ClientToken: "kickoff-" + launch, Image: "debian-12", UserData: "#!/bin/sh\n",
			SecurityGroups: []string{"web"}, Tags: map[string]string{"app": "api"}, Binaries: map[string]string{"amd64": "ab"}},
	}
}

func TestFleetCommit(t *testing.T) {
	s, ctx := openFleet(t), t.Context()
	i := fleetInstance("l-1", "")
	events, err := s.FleetCommit(ctx, instance.Change{At: fleetTime, Instances: []*instance.Instance{i},
		IssueToken: &instance.EnrolmentToken{LaunchID: "l-1", Hash: "h", Expires: fleetTime.Add(time.Hour)},
		Groups:     []instance.GroupState{{Group: "web", Override: new(3), Target: 3}},
		Events:     []instance.Event{{At: fleetTime, Kind: instance.KindStage, Message: "a"}, {At: fleetTime, Message: "b"}},
		Decisions:  []instance.DecisionRecord{{At: fleetTime, Group: "web", Record: []byte(`{"size":3}`)}}})
	if err != nil || len(events) != 2 || events[0].Seq != 1 || events[1].Seq != 2 {
		t.Fatal(events, err)
	}
	i.ID, i.Stage = "i-1", instance.Pending
	i.Enter(instance.Pending, fleetTime.Add(time.Second))
	if _, err := s.FleetCommit(ctx, instance.Change{At: fleetTime, Instances: []*instance.Instance{i}, Bind: []instance.Binding{{LaunchID: "l-1", ID: "i-1"}}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.FleetInstance(ctx, "i-1")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(i, got); d != "" {
		t.Error(d)
	}
	groups, err := s.FleetGroups(ctx)
	if err != nil || len(groups) != 1 || *groups[0].Override != 3 {
		t.Error(groups, err)
	}
	if list, err := s.FleetEvents(ctx, 1, 10); err != nil || len(list) != 1 || list[0].Message != "b" {
		t.Error(list, err)
	}
	if list, err := s.FleetEvents(ctx, -1, 1); err != nil || len(list) != 1 || list[0].Seq != 2 {
		t.Error(list, err)
	}
	if n, err := s.FleetLaunchesSince(ctx, "web", fleetTime); err != nil || n != 1 {
		t.Error(n, err)
	}
	if list, err := s.FleetDecisions(ctx, "web", 5); err != nil || len(list) != 1 || string(list[0].Record) != `{"size":3}` {
		t.Error(list, err)
	}
}

func TestFleetCommitIsOneTransaction(t *testing.T) {
	s, ctx := openFleet(t), t.Context()
	// Binding a token that was never issued fails, and takes all the rest with it.
	_, err := s.FleetCommit(ctx, instance.Change{At: fleetTime, Instances: []*instance.Instance{fleetInstance("l-1", "i-1")},
		Bind: []instance.Binding{{LaunchID: "l-1", ID: "i-1"}}, Events: []instance.Event{{Message: "x"}}})
	if err == nil {
		t.Fatal("bound a token that does not exist")
	}
	if list, _ := s.FleetInstances(ctx, true); len(list) != 0 {
		t.Errorf("an instance was stored: %v", list)
	}
	if _, err := s.FleetInstance(ctx, "i-1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if _, err := s.FleetInstance(ctx, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("empty name: got %v, want ErrNotFound", err)
	}
}

func TestFleetRetire(t *testing.T) {
	s, ctx := openFleet(t), t.Context()
	i := fleetInstance("l-1", "i-1")
	for _, c := range []instance.Change{
		{At: fleetTime, Instances: []*instance.Instance{i}, IssueToken: &instance.EnrolmentToken{LaunchID: "l-1", Hash: "h", Expires: fleetTime.Add(time.Hour)}},
		{At: fleetTime, Bind: []instance.Binding{{LaunchID: "l-1", ID: "i-1"}}},
	} {
		if _, err := s.FleetCommit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	gone := i.Clone()
	gone.Stage = instance.Gone
	retire := instance.Change{At: fleetTime, Instances: []*instance.Instance{gone}, Retire: []instance.Retirement{{LaunchID: "l-1", ID: "i-1", Reason: "test"}}}
	for range 2 { // it may be repeated
		if _, err := s.FleetCommit(ctx, retire); err != nil {
			t.Fatal(err)
		}
	}
	err := s.View(ctx, func(tx *Tx) error {
		at, err := tx.RetiredAt(ctx, "i-1")
		if at.IsZero() {
			t.Error("no tombstone")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if list, _ := s.FleetInstances(ctx, false); len(list) != 0 {
		t.Error("gone instance is listed")
	}
	if list, _ := s.FleetNodes(ctx); len(list) != 0 {
		t.Error("gone instance is a node")
	}
	if list, _ := s.FleetInstances(ctx, true); len(list) != 1 || list[0].Intent.UserData != "" {
		t.Error("gone instance is not in the history, or with user-data")
	}
}

func TestAPITokens(t *testing.T) {
	s, ctx := openFleet(t), t.Context()
	tok := api.Token{ID: "1", Name: "ci", Scope: "read", Created: fleetTime, Expires: fleetTime.Add(time.Hour)}
	if err := s.PutAPIToken(ctx, tok, "hash"); err != nil {
		t.Fatal(err)
	}
	got, err := s.APITokenByHash(ctx, "hash", fleetTime)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(tok, got); d != "" {
		t.Error(d)
	}
	for name, f := range map[string]func() error{
		"expired": func() error { _, err := s.APITokenByHash(ctx, "hash", fleetTime.Add(time.Hour)); return err },
		"unknown": func() error { _, err := s.APITokenByHash(ctx, "other", fleetTime); return err },
		"delete":  func() error { return s.DeleteAPIToken(ctx, "2") },
	} {
		if err := f(); !errors.Is(err, api.ErrNoToken) {
			t.Errorf("%s: got %v, want ErrNoToken", name, err)
		}
	}
	if err := s.DeleteAPIToken(ctx, "1"); err != nil {
		t.Fatal(err)
	}
	if list, _ := s.APITokens(ctx); len(list) != 0 {
		t.Error(list)
	}
}
