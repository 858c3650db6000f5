package fleet

import (
	"context"
	"time"

	"kickoff/internal/fleet/instance"
)

// Store is what the controller remembers. There is one controller per store.
type Store interface {
	// FleetCommit remembers a change in one transaction and returns its events numbered.
	FleetCommit(ctx context.Context, c instance.Change) ([]instance.Event, error)
	// FleetInstances lists instances in the order of their requests; those that are gone only on demand.
	FleetInstances(ctx context.Context, gone bool) ([]*instance.Instance, error)
	FleetGroups(ctx context.Context) ([]instance.GroupState, error)
	// FleetLaunchesSince counts the launches of a group requested since a time.
	FleetLaunchesSince(ctx context.Context, group string, since time.Time) (int, error)
	// FleetNodes says what is known of the agents of instances that are not gone.
	FleetNodes(ctx context.Context) ([]instance.Node, error)
	// FleetEvents gives events after a sequence number, oldest first; with a negative number the newest.
	FleetEvents(ctx context.Context, after int64, limit int) ([]instance.Event, error)
}

// Hub reaches agents through the channel they keep open.
type Hub interface {
	// Call makes an agent do something and waits for its result. It fails when the agent does not answer while ctx lasts.
	Call(ctx context.Context, certname, kind string, args, result any) error
	// Connected reports whether the agent holds its channel open, and when it was last seen.
	Connected(certname string) (bool, time.Time)
}

// Code knows the code that a node should run.
type Code interface {
	// CodeID is the content hash of the node's environment as it is now.
	CodeID(ctx context.Context, certname string) (string, error)
	// Refresh makes the next look at the code see what is on disk then, however recently it was looked at: somebody who
	// saves a file and asks for a run means the file as it is now.
	Refresh()
}

// Tokens makes one-time enrolment tokens. The token of a launch is always the same.
type Tokens interface {
	Token(launchID string) string
}
