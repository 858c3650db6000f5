package story

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Load asks one URL all the time, from several clients, and keeps account of every answer. No request is repeated:
// what a user would have seen as a failure counts as one.
type Load struct {
	url     string
	clients int
	pause   time.Duration
	header  string

	mu        sync.Mutex
	latencies []time.Duration
	failures  []Failure
	answered  map[string]int

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Failure is one request that did not get status 200.
type Failure struct {
	At     time.Time
	Reason string
}

// LoadSummary is what a user of the service saw.
type LoadSummary struct {
	Requests int
	Failures []Failure
	P50, P99 time.Duration
	Max      time.Duration
	// Answered counts the answers by instance.
	Answered map[string]int
}

// requestTimeout bounds one request; a user would have given up by then.
const requestTimeout = 10 * time.Second

// StartLoad begins to ask url from so many clients, each pausing between two requests. The response header names the
// instance that answered.
func StartLoad(ctx context.Context, url string, clients int, pause time.Duration, header string) *Load {
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{url: url, clients: clients, pause: pause, header: header, answered: map[string]int{}, cancel: cancel}
	for range clients {
		l.done.Go(func() { l.ask(ctx) })
	}
	return l
}

func (l *Load) ask(ctx context.Context) {
	client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(l.pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.once(client)
	}
}

// once makes one request. It is not ended by the end of the load, so that no request is cut off by us.
func (l *Load) once(client *http.Client) {
	start := time.Now()
	who, err := l.request(client)
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latencies = append(l.latencies, took)
	if err != nil {
		l.failures = append(l.failures, Failure{At: start, Reason: err.Error()})
		return
	}
	l.answered[who]++
}

func (l *Load) request(client *http.Client) (string, error) {
	resp, err := client.Get(l.url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %.80s", resp.Status, body)
	}
	return resp.Header.Get(l.header), nil
}

// Stop ends the load and gives its account.
func (l *Load) Stop() LoadSummary {
	l.cancel()
	l.done.Wait()
	return l.Summary()
}

// Summary gives the account so far.
func (l *Load) Summary() LoadSummary {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := LoadSummary{Requests: len(l.latencies), Failures: slices.Clone(l.failures), Answered: map[string]int{}}
	maps.Copy(s.Answered, l.answered)
	if sorted := slices.Sorted(slices.Values(l.latencies)); len(sorted) > 0 {
		s.P50 = sorted[len(sorted)/2]
		s.P99 = sorted[len(sorted)*99/100]
		s.Max = sorted[len(sorted)-1]
	}
	return s
}
