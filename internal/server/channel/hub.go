// Package channel is the server's end of the node channel: one queue of commands per node, which the node empties by
// long polls over its certificate, and the results that come back.
//
// Delivery is at least once: a command stays in the node's queue until its result arrives, its caller gives up, or the
// node is dropped. It is handed out again when the node polls on another connection than before, because the answer to
// the last poll may have been lost with that connection. Nodes recognise repeated ids.
package channel

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"kickoff/internal/wire"
)

// Errors that callers branch on.
var (
	// ErrTimeout says that the caller's time was over before a result came.
	ErrTimeout = errors.New("the node did not answer in time")
	// ErrBusy says that too many commands wait for the node already.
	ErrBusy = errors.New("too many commands wait for the node")
	// ErrDropped says that the node was retired while the command waited.
	ErrDropped = errors.New("the node was retired")
)

// RemoteError is the node's own word that it could not carry out a command.
type RemoteError struct{ Certname, Kind, Message string }

// Error names node and command.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("%s on %s: %s", e.Kind, e.Certname, e.Message)
}

// Bounds.
const (
	maxWaiting  = 64   // commands per node
	maxNodes    = 5000 // nodes with an open or recent channel
	connectedIn = 15 * time.Second
)

// Hub connects callers with nodes. It is safe for concurrent use.
type Hub struct {
	now     func() time.Time
	onEvent func(certname string, e wire.Event)

	mu    sync.Mutex
	nodes map[string]*node
}

type node struct {
	waiting  []*call // in the order in which they were made
	polling  int     // open polls
	conn     string  // connection of the last poll
	lastSeen time.Time
	version  string
	wake     chan struct{} // closed when there is something new to hand out
	gone     bool
}

type call struct {
	command   wire.Command
	delivered string // the connection it was handed out on
	done      chan wire.CommandResult
}

// New makes a Hub. onEvent is told what nodes report by themselves; it may be nil and must return quickly.
func New(now func() time.Time, onEvent func(certname string, e wire.Event)) *Hub {
	return &Hub{now: now, onEvent: onEvent, nodes: map[string]*node{}}
}

// get gives a node's record, making it if necessary. The lock is held.
func (h *Hub) get(certname string) *node {
	n := h.nodes[certname]
	if n == nil {
		if len(h.nodes) >= maxNodes {
			h.forgetIdle()
		}
		n = &node{wake: make(chan struct{})}
		h.nodes[certname] = n
	}
	return n
}

// forgetIdle drops records that nobody needs. The lock is held.
func (h *Hub) forgetIdle() {
	for name, n := range h.nodes {
		if n.polling == 0 && len(n.waiting) == 0 && h.now().Sub(n.lastSeen) > time.Minute {
			delete(h.nodes, name)
		}
	}
}

// Call sends a command to a node and waits for its result, until ctx is done. A node without an open channel gets the
// command when it opens one. args and result are encoded as JSON; result may be nil.
func (h *Hub) Call(ctx context.Context, certname, kind string, args, result any) error {
	c, err := newCall(ctx, kind, args)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", kind, certname, err)
	}
	if err := h.enqueue(certname, c); err != nil {
		return fmt.Errorf("%s on %s: %w", kind, certname, err)
	}
	defer h.remove(certname, c)
	select {
	case r, ok := <-c.done:
		switch {
		case !ok:
			return fmt.Errorf("%s on %s: %w", kind, certname, ErrDropped)
		case !r.OK:
			return &RemoteError{certname, kind, r.Error}
		case result == nil:
			return nil
		}
		if err := json.Unmarshal(r.Output, result); err != nil {
			return fmt.Errorf("%s on %s: decode result: %w", kind, certname, err)
		}
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%s on %s: %w", kind, certname, ErrTimeout)
		}
		return fmt.Errorf("%s on %s: %w", kind, certname, ctx.Err())
	}
}

func newCall(ctx context.Context, kind string, args any) (*call, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encode arguments: %w", err)
	}
	c := &call{command: wire.Command{ID: rand.Text(), Kind: kind, Args: text}, done: make(chan wire.CommandResult, 1)}
	if deadline, ok := ctx.Deadline(); ok {
		c.command.Timeout = max(time.Until(deadline), 0).Round(time.Millisecond).String()
	}
	return c, nil
}

func (h *Hub) enqueue(certname string, c *call) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.get(certname)
	if len(n.waiting) >= maxWaiting {
		return ErrBusy
	}
	n.waiting = append(n.waiting, c)
	n.signal()
	return nil
}

// signal wakes the open polls. The hub's lock is held.
func (n *node) signal() {
	close(n.wake)
	n.wake = make(chan struct{})
}

func (h *Hub) remove(certname string, c *call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.nodes[certname]
	if n == nil {
		return
	}
	for i, x := range n.waiting {
		if x == c {
			n.waiting = append(n.waiting[:i], n.waiting[i+1:]...)
			return
		}
	}
}

// Poll takes the results of a node's request and waits for commands, for at most wait. conn names the connection that
// the request came on. An empty list means that the wait is over.
func (h *Hub) Poll(ctx context.Context, certname, conn string, req wire.ChannelRequest, wait time.Duration) ([]wire.Command, error) {
	h.begin(certname, conn, req)
	defer h.end(certname)
	for _, e := range req.Events {
		if h.onEvent != nil {
			h.onEvent(certname, e)
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		commands, wake, err := h.take(certname, conn)
		if err != nil || len(commands) > 0 {
			return commands, err
		}
		select {
		case <-wake:
		case <-timer.C:
			return []wire.Command{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// begin notes the poll and passes results on. A result that nobody waits for any more is dropped.
func (h *Hub) begin(certname, conn string, req wire.ChannelRequest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.get(certname)
	n.polling++
	n.lastSeen = h.now()
	n.version = req.Version
	n.conn = conn
	for _, r := range req.Results {
		for i, c := range n.waiting {
			if c.command.ID == r.ID {
				c.done <- r // has room: a call leaves the queue with its first result
				n.waiting = append(n.waiting[:i], n.waiting[i+1:]...)
				break
			}
		}
	}
}

func (h *Hub) end(certname string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := h.nodes[certname]; n != nil {
		n.polling--
		n.lastSeen = h.now()
	}
}

// take gives the commands to hand out on a connection now. An older connection of the same node gets none: its client
// has gone and just does not know it yet.
func (h *Hub) take(certname, conn string) ([]wire.Command, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.nodes[certname]
	if n == nil || n.gone {
		return nil, nil, ErrDropped
	}
	if n.conn != conn {
		return nil, n.wake, nil
	}
	var commands []wire.Command
	for _, c := range n.waiting {
		if c.delivered != conn {
			c.delivered = conn
			commands = append(commands, c.command)
		}
	}
	return commands, n.wake, nil
}

// Connected says whether a node has its channel open, or had it a moment ago between two polls, and when it was last
// seen on it (zero: never).
func (h *Hub) Connected(certname string) (bool, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.nodes[certname]
	if n == nil {
		return false, time.Time{}
	}
	if n.polling > 0 {
		return true, h.now()
	}
	return !n.lastSeen.IsZero() && h.now().Sub(n.lastSeen) < connectedIn, n.lastSeen
}

// Drop ends the channel of a node that was retired: callers get ErrDropped, its poll ends.
func (h *Hub) Drop(certname string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.nodes[certname]
	if n == nil {
		return
	}
	n.gone = true
	for _, c := range n.waiting {
		close(c.done)
	}
	n.waiting = nil
	n.signal()
	delete(h.nodes, certname)
}
