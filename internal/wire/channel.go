package wire

import (
	"encoding/json"
	"fmt"
	"time"
)

// The node channel: an agent POSTs a ChannelRequest to PathChannel over its certificate; the server answers as soon as
// it has commands for that node, or with none when the wait is over. Results of commands travel with the next request.
// A command is delivered at most once per connection and may be delivered again after a lost connection: an agent
// remembers the ids it has taken and answers a repeated id with the result it already has.

// Limits of the channel that both sides enforce.
const (
	// ChannelMaxBody is the largest request or response body in bytes.
	ChannelMaxBody = 4 << 20
	// ChannelMaxWait is the longest time the server holds a poll open.
	ChannelMaxWait = 55 * time.Second
	// ChannelDefaultWait is what an agent asks for.
	ChannelDefaultWait = 50 * time.Second
)

// The kinds of commands.
const (
	// KindRun makes an agent run now. Args RunArgs, result RunResult.
	KindRun = "run"
	// KindHAProxy makes a balancer's node bring its HAProxy to a wanted state. Args BalancerSync, result BalancerStatus.
	KindHAProxy = "haproxy"
	// KindProbe makes a node ask a URL and say what it got. Args ProbeArgs, result ProbeResult.
	KindProbe = "probe"
)

// ChannelRequest is the body of one poll.
type ChannelRequest struct {
	// Results are those of commands finished since the last poll that the server answered.
	Results []CommandResult `json:"results,omitempty"`
	// Events are what the node wants to tell without having been asked.
	Events []Event `json:"events,omitempty"`
	// Wait is how long the server may hold the poll open, in Go's duration syntax. Empty means ChannelDefaultWait; zero
	// means answer at once.
	Wait string `json:"wait,omitempty"`
	// Version is the release of the agent.
	Version string `json:"version,omitempty"`
}

// WaitDuration reads Wait and bounds it by ChannelMaxWait.
func (r ChannelRequest) WaitDuration() (time.Duration, error) {
	if r.Wait == "" {
		return ChannelDefaultWait, nil
	}
	d, err := time.ParseDuration(r.Wait)
	if err != nil {
		return 0, fmt.Errorf("read wait: %w", err)
	}
	if d < 0 {
		return 0, fmt.Errorf("wait %q is negative", r.Wait)
	}
	return min(d, ChannelMaxWait), nil
}

// ChannelResponse is the answer to one poll.
type ChannelResponse struct {
	Commands []Command `json:"commands"`
}

// Command asks a node to do something once.
type Command struct {
	// ID is unique; the result carries it.
	ID   string          `json:"id"`
	Kind string          `json:"kind"`
	Args json.RawMessage `json:"args,omitempty"`
	// Timeout is how long the caller waits for the result; the node gives up by then too.
	Timeout string `json:"timeout,omitempty"`
}

// CommandResult is what became of a command. OK says that the command could be carried out at all: a run that ends with
// failed resources is OK with a result that says so.
type CommandResult struct {
	ID     string          `json:"id"`
	OK     bool            `json:"ok"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// The kinds of events.
const (
	EventRunStarted  = "run_started"
	EventRunFinished = "run_finished" // Data is a RunResult.
	EventNotice      = "notice"       // Message is for people.
)

// Event is something that happened on a node.
type Event struct {
	Kind    string          `json:"kind"`
	Time    time.Time       `json:"time"`
	Message string          `json:"message,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// RunArgs are the arguments of a run command.
type RunArgs struct {
	// RunID names the run in logs; the result repeats it.
	RunID string `json:"run_id"`
	// Noop only reports what would change.
	Noop bool `json:"noop,omitempty"`
}

// RunResult is what one agent run did.
type RunResult struct {
	RunID string `json:"run_id"`
	// Status is that of the report: changed, unchanged or failed.
	Status string `json:"status"`
	// ExitCode is as with Puppet's --detailed-exitcodes: 0, 2, 4 or 6; 1 when there was no run.
	ExitCode int `json:"exit_code"`
	// Changed and Failed list resources as Type[title].
	Changed []string `json:"changed,omitempty"`
	Failed  []string `json:"failed,omitempty"`
	// Summary is one line for people.
	Summary string `json:"summary,omitempty"`
	// CodeID is the content hash of the environment that the catalog was compiled from.
	CodeID string `json:"code_id,omitempty"`
	// Seconds is the wall time of the run.
	Seconds float64 `json:"seconds,omitempty"`
}

// ProbeArgs are the arguments of a probe command.
type ProbeArgs struct {
	URL string `json:"url"`
	// Timeout in Go's duration syntax.
	Timeout string `json:"timeout,omitempty"`
}

// ProbeResult is the answer to a probe. OK means a status from 200 to 399.
type ProbeResult struct {
	OK     bool   `json:"ok"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}
