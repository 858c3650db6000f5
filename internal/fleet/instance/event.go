package instance

import "time"

// Level says how loudly an event should be told.
type Level string

// Levels of events.
const (
	Info    Level = "info"
	Warning Level = "warning"
	// Alarm is something a person must act on.
	Alarm Level = "alarm"
)

// Kind names what an event is about; programs branch on it.
type Kind string

// Kinds of events.
const (
	KindStage     Kind = "stage"     // an instance entered a stage
	KindDecision  Kind = "decision"  // the wanted size changed
	KindOperator  Kind = "operator"  // a person asked for something
	KindHealth    Kind = "health"    // health was lost or came back
	KindHold      Kind = "hold"      // too many unhealthy at once: nothing is removed
	KindStop      Kind = "stop"      // the group stopped launching
	KindResume    Kind = "resume"    // the group launches again
	KindCloud     Kind = "cloud"     // the cloud refused or lost something
	KindBalancer  Kind = "balancer"  // the balancer did not answer or disagreed
	KindRollout   Kind = "rollout"   // a rolling run began, went on or ended
	KindTerminate Kind = "terminate" // a step of a termination
	KindConfig    Kind = "config"    // the configuration changed
)

// Event is something that happened in the fleet, kept and streamed.
type Event struct {
	// Seq grows by one per event; a reader repairs gaps with it.
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Level    Level     `json:"level"`
	Kind     Kind      `json:"kind"`
	Group    string    `json:"group,omitempty"`
	Instance string    `json:"instance,omitempty"`
	Stage    Stage     `json:"stage,omitempty"`
	Message  string    `json:"message"`
}

// GroupState is what the store remembers of a group besides its instances.
type GroupState struct {
	Group string `json:"group"`
	// Override is the operator's size; nil when the configuration rules.
	Override   *int      `json:"override,omitempty"`
	OverrideBy string    `json:"override_by,omitempty"`
	OverrideAt time.Time `json:"override_at,omitzero"`

	// Failures counts failed launches in a row since one got into service.
	Failures int `json:"failures"`
	// NextLaunch is when the back-off after a failure ends.
	NextLaunch time.Time `json:"next_launch,omitzero"`
	// Stopped says why the group launches no more; empty when it does.
	Stopped   string    `json:"stopped,omitempty"`
	StoppedAt time.Time `json:"stopped_at,omitzero"`
	// Held says why nothing is removed from the balancer; empty when not held.
	Held string `json:"held,omitempty"`

	// Config is the digest of the group's configuration as last acted upon:
	// a change clears Stopped.
	Config string `json:"config,omitempty"`
	// Target is the size last decided, Why its rule.
	Target int    `json:"target"`
	Why    string `json:"why,omitempty"`
}
