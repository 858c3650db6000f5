// Package api is the operator API of kickoff, /kickoff/v1: the JSON forms that
// the server's handlers, the command line and the console share, and a Client
// for it. On the server's own machine it is spoken over a unix socket whose
// peer credentials are the authentication; from elsewhere over TLS with a
// bearer token that has scopes.
package api

import (
	"time"

	"kickoff/internal/fleet/instance"
)

// Paths of the operator API. {…} are ServeMux wildcards.
const (
	Prefix = "/kickoff/v1"

	PathFleet     = Prefix + "/fleet"
	PathInstances = Prefix + "/fleet/instances"
	PathInstance  = Prefix + "/fleet/instances/{instance}"
	PathConsole   = Prefix + "/fleet/instances/{instance}/console"
	PathTerminate = Prefix + "/fleet/terminate"
	PathDrain     = Prefix + "/fleet/instances/{instance}/drain"
	PathUndrain   = Prefix + "/fleet/instances/{instance}/undrain"
	PathScale     = Prefix + "/fleet/groups/{group}/scale"
	PathLaunch    = Prefix + "/fleet/groups/{group}/launch"
	PathResume    = Prefix + "/fleet/groups/{group}/resume"
	PathUserData  = Prefix + "/fleet/groups/{group}/userdata"
	PathRuns      = Prefix + "/fleet/runs"
	PathRun       = Prefix + "/fleet/runs/{run}"
	PathRunEvents = Prefix + "/fleet/runs/{run}/events"
	PathEvents    = Prefix + "/fleet/events"
	PathTokens    = Prefix + "/tokens"
	PathToken     = Prefix + "/tokens/{token}"
)

// Scope is a right of a token. Wider scopes contain the narrower ones.
type Scope string

// The scopes, from narrow to wide.
const (
	// ScopeRead sees everything that the API shows and changes nothing.
	ScopeRead Scope = "read"
	// ScopeRun may also make agents run.
	ScopeRun Scope = "run"
	// ScopeFleet may also scale, launch, drain and terminate.
	ScopeFleet Scope = "fleet"
	// ScopeAdmin may also make and revoke tokens and read user-data.
	ScopeAdmin Scope = "admin"
)

// Scopes lists all scopes from narrow to wide.
var Scopes = []Scope{ScopeRead, ScopeRun, ScopeFleet, ScopeAdmin}

// Allows reports whether a holder of s may do what needs want.
func (s Scope) Allows(want Scope) bool { return s.rank() >= want.rank() && want.rank() >= 0 }

func (s Scope) rank() int {
	for i, x := range Scopes {
		if x == s {
			return i
		}
	}
	return -1
}

// Fleet is the whole of what `fleet status` shows.
type Fleet struct {
	At     time.Time `json:"at"`
	Groups []Group   `json:"groups"`
	// Seq is the newest event included: follow events after it.
	Seq int64 `json:"seq"`
}

// Group is the state of one group.
type Group struct {
	Name  string `json:"name"`
	Cloud string `json:"cloud"`
	// Balancer is the balancer's name, empty for a group without.
	Balancer string `json:"balancer,omitempty"`

	// Size is what is wanted, Why the rule that decided it.
	Size int    `json:"size"`
	Why  string `json:"why"`
	// Override is the operator's size, if one is set.
	Override *int `json:"override,omitempty"`

	// Serving are in service and up; the other counts say what the rest does.
	Serving  int `json:"serving"`
	Starting int `json:"starting"`
	Out      int `json:"out"`
	Leaving  int `json:"leaving"`
	Failed   int `json:"failed"`

	// CodeID is the code that the group should run.
	CodeID string `json:"code_id,omitempty"`
	// Stopped says why the group launches no more; Held why nothing is
	// removed from its balancer; Waiting until when launches back off.
	Stopped string    `json:"stopped,omitempty"`
	Held    string    `json:"held,omitempty"`
	Waiting time.Time `json:"waiting,omitzero"`
	// Problems are what a person should know, worst first.
	Problems []string `json:"problems,omitempty"`

	Instances []Instance `json:"instances"`
}

