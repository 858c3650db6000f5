// Package balancer is the contract between the fleet controller and a load
// balancer. It is level-triggered: the controller says again and again which
// targets should be there and in which state, and is told what the balancer
// made of it. Registering, draining and deregistering are therefore all the
// same call, and a lost answer or a crash needs no special case.
//
// How long a drain may take is the controller's business: it keeps a target in
// Drain until no session is left or the deadline has passed, then leaves it out.
package balancer

import (
	"context"
	"errors"
)

// State is what a target should do.
type State string

// The states of a target.
const (
	// Standby takes no traffic but is health checked.
	Standby State = "standby"
	// Ready takes traffic while its health checks pass.
	Ready State = "ready"
	// Drain finishes what it has and takes nothing new; health checks go on.
	Drain State = "drain"
	// Mixed is only reported: parts of the balancer serve with it, others do not.
	Mixed State = "mixed"
)

// Target is one wanted server behind the balancer.
type Target struct {
	// Name is the instance id.
	Name    string
	Address string
	State   State
}

// Status is what the balancer says about a target.
type Status struct {
	Name  string
	State State
	// Up says that the health checks pass, whatever the state. It is false
	// until the first check has passed.
	Up bool
	// Detail is the balancer's word for the last check.
	Detail string
	// Sessions are those open now.
	Sessions int
}

// Report is the outcome of a Sync.
type Report struct {
	Targets []Status
	// Unreachable names parts of the balancer that did not take the targets;
	// what they do is unknown. Empty means that all of it is as wanted.
	Unreachable []string
}

// ErrNoNodes means that there is nothing that balances at present: no target
// serves through it, and none is registered.
var ErrNoNodes = errors.New("no node of the balancer is in service")

// Balancer is one load balancer with one set of targets.
type Balancer interface {
	// Sync makes the targets exactly those given: new ones are registered,
	// missing ones are deregistered at once, states are changed. It is
	// idempotent and has the same result after a restart of either side. With
	// an error nothing is known; ErrNoNodes says that there is no balancer.
	// Calls for one balancer are made one after the other.
	Sync(ctx context.Context, want []Target) (Report, error)
}
