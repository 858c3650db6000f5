package apply

import (
	"context"
	"fmt"
	"sync"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
)

// lookAhead bounds how far past an unfinished resource the scheduler looks for something to do.
const lookAhead = 256

// walk is the state of one run. Everything but the locked parts belongs to the goroutine that calls run.
type walk struct {
	ctx context.Context // ends the walk between two resources
	opt Options
	g   *graph

	state    map[*node]*progress
	statuses map[string]*report.ResourceStatus
	results  chan *outcome
	running  int
	left     int // nodes that are not done
	stopped  bool
	// busy counts the running evaluations by type: a batch waits for those that may still join it.
	busy map[string]int
	// first is the place in the order before which everything is done.
	first int
	// arrived are the outcomes of files whose turn has not come.
	arrived map[*node]*outcome
	// parked are checked resources that wait to be changed together, by type.
	parked map[string][]*outcome

	logMu    sync.Mutex
	locks    sync.Map // name -> *sync.Mutex
	prefetch map[string]func() error
}

// progress is how far a node is.
type progress struct {
	waiting       int // for so many nodes
	started, done bool
	// triggers count the events that arrived to refresh the node; live are those of them that were not noop.
	triggers, live int
	// failed are the failed resources that the node depends on, as far as no resource between has told of them.
	failed []catalog.Ref
	// blocked says that a resource that the node depends on was skipped because of a failure.
	blocked bool
}

// outcome is what a worker found out.
type outcome struct {
	n        *node
	status   *report.ResourceStatus
	triggers int
	live     int
	// batch is the change that waits to be made together with others; nil: the resource is finished.
	batch *provider.Change
	// run is the evaluation that this is the outcome of.
	run *evaluation
}

func newWalk(ctx context.Context, g *graph, opt Options) *walk {
	w := &walk{
		ctx: ctx, opt: opt, g: g, state: make(map[*node]*progress, len(g.nodes)),
		statuses: map[string]*report.ResourceStatus{}, results: make(chan *outcome),
		parked: map[string][]*outcome{}, busy: map[string]int{}, left: len(g.nodes), arrived: map[*node]*outcome{},
	}
	for _, n := range g.nodes {
		w.state[n] = &progress{waiting: n.in}
	}
	w.preparePrefetch()
	return w
}

// run walks the graph. It returns when nothing is left, or when ctx has ended and every worker has come back.
func (w *walk) run() {
	for {
		if w.ctx.Err() != nil {
			w.stopped = w.left > 0
		}
		if !w.stopped && w.startReady() || w.settleNext() {
			continue
		}
		w.flush()
		if w.running == 0 {
			return
		}
		o := <-w.results
		w.running--
		w.busy[o.n.ref.Type]--
		if o.run != nil && o.run.lines != nil {
			w.arrived[o.n] = o
		} else {
			w.settle(o)
		}
	}
}

// startReady starts what can be started, and reports whether anything has moved.
func (w *walk) startReady() bool {
	moved := false
	var open unfinished
	for i := w.first; i < len(w.g.order) && open.count <= lookAhead && w.running < w.opt.Workers; i++ {
		n := w.g.order[i]
		p := w.state[n]
		if p.done {
			if open.count == 0 {
				w.first = i + 1
			}
			continue
		}
		if !p.started && p.waiting == 0 && (w.opt.Ordering == OrderGraph || open.allows(n)) {
			w.start(n)
			moved = true
			if p.done {
				continue
			}
		}
		open.add(n)
	}
	return moved
}

// unfinished sums up the nodes that precede another one in the manifest and are not done.
type unfinished struct {
	count int
	// typ is the type of all resources among them; mixed says that there are several.
	typ   string
	mixed bool
}

func (u *unfinished) add(n *node) {
	u.count++
	if n.kind != resourceNode || n.item.inert {
		return
	}
	u.mixed = u.mixed || u.typ != "" && u.typ != n.ref.Type
	u.typ = n.ref.Type
}

// allows reports whether n may be started before them: if it only structures the catalog, or if it and all of them are
// of one type whose resources do not disturb each other.
func (u *unfinished) allows(n *node) bool {
	if n.kind != resourceNode || n.item.inert || u.typ == "" {
		return true
	}
	return !u.mixed && u.typ == n.ref.Type && sideBySide[n.ref.Type]
}