// Instance is the state of one instance.
type Instance struct {
	Name     string         `json:"name"`
	LaunchID string         `json:"launch_id"`
	ID       string         `json:"id,omitempty"`
	Group    string         `json:"group"`
	Stage    instance.Stage `json:"stage"`
	Since    time.Time      `json:"since"`
	Address  string         `json:"address,omitempty"`
	Type     string         `json:"type,omitempty"`
	Zone     string         `json:"zone,omitempty"`
	Image    string         `json:"image,omitempty"`

	Stages []StageSpan `json:"stages"`
	// LeadSeconds is from the request to service, 0 if it has not served.
	LeadSeconds float64 `json:"lead_seconds,omitempty"`

	Health  instance.Health `json:"health,omitzero"`
	LastRun instance.Run    `json:"last_run,omitzero"`
	// Current reports whether its code is what the fleet wants.
	Current bool `json:"current"`
	// Connected reports whether its agent holds its channel open.
	Connected bool `json:"connected"`
	// Out is why it is kept out of the balancer.
	Out instance.Out `json:"out,omitzero"`
	// Waiting says what the instance lacks to enter service or to go on.
	Waiting  string         `json:"waiting,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	FailedIn instance.Stage `json:"failed_in,omitempty"`
}

// StageSpan is the time in one stage. End is zero while it lasts; Seconds then
// counts up to the time of the answer.
type StageSpan struct {
	Stage   instance.Stage `json:"stage"`
	Begin   time.Time      `json:"begin"`
	End     time.Time      `json:"end,omitzero"`
	Seconds float64        `json:"seconds"`
}

// Instances is a list of instances.
type Instances struct {
	Instances []Instance `json:"instances"`
}

// ScaleRequest sets or clears the operator's size of a group.
type ScaleRequest struct {
	// Size is the override; nil gives the group back to its configuration.
	Size *int `json:"size"`
	// Reason is kept with the decision.
	Reason string `json:"reason,omitempty"`
}

// LaunchRequest asks for more instances than the group has now.
type LaunchRequest struct {
	Count int `json:"count"`
}

// SizeAnswer says what became of a change of size.
type SizeAnswer struct {
	Group string `json:"group"`
	// Before and Size are the wanted sizes before and after.
	Before int    `json:"before"`
	Size   int    `json:"size"`
	Why    string `json:"why"`
	// Notes say what limits did to the request.
	Notes []string `json:"notes,omitempty"`
}

// TerminateRequest asks for the end of instances.
type TerminateRequest struct {
	Instances []string `json:"instances"`
	// Shrink also lowers the group's size, so that no replacement comes.
	Shrink bool   `json:"shrink,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// DrainRequest keeps an instance out of its balancer until undrained.
type DrainRequest struct {
	Reason string `json:"reason,omitempty"`
}

// RunRequest starts a rolling run on a group, or a run on one instance.
type RunRequest struct {
	Group    string `json:"group,omitempty"`
	Instance string `json:"instance,omitempty"`
	// Noop only shows what would change; nothing is drained for it.
	Noop bool `json:"noop,omitempty"`
}

// Run is a rolling run.
type Run struct {
	ID       string    `json:"id"`
	Group    string    `json:"group"`
	Noop     bool      `json:"noop,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	// Total instances are to be run; Done were.
	Total int `json:"total"`
	Done  int `json:"done"`
	// Failed names the instance that stopped the rollout.
	Failed string `json:"failed,omitempty"`
	Error  string `json:"error,omitempty"`
	// Results are those of the instances done, in order.
	Results []RunResult `json:"results,omitempty"`
}

// RunResult is what one agent's run did.
type RunResult struct {
	Instance string   `json:"instance"`
	Status   string   `json:"status"`
	ExitCode int      `json:"exit_code"`
	Changed  []string `json:"changed,omitempty"`
	Failed   []string `json:"failed,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	CodeID   string   `json:"code_id,omitempty"`
	Seconds  float64  `json:"seconds"`
}

// RunEvent is one step of a rolling run, streamed as it happens.
type RunEvent struct {
	// Seq counts from 1 within the run.
	Seq int       `json:"seq"`
	At  time.Time `json:"at"`
	// Step is begin, drain, run, ran, gate, back, skip, failed or end.
	Step     string `json:"step"`
	Instance string `json:"instance,omitempty"`
	Message  string `json:"message"`
	// Result comes with step ran; Run with step end.
	Result *RunResult `json:"result,omitempty"`
	Run    *Run       `json:"run,omitempty"`
}

// Steps of a rolling run.
const (
	RunBegin  = "begin"
	RunDrain  = "drain"
	RunStart  = "run"
	RunRan    = "ran"
	RunGate   = "gate"
	RunBack   = "back"
	RunSkip   = "skip"
	RunFailed = "failed"
	RunEnd    = "end"
)

// Events is a page of events.
type Events struct {
	Events []instance.Event `json:"events"`
}

// ConsoleOutput is what an instance wrote to its console.
type ConsoleOutput struct {
	Instance string `json:"instance"`
	Text     string `json:"text"`
}

// UserData is a group's bootstrap script as the next launch would get it,
// with a placeholder instead of a token.
type UserData struct {
	Group  string `json:"group"`
	Script string `json:"script"`
}

// TokenRequest asks for an API token.
type TokenRequest struct {
	Name  string `json:"name"`
	Scope Scope  `json:"scope"`
	// Lifetime is a Go duration; empty means 720h.
	Lifetime string `json:"lifetime,omitempty"`
}

// Token is an API token. Secret is given once, in the answer to its creation.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Scope   Scope     `json:"scope"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Secret  string    `json:"secret,omitempty"`
}

// Tokens is the list of tokens.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}

// Done is the answer to a request that has nothing else to say.
type Done struct {
	Message string `json:"message"`
}
