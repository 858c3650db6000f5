package fleet_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/cloud/cloudtest"
	"kickoff/internal/fleet/instance"
)

var ctx = context.Background()

func TestLaunchToService(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		w.clean()
		for _, i := range w.group("web").Instances {
			var stages []string
			for _, s := range i.Stages {
				stages = append(stages, string(s.Stage))
			}
			if got, want := strings.Join(stages, " "), "requested pending booting enrolling converging in_service"; got != want {
				t.Errorf("%s: stages %s, want %s", i.Name, got, want)
			}
			if i.LeadSeconds < 17 || i.LeadSeconds > 40 {
				t.Errorf("%s: in service after %v s", i.Name, i.LeadSeconds)
			}
		}
		if n := len(w.cloud.Calls(cloudtest.OpLaunch)); n != 4 {
			t.Errorf("%d launch calls for 4 instances", n)
		}
	})
}

func TestScaleDownDrainsFirst(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		for _, i := range w.group("web").Instances {
			w.mu.Lock()
			w.sessions[i.ID] = 1
			w.mu.Unlock()
		}
		a, err := w.c.Scale(ctx, "test", "web", api.ScaleRequest{Size: new(1)})
		if err != nil || a.Before != 3 || a.Size != 1 {
			t.Fatal(a, err)
		}
		time.Sleep(20 * time.Second)
		if n := len(w.cloud.Calls(cloudtest.OpTerminate)); n > 0 {
			t.Errorf("%d terminated with sessions open, before the deadline", n)
		}
		w.serving(1) // the deadline of 30 s cuts the stuck sessions off
		w.clean()
		if n := len(w.cloud.Calls(cloudtest.OpTerminate)); n != 2 {
			t.Errorf("%d terminate calls, want 2", n)
		}
	})
}

func TestFailedInstancesAreKeptReplacedAndStop(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.mu.Lock()
		w.mute = w.inWeb
		w.mu.Unlock()
		w.until("stop", time.Hour, func() bool { return w.group("web").Stopped != "" })
		time.Sleep(time.Hour)
		g := w.group("web")
		if g.Failed != 2 || g.Serving != 0 || g.Starting != 0 {
			t.Errorf("%d failed kept, %d serving, %d starting; want 2, 0, 0", g.Failed, g.Serving, g.Starting)
		}
		launches := 0
		for _, i := range w.instances() {
			if i.Intent.Group == "web" {
				launches++
			}
		}
		if launches != 3 {
			t.Errorf("%d launches, want 3", launches)
		}
		if n := w.store.said(instance.KindStop, instance.Alarm); n != 1 {
			t.Errorf("said %d times that it stopped, want once", n)
		}
		if len(g.Problems) < 3 || !strings.Contains(g.Problems[1], "did not ask for its binary") {
			t.Errorf("problems: %q", g.Problems)
		}
		w.clean()

		w.mu.Lock()
		w.mute = func(string) bool { return false }
		w.mu.Unlock()
		if _, err := w.c.Resume(ctx, "test", "web"); err != nil {
			t.Fatal(err)
		}
		w.until("serving after resume", 10*time.Minute, func() bool { return w.group("web").Serving == 1 })
	})
}

func TestBrokenManifestNeverEntersBalancer(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.mu.Lock()
		w.broken = w.inWeb
		w.mu.Unlock()
		w.until("stop", time.Hour, func() bool { return w.group("web").Stopped != "" })
		time.Sleep(30 * time.Minute)
		w.mu.Lock()
		if len(w.served) > 0 {
			t.Errorf("served: %v", w.served)
		}
		w.mu.Unlock()
		if g := w.group("web"); !strings.Contains(g.Stopped, "runs failed") || g.Failed != 2 {
			t.Errorf("stopped %q, %d failed kept", g.Stopped, g.Failed)
		}
		// A change of the configuration lets it try again.
		w.mu.Lock()
		w.broken = func(string) bool { return false }
		w.mu.Unlock()
		if err := w.c.SetConfig(parse(t, 2)); err != nil {
			t.Fatal(err)
		}
		w.until("serving after a new configuration", 10*time.Minute, func() bool { return w.group("web").Serving == 2 })
		w.clean()
	})
}

