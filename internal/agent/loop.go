package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"kickoff/internal/report"
	"kickoff/internal/wire"
)

// request asks the loop for a run now.
type request struct {
	args wire.RunArgs
	done chan<- wire.RunResult
}

// Pauses between attempts to begin.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// lastWords is how long the channel may take to tell the last results.
	lastWords = 3 * time.Second
)

// loop is the state of the daemon.
type loop struct {
	a        *Agent
	session  *session
	requests chan request
	channel  *channel
}

// Run is the daemon: a run at once, then every runinterval, and whenever the server or a signal asks for one. SIGHUP
// reads the configuration again, SIGUSR1 asks for a run. It returns when ctx is done; a run in progress then finishes
// the resources that it is at.
func (a *Agent) Run(ctx context.Context) error {
	notifySystemd("READY=1")
	defer notifySystemd("STOPPING=1")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	l := &loop{a: a, requests: make(chan request)}
	if err := l.begin(ctx); err != nil {
		return ignoreCancel(err)
	}
	defer l.end()
	timer := time.NewTimer(l.firstPause())
	defer timer.Stop()
	for {
		var asked request
		select {
		case <-ctx.Done():
			l.flush()
			return nil
		case s := <-signals:
			if s == syscall.SIGHUP {
				l.reload(ctx)
				continue
			}
		case asked = <-l.requests:
		case <-timer.C:
		}
		result := l.run(ctx, asked.args)
		if asked.done != nil {
			asked.done <- result
		}
		if a.unit.takeRestart() {
			l.restart(ctx)
		}
		timer.Reset(l.pause())
	}
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// begin opens the first session. A configuration that cannot be read is an error; anything else is tried again.
func (l *loop) begin(ctx context.Context) error {
	if _, err := l.a.opt.Load(); err != nil {
		return err
	}
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		s, err := l.a.open(ctx)
		if err == nil {
			l.use(s)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.a.journal.say("err", "Could not begin: "+err.Error())
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// use makes s the session, and keeps a channel open over it.
func (l *loop) use(s *session) {
	l.end()
	l.session = s
	if s.conf.Bool("kickoff_channel") {
		l.channel = openChannel(l.a, s, l.requests)
	}
}

// flush gives the channel time to tell what became of the last commands.
func (l *loop) flush() {
	if l.channel != nil {
		l.channel.flush(lastWords)
	}
}

func (l *loop) end() {
	if l.channel != nil {
		l.channel.close()
		l.channel = nil
	}
	if l.session != nil {
		l.session.close()
	}
}

// reload reads the configuration again. The channel stays open unless its server or the node's name have changed. A
// configuration that cannot be used is reported, and the old one kept.
func (l *loop) reload(ctx context.Context) {
	s, err := l.a.open(ctx)
	if err != nil {
		l.a.journal.say("err", "Could not use the configuration, going on with the old one: "+err.Error())
		return
	}
	old := l.session
	if s.client.address == old.client.address && s.certname == old.certname && s.conf.Get("kickoff_channel") == old.conf.Get("kickoff_channel") &&
		s.creds.certificate.Leaf.Equal(old.creds.certificate.Leaf) {
		old.close()
		l.session = s
		return
	}
	l.use(s)
}

// run makes one run with the configuration of now.
func (l *loop) run(ctx context.Context, args wire.RunArgs) wire.RunResult {
	l.reload(ctx)
	l.event(wire.EventRunStarted, wire.RunResult{RunID: args.RunID})
	if l.channel != nil {
		l.a.journal.listen(l.channel.notice)
	}
	started := time.Now()
	r, code := l.a.locked(ctx, l.session, how{noop: args.Noop, ordered: args.RunID != ""})
	l.a.journal.listen(nil)
	result := runResult(args.RunID, r, code)
	result.Seconds = time.Since(started).Seconds()
	l.event(wire.EventRunFinished, result)
	l.reload(ctx) // the catalog may have changed the agent's own configuration
	return result
}

func (l *loop) event(kind string, data wire.RunResult) {
	if l.channel != nil {
		l.channel.event(kind, "", data)
	}
}

// runResult is the short form of a report.
func runResult(id string, r *report.Report, code int) wire.RunResult {
	if r == nil {
		return wire.RunResult{RunID: id, Status: report.StatusFailed, ExitCode: code, Summary: "another run is in progress"}
	}
	result := wire.RunResult{
		RunID: id, Status: r.Status, ExitCode: code, Changed: r.Changed(), Failed: r.Failed(), CodeID: r.CodeID,
	}
	result.Summary = summary(r)
	return result
}

// summary is one line for people: the first thing that went wrong, or how long it took.
func summary(r *report.Report) string {
	if problem := r.Problem(); problem != "" {
		return problem
	}
	for _, l := range r.Logs {
		if strings.HasPrefix(l.Message, "Applied catalog") {
			return l.Message
		}
	}
	return r.Status
}

// restart lets systemd start the agent anew, because the catalog has changed the agent's own unit or what it names.
func (l *loop) restart(ctx context.Context) {
	l.a.journal.say("notice", "Restarting the agent, as the catalog wants it")
	l.flush()
	l.end()
	l.session, l.channel = nil, nil
	if err := l.a.unit.restartNow(ctx); err != nil {
		l.a.journal.say("err", "Could not restart the agent: "+err.Error())
	} else {
		<-ctx.Done() // systemd ends us
		return
	}
	if err := l.begin(ctx); err != nil {
		l.a.log.Debug("not begun again", "error", err)
	}
}

// firstPause is zero, but for a node that is enrolled already and is to spread its load.
func (l *loop) firstPause() time.Duration {
	conf := l.session.conf
	limit := conf.Duration("splaylimit")
	if !conf.Bool("splay") || l.session.fresh || limit <= 0 {
		return 0
	}
	return rand.N(limit)
}

func (l *loop) pause() time.Duration {
	if l.session == nil {
		return time.Second
	}
	return max(l.session.conf.Duration("runinterval"), time.Second)
}
