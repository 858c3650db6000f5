// Package feed keeps a calendar up to date from a file or a URL, and keeps its
// last good copy: nothing that a broken server says, or does not say, takes a
// match out of the plan.
//
// An event that is cancelled goes at once. One that merely vanished goes after
// three healthy fetches without it; unless more than half of the next
// fourteen days' events vanish together, which is taken for a fault of the feed.
package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kickoff/internal/fleet/calendar"
)

// VanishAfter is how many healthy fetches without an event cancel it.
const VanishAfter = 3

// Horizon is how far ahead events that vanish together are counted.
const Horizon = 14 * 24 * time.Hour

// Options say what a feed is.
type Options struct {
	Name string
	// URL or File is where it is fetched from.
	URL, File string
	// Dir is where the last good copy is kept; empty keeps it in memory alone.
	Dir string
	// Fetcher asks a URL; the zero value is good.
	Fetcher Fetcher
	// DefaultDuration is that of events without end.
	DefaultDuration time.Duration
}

// State is what a feed knows; it survives a restart of the process.
type State struct {
	// Source is what it was fetched from: another source begins anew.
	Source       string `json:"source"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	Digest       string `json:"digest,omitempty"`
	// Calendar is the last good plan: the events of the last good copy, and
	// those that vanished and are not yet believed to be cancelled.
	Calendar *calendar.Calendar `json:"calendar,omitempty"`
	// Missing counts the healthy fetches without an event, by its key.
	Missing map[string]int `json:"missing,omitempty"`
	// Good is when the last good copy was confirmed, Tried when it was last asked for.
	Good  time.Time `json:"good,omitzero"`
	Tried time.Time `json:"tried,omitzero"`
	// Trouble says why the last fetch did not count; empty when it did.
	Trouble string `json:"trouble,omitempty"`
}

// Feed is one calendar. Its methods may be called by several goroutines.
type Feed struct {
	opt   Options
	mu    sync.Mutex
	state State
}

// Open loads what was kept of a feed. A kept state that cannot be read is
// reported and then forgotten: the next fetch replaces it.
func Open(o Options) (*Feed, error) {
	f := &Feed{opt: o, state: State{Source: o.URL + o.File}}
	if o.Dir == "" {
		return f, nil
	}
	src, err := os.ReadFile(f.path())
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	var s State
	if err == nil {
		err = json.Unmarshal(src, &s)
	}
	if err != nil {
		return f, fmt.Errorf("the kept copy of calendar %s cannot be read: %w", o.Name, err)
	}
	if s.Source == f.state.Source {
		f.state = s
	}
	return f, nil
}

func (f *Feed) path() string {
	sum := sha256.Sum256([]byte(f.opt.Name))
	return filepath.Join(f.opt.Dir, "calendar-"+hex.EncodeToString(sum[:8])+".json")
}

// State is a copy of what the feed knows. Its Calendar must not be changed.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// Refresh fetches once. Whatever happens, the last good plan stays in force;
// the error, also kept as Trouble, says why the fetch did not count.
func (f *Feed) Refresh(ctx context.Context, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.refresh(ctx, now)
	f.state.Tried, f.state.Trouble = now, ""
	if err != nil {
		f.state.Trouble = err.Error()
	}
	return errors.Join(err, f.keep())
}

func (f *Feed) refresh(ctx context.Context, now time.Time) error {
	got, err := f.fetch(ctx)
	if err != nil {
		return err
	}
	if got.NotModified {
		// The same copy again is a healthy fetch: what is missing is still missing.
		return f.merge(nil, now)
	}
	cal, err := calendar.Parse(got.Body)
	if err != nil {
		return fmt.Errorf("calendar %s: %w", f.opt.Name, err)
	}
	if err := f.merge(cal, now); err != nil {
		return err
	}
	sum := sha256.Sum256(got.Body)
	f.state.ETag, f.state.LastModified, f.state.Digest = got.ETag, got.LastModified, hex.EncodeToString(sum[:])
	return nil
}

func (f *Feed) fetch(ctx context.Context) (Fetched, error) {
	if f.opt.File != "" {
		body, err := readFile(f.opt.File)
		if err != nil {
			return Fetched{}, fmt.Errorf("calendar %s: %w", f.opt.Name, err)
		}
		return Fetched{Body: body}, nil
	}
	etag, modified := f.state.ETag, f.state.LastModified
	if f.state.Calendar == nil {
		etag, modified = "", ""
	}
	got, err := f.opt.Fetcher.Fetch(ctx, f.opt.URL, etag, modified)
	if err != nil {
		return got, fmt.Errorf("calendar %s: %w", f.opt.Name, err)
	}
	return got, nil
}

// keep writes the state beside its old one and then in its place.
func (f *Feed) keep() error {
	if f.opt.Dir == "" {
		return nil
	}
	src, err := json.Marshal(f.state)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.opt.Dir, "calendar-*.tmp")
	if err != nil {
		return fmt.Errorf("keep calendar %s: %w", f.opt.Name, err)
	}
	_, err = tmp.Write(src)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.path())
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("keep calendar %s: %w", f.opt.Name, err)
	}
	return nil
}
