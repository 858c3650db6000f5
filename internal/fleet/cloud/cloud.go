// Package cloud is the contract between the fleet controller and a cloud:
// launch one instance, list what we own, terminate it, read its console.
//
// An implementation is a thin driver (cloud/local, cloud/ec2). It keeps no
// state of its own that a restart of the server would lose, it retries
// nothing (the caller owns back-off and rate limits), and it reports failures
// as *Error so that the caller can decide by Kind. The package cloudtest holds
// the conformance suite that every driver passes, and a scriptable fake.
package cloud

import (
	"context"
	"time"
)

// FleetTag is the tag that marks an instance as ours. Launch adds it by
// itself, with LaunchRequest.Fleet as value; Describe returns nothing that
// lacks it.
const FleetTag = "kickoff:fleet"

// GroupTag is the tag that names the group an instance was launched for.
// Launch adds it by itself from LaunchRequest.Group.
const GroupTag = "kickoff:group"

// Cloud starts and ends instances. All methods may be called concurrently.
// Every error is an *Error, or wraps ctx.Err() when ctx ended.
type Cloud interface {
	// Launch starts one instance. It returns when the cloud accepted the
	// request, which is long before the instance runs: the state of the answer
	// is Pending, or Running where the cloud is fast.
	//
	// Launch is idempotent by LaunchRequest.Token: the same request with the
	// same token returns the instance of the first call, in its present
	// state, even when it has been terminated since. The same token with other
	// parameters is KindParameterMismatch, and nothing is launched. A caller
	// that does not know whether an earlier call arrived repeats it.
	Launch(ctx context.Context, request LaunchRequest) (Instance, error)

	// Describe lists every instance that carries FleetTag, in any state, in
	// no particular order. Terminated instances stay in the list for a while
	// (about an hour) and then disappear. Right after Launch an instance may
	// be missing from the list for some seconds: absence of an instance younger
	// than a minute proves nothing.
	Describe(ctx context.Context) ([]Instance, error)

	// FindByToken returns the instance that was launched with a client token.
	// KindNotFound when there is none, with the same reservation as in
	// Describe: right after Launch it may not be known yet.
	FindByToken(ctx context.Context, token string) (Instance, error)

	// Terminate ends an instance for good and returns when the cloud has
	// accepted that; the state becomes ShuttingDown and then Terminated. It is
	// idempotent: for an instance that is terminating or terminated it does
	// nothing and returns nil. For an id that the cloud does not know it
	// returns KindNotFound, which a caller may take as success unless the
	// instance was launched a moment ago.
	Terminate(ctx context.Context, id string) error

	// ConsoleOutput returns the most recent part of what the instance wrote to
	// its console, at most 64 KiB, possibly empty. KindNotFound for an unknown
	// id. Some clouds deliver it minutes late.
	ConsoleOutput(ctx context.Context, id string) ([]byte, error)
}

// LaunchRequest says which instance to launch. Everything in it takes part in
// the comparison of two requests with the same Token, so an intent has to
// store all of it, and a retry must be byte-identical.
type LaunchRequest struct {
	// Token is the client token: 1 to 64 printable ASCII characters, chosen
	// and stored by the caller before the call.
	Token string
	// Fleet is the value of FleetTag; empty means "kickoff".
	Fleet string
	// Group is the group of fleet.yaml; it becomes GroupTag.
	Group string
	// Image names what the machine boots: an AMI, or an image of the local
	// cloud such as "debian-12".
	Image string
	// Type is the instance type, e.g. m7g.large.
	Type string
	// Zone is the availability zone; empty leaves the choice to the cloud.
	Zone string
	// SecurityGroups are names (ids on a cloud that prefers them); the order
	// is kept.
	SecurityGroups []string
	// Tags are further tags. FleetTag and GroupTag are not allowed here.
	Tags map[string]string
	// UserData is given to the instance unchanged; at most 16 KiB.
	UserData []byte
	// KeyName names an ssh key pair; empty for none.
	KeyName string
}

// MaxUserData is the largest user-data in bytes, as on EC2 (before base64).
const MaxUserData = 16 << 10

// MaxConsoleOutput is the most that ConsoleOutput returns, in bytes.
const MaxConsoleOutput = 64 << 10

// State is where an instance is in the cloud's own life cycle.
type State string

// The states of an instance. They are EC2's names; stopping and stopped are
// reported as they are, although kickoff never stops an instance itself.
const (
	Pending      State = "pending"
	Running      State = "running"
	ShuttingDown State = "shutting-down"
	Terminated   State = "terminated"
	Stopping     State = "stopping"
	Stopped      State = "stopped"
)

// Alive reports whether an instance in this state is there or still coming.
func (s State) Alive() bool { return s == Pending || s == Running }

// Gone reports whether the cloud has ended the instance for good.
func (s State) Gone() bool { return s == Terminated }

// Instance is what a cloud says about one instance. Fields which the cloud
// has not decided yet are empty, e.g. PrivateIP while Pending.
type Instance struct {
	// ID is the cloud's name of the instance; never used again for another.
	ID string
	// Token is the client token of its launch, if the cloud tells.
	Token          string
	State          State
	PrivateIP      string
	PrivateDNSName string
	Type           string
	Zone           string
	Image          string
	SecurityGroups []string
	Tags           map[string]string
	LaunchTime     time.Time
	// StateReason says in the cloud's words why the instance is in this state,
	// e.g. "Server.SpotInstanceTermination: …" or "Client.UserInitiatedShutdown: …".
	StateReason string
}

// Fleet is the value of FleetTag, empty for an instance that is not ours.
func (i Instance) Fleet() string { return i.Tags[FleetTag] }

// Group is the value of GroupTag.
func (i Instance) Group() string { return i.Tags[GroupTag] }
