// Package balancertest is the conformance suite that every implementation of
// balancer.Balancer passes.
package balancertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"kickoff/internal/fleet/balancer"
)

// World is a balancer under test together with what is around it.
type World interface {
	// Balancer gives a driver without memory: each call a new one on the same balancer.
	Balancer() balancer.Balancer
	// Restart restarts the balancer itself.
	Restart()
	// SetHealthy says whether a target answers its health check.
	SetHealthy(name string, healthy bool)
	// Serves reports whether new requests may reach a target now.
	Serves(name string) bool
	// NoNodes takes everything away that balances.
	NoNodes()
}

// Run runs the suite. patience is how long the balancer's health checks take.
func Run(t *testing.T, patience time.Duration, newWorld func(t *testing.T) World) {
	a := balancer.Target{Name: "i-a", Address: "10.0.0.1", State: balancer.Standby}
	b := balancer.Target{Name: "i-b", Address: "10.0.0.2", State: balancer.Ready}
	as := func(t balancer.Target, s balancer.State) balancer.Target { t.State = s; return t }

	t.Run("standby is checked and serves nobody", func(t *testing.T) {
		w := newWorld(t)
		w.SetHealthy(a.Name, true)
		await(t, w, patience, []balancer.Target{a}, func(r balancer.Report) bool { return up(r, a.Name) })
		if w.Serves(a.Name) {
			t.Error("a target in standby serves")
		}
	})
	t.Run("not up before the first check has passed", func(t *testing.T) {
		w := newWorld(t)
		w.SetHealthy(a.Name, false)
		for range 3 {
			r, err := w.Balancer().Sync(context.Background(), []balancer.Target{as(a, balancer.Ready)})
			if err != nil {
				t.Fatal(err)
			}
			if up(r, a.Name) || w.Serves(a.Name) {
				t.Error("a target that never answered is up")
			}
		}
	})
	t.Run("ready serves, also after a restart and with a new driver", func(t *testing.T) {
		w := newWorld(t)
		w.SetHealthy(b.Name, true)
		want := []balancer.Target{b}
		await(t, w, patience, want, func(r balancer.Report) bool { return up(r, b.Name) && w.Serves(b.Name) })
		w.Restart()
		await(t, w, patience, want, func(r balancer.Report) bool { return up(r, b.Name) && w.Serves(b.Name) })
	})
	t.Run("drain takes it out, health goes on", func(t *testing.T) {
		w := newWorld(t)
		w.SetHealthy(b.Name, true)
		await(t, w, patience, []balancer.Target{b}, func(balancer.Report) bool { return w.Serves(b.Name) })
		await(t, w, patience, []balancer.Target{as(b, balancer.Drain)}, func(r balancer.Report) bool { return !w.Serves(b.Name) && up(r, b.Name) })
		w.SetHealthy(b.Name, false)
		await(t, w, patience, []balancer.Target{as(b, balancer.Drain)}, func(r balancer.Report) bool { return !up(r, b.Name) })
	})
	t.Run("missing is deregistered", func(t *testing.T) {
		w := newWorld(t)
		w.SetHealthy(a.Name, true)
		w.SetHealthy(b.Name, true)
		await(t, w, patience, []balancer.Target{as(a, balancer.Ready), b}, func(balancer.Report) bool { return w.Serves(a.Name) && w.Serves(b.Name) })
		r, err := w.Balancer().Sync(context.Background(), []balancer.Target{b})
		if err != nil || len(r.Unreachable) > 0 {
			t.Fatal(r, err)
		}
		if w.Serves(a.Name) || status(r, a.Name) != nil || !w.Serves(b.Name) {
			t.Errorf("a serves: %v, b serves: %v, report %+v", w.Serves(a.Name), w.Serves(b.Name), r)
		}
	})
	t.Run("no nodes", func(t *testing.T) {
		w := newWorld(t)
		w.NoNodes()
		if _, err := w.Balancer().Sync(context.Background(), []balancer.Target{b}); err != balancer.ErrNoNodes {
			t.Errorf("got %v, want ErrNoNodes", err)
		}
	})
}

func status(r balancer.Report, name string) *balancer.Status {
	if i := slices.IndexFunc(r.Targets, func(s balancer.Status) bool { return s.Name == name }); i >= 0 {
		return &r.Targets[i]
	}
	return nil
}

func up(r balancer.Report, name string) bool {
	s := status(r, name)
	return s != nil && s.Up
}

// await syncs again and again, as the controller does, until the report is as wanted.
func await(t *testing.T, w World, patience time.Duration, want []balancer.Target, ok func(balancer.Report) bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		r, err := w.Balancer().Sync(context.Background(), want)
		if err != nil {
			t.Fatal(err)
		}
		if ok(r) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: last report %+v", patience, r)
		}
		time.Sleep(patience / 50)
	}
}
