package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"kickoff/internal/report"
	"kickoff/internal/wire"
)

const (
	// busyWait is how long a poll may take while there are events to tell.
	busyWait = time.Second
	// quickly is how long the answer of a command is waited for before the next poll, which carries it.
	quickly = 2 * time.Second
	// remembered is how many results are kept for commands that come again.
	remembered = 128
	// maxEvents bounds the events that wait to be told; the oldest notices are dropped.
	maxEvents = 500
	// strange is the pause after a server has said that it knows no channel: it is a stock Puppet server.
	strange = 10 * time.Minute
)

// channel keeps a long poll to the server open, and executes what comes back.
type channel struct {
	a        *Agent
	s        *session
	client   *client
	requests chan<- request
	balancer Balancer
	cancel   context.CancelFunc
	done     sync.WaitGroup
	// news wakes an idle poll; it has room for one.
	news chan struct{}

	mu      sync.Mutex
	results []wire.CommandResult
	events  []wire.Event
	taken   map[string]*wire.CommandResult // nil while the command is being executed
	order   []string
	// busy is set while a run goes on, hurry when the channel is about to be closed.
	busy, hurry bool
	// away says that the last poll did not succeed.
	away bool
}

// openChannel starts the poll. close ends it.
func openChannel(a *Agent, s *session, requests chan<- request) *channel {
	ctx, cancel := context.WithCancel(context.Background())
	c := &channel{
		a: a, s: s, client: newClient(s.client.address, s.creds, s.conf, a.log), requests: requests, cancel: cancel,
		news: make(chan struct{}, 1), taken: map[string]*wire.CommandResult{},
	}
	if a.opt.Balancer != nil {
		c.balancer = a.opt.Balancer(s.conf)
	}
	c.done.Go(func() { c.loop(ctx) })
	return c
}

func (c *channel) close() {
	c.cancel()
	c.done.Wait()
	c.client.close()
}

// flush gives what there is to tell a moment to be told.
func (c *channel) flush(most time.Duration) {
	c.mu.Lock()
	c.hurry = true // the next polls are answered at once
	c.mu.Unlock()
	c.wake()
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c.idle() {
			return
		}
	}
}

func (c *channel) setAway(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

// idle reports whether every command was carried out and its result told.
func (c *channel) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, result := range c.taken {
		if result == nil {
			return false
		}
	}
	return c.away || len(c.results) == 0 && len(c.events) == 0
}

func (c *channel) loop(ctx context.Context) {
	pause := time.Second
	for ctx.Err() == nil {
		commands, err := c.poll(ctx)
		if err == nil {
			pause = time.Second
			c.setAway(false)
			c.take(ctx, commands)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, errNews) {
			continue
		}
		wait := pause/2 + rand.N(pause)
		if isStatus(err, http.StatusNotFound) {
			wait = strange
		}
		c.setAway(true)
		c.a.log.Debug("channel interrupted", "error", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		pause = min(2*pause, 15*time.Second)
	}
}

// errNews says that a poll was given up because there is something to tell.
var errNews = errors.New("there are news")

// poll sends what there is to tell, and waits for commands. When a result is ready, an idle poll is given up: the
// server hands out again what it may have said on that connection.
func (c *channel) poll(ctx context.Context) ([]wire.Command, error) {
	req, wait := c.outgoing()
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode poll: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait+15*time.Second, errors.New("the server does not answer"))
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	answered := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.news:
			giveUp(errNews)
		case <-answered:
		}
	})
	text, err := c.client.do(ctx, call{
		method: http.MethodPost, path: wire.PathChannel, body: body, contentType: wire.MediaJSON, accept: wire.MediaJSON,
	})
	close(answered)
	watch.Wait()
	if err != nil {
		if errors.Is(context.Cause(ctx), errNews) {
			return nil, errNews
		}
		return nil, err
	}
	c.delivered(req)
	var resp wire.ChannelResponse
	if err := json.Unmarshal(text, &resp); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	return resp.Commands, nil
}

// outgoing gives what is to be told. Events are told at most once, results until the server has answered.
func (c *channel) outgoing() (wire.ChannelRequest, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	req := wire.ChannelRequest{Results: append([]wire.CommandResult{}, c.results...), Events: c.events, Version: c.a.opt.Version}
	c.events = nil
	wait := wire.ChannelDefaultWait
	switch {
	case c.hurry:
		wait = 0
	case c.busy:
		wait = busyWait
	}
	req.Wait = wait.String()
	select {
	case <-c.news: // it is in the request
	default:
	}
	return req, wait
}

// delivered forgets the results that the server has got.
func (c *channel) delivered(req wire.ChannelRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = c.results[len(req.Results):]
}

