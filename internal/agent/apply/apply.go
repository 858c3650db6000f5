// Package apply brings a node to what a catalog says. The catalog becomes a graph; the graph is walked in the order in
// which the code was written, as far as relationships leave a choice; every resource is checked, changed and refreshed
// by the provider of its type; what happened becomes events, log lines and a report, in Puppet's words.
//
//	graph.go     containment, relationships and autorequires as edges
//	cycle.go     what to say when they contradict each other
//	order.go     the order of evaluation, and what may run side by side
//	walk.go      the scheduler: workers, batches, refreshes, failed dependencies
//	evaluate.go  one resource: check, change or noop, events
//	text.go      Puppet's texts
package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// The values of Options.Ordering.
const (
	// OrderManifest runs side by side only what cannot disturb each other, and everything else in the order of the
	// manifest: code that relies on that order works as it does under Puppet.
	OrderManifest = "manifest"
	// OrderGraph runs everything side by side that no relationship orders.
	OrderGraph = "graph"
)

// Resolver makes the calls of Deferred values.
type Resolver interface {
	Resolve(ctx context.Context, d *value.Deferred) (value.Value, error)
}

// Options say how a catalog is applied.
type Options struct {
	Types *resource.Registry
	// Providers are by type, in lower case.
	Providers map[string]provider.Provider
	// Noop only tells what would be changed.
	Noop bool
	// Tags limits the run to resources with one of these; SkipTags leaves out those with one of them.
	Tags, SkipTags []string
	// ShowDiff logs the differences of file contents.
	ShowDiff bool
	// Workers is how many resources are worked on at once; 0 means 8.
	Workers int
	// Ordering is OrderManifest (also if empty) or OrderGraph.
	Ordering string
	// Deferred makes deferred calls; nil: a resource with one fails.
	Deferred Resolver
	// Log takes the lines of the run; it is called by one goroutine at a time. Nil drops them.
	Log func(report.Log)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Result is what a run did.
type Result struct {
	Statuses map[string]*report.ResourceStatus
	// Completed says that every resource was evaluated or skipped.
	Completed bool
	// Evaluation is the time that the walk took.
	Evaluation time.Duration
}

// ErrStopped says that the run was ended before all resources were evaluated.
var ErrStopped = errors.New("the run was stopped")

// Run applies a catalog. An error means that the catalog cannot be applied at all, or, if it is ErrStopped, that ctx
// ended the walk between two resources; resources that are being worked on are finished. Failures of resources are in
// the result.
func Run(ctx context.Context, cat *catalog.Catalog, opt Options) (*Result, error) {
	if opt.Workers <= 0 {
		opt.Workers = 8
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = func(report.Log) {}
	}
	g, err := buildGraph(cat, opt.Types)
	if err != nil {
		return nil, err
	}
	if err := g.sequence(); err != nil {
		return nil, err
	}
	w := newWalk(ctx, g, opt)
	started := opt.Now()
	w.run()
	result := &Result{Statuses: w.statuses, Completed: !w.stopped, Evaluation: opt.Now().Sub(started)}
	if w.stopped {
		return result, fmt.Errorf("%w: %w", ErrStopped, context.Cause(ctx))
	}
	return result, nil
}
