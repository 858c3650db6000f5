package haproxy

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/config"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/balancer/balancertest"
	"kickoff/internal/wire"
)

// agents are fake agents with a fake HAProxy each.
type agents struct {
	nodes   []string
	have    map[string]wire.BalancerSync
	checks  map[string]int // checks passed in a row, by target
	healthy map[string]bool
	dead    map[string]bool
	last    wire.BalancerSync
}

func newAgents(nodes ...string) *agents {
	return &agents{nodes: nodes, have: map[string]wire.BalancerSync{}, checks: map[string]int{}, healthy: map[string]bool{}, dead: map[string]bool{}}
}

func (a *agents) Call(_ context.Context, node, kind string, args, result any) error {
	if a.dead[node] {
		return errors.New("no answer")
	}
	if kind != wire.KindHAProxy {
		return errors.New("unknown command " + kind)
	}
	raw, _ := json.Marshal(args)
	var want wire.BalancerSync
	if err := json.Unmarshal(raw, &want); err != nil {
		return err
	}
	a.have[node], a.last = want, want
	out := wire.BalancerStatus{Backend: want.Backend}
	for _, s := range want.Servers {
		if a.healthy[s.Name] {
			a.checks[s.Name]++
		} else {
			a.checks[s.Name] = 0
		}
		st := wire.BalancerServerStatus{Name: s.Name, State: s.State, CheckStatus: "INI", Up: a.checks[s.Name] > 2}
		if st.Up {
			st.CheckStatus = "L7OK"
		}
		out.Servers = append(out.Servers, st)
	}
	raw, _ = json.Marshal(out)
	return json.Unmarshal(raw, result)
}

func (a *agents) Balancer() balancer.Balancer {
	return New(Options{Backend: "web", Port: 8080, Nodes: func() []string { return a.nodes }, Hub: a,
		Check: config.Health{HTTP: "/health", Every: 2 * time.Second, Healthy: 2, Unhealthy: 3}})
}

func (a *agents) Restart()                        { clear(a.have); clear(a.checks) }
func (a *agents) SetHealthy(name string, ok bool) { a.healthy[name] = ok }
func (a *agents) NoNodes()                        { a.nodes = nil }

func (a *agents) Serves(name string) bool {
	for _, node := range a.nodes {
		for _, s := range a.have[node].Servers {
			if s.Name == name && s.State == wire.ServerReady && a.checks[name] > 2 {
				return true
			}
		}
	}
	return false
}

func TestConformance(t *testing.T) {
	balancertest.Run(t, time.Second, func(*testing.T) balancertest.World { return newAgents("i-lb") })
}

func TestMessage(t *testing.T) {
	a := newAgents("i-lb")
	_, err := a.Balancer().Sync(context.Background(), []balancer.Target{
		{Name: "i-b", Address: "10.0.0.2", State: balancer.Ready}, {Name: "i-a", Address: "10.0.0.1", State: balancer.Standby}})
	if err != nil {
		t.Fatal(err)
	}
	want := wire.BalancerSync{Backend: "web", Port: 8080, Check: wire.BalancerCheck{Path: "/health", Inter: "2000ms", Rise: 2, Fall: 3},
		Servers: []wire.BalancerServer{{Name: "i-a", Address: "10.0.0.1", State: "standby"}, {Name: "i-b", Address: "10.0.0.2", State: "ready"}}}
	if d := cmp.Diff(want, a.last); d != "" {
		t.Error(d)
	}
}

func TestUnreachableNodes(t *testing.T) {
	a := newAgents("i-1", "i-2")
	a.dead["i-2"] = true
	want := []balancer.Target{{Name: "i-a", Address: "10.0.0.1", State: balancer.Ready}}
	r, err := a.Balancer().Sync(context.Background(), want)
	if err != nil || len(r.Unreachable) != 1 || r.Unreachable[0] != "i-2" || len(r.Targets) != 1 {
		t.Errorf("one of two is dead: %+v, %v", r, err)
	}
	a.dead["i-1"] = true
	if r, err = a.Balancer().Sync(context.Background(), want); err == nil {
		t.Errorf("both are dead: %+v", r)
	}
}

func TestMerge(t *testing.T) {
	server := func(state string, up bool, sessions int) wire.BalancerStatus {
		return wire.BalancerStatus{Servers: []wire.BalancerServerStatus{{Name: "i-a", State: state, Up: up, CheckStatus: "L7OK", Sessions: sessions}}}
	}
	want := []balancer.Target{{Name: "i-a"}}
	nodes, ok := []string{"n1", "n2"}, []error{nil, nil}
	tests := []struct {
		name string
		a, b wire.BalancerStatus
		want balancer.Report
	}{
		{"sessions add up", server("drain", true, 2), server("drain", true, 3),
			balancer.Report{Targets: []balancer.Status{{Name: "i-a", State: balancer.Drain, Up: true, Detail: "L7OK", Sessions: 5}}}},
		{"up needs all", server("ready", true, 0), server("ready", false, 0),
			balancer.Report{Targets: []balancer.Status{{Name: "i-a", State: balancer.Ready, Detail: "L7OK"}}}},
		{"of two minds", server("drain", true, 0), server("ready", true, 0),
			balancer.Report{Targets: []balancer.Status{{Name: "i-a", State: balancer.Mixed, Up: true, Detail: "L7OK"}}}},
		{"left out by one", server("ready", true, 0), wire.BalancerStatus{},
			balancer.Report{Targets: []balancer.Status{{Name: "i-a", State: balancer.Ready, Up: true, Detail: "L7OK"}}, Unreachable: []string{"n2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := merge(want, nodes, []wire.BalancerStatus{tt.a, tt.b}, ok)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