// start begins the work on a node. Ends of containers, and what is skipped, are finished at once.
func (w *walk) start(n *node) {
	p := w.state[n]
	p.started = true
	if n.kind != resourceNode {
		w.passContainer(n, p)
		return
	}
	status := w.newStatus(n)
	switch {
	case len(p.failed) > 0 || p.blocked:
		w.skipFailed(n, p, status)
	case !w.wanted(n.item):
		w.line(n.item, report.Log{Level: "debug", Message: "Not tagged with " + w.tagText()})
		if p.triggers > 0 {
			w.line(n.item, report.Log{Level: "info", Message: "Unscheduling all events on " + n.name()})
		}
		status.Skipped = true
		w.finish(n)
	case n.item.inert:
		if p.triggers > 0 {
			w.propagate(n, 1, min(p.live, 1))
		}
		w.finish(n)
	default:
		w.running++
		w.busy[n.ref.Type]++
		run := &evaluation{w: w, n: n, status: status, triggers: p.triggers, live: p.live}
		if n.ref.Type == "File" && w.opt.Ordering != OrderGraph {
			run.lines = &[]report.Log{}
			n.item.lines = run.lines
		}
		go func() { w.results <- run.evaluate() }()
	}
}

// passContainer hands refreshes and failures through an end of a container.
func (w *walk) passContainer(n *node, p *progress) {
	if len(p.failed) > 0 || p.blocked {
		if p.triggers > 0 {
			w.emit(report.Log{Level: "info", Source: n.name(), Message: "Unscheduling all events on " + n.name()})
		}
		for _, e := range n.out {
			to := w.state[e.to]
			to.failed = appendMissing(to.failed, p.failed...)
			to.blocked = to.blocked || p.blocked
		}
		w.finish(n)
		return
	}
	switch {
	case p.triggers == 0:
	case !w.wantedTags(n.ref, n.tags):
		w.emit(report.Log{Level: "info", Source: n.name(), Message: "Unscheduling all events on " + n.name()})
	default:
		if p.live == 0 || w.opt.Noop {
			w.emit(report.Log{Level: "notice", Source: n.name(), Message: refreshText("Would have triggered", p.triggers)})
		}
		w.propagate(n, 1, min(p.live, 1))
	}
	w.finish(n)
}

func appendMissing(list []catalog.Ref, more ...catalog.Ref) []catalog.Ref {
next:
	for _, m := range more {
		for _, have := range list {
			if have == m {
				continue next
			}
		}
		list = append(list, m)
	}
	return list
}

// skipFailed tells why a resource is not evaluated.
func (w *walk) skipFailed(n *node, p *progress, status *report.ResourceStatus) {
	for _, ref := range p.failed {
		w.line(n.item, report.Log{Level: "notice", Message: fmt.Sprintf("Dependency %s has failures: true", ref)})
	}
	w.line(n.item, report.Log{Level: "warning", Message: "Skipping because of failed dependencies"})
	if p.triggers > 0 {
		w.line(n.item, report.Log{Level: "info", Message: "Unscheduling all events on " + n.name()})
	}
	status.Skipped = true
	for _, e := range n.out {
		w.state[e.to].blocked = true
	}
	w.finish(n)
}

// settleNext settles the outcome of a file whose turn has come, and reports whether there was one. Files are worked on
// side by side, but settled in the order of the manifest: so two runs that do the same say the same.
func (w *walk) settleNext() bool {
	o := w.nextInTurn()
	if o == nil {
		return false
	}
	delete(w.arrived, o.n)
	for _, l := range *o.run.lines {
		w.emit(l)
	}
	o.n.item.lines = nil
	w.settle(o)
	return true
}

// nextInTurn gives the outcome that waits for nothing any more, if there is one.
func (w *walk) nextInTurn() *outcome {
	for i := w.first; i < len(w.g.order); i++ {
		n := w.g.order[i]
		if w.state[n].done || n.kind != resourceNode {
			continue
		}
		if o := w.arrived[n]; o != nil || !w.stopped {
			return o
		}
	}
	return nil
}

