package cloudtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"kickoff/internal/fleet/cloud"
)

// Op names a method of cloud.Cloud for the fake's script.
type Op string

// The operations of a cloud.
const (
	OpLaunch      Op = "launch"
	OpDescribe    Op = "describe"
	OpFindByToken Op = "find_by_token"
	OpTerminate   Op = "terminate"
	OpConsole     Op = "console"
)

// Call is one call that the fake received.
type Call struct {
	Op  Op
	Arg string // token or instance id
	Err error  // what was answered
}

// Fake is a cloud in memory that follows a script. The zero value is not
// usable; see NewFake. All methods may be called concurrently.
//
// Unless told otherwise an instance is Pending when launched, Running at the
// next look at it, ShuttingDown when terminated, and Terminated at the next look.
type Fake struct {
	mu        sync.Mutex
	now       func() time.Time
	instances map[string]*fakeInstance
	order     []string
	script    map[Op][]step
	calls     []Call
	capacity  int
	manual    bool
	hideFor   int
	launched  func(cloud.Instance, cloud.LaunchRequest)
	rejected  []string
}

type fakeInstance struct {
	cloud.Instance
	request cloud.LaunchRequest
	console []byte
	hidden  int // looks that do not see it yet
}

type step struct {
	err   error
	after bool // the call has its effect, and only the answer is lost
}

var _ cloud.Cloud = (*Fake)(nil)

// NewFake makes an empty cloud; now may be nil for the real clock.
func NewFake(now func() time.Time) *Fake {
	if now == nil {
		now = time.Now
	}
	return &Fake{now: now, instances: map[string]*fakeInstance{}, script: map[Op][]step{}, capacity: -1}
}

// FailNext makes the next calls of an operation fail with these errors, one
// after the other, without effect. A nil error lets one call pass.
func (f *Fake) FailNext(op Op, errs ...error) {
	f.add(op, false, errs)
}

// LoseAnswer makes the next calls have their effect and then fail, as when the
// connection breaks before the answer arrives.
func (f *Fake) LoseAnswer(op Op, errs ...error) {
	f.add(op, true, errs)
}

func (f *Fake) add(op Op, after bool, errs []error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range errs {
		f.script[op] = append(f.script[op], step{err: err, after: after})
	}
}

// SetCapacity limits the number of live instances; a launch beyond it is
// KindNoCapacity. Negative means no limit.
func (f *Fake) SetCapacity(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = n
}

// RejectImages makes launches of these images KindInvalid.
func (f *Fake) RejectImages(images ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rejected = images
}

// SetManual stops the states from moving by themselves; see SetState.
func (f *Fake) SetManual(manual bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.manual = manual
}

// HideNew makes instances launched from now on invisible to that many looks
// (Describe, FindByToken, Terminate), as an eventually consistent cloud does.
func (f *Fake) HideNew(looks int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hideFor = looks
}

// OnLaunch calls a function after each launch of a new instance, without any
// lock held, e.g. to start a fake agent.
func (f *Fake) OnLaunch(launched func(cloud.Instance, cloud.LaunchRequest)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.launched = launched
}

// SetState puts an instance into a state, e.g. Terminated when the cloud took
// it away by itself. An unknown id is ignored.
func (f *Fake) SetState(id string, state cloud.State, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.instances[id]; ok {
		i.State, i.StateReason = state, reason
	}
}

// SetConsole sets what ConsoleOutput answers for an instance.
func (f *Fake) SetConsole(id string, text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.instances[id]; ok {
		i.console = slices.Clone(text)
	}
}

// Forget removes an instance, as a cloud does some time after its end.
func (f *Fake) Forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.instances, id)
	f.order = slices.DeleteFunc(f.order, func(other string) bool { return other == id })
}

// Calls returns the calls so far; with operations only those.
func (f *Fake) Calls(ops ...Op) []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Call
	for _, call := range f.calls {
		if len(ops) == 0 || slices.Contains(ops, call.Op) {
			all = append(all, call)
		}
	}
	return all
}

// Alive returns the instances that are there or coming, in launch order,
// without moving their states and without being a call.
func (f *Fake) Alive() []cloud.Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []cloud.Instance
	for _, id := range f.order {
		if i := f.instances[id]; i.State.Alive() {
			all = append(all, i.copy())
		}
	}
	return all
}

// Request returns what an instance was launched with.
func (f *Fake) Request(id string) (cloud.LaunchRequest, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.instances[id]
	if !ok {
		return cloud.LaunchRequest{}, false
	}
	return i.request, true
}

// do runs one call by the script and records it.
func (f *Fake) do(ctx context.Context, op Op, arg string, effect func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.scripted(ctx, op, effect)
	f.calls = append(f.calls, Call{Op: op, Arg: arg, Err: err})
	return err
}

func (f *Fake) scripted(ctx context.Context, op Op, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if queue := f.script[op]; len(queue) > 0 {
		f.script[op] = queue[1:]
		if next := queue[0]; next.err != nil {
			if next.after {
				_ = effect() // the answer is lost, also if it was an error
			}
			return next.err
		}
	}
	return effect()
}

