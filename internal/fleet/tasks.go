package fleet

import (
	"context"
	"sync"
)

// tasks runs what may block beside the passes, at most one per key.
type tasks struct {
	mu      sync.Mutex
	ctx     context.Context // of Run: tasks end with it
	running map[string]bool
	wg      sync.WaitGroup
}

func (t *tasks) open(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx, t.running = ctx, map[string]bool{}
}

// start runs f unless a task with the key is running. It reports whether it
// started. After Run has ended nothing starts.
func (t *tasks) start(key string, f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil || t.ctx.Err() != nil || t.running[key] {
		return false
	}
	t.running[key] = true
	ctx := t.ctx
	t.wg.Go(func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			delete(t.running, key)
		}()
		f(ctx)
	})
	return true
}

// busy reports whether a task with the key is running.
func (t *tasks) busy(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running[key]
}

func (t *tasks) wait() { t.wg.Wait() }

// news wakes those who wait for events.
type news struct {
	mu   sync.Mutex
	wake chan struct{}
}

// next gives a channel that is closed when something new has happened.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wake == nil {
		n.wake = make(chan struct{})
	}
	return n.wake
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wake != nil {
		close(n.wake)
		n.wake = nil
	}
}
