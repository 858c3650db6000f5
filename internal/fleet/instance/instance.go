// Package instance holds the nouns of the fleet: an instance on its way from
// an intent of ours to a serving machine and out again, the stages of that way
// with their times, and what happened on it. It knows no cloud, no store and
// no clock; every time comes from the caller.
package instance

import (
	"maps"
	"slices"
	"time"
)

// Instance is one machine of the fleet, from our intent to its tombstone.
type Instance struct {
	// LaunchID is ours and exists before the cloud knows anything. It names
	// the instance until the cloud has given it an ID.
	LaunchID string `json:"launch_id"`
	// ID is the cloud's name for the machine and its certname. Empty until
	// the cloud accepted the launch.
	ID string `json:"id,omitempty"`
	// Intent is everything that the launch was decided with. It never changes.
	Intent Intent `json:"intent"`

	// Stage is where it is now; Times says when each stage began.
	Stage Stage `json:"stage"`
	Times Times `json:"times"`

	// Address is the private address, once the cloud gave one.
	Address string `json:"address,omitempty"`

	// Attempts counts launch calls that the cloud did not accept; NextTry is
	// when the next one may be made.
	Attempts int       `json:"attempts,omitempty"`
	NextTry  time.Time `json:"next_try,omitzero"`

	// Asked is when the cloud was last asked for it; Refused means that the
	// cloud said a definite no, so that no machine can exist.
	Asked   time.Time `json:"asked,omitzero"`
	Refused bool      `json:"refused,omitempty"`

	// LastRun is the last run its agent reported.
	LastRun Run `json:"last_run,omitzero"`
	// FailedRuns counts failed runs in a row before it first served.
	FailedRuns int `json:"failed_runs,omitempty"`
	// Admitted is set when the gate opened: the balancer may send traffic.
	Admitted bool `json:"admitted,omitempty"`
	// Health is what the balancer or the prober last said.
	Health Health `json:"health,omitzero"`

	// Out is why a running instance is kept out of its balancer: an
	// operator's drain or a rolling run. Empty when it should serve.
	Out Out `json:"out,omitzero"`

	// Reason says, for a person, why it failed or why it leaves.
	Reason string `json:"reason,omitempty"`
	// FailedIn is the stage in which it failed.
	FailedIn Stage `json:"failed_in,omitempty"`

	// Done is the recorded list of steps of the termination already made.
	Done []Step `json:"done,omitempty"`
	// DrainUntil is the deadline of the drain.
	DrainUntil time.Time `json:"drain_until,omitzero"`
	// Lost is when the cloud first stopped knowing the machine, without our
	// having asked for its end.
	Lost time.Time `json:"lost,omitzero"`
}

// Intent is what we decided to launch. It is stored before the cloud is asked
// and holds everything a retry needs to be byte-identical.
type Intent struct {
	Group string `json:"group"`
	Cloud string `json:"cloud"`
	// ClientToken makes a repeated launch call harmless.
	ClientToken string `json:"client_token"`

	Image          string            `json:"image"`
	Type           string            `json:"type,omitempty"`
	Zone           string            `json:"zone,omitempty"`
	SecurityGroups []string          `json:"security_groups,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`

	// Binaries are the SHA-256 digests that user-data pins, by architecture;
	// the server keeps serving them while a launch pins them.
	Binaries map[string]string `json:"binaries,omitempty"`
	// UserData is the bootstrap script with TokenPlaceholder where the
	// one-time token belongs: the token is derived again from the launch id
	// at each call and never stored in clear.
	UserData string `json:"user_data"`

	// Why names the rule that asked for it.
	Why string `json:"why,omitempty"`
	// Replaces is the launch id of a failed or lost instance.
	Replaces string `json:"replaces,omitempty"`
}

// TokenPlaceholder stands in Intent.UserData where the enrolment token goes.
const TokenPlaceholder = "@KICKOFF_TOKEN@"

// Out is the state of a running instance that is kept from serving.
type Out struct {
	// Reason is for people; Run is the rolling run that holds it, if one does.
	Reason string    `json:"reason,omitempty"`
	Run    string    `json:"run,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// IsZero reports whether the instance is not held out.
func (o Out) IsZero() bool { return o.Reason == "" && o.Run == "" }

// Run is what a report said about an agent's run.
type Run struct {
	ID     string    `json:"id,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Status string    `json:"status,omitempty"` // changed, unchanged, failed
	Noop   bool      `json:"noop,omitempty"`
	CodeID string    `json:"code_id,omitempty"`
	// Detail is the first failure, for people.
	Detail string `json:"detail,omitempty"`
}

// IsZero reports whether there was no run yet.
func (r Run) IsZero() bool { return r.Status == "" }

// OK reports whether the run enforced its catalog without failure.
func (r Run) OK() bool { return !r.Noop && (r.Status == "changed" || r.Status == "unchanged") }

// Health is the answer of the health check as last seen.
type Health struct {
	Up     bool      `json:"up"`
	Detail string    `json:"detail,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// IsZero reports whether no health is known.
func (h Health) IsZero() bool { return !h.Up && h.Detail == "" && h.Since.IsZero() }

// Name is the cloud's id, or the launch id while there is none.
func (i *Instance) Name() string {
	if i.ID != "" {
		return i.ID
	}
	return i.LaunchID
}

// Enter moves the instance to a stage at a time. Entering the stage it is in
// keeps the first time.
func (i *Instance) Enter(s Stage, at time.Time) {
	i.Stage = s
	if i.Times == nil {
		i.Times = Times{}
	}
	if _, ok := i.Times[s]; !ok {
		i.Times[s] = at
	}
}

// Advance notes that a stage on the way to service began, and moves there if
// that is forward. Stages may be observed out of order: a machine may fetch
// its binary before the cloud's answer reached us.
func (i *Instance) Advance(s Stage, at time.Time) {
	if !i.Stage.Starting() {
		return
	}
	if i.Times == nil {
		i.Times = Times{}
	}
	if _, ok := i.Times[s]; !ok {
		i.Times[s] = at
	}
	if s.Rank() > i.Stage.Rank() {
		i.Stage = s
	}
}

// Fail moves the instance to Failed with a reason, remembering where it was.
func (i *Instance) Fail(reason string, at time.Time) {
	if i.Stage != Failed {
		i.FailedIn = i.Stage
	}
	i.Reason = reason
	i.Enter(Failed, at)
}

// Clone returns a copy that shares nothing with i.
func (i *Instance) Clone() *Instance {
	c := *i
	c.Times = maps.Clone(i.Times)
	c.Done = slices.Clone(i.Done)
	c.Intent.SecurityGroups = slices.Clone(i.Intent.SecurityGroups)
	c.Intent.Tags = maps.Clone(i.Intent.Tags)
	c.Intent.Binaries = maps.Clone(i.Intent.Binaries)
	return &c
}

// Serving reports whether the instance is meant to take traffic now.
func (i *Instance) Serving() bool { return i.Stage == InService && i.Out.IsZero() }
