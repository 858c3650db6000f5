// Package provider is the contract between the walk over a catalog and the resource types on a real operating system.
//
// A provider decides by looking (Check) and acts by the changes that it returned; it never logs, and never acts in
// Check. The walk makes events, logs, noop and refreshes of the changes.
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

// Change is one property that is not as it shall be.
type Change struct {
	// Property is the name of the property, e.g. "ensure".
	Property string
	// Previous and Desired are what reports show; they are redacted by the walk if the parameter is sensitive.
	Previous, Desired value.Value
	// Message is the text of the event, e.g. "created"; empty: the walk writes Puppet's default text.
	Message string
	// Diff is shown with show_diff, and never if the parameter is sensitive.
	Diff string
	// Apply makes the change. It is called at most once, and not in noop runs.
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
	// Refresh is called once after Check and the changes, if something that notifies r has changed. The message is the
	// event's text; refreshed is false when nothing had to be done.
	Refresh(ctx context.Context, r *Resource) (refreshed bool, err error)
}

// Prefetcher is implemented by providers that can learn the state of many resources at once.
type Prefetcher interface {
	Prefetch(ctx context.Context, rs []*Resource) error
}

// Batcher is implemented by providers for which acting on many resources at once is much cheaper (apt). The walk
// calls Batch with resources that are out of sync, ready at the same time, and whose change is the named property;
// a resource that Batch leaves undone is applied by its own Change.
type Batcher interface {
	// CanBatch reports whether the change may be made together with those of other resources.
	CanBatch(r *Resource, c Change) bool
	// Batch makes the changes; the result has one error (or nil) per resource.
	Batch(ctx context.Context, rs []*Resource, cs []Change) []error
}

// Serializer is implemented by providers whose changes must not run side by side, e.g. because of a system-wide lock.
type Serializer interface {
	// Lock names the lock; providers with the same name exclude each other.
	Lock() string
}
