// Package haproxy drives HAProxy on the nodes of a group through their agents:
// the whole wanted state goes to every node over its channel, and the agent
// makes files and running process match it. No port of a node is opened for it.
package haproxy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/wire"
)

// Hub reaches an agent and waits for its answer.
type Hub interface {
	Call(ctx context.Context, certname, kind string, args, result any) error
}

// Options are what a Balancer is made of.
type Options struct {
	// Backend is the name of HAProxy's backend section, Port where servers listen.
	Backend string
	Port    int
	Check   config.Health
	// Nodes lists the certnames of the nodes that run HAProxy now.
	Nodes func() []string
	Hub   Hub
	// Timeout bounds the answer of one node; zero means 10 s.
	Timeout time.Duration
}

// Balancer is one backend on all nodes of a group.
type Balancer struct{ opt Options }

var _ balancer.Balancer = (*Balancer)(nil)

// New makes a Balancer.
func New(o Options) *Balancer {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	return &Balancer{o}
}

// Sync implements balancer.Balancer. A target is up when every node that
// answered finds it up; its sessions are those of all nodes; its state is Mixed
// while some nodes serve with it and some do not.
func (b *Balancer) Sync(ctx context.Context, want []balancer.Target) (balancer.Report, error) {
	nodes := b.opt.Nodes()
	if len(nodes) == 0 {
		return balancer.Report{}, balancer.ErrNoNodes
	}
	sync_ := b.message(want)
	answers := make([]wire.BalancerStatus, len(nodes))
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for n, node := range nodes {
		wg.Go(func() { answers[n], errs[n] = b.tell(ctx, node, sync_) })
	}
	wg.Wait()
	return merge(want, nodes, answers, errs)
}

func (b *Balancer) tell(ctx context.Context, node string, m wire.BalancerSync) (wire.BalancerStatus, error) {
	ctx, stop := context.WithTimeout(ctx, b.opt.Timeout)
	defer stop()
	var s wire.BalancerStatus
	err := b.opt.Hub.Call(ctx, node, wire.KindHAProxy, m, &s)
	return s, err
}

// message is the wanted state in the form of the wire.
func (b *Balancer) message(want []balancer.Target) wire.BalancerSync {
	h := b.opt.Check
	m := wire.BalancerSync{
		Backend: b.opt.Backend, Port: b.opt.Port, Servers: []wire.BalancerServer{},
		Check: wire.BalancerCheck{Path: h.HTTP, Inter: fmt.Sprintf("%dms", h.Every.Milliseconds()), Rise: h.Healthy, Fall: h.Unhealthy},
	}
	for _, t := range want {
		m.Servers = append(m.Servers, wire.BalancerServer{Name: t.Name, Address: t.Address, State: string(t.State)})
	}
	slices.SortFunc(m.Servers, func(a, b wire.BalancerServer) int { return strings.Compare(a.Name, b.Name) })
	return m
}

// merge makes one report of what the nodes said.
func merge(want []balancer.Target, nodes []string, answers []wire.BalancerStatus, errs []error) (balancer.Report, error) {
	var r balancer.Report
	var first error
	for n, err := range errs {
		if err != nil {
			r.Unreachable = append(r.Unreachable, nodes[n])
			if first == nil {
				first = fmt.Errorf("node %s: %w", nodes[n], err)
			}
		}
	}
	if len(r.Unreachable) == len(nodes) {
		return balancer.Report{}, first
	}
	for _, t := range want {
		s, complete := mergeTarget(t.Name, answers, errs)
		if s.Name != "" {
			r.Targets = append(r.Targets, s)
		}
		if !complete { // a node left it out of its answer: it has not taken it
			for n := range nodes {
				if errs[n] == nil && serverOf(answers[n], t.Name) == nil && !slices.Contains(r.Unreachable, nodes[n]) {
					r.Unreachable = append(r.Unreachable, nodes[n])
				}
			}
		}
	}
	return r, nil
}

func serverOf(a wire.BalancerStatus, name string) *wire.BalancerServerStatus {
	for i := range a.Servers {
		if a.Servers[i].Name == name {
			return &a.Servers[i]
		}
	}
	return nil
}

func mergeTarget(name string, answers []wire.BalancerStatus, errs []error) (balancer.Status, bool) {
	out := balancer.Status{}
	complete := true
	for n, a := range answers {
		if errs[n] != nil {
			continue
		}
		s := serverOf(a, name)
		if s == nil {
			complete = false
			continue
		}
		up := s.Up && s.CheckStatus != "INI" && s.CheckStatus != "UNK"
		if out.Name == "" {
			out = balancer.Status{Name: name, State: stateOf(s.State), Up: up, Detail: s.CheckStatus, Sessions: s.Sessions}
			continue
		}
		if !up && out.Up || out.Detail == "" {
			out.Detail = s.CheckStatus
		}
		out.Up = out.Up && up
		out.Sessions += s.Sessions
		if state := stateOf(s.State); (state == balancer.Ready) != (out.State == balancer.Ready) {
			out.State = balancer.Mixed
		}
	}
	return out, complete
}

func stateOf(s string) balancer.State {
	switch s {
	case wire.ServerReady:
		return balancer.Ready
	case wire.ServerStandby:
		return balancer.Standby
	}
	return balancer.Drain
}
