// Package fleet is the controller: it compares what the configuration and the
// operators want with what the clouds, the balancers and the agents say, and
// moves every instance along its life.
//
// The controller is level-triggered. Each pass looks at the whole state and
// does whatever is missing; nothing depends on having seen a change happen, so
// a crash, a lost answer or a slow cloud needs no special case. What may block
// (a cloud's call, a balancer's answer, an agent's run) runs in tasks beside
// the pass, at most one per subject. Every step is stored before the next one
// is taken; CrashPoints lists where that matters.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/instance"
)

// Timeouts say how long an instance may stay in a stage before it has failed.
type Timeouts struct {
	Requested, Pending, Booting, Enrolling, Converging time.Duration
	// Unhealthy is how long a serving instance may fail its health check.
	Unhealthy time.Duration
	// Deregister is how long past its drain an unreachable balancer is waited for.
	Deregister time.Duration
	// Run is the longest run of an agent in a rolling run, Gate the longest wait for the gate after it.
	Run, Gate time.Duration
}

// DefaultTimeouts are generous: a slow mirror is no failure.
var DefaultTimeouts = Timeouts{
	Requested: 15 * time.Minute, Pending: 5 * time.Minute, Booting: 5 * time.Minute, Enrolling: 5 * time.Minute,
	Converging: 30 * time.Minute, Unhealthy: time.Minute, Deregister: 2 * time.Minute, Run: time.Hour, Gate: 5 * time.Minute,
}

// Options are what a Controller is made of.
type Options struct {
	Config *config.Fleet
	Store  Store
	// Clouds are the drivers by the names they have in the configuration.
	Clouds map[string]cloud.Cloud
	// NewBalancer makes a balancer; nodes lists the certnames of the instances that run it.
	// Nil means by the configured kind.
	NewBalancer func(b config.Balancer, check *config.Health, nodes func() []string) (balancer.Balancer, error)
	Hub         Hub
	// Code may be nil: then all code is current.
	Code   Code
	Tokens Tokens
	// HashToken gives what is stored of a token.
	HashToken func(token string) string
	// Binaries are the SHA-256 digests of this release by architecture; CA is the PEM file machines trust.
	Binaries map[string]string
	CA       []byte
	// Fleet is the value of the tag that marks our instances; empty means "kickoff".
	Fleet string
	// Poll is the period of passes; zero means a second.
	Poll     time.Duration
	Timeouts Timeouts
	Log      *slog.Logger
	Now      func() time.Time
	// CrashAt names the point of death; empty means the one of the environment variable CrashEnv.
	CrashAt string
}

// Controller runs a fleet. Its methods are safe for concurrent use.
type Controller struct {
	opt   Options
	log   *slog.Logger
	now   func() time.Time
	crash func(CrashPoint)

	trigger    chan struct{}
	complaints map[string]complaint // of the pass alone
	tasks      tasks
	news       news

	// write makes changes one at a time; mu guards the fields below, whose
	// instances are never changed in place.
	write     sync.Mutex
	mu        sync.RWMutex
	cfg       *config.Fleet
	instances map[string]*instance.Instance // by launch id
	groups    map[string]instance.GroupState
	nodes     map[string]instance.Node // by certname
	code      map[string]string        // wanted code by certname
	codeErr   map[string]string        // why it is not known
	clouds    map[string]*cloudView
	balancers map[string]*lb
	probes    map[string]*probe
	full      map[string]time.Time // places without room, until when
	nudged    map[string]time.Time // last run asked for, by launch id
	ran       map[string]bool      // agents that said their run ended, by certname
	rollouts  map[string]*rollout
}

// New makes a controller. It reads nothing yet; Run does.
func New(o Options) (*Controller, error) {
	switch {
	case o.Config == nil, o.Store == nil, o.Hub == nil, o.Tokens == nil, o.HashToken == nil:
		return nil, errors.New("make fleet controller: configuration, store, hub and tokens are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Fleet == "" {
		o.Fleet = "kickoff"
	}
	if o.CrashAt == "" {
		o.CrashAt = os.Getenv(CrashEnv)
	}
	o.Timeouts = o.Timeouts.withDefaults()
	crash, err := crashAt(o.CrashAt)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		opt: o, log: o.Log, now: o.Now, crash: crash, trigger: make(chan struct{}, 1),
		complaints: map[string]complaint{}, codeErr: map[string]string{},
		instances: map[string]*instance.Instance{}, groups: map[string]instance.GroupState{}, nodes: map[string]instance.Node{},
		code: map[string]string{}, clouds: map[string]*cloudView{}, balancers: map[string]*lb{}, probes: map[string]*probe{},
		full: map[string]time.Time{}, nudged: map[string]time.Time{}, ran: map[string]bool{}, rollouts: map[string]*rollout{},
	}
	for name, d := range o.Clouds {
		c.clouds[name] = &cloudView{driver: d, limit: limiter{every: 200 * time.Millisecond, burst: 10}}
	}
	return c, c.setConfig(o.Config)
}

