// Package provider is the contract between the walk over a catalog and the resource types on a real operating system.
//
// A provider decides by looking (Check) and acts by the changes that it returned; it never logs events, and never acts
// in Check. The walk makes events, logs, noop and refreshes of the changes. What else a person should see while a
// provider works (the output of a command, "waiting for the apt lock") goes through Resource.Report.
package provider

import (
	"context"

	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// Resource is a resource of the catalog, validated against its type, with deferred values resolved.
type Resource struct {
	catalog.Ref
	Type *resource.Type
	// Params holds the munged parameters, name variable included. Sensitive ones are unwrapped; see Sensitive.
	Params map[string]value.Value
	// Sensitive names the parameters whose values must not be shown.
	Sensitive map[string]bool
	// Noop says that changes of this resource are only shown (by the agent's setting or the metaparameter).
	Noop bool
	// Reporter takes what Report is given; nil drops it. The walk sets it.
	Reporter Reporter
}

// Text gives a parameter as text, or "" if it is not set.
func (r *Resource) Text(name string) string {
	if v, ok := r.Params[name]; ok && !value.IsUndef(v) {
		return v.String()
	}
	return ""
}

// Has reports whether a parameter is set.
func (r *Resource) Has(name string) bool {
	v, ok := r.Params[name]
	return ok && !value.IsUndef(v)
}

// Report shows a line at once, in the log and in the report. Values of sensitive parameters in it are redacted.
func (r *Resource) Report(l Line) {
	if r.Reporter != nil {
		r.Reporter.Report(l)
	}
}

// Level is the importance of a log line, in Puppet's terms.
type Level string

// Puppet's log levels.
const (
	Debug   Level = "debug"
	Info    Level = "info"
	Notice  Level = "notice"
	Warning Level = "warning"
	Err     Level = "err"
	Alert   Level = "alert"
	Emerg   Level = "emerg"
	Crit    Level = "crit"
)

// Line is something that a provider wants a person to see while it works.
type Line struct {
	Level Level
	// Property puts the line under a property, as exec does with its output: /Stage[main]/Exec[x]/returns: text.
	Property string
	// Bare shows the text without the resource's path, as notify and Puppet's own messages do.
	Bare    bool
	Message string
}

// Reporter receives the lines of a resource. It may be called concurrently.
type Reporter interface{ Report(Line) }

// Change is one property that is not as it shall be.
type Change struct {
	// Property is the name of the property, e.g. "ensure".
	Property string
	// Previous and Desired are what reports show; they are redacted by the walk if the parameter is sensitive. The
	// absence of something is value.String("absent").
	Previous, Desired value.Value
	// Message is the text of the event, e.g. "created"; empty: the walk writes Puppet's default text.
	Message string
	// Event is the event's name, e.g. "file_created"; empty: the walk writes Puppet's default name.
	Event string
	// Sensitive redacts the change even if its own parameter is not sensitive (ensure of a file with secret content).
	Sensitive bool
	// Diff is shown with show_diff, and never if the parameter is sensitive.
	Diff string
	// Apply makes the change. It is called at most once, and not in noop runs. An error is shown as
	// "change from 'a' to 'b' failed: <error>".
	Apply func(ctx context.Context) error
}

// Provider brings resources of one type to their desired state. One instance serves one run and may cache what it
// learned; its methods may be called concurrently for different resources.
type Provider interface {
	// Check looks at the system and returns the changes that are needed, in the order in which they are to be made;
	// none if the resource is in sync. When ensure is out of sync, it is normally the only change.
	Check(ctx context.Context, r *Resource) ([]Change, error)
}

// Refresher is implemented by providers whose resources react to notify and subscribe (service, exec, ...).
type Refresher interface {
	// Refresh is called once after Check and the changes, if something that notifies r has changed; not in noop runs.
	// refreshed is false when nothing had to be done.
	Refresh(ctx context.Context, r *Resource) (refreshed bool, err error)
}

// Prefetcher is implemented by providers that can learn the state of many resources at once. It is called once per
// run, before the first Check of its type; an error fails all resources of the type.
type Prefetcher interface {
	Prefetch(ctx context.Context, rs []*Resource) error
}

// Batcher is implemented by providers for which acting on many resources at once is much cheaper (apt). The walk
// calls Batch with resources that are out of sync, ready at the same time, and whose only change is the given one.
type Batcher interface {
	// CanBatch reports whether the change may be made together with those of other resources.
	CanBatch(r *Resource, c Change) bool
	// Batch makes the changes; the result has one error (or nil) per resource. A resource that it leaves undone has
	// the error ErrNotBatched, and is applied by its own Change.
	Batch(ctx context.Context, rs []*Resource, cs []Change) []error
}

// Serializer is implemented by providers whose changes must not run side by side, e.g. because of a system-wide lock.
type Serializer interface {
	// Lock names the lock; providers with the same name exclude each other while they change or refresh something.
	Lock() string
}

// Generator is implemented by providers whose resources stand for others that only the node can know: the files below
// a recursive directory, what a purge removes. The walk calls Generate after r's own changes, and evaluates what it
// gives in order, before anything that depends on r; their changes count for subscribers of r.
type Generator interface {
	Generate(ctx context.Context, r *Resource) ([]*catalog.Resource, error)
}

// Named is implemented by providers that have a name of their own in reports (provider_used), e.g. "apt".
type Named interface{ Name() string }
