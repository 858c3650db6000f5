package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
	"kickoff/internal/value"
)

// evaluation is the work on one resource. It runs in a goroutine of its own.
type evaluation struct {
	w      *walk
	n      *node
	status *report.ResourceStatus
	// triggers and live count the events that arrived to refresh the resource.
	triggers, live int
	// sent and sentLive count the events that go on to subscribers.
	sent, sentLive int
	started        time.Time
	redact         redactor
	// lines keeps the log lines back until it is the resource's turn; nil logs at once.
	lines *[]report.Log
}

// evaluate checks the resource and makes its changes, or stops before the change if it can be part of a batch.
func (v *evaluation) evaluate() *outcome {
	v.started = v.w.opt.Now()
	v.status.Time = v.started
	changes, err := v.check()
	if err != nil {
		v.fail("Could not evaluate: ", err)
		return v.outcome()
	}
	res := v.n.item.res
	if b, ok := v.w.provider(v.n).(provider.Batcher); ok && !res.Noop && len(changes) == 1 && b.CanBatch(res, changes[0]) {
		v.spend(v.started)
		return &outcome{n: v.n, status: v.status, batch: &changes[0], run: v}
	}
	for _, c := range changes {
		v.change(c)
	}
	return v.rest()
}

// afterBatch goes on with a resource whose change was made, or not made, with those of others.
func (v *evaluation) afterBatch(c provider.Change, err error, seconds float64) *outcome {
	v.started = v.w.opt.Now()
	*v.status.EvaluationTime += seconds
	if errors.Is(err, provider.ErrNotBatched) {
		v.change(c)
	} else {
		v.changed(c, err)
	}
	return v.rest()
}

// rest is what follows the changes: generated resources and the refresh.
func (v *evaluation) rest() *outcome {
	if !v.status.Failed {
		v.generate()
	}
	if v.triggers > 0 && !v.status.Failed {
		v.refresh()
	}
	return v.outcome()
}

func (v *evaluation) outcome() *outcome {
	v.spend(v.started)
	return &outcome{n: v.n, status: v.status, triggers: v.sent, live: v.sentLive, run: v}
}

// spend adds the time since a moment to the evaluation time.
func (v *evaluation) spend(since time.Time) {
	seconds := v.w.opt.Now().Sub(since).Seconds()
	if v.status.EvaluationTime == nil {
		v.status.EvaluationTime = new(float64)
	}
	*v.status.EvaluationTime += seconds
}

