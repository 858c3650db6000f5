package fleet

import (
	"context"
	"sync"
	"time"
)

// limiter lets calls through at a rate, with a burst. It is shared by all
// calls to one cloud.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst int
	next  time.Time // when the bucket is as empty as it may get
}

// wait blocks until a call may be made or ctx ends.
func (l *limiter) wait(ctx context.Context) error {
	l.mu.Lock()
	now := time.Now()
	if full := now.Add(-time.Duration(l.burst) * l.every); l.next.Before(full) {
		l.next = full
	}
	l.next = l.next.Add(l.every)
	pause := l.next.Sub(now)
	l.mu.Unlock()
	return sleep(ctx, pause)
}

// hold makes all calls wait for a while: the cloud asked for it.
func (l *limiter) hold(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); l.next.Before(until) {
		l.next = until
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
