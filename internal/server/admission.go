package server

import (
	"context"
	"errors"
	"sync"
)

// errFull says that too many wait already.
var errFull = errors.New("too many requests wait")

// admission lets a bounded number of compilations run and a bounded number wait. Those of nodes that have never
// converged go first: a machine that boots serves nobody until it has its catalog.
type admission struct {
	mu      sync.Mutex
	running int
	limit   int
	waiting int
	room    int
	urgent  []chan struct{}
	normal  []chan struct{}
}

func newAdmission(limit, room int) *admission { return &admission{limit: limit, room: room} }

// enter waits for a turn. leave must be called exactly once after a nil error.
func (a *admission) enter(ctx context.Context, urgent bool) error {
	a.mu.Lock()
	if a.running < a.limit {
		a.running++
		a.mu.Unlock()
		return nil
	}
	if a.waiting >= a.room {
		a.mu.Unlock()
		return errFull
	}
	turn := make(chan struct{})
	a.waiting++
	if urgent {
		a.urgent = append(a.urgent, turn)
	} else {
		a.normal = append(a.normal, turn)
	}
	a.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return a.giveUp(ctx, turn)
	}
}

// giveUp leaves the queue. If the turn came at the same moment, it is passed on.
func (a *admission) giveUp(ctx context.Context, turn chan struct{}) error {
	a.mu.Lock()
	for _, q := range []*[]chan struct{}{&a.urgent, &a.normal} {
		for i, c := range *q {
			if c == turn {
				*q = append((*q)[:i], (*q)[i+1:]...)
				a.waiting--
				a.mu.Unlock()
				return ctx.Err()
			}
		}
	}
	a.mu.Unlock()
	a.leave()
	return ctx.Err()
}

// leave gives the place to the next in the queue.
func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range []*[]chan struct{}{&a.urgent, &a.normal} {
		if len(*q) > 0 {
			close((*q)[0])
			*q = (*q)[1:]
			a.waiting--
			return
		}
	}
	a.running--
}
