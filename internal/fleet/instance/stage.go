package instance

import "slices"

import "time"

// Stage is where an instance is in its life.
type Stage string

// The stages, in the order of a good life. A stage begins when:
const (
	// Requested: our intent is stored.
	Requested Stage = "requested"
	// Pending: the cloud accepted it.
	Pending Stage = "pending"
	// Booting: the cloud says it is running.
	Booting Stage = "booting"
	// Enrolling: the machine asked for our binary.
	Enrolling Stage = "enrolling"
	// Converging: its certificate is issued.
	Converging Stage = "converging"
	// InService: the balancer reports it up; without a balancer, its gate opened.
	InService Stage = "in_service"
	// Draining: told to leave.
	Draining Stage = "draining"
	// Terminating: the cloud is asked to end it.
	Terminating Stage = "terminating"
	// Gone: the cloud no longer has it and nothing of ours names it.
	Gone Stage = "gone"
	// Failed: kept for a look, and replaced.
	Failed Stage = "failed"
)

// Stages lists the stages of a good life in order; Failed is beside it.
var Stages = []Stage{Requested, Pending, Booting, Enrolling, Converging, InService, Draining, Terminating, Gone}

// Rank orders stages; Failed and unknown stages rank -1.
func (s Stage) Rank() int {
	for i, x := range Stages {
		if x == s {
			return i
		}
	}
	return -1
}

// Starting reports whether an instance of this stage is on its way to service.
func (s Stage) Starting() bool { return s.Rank() >= 0 && s.Rank() < InService.Rank() }

// Leaving reports whether the instance was told to leave or is gone.
func (s Stage) Leaving() bool { return s.Rank() >= Draining.Rank() }

// Counts reports whether an instance of this stage counts against the wanted size.
func (s Stage) Counts() bool { return s.Starting() || s == InService }

// Times says when each stage began.
type Times map[Stage]time.Time

// Span is the time spent in a stage.
type Span struct {
	Stage Stage
	Begin time.Time
	// End is zero while the stage lasts.
	End time.Time
}

// Spans lists the stages passed, in the order in which they began. A stage
// that was skipped is left out.
func (t Times) Spans() []Span {
	var out []Span
	for _, s := range append(append([]Stage{}, Stages...), Failed) {
		at, ok := t[s]
		if !ok {
			continue
		}
		n := len(out)
		for n > 0 && out[n-1].Begin.After(at) {
			n--
		}
		out = append(out[:n], append([]Span{{Stage: s, Begin: at}}, out[n:]...)...)
	}
	for i := range len(out) - 1 {
		out[i].End = out[i+1].Begin
	}
	return out
}

// Lead is the time from the request to service, zero if it never served.
func (t Times) Lead() time.Duration {
	a, ok := t[Requested]
	b, served := t[InService]
	if !ok || !served {
		return 0
	}
	return b.Sub(a)
}

// Step is one idempotent step of a termination. What is ours goes in one SQL
// transaction (StepRetired); the others are outside and recorded when done.
type Step string

// The steps of a termination, in order.
const (
	StepDrained      Step = "drained"
	StepDeregistered Step = "deregistered"
	StepRetired      Step = "retired"
	StepTerminated   Step = "terminated"
)

// Has reports whether a step was recorded as done.
func (i *Instance) Has(s Step) bool {
	return slices.Contains(i.Done, s)
}

// Record notes a step as done, once.
func (i *Instance) Record(s Step) {
	if !i.Has(s) {
		i.Done = append(i.Done, s)
	}
}