// check prepares the resource and asks its provider what is to be changed.
func (v *evaluation) check() ([]provider.Change, error) {
	it := v.n.item
	if it.typ == nil {
		return nil, fmt.Errorf("this agent does not know the resource type %s: types written in Ruby are not supported", it.cat.Type)
	}
	if it.deferred {
		if err := v.resolve(); err != nil {
			return nil, err
		}
	}
	p := v.w.provider(v.n)
	if p == nil {
		return nil, fmt.Errorf("this agent has no provider for the resource type %s", it.typ.Name)
	}
	v.redact = newRedactor(it.res)
	it.res.Noop = v.noop()
	it.res.Reporter = reporter{v.w, it, v.redact}
	if named, ok := p.(provider.Named); ok {
		name := named.Name()
		v.status.ProviderUsed = &name
	}
	if prefetch := v.w.prefetch[it.typ.Name]; prefetch != nil {
		if err := prefetch(); err != nil {
			return nil, err
		}
	}
	changes, err := p.Check(v.w.working(), it.res)
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// noop decides whether the resource is only looked at: the metaparameter outranks the setting.
func (v *evaluation) noop() bool {
	if own, ok := v.n.item.res.Params["noop"]; ok && !value.IsUndef(own) {
		return value.Truthy(own)
	}
	return v.w.opt.Noop
}

// resolve makes the deferred calls in the parameters.
func (v *evaluation) resolve() error {
	it := v.n.item
	if v.w.opt.Deferred == nil {
		return errors.New("a parameter is Deferred, and this agent cannot make deferred calls")
	}
	params := catalogParams(it.cat)
	for name, p := range params {
		resolved, err := resolveDeferred(v.w.working(), v.w.opt.Deferred, p)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		params[name] = resolved
	}
	return it.build(params)
}

// change makes one change, or tells that it would be made.
func (v *evaluation) change(c provider.Change) {
	v.showDiff(c)
	if v.n.item.res.Noop {
		v.event(c, report.EventNoop, noopText(v.hide(c)))
		return
	}
	if c.Apply == nil {
		v.changed(c, errors.New("the provider cannot make this change"))
		return
	}
	unlock := v.w.lock(v.w.provider(v.n))
	err := c.Apply(v.w.working())
	unlock()
	v.changed(c, err)
}

// changed records what became of a change.
func (v *evaluation) changed(c provider.Change, err error) {
	shown := v.hide(c)
	if err != nil {
		reason := v.redact.text(err.Error())
		v.w.keep(v.n.item, report.Log{Level: "err", Message: reason})
		v.event(c, report.EventFailure, failureText(shown, reason))
		return
	}
	v.event(c, report.EventSuccess, changeText(shown))
}

// event records and logs what became of a change.
func (v *evaluation) event(c provider.Change, status, message string) {
	shown := v.hide(c)
	e := &report.Event{
		Property: &c.Property, PreviousValue: v.redact.value(shown.Previous), DesiredValue: v.redact.value(shown.Desired),
		Message: v.redact.text(message), Name: eventName(v.n.item.typ.Name, c), Status: status, Time: v.w.opt.Now(),
	}
	if v.secret(c) {
		e.Redacted = new(true)
	}
	v.status.Add(e)
	level := v.level()
	switch status {
	case report.EventFailure:
		level = "err"
	case report.EventSuccess:
		v.sent, v.sentLive = v.sent+1, v.sentLive+1
	case report.EventNoop:
		v.sent++
	}
	v.w.line(v.n.item, report.Log{Level: level, Source: v.n.item.source + "/" + c.Property, Message: e.Message})
}

// level is what successes are logged with.
func (v *evaluation) level() string {
	if l := v.n.item.res.Text("loglevel"); l != "" {
		return l
	}
	return "notice"
}

// secret reports whether the values of a change must not be shown.
func (v *evaluation) secret(c provider.Change) bool {
	res := v.n.item.res
	return c.Sensitive || res.Sensitive[c.Property]
}

// hide gives the change in the form that may be shown.
func (v *evaluation) hide(c provider.Change) provider.Change {
	if v.secret(c) {
		c.Previous, c.Desired, c.Diff, c.Message = value.String(redacted), value.String(redacted), "", ""
		c.Sensitive = true
	}
	return c
}

func (v *evaluation) showDiff(c provider.Change) {
	message := "\n" + v.redact.text(c.Diff)
	switch {
	case !v.w.opt.ShowDiff:
		return
	case v.secret(c) && c.Property == "content":
		message = "[diff redacted]"
	case c.Diff == "" || v.secret(c):
		return
	}
	v.w.line(v.n.item, report.Log{Level: v.level(), Source: v.n.item.source + "/" + c.Property, Message: message})
}

// fail records that the resource failed outside of a change.
func (v *evaluation) fail(prefix string, err error) {
	message := prefix + v.redact.text(err.Error())
	v.status.Add(&report.Event{Name: "resource_error", Message: message, Status: report.EventFailure, Time: v.w.opt.Now(), Redacted: new(false)})
	v.w.line(v.n.item, report.Log{Level: "err", Message: message})
}

// refresh answers the events of what the resource subscribes to.
func (v *evaluation) refresh() {
	r, ok := v.w.provider(v.n).(provider.Refresher)
	if !ok {
		return
	}
	if v.n.item.res.Noop || v.live == 0 {
		v.refreshed(report.EventNoop, refreshText("Would have triggered", v.triggers))
		v.sent++
		return
	}
	unlock := v.w.lock(r)
	_, err := r.Refresh(v.w.working(), v.n.item.res)
	unlock()
	if err != nil {
		v.status.FailedToRestart = true
		v.fail("Failed to call refresh: ", err)
		v.w.line(v.n.item, report.Log{Level: "err", Message: v.redact.text(err.Error())})
		return
	}
	v.status.Restarted = true
	v.refreshed(report.EventSuccess, refreshText("Triggered", v.triggers))
	v.sent, v.sentLive = v.sent+1, v.sentLive+1
}

func (v *evaluation) refreshed(status, message string) {
	v.status.Add(&report.Event{Name: "refresh", Message: message, Status: status, Time: v.w.opt.Now(), Redacted: new(false)})
	v.w.line(v.n.item, report.Log{Level: "notice", Message: message})
}

// generate evaluates the resources that the provider makes of this one.
func (v *evaluation) generate() {
	gen, ok := v.w.provider(v.n).(provider.Generator)
	if !ok {
		return
	}
	children, err := gen.Generate(v.w.working(), v.n.item.res)
	if err != nil {
		v.fail("Could not evaluate: ", err)
		return
	}
	for _, child := range children {
		v.child(child)
	}
}

// child evaluates a generated resource as part of this one.
func (v *evaluation) child(r *catalog.Resource) {
	parent := v.n.item
	if _, managed := v.w.g.begin[r.Ref]; managed {
		return // what is written in the catalog outranks what is generated
	}
	if r.Tags == nil {
		r.Tags = parent.tags
	}
	if r.File == "" {
		r.File, r.Line = parent.cat.File, parent.cat.Line
	}
	it := &item{cat: r, typ: parent.typ, tags: r.Tags, lines: parent.lines}
	it.path = append(append([]string{}, parent.path[:len(parent.path)-1]...), r.Ref.String())
	it.source = "/" + joinPath(it.path)
	n := &node{ref: r.Ref, item: it}
	sub := &evaluation{w: v.w, n: n, status: v.w.newStatus(n)}
	if err := it.build(catalogParams(r)); err != nil {
		it.res = &provider.Resource{Ref: r.Ref}
		sub.fail("Could not evaluate: ", err)
	} else {
		sub.started = v.w.opt.Now()
		sub.evaluateChild()
	}
	v.sent += sub.sent
	v.sentLive += sub.sentLive
	if sub.status.Failed {
		v.status.Failed = true
	}
}

func (v *evaluation) evaluateChild() {
	changes, err := v.check()
	if err != nil {
		v.fail("Could not evaluate: ", err)
		return
	}
	for _, c := range changes {
		v.change(c)
	}
	if !v.status.Failed {
		v.generate()
	}
	v.spend(v.started)
}

// resolveDeferred replaces deferred calls in a value by their results, the innermost first.
func resolveDeferred(ctx context.Context, by Resolver, v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case *value.Deferred:
		args, err := resolveDeferred(ctx, by, v.Args)
		if err != nil {
			return nil, err
		}
		arr, _ := args.(*value.Array)
		return by.Resolve(ctx, &value.Deferred{Name: v.Name, Args: arr})
	case *value.Sensitive:
		inner, err := resolveDeferred(ctx, by, v.Unwrap())
		if err != nil {
			return nil, err
		}
		return value.NewSensitive(inner), nil
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			var err error
			if out[i], err = resolveDeferred(ctx, by, e); err != nil {
				return nil, err
			}
		}
		return value.NewArray(out...), nil
	case *value.Hash:
		out := value.NewHash(v.Len())
		for k, e := range v.All() {
			r, err := resolveDeferred(ctx, by, e)
			if err != nil {
				return nil, err
			}
			out.Set(k, r)
		}
		return out, nil
	}
	return v, nil
}
