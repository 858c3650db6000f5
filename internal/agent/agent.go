// Package agent is the part of kickoff that runs on every node: it enrols the node, brings it to what its catalog says,
// now and then or when it is told to, reports, and keeps a channel to the server open.
//
//	enrol.go    CA, revocation lists, key, certificate: from nothing to mutual TLS, going on where a killed one stopped
//	client.go   HTTP to the server            sources.go  files named by puppet:///
//	run.go      one run                       fetch.go    its catalog, its report
//	loop.go     the daemon                    channel.go  commands from the server
//	lock.go     one run at a time             unit.go     the agent as a service
package agent

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"kickoff/internal/agent/apply"
	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/config"
	"kickoff/internal/fact"
	"kickoff/internal/report"
	"kickoff/internal/wire"
)

// Balancer executes the wanted state of a load balancer's backend on this node.
type Balancer interface {
	// Sync brings configuration file and running process to the wanted state, and tells what is. It may be called with
	// the same state at any time, and concurrently.
	Sync(ctx context.Context, want wire.BalancerSync) (*wire.BalancerStatus, error)
}

// Options are what an agent is made of.
type Options struct {
	// Load reads the configuration; it is called again before every run.
	Load func() (*config.Puppet, error)
	// Version is the release of kickoff.
	Version string
	// Providers makes the providers of one run.
	Providers func(provider.Sources) map[string]provider.Provider
	// Balancer is used on nodes of a load balancer; nil refuses its commands.
	Balancer func(*config.Puppet) Balancer
	// Deferred makes deferred calls; may be nil.
	Deferred apply.Resolver
	// Console takes the log lines for people; may be nil.
	Console func(report.Log)
	// Level is the least important level that the console is given; "" means notice.
	Level  string
	Logger *slog.Logger
}

// Agent makes runs. One process has one.
type Agent struct {
	opt     Options
	log     *slog.Logger
	now     func() time.Time
	journal *journal
	unit    *unit
	warned  map[string]bool
}

// New makes an agent.
func New(opt Options) *Agent {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Level == "" {
		opt.Level = string(provider.Notice)
	}
	return &Agent{
		opt: opt, log: opt.Logger, now: time.Now, journal: &journal{level: opt.Level, console: opt.Console}, unit: ownUnit(),
		warned: map[string]bool{},
	}
}

// session is a configuration with what follows from it: name, certificate, connections.
type session struct {
	conf     *config.Puppet
	certname string
	client   *client
	creds    *credentials
	local    *Local
	// fresh says that the node was enrolled by this very process.
	fresh bool
}

// open reads the configuration and enrols the node if need be.
func (a *Agent) open(ctx context.Context) (*session, error) {
	conf, err := a.opt.Load()
	if err != nil {
		return nil, err
	}
	for _, w := range conf.Warnings() {
		if !a.warned[w] {
			a.warned[w] = true
			a.journal.say("warning", w)
		}
	}
	name, err := Certname(ctx, conf)
	if err != nil {
		return nil, err
	}
	e := &enroller{conf: conf, certname: name, log: a.log, say: a.journal.say}
	creds, err := e.credentials(ctx)
	if err != nil {
		return nil, err
	}
	address := conf.Get("server") + ":" + conf.Get("masterport")
	return &session{conf: conf, certname: name, client: newClient(address, creds, conf, a.log), creds: creds, fresh: e.fresh}, nil
}

func (s *session) close() { s.client.close() }

// Once enrols the node, makes one run, and gives the status for detailed exit codes.
func (a *Agent) Once(ctx context.Context, noop bool) (int, error) {
	s, err := a.open(ctx)
	if err != nil {
		return exitNoRun, err
	}
	defer s.close()
	_, code := a.locked(ctx, s, how{noop: noop})
	return code, ctx.Err()
}

// Local is where the catalog of a run without server comes from.
type Local struct {
	// Compile makes the catalog of this machine.
	Compile func(ctx context.Context, facts *fact.Facts, environment string) (*catalog.Catalog, error)
	// Sources gives the files that it names; nil refuses them.
	Sources provider.Sources
}

// Apply makes one run without server, and gives the status for detailed exit codes.
func (a *Agent) Apply(ctx context.Context, local *Local) (int, error) {
	conf, err := a.opt.Load()
	if err != nil {
		return exitNoRun, err
	}
	name, err := Certname(ctx, conf)
	if err != nil {
		return exitNoRun, err
	}
	_, code := a.locked(ctx, &session{conf: conf, certname: name, local: local}, how{})
	return code, ctx.Err()
}

// locked makes a run unless another one is in progress, in which case the report is nil.
func (a *Agent) locked(ctx context.Context, s *session, h how) (*report.Report, int) {
	told := false
	lock, err := waitForLock(ctx, s.conf.Get("agent_catalog_run_lockfile"), s.conf.Duration("waitforlock"),
		s.conf.Duration("maxwaitforlock"), func() {
			if !told {
				a.journal.say("info", "Another puppet instance is already running; --waitforlock flag used, waiting for running instance to finish.")
				told = true
			}
		})
	if err != nil {
		if errors.Is(err, errLocked) {
			a.journal.say("notice", "Run of Puppet configuration client already in progress; skipping  ("+
				s.conf.Get("agent_catalog_run_lockfile")+" exists)")
		} else {
			a.journal.say("err", err.Error())
		}
		return nil, exitNoRun
	}
	defer func() {
		if err := lock.release(); err != nil {
			a.log.Warn("run lock not released", "error", err)
		}
		debug.FreeOSMemory()
	}()
	return a.perform(ctx, s, h)
}