func TestTakenAwayByTheCloud(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		victim := w.group("web").Instances[0].ID
		w.cloud.SetState(victim, cloud.Terminated, "Server.SpotInstanceTermination")
		w.until("cleaned up", time.Minute, func() bool { return w.store.isRetired(victim) })
		w.serving(3)
		w.clean()
		forgotten := w.group("web").Instances[0].ID
		w.cloud.Forget(forgotten)
		w.serving(3)
		w.until("forgotten is gone", 3*time.Minute, func() bool { return w.store.isRetired(forgotten) })
		w.serving(3)
		w.clean()
	})
}

// inWeb says whether a launch is of group web.
func (w *world) inWeb(launch string) bool {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	i := w.store.instances[launch]
	return i != nil && i.Intent.Group == "web"
}

func (m *memory) isRetired(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.retired[id]
}

func TestCloudFaults(t *testing.T) {
	other := errors.New("connection reset")
	for _, tt := range []struct {
		name   string
		break_ func(w *world)
	}{
		{"launch answers are lost", func(w *world) { w.cloud.LoseAnswer(cloudtest.OpLaunch, other, other, other) }},
		{"launch fails", func(w *world) { w.cloud.FailNext(cloudtest.OpLaunch, other, nil, other) }},
		{"throttled", func(w *world) {
			w.cloud.FailNext(cloudtest.OpLaunch, &cloud.Error{Kind: cloud.KindThrottled}, &cloud.Error{Kind: cloud.KindThrottled})
		}},
		{"describe fails", func(w *world) { w.cloud.FailNext(cloudtest.OpDescribe, other, other, other, other) }},
		{"eventually consistent", func(w *world) { w.cloud.HideNew(10) }},
		{"no capacity for a while", func(w *world) {
			w.cloud.SetCapacity(2)
			go func() { time.Sleep(3 * time.Minute); w.cloud.SetCapacity(-1) }()
		}},
		{"store fails once", func(w *world) { w.store.mu.Lock(); w.store.failNext = other; w.store.mu.Unlock() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				tt.break_(w)
				w.serving(3)
				w.clean()
				w.cloud.LoseAnswer(cloudtest.OpTerminate, other)
				w.cloud.FailNext(cloudtest.OpTerminate, other)
				if _, err := w.c.Scale(ctx, "test", "web", api.ScaleRequest{Size: new(1)}); err != nil {
					t.Fatal(err)
				}
				w.serving(1)
				w.clean()
			})
		})
	}
}

func TestScaleDownWhileLaunching(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		w.cloud.LoseAnswer(cloudtest.OpLaunch, errors.New("lost"), errors.New("lost"))
		time.Sleep(1500 * time.Millisecond)
		if _, err := w.c.Scale(ctx, "test", "web", api.ScaleRequest{Size: new(1)}); err != nil {
			t.Fatal(err)
		}
		w.serving(1)
		w.clean()
	})
}

func TestRestartAnywhere(t *testing.T) {
	// Stop and start the controller at many moments of launch and termination.
	inWorld(t, 3, func(w *world) {
		for range 40 {
			time.Sleep(700 * time.Millisecond)
			w.stop()
			w.start()
		}
		w.serving(3)
		w.clean()
		if _, err := w.c.Scale(ctx, "test", "web", api.ScaleRequest{Size: new(0)}); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			time.Sleep(300 * time.Millisecond)
			w.stop()
			w.start()
		}
		w.until("all gone", 5*time.Minute, func() bool { return len(w.group("web").Instances) == 0 })
		w.clean()
		if n := len(w.instances()); n != 4 {
			t.Errorf("%d instances were launched, want 4", n)
		}
	})
}

func TestHealth(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.serving(3)
		ids := w.group("web").Instances
		sick := func(id string, v bool) { w.mu.Lock(); w.sick[id] = v; w.mu.Unlock() }

		// One of three is a third: removed and replaced.
		sick(ids[0].ID, true)
		w.until("replaced", 10*time.Minute, func() bool { g := w.group("web"); return g.Serving == 3 && g.Failed == 1 })

		// Two of three are more: held.
		now := w.group("web").Instances
		var up []string
		for _, i := range now {
			if i.Stage == instance.InService {
				up = append(up, i.ID)
			}
		}
		sick(up[0], true)
		sick(up[1], true)
		time.Sleep(20 * time.Minute)
		g := w.group("web")
		if g.Held == "" || g.Failed != 1 || g.Serving != 1 || g.Out != 2 {
			t.Errorf("held %q, %d failed, %d serving, %d out", g.Held, g.Failed, g.Serving, g.Out)
		}
		if n := w.store.said(instance.KindHold, instance.Alarm); n != 1 {
			t.Errorf("%d alarms, want 1", n)
		}
		sick(up[0], false)
		sick(up[1], false)
		w.until("healed", time.Minute, func() bool { g := w.group("web"); return g.Serving == 3 && g.Held == "" })
	})
}