// Launch starts an instance.
func (f *Fake) Launch(ctx context.Context, r cloud.LaunchRequest) (cloud.Instance, error) {
	var answer cloud.Instance
	var tell func(cloud.Instance, cloud.LaunchRequest)
	err := f.do(ctx, OpLaunch, r.Token, func() error {
		if err := r.Validate(); err != nil {
			return err
		}
		for _, i := range f.instances {
			if i.Token != r.Token {
				continue
			}
			if i.request.Fingerprint() != r.Fingerprint() {
				return &cloud.Error{Kind: cloud.KindParameterMismatch, Op: "launch", Code: "IdempotentParameterMismatch",
					Message: "token " + r.Token + " was used with other parameters"}
			}
			answer = i.copy()
			return nil
		}
		if slices.Contains(f.rejected, r.Image) {
			return &cloud.Error{Kind: cloud.KindInvalid, Op: "launch", Code: "InvalidAMIID.NotFound", Message: r.Image}
		}
		if f.capacity >= 0 && f.live() >= f.capacity {
			return &cloud.Error{Kind: cloud.KindNoCapacity, Op: "launch", Code: "InsufficientInstanceCapacity"}
		}
		i := f.newInstance(r)
		answer, tell = i.copy(), f.launched
		return nil
	})
	if tell != nil {
		tell(answer, r)
	}
	if err != nil {
		return cloud.Instance{}, err
	}
	return answer, nil
}

func (f *Fake) live() int {
	n := 0
	for _, i := range f.instances {
		if i.State.Alive() {
			n++
		}
	}
	return n
}

func (f *Fake) newInstance(r cloud.LaunchRequest) *fakeInstance {
	n := len(f.calls) + 1
	zone := r.Zone
	if zone == "" {
		zone = "fake-1a"
	}
	i := &fakeInstance{request: r, hidden: f.hideFor, Instance: cloud.Instance{
		ID: fmt.Sprintf("i-%017x", n), Token: r.Token, State: cloud.Pending, Type: r.Type, Zone: zone, Image: r.Image,
		PrivateIP: fmt.Sprintf("10.99.%d.%d", n/250, n%250+1), PrivateDNSName: fmt.Sprintf("ip-10-99-%d-%d.fake", n/250, n%250+1),
		SecurityGroups: slices.Clone(r.SecurityGroups), Tags: r.AllTags(), LaunchTime: f.now(),
	}}
	f.instances[i.ID] = i
	f.order = append(f.order, i.ID)
	return i
}

// look moves an instance on and reports whether it can be seen. What one look
// sees is the state before it moves on.
func (f *Fake) look(i *fakeInstance) (cloud.Instance, bool) {
	if i.hidden > 0 {
		i.hidden--
		return cloud.Instance{}, false
	}
	if !f.manual {
		switch i.State {
		case cloud.Pending:
			i.State = cloud.Running
		case cloud.ShuttingDown:
			defer func() { i.State = cloud.Terminated }()
		}
	}
	return i.copy(), true
}

func (i *fakeInstance) copy() cloud.Instance {
	c := i.Instance
	c.SecurityGroups, c.Tags = slices.Clone(c.SecurityGroups), maps.Clone(c.Tags)
	return c
}

// Describe lists the instances.
func (f *Fake) Describe(ctx context.Context) ([]cloud.Instance, error) {
	all := []cloud.Instance{}
	err := f.do(ctx, OpDescribe, "", func() error {
		for _, id := range f.order {
			if i, ok := f.look(f.instances[id]); ok {
				all = append(all, i)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// FindByToken finds an instance by the token of its launch.
func (f *Fake) FindByToken(ctx context.Context, token string) (cloud.Instance, error) {
	var answer cloud.Instance
	err := f.do(ctx, OpFindByToken, token, func() error {
		for _, i := range f.instances {
			if i.Token != token {
				continue
			}
			if found, ok := f.look(i); ok {
				answer = found
				return nil
			}
		}
		return notFound("find token " + token)
	})
	if err != nil {
		return cloud.Instance{}, err
	}
	return answer, nil
}

// Terminate ends an instance.
func (f *Fake) Terminate(ctx context.Context, id string) error {
	return f.do(ctx, OpTerminate, id, func() error {
		i, ok := f.instances[id]
		if !ok {
			return notFound("terminate " + id)
		}
		if i.hidden > 0 {
			i.hidden--
			return notFound("terminate " + id)
		}
		if i.State != cloud.Terminated {
			i.State, i.StateReason = cloud.ShuttingDown, "Client.UserInitiatedShutdown"
		}
		return nil
	})
}

// ConsoleOutput answers what SetConsole set.
func (f *Fake) ConsoleOutput(ctx context.Context, id string) ([]byte, error) {
	var text []byte
	err := f.do(ctx, OpConsole, id, func() error {
		i, ok := f.instances[id]
		if !ok {
			return notFound("console of " + id)
		}
		text = slices.Clone(i.console)
		return nil
	})
	return text, err
}

func notFound(op string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Op: op, Code: "InvalidInstanceID.NotFound"}
}
