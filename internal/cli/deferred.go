package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"kickoff/internal/agent/apply"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/value"
)

// deferredCalls makes the calls of Deferred values on this machine: with the functions that need neither a catalog nor
// the code of an environment.
type deferredCalls struct {
	mu   sync.Mutex
	eval *eval.Evaluator
	top  *eval.Scope
}

var _ apply.Resolver = (*deferredCalls)(nil)

// runContainer is what deferred calls belong to in messages.
type runContainer struct{}

// String names it.
func (runContainer) String() string { return "Deferred" }

func newDeferredCalls() (*deferredCalls, error) {
	functions, err := eval.NewFunctions(function.Builtin(), function.Stdlib())
	if err != nil {
		return nil, fmt.Errorf("prepare deferred functions: %w", err)
	}
	top := eval.NewTop(runContainer{})
	return &deferredCalls{eval: eval.New(top, eval.Options{Functions: functions}), top: top}, nil
}

// Resolve implements apply.Resolver.
func (d *deferredCalls) Resolve(ctx context.Context, call *value.Deferred) (value.Value, error) {
	if strings.HasPrefix(call.Name, "$") {
		return nil, fmt.Errorf("deferred variable %s: an agent has no variables", call.Name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	v, err := d.eval.CallFunction(ctx, d.top, diag.Range{}, call.Name, call.Args.Elems(), nil)
	if problem, ok := errors.AsType[*diag.Diagnostic](err); ok {
		return nil, fmt.Errorf("deferred function %s: %s", call.Name, problem.Summary)
	}
	if err != nil {
		return nil, fmt.Errorf("deferred function %s: %w", call.Name, err)
	}
	return v, nil
}