// settle takes what a worker brought.
func (w *walk) settle(o *outcome) {
	if o.batch != nil {
		w.parked[o.n.ref.Type] = append(w.parked[o.n.ref.Type], o)
		return
	}
	if o.status.Failed || o.status.FailedToRestart {
		for _, e := range o.n.out {
			to := w.state[e.to]
			to.failed = appendMissing(to.failed, o.n.ref)
		}
	}
	if o.triggers > 0 {
		w.propagate(o.n, o.triggers, o.live)
	}
	w.finish(o.n)
}

// propagate tells the subscribers of n of its events.
func (w *walk) propagate(n *node, triggers, live int) {
	for _, e := range n.out {
		if !e.notify || !w.refreshes(e.to) {
			continue
		}
		p := w.state[e.to]
		p.triggers += triggers
		p.live += live
		if e.quiet {
			continue
		}
		l := report.Log{Level: "info", Message: "Scheduling refresh of " + e.to.name()}
		for range triggers { // as Puppet: once for each event
			if n.kind == resourceNode {
				w.line(n.item, l)
			} else {
				l.Source = n.name()
				w.emit(l)
			}
		}
	}
}

// refreshes reports whether a node does something when it is notified, or hands it on.
func (w *walk) refreshes(n *node) bool {
	if n.kind != resourceNode || n.item.inert {
		return true
	}
	_, ok := w.provider(n).(provider.Refresher)
	return ok
}

func (w *walk) finish(n *node) {
	w.state[n].done = true
	w.left--
	for _, e := range n.out {
		w.state[e.to].waiting--
	}
}

// flush starts the batches that nothing more can join. When the walk was stopped, they are dropped.
func (w *walk) flush() {
	if w.stopped {
		clear(w.parked)
	}
	for typ, batch := range w.parked {
		if w.busy[typ] > 0 {
			continue
		}
		delete(w.parked, typ)
		w.running += len(batch)
		w.busy[typ] += len(batch)
		go w.runBatch(batch)
	}
}

// runBatch makes the changes of several resources together, and finishes each.
func (w *walk) runBatch(batch []*outcome) {
	batcher := w.provider(batch[0].n).(provider.Batcher)
	rs := make([]*provider.Resource, len(batch))
	cs := make([]provider.Change, len(batch))
	for i, o := range batch {
		rs[i], cs[i] = o.n.item.res, *o.batch
	}
	unlock := w.lock(batcher)
	started := w.opt.Now()
	errs := batcher.Batch(w.working(), rs, cs)
	seconds := w.opt.Now().Sub(started).Seconds() / float64(len(batch))
	unlock()
	for i, o := range batch {
		err := fmt.Errorf("the provider gave no result")
		if i < len(errs) {
			err = errs[i]
		}
		w.results <- o.run.afterBatch(*o.batch, err, seconds)
	}
}

// working is the context of work that has begun: it is finished although the walk is to end.
func (w *walk) working() context.Context { return context.WithoutCancel(w.ctx) }

// lock takes the lock that a provider names.
func (w *walk) lock(p any) (unlock func()) {
	s, ok := p.(provider.Serializer)
	if !ok {
		return func() {}
	}
	mu, _ := w.locks.LoadOrStore(s.Lock(), &sync.Mutex{})
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock
}

func (w *walk) provider(n *node) provider.Provider {
	if n.item == nil || n.item.typ == nil {
		return nil
	}
	return w.opt.Providers[n.item.typ.Name]
}

// preparePrefetch makes, for each provider that wants it, a function that prefetches once.
func (w *walk) preparePrefetch() {
	w.prefetch = map[string]func() error{}
	byType := map[string][]*provider.Resource{}
	for _, n := range w.g.order {
		if n.kind == resourceNode && n.item.res != nil && !n.item.deferred && w.wanted(n.item) {
			byType[n.item.typ.Name] = append(byType[n.item.typ.Name], n.item.res)
		}
	}
	for name, rs := range byType {
		if p, ok := w.opt.Providers[name].(provider.Prefetcher); ok {
			w.prefetch[name] = sync.OnceValue(func() error { return p.Prefetch(w.working(), rs) })
		}
	}
}