func TestBalancerAway(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.serving(2)
		w.mu.Lock()
		w.lbErr = errors.New("no answer")
		w.mu.Unlock()
		time.Sleep(10 * time.Minute)
		if g := w.group("web"); g.Failed != 0 || len(g.Instances) != 2 || !strings.Contains(strings.Join(g.Problems, " "), "does not answer") {
			t.Errorf("nobody should be blamed for the balancer: %+v", g.Problems)
		}
		if _, err := w.c.Scale(ctx, "test", "web", api.ScaleRequest{Size: new(1)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(w.cloud.Calls(cloudtest.OpTerminate)); n != 0 {
			t.Error("terminated although the balancer may still send traffic")
		}
		w.mu.Lock()
		w.lbErr = nil
		w.mu.Unlock()
		w.serving(1)
		w.clean()
	})
}

func TestStrayGroupAndOperators(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.serving(2)
		id := w.group("web").Instances[0].ID
		if _, err := w.c.Drain(ctx, "alice", id, api.DrainRequest{Reason: "leak"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if g := w.group("web"); g.Serving != 1 || g.Out != 1 || len(g.Instances) != 2 {
			t.Errorf("after drain: %d serving, %d out of %d", g.Serving, g.Out, len(g.Instances))
		}
		if _, err := w.c.Undrain(ctx, "alice", id); err != nil {
			t.Fatal(err)
		}
		w.serving(2)
		if _, err := w.c.Terminate(ctx, "alice", api.TerminateRequest{Instances: []string{id, "i-nope"}}); err == nil || !strings.Contains(err.Error(), "i-nope") {
			t.Errorf("unknown instance: %v", err)
		}
		if _, err := w.c.Terminate(ctx, "alice", api.TerminateRequest{Instances: []string{id}, Shrink: true}); err != nil {
			t.Fatal(err)
		}
		w.serving(1)
		if _, err := w.c.Launch(ctx, "alice", "web", 100); err == nil || !strings.Contains(err.Error(), "limits.max is 10") {
			t.Errorf("launch above the limit: %v", err)
		}
		if a, err := w.c.Launch(ctx, "alice", "web", 2); err != nil || a.Size != 3 {
			t.Errorf("launch: %+v, %v", a, err)
		}
		w.serving(3)
		if a, err := w.c.Scale(ctx, "alice", "web", api.ScaleRequest{}); err != nil || a.Size != 2 {
			t.Errorf("give back: %+v, %v", a, err)
		}
		w.serving(2)
		if _, err := w.c.Scale(ctx, "alice", "wep", api.ScaleRequest{}); err == nil || !strings.Contains(err.Error(), "groups: lb, web") {
			t.Errorf("unknown group: %v", err)
		}
		w.clean()
	})
}

func TestBrokenClassification(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		setCode := func(id string) { w.mu.Lock(); w.code = id; w.mu.Unlock() }
		setCode("")
		time.Sleep(5 * time.Minute)
		g := w.group("web")
		if g.Serving != 0 || g.Starting != 2 || !strings.Contains(strings.Join(g.Problems, "\n"), "web and db disagree") {
			t.Errorf("%d serving, %d starting, problems %q", g.Serving, g.Starting, g.Problems)
		}
		setCode("c1")
		w.serving(2)
		setCode("")
		time.Sleep(5 * time.Minute)
		if g := w.group("web"); g.Serving != 2 {
			t.Errorf("serving servers are taken out because of their classification: %d serving", g.Serving)
		}
		w.clean()
	})
}

func TestLostFirstReport(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.mu.Lock()
		w.lostReports = 2 // of the balancer's node and the web server
		w.mu.Unlock()
		w.serving(1)
		w.clean()
	})
}