func (t Timeouts) withDefaults() Timeouts {
	d := DefaultTimeouts
	for _, p := range []struct {
		have *time.Duration
		want time.Duration
	}{
		{&t.Requested, d.Requested}, {&t.Pending, d.Pending}, {&t.Booting, d.Booting}, {&t.Enrolling, d.Enrolling},
		{&t.Converging, d.Converging}, {&t.Unhealthy, d.Unhealthy}, {&t.Deregister, d.Deregister}, {&t.Run, d.Run}, {&t.Gate, d.Gate},
	} {
		if *p.have == 0 {
			*p.have = p.want
		}
	}
	return t
}

// SetConfig replaces the configuration of a running controller.
func (c *Controller) SetConfig(f *config.Fleet) error {
	if err := c.setConfig(f); err != nil {
		return err
	}
	c.Trigger()
	return nil
}

func (c *Controller) setConfig(f *config.Fleet) error {
	for _, g := range f.Groups {
		if c.clouds[g.Cloud] == nil {
			return fmt.Errorf("group %s: there is no driver for its cloud %s", g.Name, g.Cloud)
		}
	}
	lbs, err := c.makeBalancers(f)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg, c.balancers = f, lbs
	return nil
}

// Config is the configuration in force.
func (c *Controller) Config() *config.Fleet {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.cfg
}

// Trigger makes the next pass come at once.
func (c *Controller) Trigger() {
	select {
	case c.trigger <- struct{}{}:
	default:
	}
}

// Run loads the state and makes passes until ctx ends. It returns when all
// tasks have ended.
func (c *Controller) Run(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	c.tasks.open(ctx)
	defer c.tasks.wait()
	defer stop()
	tick := time.NewTicker(c.opt.Poll)
	defer tick.Stop()
	for {
		c.pass(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.trigger:
		}
	}
}

// pass looks at everything once and does what is missing. A part that fails is
// logged and tried again in the next pass; the others go on.
func (c *Controller) pass(ctx context.Context) {
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"look at the clouds", c.observeClouds},
		{"look at the agents", c.observeNodes},
		{"follow stages", c.follow},
		{"end what takes too long", c.timeouts},
		{"ask agents to run", c.nudge},
		{"probe health", c.probeHealth},
		{"tell the balancers", c.syncBalancers},
		{"admit", c.admit},
		{"put back", c.putBack},
		{"watch health", c.watchHealth},
		{"decide sizes", c.decideSizes},
		{"launch", c.launchRequested},
		{"clear failed", c.clearFailed},
		{"let go", c.letGo},
	} {
		err := part.do(ctx)
		if ctx.Err() != nil {
			return
		}
		c.complain(part.name, err)
	}
}

// repeatComplaint is how often the same trouble is logged again.
const repeatComplaint = 5 * time.Minute

// complaint is the last trouble of a part of the pass.
type complaint struct {
	text string
	at   time.Time
}

// complain logs trouble when it is new, and again now and then, not in every pass. Only the pass calls it.
func (c *Controller) complain(part string, err error) {
	last := c.complaints[part]
	switch {
	case err == nil && last.text != "":
		c.log.Info("fleet pass goes on", "part", part)
		delete(c.complaints, part)
	case err != nil && (err.Error() != last.text || c.now().Sub(last.at) >= repeatComplaint):
		c.log.Warn("fleet pass", "part", part, "error", err)
		c.complaints[part] = complaint{err.Error(), c.now()}
	}
}

func (c *Controller) load(ctx context.Context) error {
	list, err := c.opt.Store.FleetInstances(ctx, false)
	if err != nil {
		return fmt.Errorf("load fleet: %w", err)
	}
	groups, err := c.opt.Store.FleetGroups(ctx)
	if err != nil {
		return fmt.Errorf("load fleet: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range list {
		c.instances[i.LaunchID] = i
	}
	for _, g := range groups {
		c.groups[g.Group] = g
	}
	return nil
}