// take starts commands, and waits a moment for their results so that the next poll can carry them.
func (c *channel) take(ctx context.Context, commands []wire.Command) {
	var quick sync.WaitGroup
	for _, command := range commands {
		if !c.begin(command.ID) {
			continue
		}
		quick.Add(1)
		c.done.Go(func() {
			defer quick.Done()
			c.finish(c.execute(ctx, command))
		})
	}
	finished := make(chan struct{})
	c.done.Go(func() {
		quick.Wait()
		close(finished)
	})
	select {
	case <-finished:
	case <-time.After(quickly):
	case <-ctx.Done():
	}
}

// begin notes that a command was taken. One that comes again is not executed again; its result, if there is one
// already, is told again.
func (c *channel) begin(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if result, again := c.taken[id]; again {
		if result != nil {
			c.results = append(c.results, *result)
		}
		return false
	}
	c.taken[id] = nil
	c.order = append(c.order, id)
	if len(c.order) > remembered {
		delete(c.taken, c.order[0])
		c.order = c.order[1:]
	}
	return true
}

func (c *channel) finish(result wire.CommandResult) {
	c.mu.Lock()
	c.results = append(c.results, result)
	if _, known := c.taken[result.ID]; known {
		c.taken[result.ID] = &result
	}
	c.mu.Unlock()
	c.wake()
}

func (c *channel) wake() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// execute carries out a command.
func (c *channel) execute(ctx context.Context, command wire.Command) wire.CommandResult {
	if d, err := time.ParseDuration(command.Timeout); err == nil && d > 0 && command.Kind != wire.KindRun {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	var output any
	var err error
	switch command.Kind {
	case wire.KindRun:
		output, err = c.executeRun(ctx, command.Args)
	case wire.KindHAProxy:
		output, err = c.executeBalancer(ctx, command.Args)
	case wire.KindProbe:
		output, err = executeProbe(ctx, command.Args)
	default:
		err = fmt.Errorf("this agent does not know commands of kind %q", command.Kind)
	}
	result := wire.CommandResult{ID: command.ID}
	if err == nil {
		result.Output, err = json.Marshal(output)
	}
	if err != nil {
		result.Error = err.Error()
		return result
	}
	result.OK = true
	return result
}

func (c *channel) executeRun(ctx context.Context, args json.RawMessage) (*wire.RunResult, error) {
	var run wire.RunArgs
	if err := json.Unmarshal(args, &run); err != nil {
		return nil, fmt.Errorf("decode arguments: %w", err)
	}
	done := make(chan wire.RunResult, 1)
	select {
	case c.requests <- request{run, done}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case result := <-done:
		return &result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *channel) executeBalancer(ctx context.Context, args json.RawMessage) (*wire.BalancerStatus, error) {
	if c.balancer == nil {
		return nil, errors.New("this agent drives no balancer")
	}
	var want wire.BalancerSync
	if err := json.Unmarshal(args, &want); err != nil {
		return nil, fmt.Errorf("decode arguments: %w", err)
	}
	return c.balancer.Sync(ctx, want)
}

// executeProbe asks a URL, as a health check does. What goes wrong is part of the result.
func executeProbe(ctx context.Context, args json.RawMessage) (*wire.ProbeResult, error) {
	var probe wire.ProbeArgs
	if err := json.Unmarshal(args, &probe); err != nil {
		return nil, fmt.Errorf("decode arguments: %w", err)
	}
	timeout := 5 * time.Second
	if probe.Timeout != "" {
		var err error
		if timeout, err = time.ParseDuration(probe.Timeout); err != nil {
			return nil, fmt.Errorf("decode timeout: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, probe.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: nil},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return &wire.ProbeResult{Error: bareError(err).Error()}, nil
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // only the status counts
	return &wire.ProbeResult{OK: resp.StatusCode >= 200 && resp.StatusCode < 400, Status: resp.StatusCode}, nil
}

// event tells the server what happened. While a run goes on, polls are short, so that events arrive soon.
func (c *channel) event(kind, message string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return
	}
	c.add(wire.Event{Kind: kind, Time: time.Now(), Message: message, Data: text})
	c.mu.Lock()
	c.busy = kind == wire.EventRunStarted
	c.mu.Unlock()
	c.wake()
}

// notice tells the server a line of the run's log.
func (c *channel) notice(l report.Log) {
	if report.AtLeast(l.Level, "notice") {
		c.add(wire.Event{Kind: wire.EventNotice, Time: l.Time, Message: report.Text(l)})
	}
}

func (c *channel) add(e wire.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.events) >= maxEvents {
		c.events = c.events[1:]
	}
	c.events = append(c.events, e)
}
