package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

const (
	// pollEvery is how often the state is read when no event says that it changed.
	pollEvery = 2 * time.Second
	// beatEvery is how often an open page hears that it is still live.
	beatEvery = 2 * time.Second
	// settle collects events that come together into one picture.
	settle = 100 * time.Millisecond
)

// picture is the rendered state of the fleet. Seq grows with every change.
type picture struct {
	seq  int64
	html []byte
}

// live keeps one picture for all open pages: the state is read and rendered once, however many look.
type live struct {
	fleet Fleet
	log   *slog.Logger

	mu      sync.Mutex
	current picture
	changed chan struct{} // closed and replaced at every change
	down    bool
	stopped bool
}

func newLive(fleet Fleet, log *slog.Logger) *live {
	return &live{fleet: fleet, log: log, changed: make(chan struct{})}
}

// run reads the state whenever an event comes, and every pollEvery, until ctx ends.
func (l *live) run(ctx context.Context) error {
	trigger := make(chan struct{}, 1)
	var follower sync.WaitGroup
	follower.Go(func() { l.follow(ctx, trigger) })
	defer follower.Wait()
	defer l.stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		l.refresh(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-trigger:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(settle):
			}
		}
	}
}

// follow turns events into triggers; a broken stream is taken up again.
func (l *live) follow(ctx context.Context, trigger chan<- struct{}) {
	var seq int64
	for ctx.Err() == nil {
		_ = l.fleet.FollowEvents(ctx, seq, func(e instance.Event) error {
			seq = e.Seq
			select {
			case trigger <- struct{}{}:
			default:
			}
			return nil
		})
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

func (l *live) refresh(ctx context.Context) {
	fleet, err := l.fleet.Fleet(ctx, "", false)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if !l.down && !errors.Is(err, context.Canceled) {
			l.log.Warn("console cannot read the fleet", "error", err)
		}
		l.down = true
		return
	}
	l.down = false
	html, err := renderFleet(fleet)
	if err != nil {
		l.log.Error("console cannot render the fleet", "error", err)
		return
	}
	if bytes.Equal(html, l.current.html) {
		return
	}
	l.current = picture{l.current.seq + 1, html}
	close(l.changed)
	l.changed = make(chan struct{})
}

func renderFleet(fleet api.Fleet) ([]byte, error) {
	var b bytes.Buffer
	err := pages.ExecuteTemplate(&b, "groups", view{Fleet: fleet})
	return b.Bytes(), err
}

func (l *live) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		l.stopped = true
		close(l.changed)
	}
}

// look gives the picture, the channel that is closed when it is no longer true, and whether the fleet can be read.
func (l *live) look() (p picture, changed <-chan struct{}, ok, stopped bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current, l.changed, !l.down, l.stopped
}

// stream sends the picture as server-sent events: at once, and after every change. Between them, beats tell the page
// that it is live; they stop while the fleet cannot be read, so that the page says so.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", api.MediaEvents)
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{})
	var sent int64
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		p, changed, ok, stopped := c.live.look()
		if stopped || !c.gate.admits(r) {
			_, _ = fmt.Fprint(w, "event: bye\ndata: \n\n")
			return rc.Flush()
		}
		if p.seq > sent {
			writeHTML(w, p)
			sent = p.seq
		} else if ok {
			_, _ = fmt.Fprintf(w, "event: beat\ndata: %d\n\n", p.seq)
		}
		if err := rc.Flush(); err != nil {
			return nil //nolint:nilerr // the reader went away
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-changed:
		case <-beat.C:
		}
	}
}

func writeHTML(w http.ResponseWriter, p picture) {
	_, _ = fmt.Fprintf(w, "id: %d\nevent: fleet\n", p.seq)
	for line := range bytes.Lines(p.html) {
		_, _ = fmt.Fprintf(w, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	_, _ = fmt.Fprint(w, "\n")
}
