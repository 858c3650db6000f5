package fleet_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/instance"
)

// roll starts a rolling run and gathers its events.
func (w *world) roll(req api.RunRequest) (api.Run, []api.RunEvent) {
	w.t.Helper()
	run, err := w.c.StartRun(ctx, "test", req)
	if err != nil {
		w.t.Fatal(err)
	}
	var events []api.RunEvent
	if err := w.c.WatchRun(ctx, run.ID, 0, func(e api.RunEvent) error { events = append(events, e); return nil }); err != nil {
		w.t.Fatal(err)
	}
	run, err = w.c.GetRun(run.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return run, events
}

func TestRollingRun(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		w.mu.Lock()
		w.code, w.runChanges = "c2", true
		w.mu.Unlock()
		time.Sleep(2 * time.Minute)
		g := w.group("web")
		if g.Serving != 3 || !strings.Contains(strings.Join(g.Problems, "\n"), "other code") {
			t.Errorf("new code must take nobody out and be reported: %d serving, %q", g.Serving, g.Problems)
		}
		run, events := w.roll(api.RunRequest{Group: "web"})
		if run.Error != "" || run.Done != 3 || len(run.Results) != 3 {
			t.Errorf("run: %+v", run)
		}
		var steps []string
		for _, e := range events {
			steps = append(steps, e.Step)
		}
		one := "drain run ran gate back"
		if got, want := strings.Join(steps, " "), "begin "+one+" "+one+" "+one+" end"; got != want {
			t.Errorf("steps: %s", got)
		}
		w.mu.Lock()
		if w.maxOut != 1 {
			t.Errorf("%d out at once", w.maxOut)
		}
		w.mu.Unlock()
		w.serving(3)
		for _, i := range w.group("web").Instances {
			if !i.Current || !i.Out.IsZero() {
				t.Errorf("%s is not current or still out: %+v", i.Name, i)
			}
		}
	})
}

func TestRollingRunStopsAtFailure(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		w.mu.Lock()
		w.broken = func(string) bool { return true }
		w.mu.Unlock()
		run, _ := w.roll(api.RunRequest{Group: "web"})
		if run.Failed == "" || run.Done != 0 || !strings.Contains(run.Error, "Package[nginx]") {
			t.Errorf("run: %+v", run)
		}
		time.Sleep(10 * time.Minute)
		g := w.group("web")
		if g.Serving != 2 || g.Out != 1 || g.Failed != 0 {
			t.Errorf("%d serving, %d out, %d failed", g.Serving, g.Out, g.Failed)
		}
		w.mu.Lock()
		if len(slices.Compact(slices.Sorted(slices.Values(w.runs)))) != 1 {
			t.Errorf("others ran too: %v", w.runs)
		}
		w.broken = func(string) bool { return false }
		w.mu.Unlock()
		w.serving(3) // mended: its next run lets it back
	})
}

func TestRollingRunRefusals(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		if _, err := w.c.StartRun(ctx, "test", api.RunRequest{Group: "web"}); err == nil || !strings.Contains(err.Error(), "no instance of group web is in service") {
			t.Errorf("run without instances: %v", err)
		}
		w.serving(1)
		// The only one that serves is not drained.
		_, events := w.roll(api.RunRequest{Group: "web"})
		if !slices.ContainsFunc(events, func(e api.RunEvent) bool { return e.Step == api.RunSkip && strings.Contains(e.Message, "the only one") }) {
			t.Errorf("events: %+v", events)
		}
		run, _ := w.roll(api.RunRequest{Instance: w.group("lb").Instances[0].ID, Noop: true})
		if run.Done != 1 || run.Error != "" {
			t.Errorf("run: %+v", run)
		}
		first, err := w.c.StartRun(ctx, "test", api.RunRequest{Group: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.c.StartRun(ctx, "test", api.RunRequest{Group: "web"}); err == nil || !strings.Contains(err.Error(), first.ID) {
			t.Errorf("two at once: %v", err)
		}
		var e *api.Error
		if _, err := w.c.StartRun(ctx, "test", api.RunRequest{Instance: "i-nope"}); !errors.As(err, &e) || e.Code != api.CodeNotFound {
			t.Errorf("unknown instance: %v", err)
		}
	})
}

func TestRestartDuringRollingRun(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		if _, err := w.c.StartRun(ctx, "test", api.RunRequest{Group: "web"}); err != nil {
			t.Fatal(err)
		}
		w.until("one is out", time.Minute, func() bool {
			return slices.ContainsFunc(w.instances(), func(i *instance.Instance) bool { return i.Out.Run != "" })
		})
		w.stop()
		w.start()
		w.serving(3)
		time.Sleep(5 * time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		for id, s := range w.lb {
			if s != balancer.Ready {
				t.Errorf("%s is left %s in the balancer", id, s)
			}
		}
	})
}
