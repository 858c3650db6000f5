package fleet

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// CrashPoint names a point of death: a place in the controller where a kill -9
// would leave something half done.
type CrashPoint string

// The points of death. CrashPoints lists them; test/faults dies at each.
const (
	// CrashIntentStored: the intent is stored, the cloud not asked.
	CrashIntentStored CrashPoint = "launch-intent-stored"
	// CrashAccepted: the cloud accepted, we have not stored its answer.
	CrashAccepted CrashPoint = "launch-accepted"
	// CrashBound: instance id and token are bound.
	CrashBound CrashPoint = "launch-bound"
	// CrashAdmitted: the gate opened, the balancer was not told.
	CrashAdmitted CrashPoint = "admit-stored"
	// CrashEntered: the balancer serves with it, the stage is not stored.
	CrashEntered CrashPoint = "admit-entered"
	// CrashDrainBegun: told to leave, the balancer was not told.
	CrashDrainBegun CrashPoint = "drain-begun"
	// CrashDrained: no session is left, the step is not stored.
	CrashDrained CrashPoint = "drain-done"
	// CrashDeregistered: out of the balancer, the step is not stored.
	CrashDeregistered CrashPoint = "drain-deregistered"
	// CrashRetiring: about to end what is ours.
	CrashRetiring CrashPoint = "terminate-retiring"
	// CrashRetired: certificate, exports and node data are gone, the machine is not.
	CrashRetired CrashPoint = "terminate-retired"
	// CrashAsked: the cloud was asked to end it, the step is not stored.
	CrashAsked CrashPoint = "terminate-asked"
	// CrashTerminated: the step is stored, the machine's end not seen yet.
	CrashTerminated CrashPoint = "terminate-stored"
)

// CrashPoints are all points of death, in the order of an instance's life.
var CrashPoints = []CrashPoint{
	CrashIntentStored, CrashAccepted, CrashBound, CrashAdmitted, CrashEntered,
	CrashDrainBegun, CrashDrained, CrashDeregistered, CrashRetiring, CrashRetired, CrashAsked, CrashTerminated,
}

// CrashEnv is the environment variable that names the point to die at.
const CrashEnv = "KICKOFF_CRASH_AT"

// crashAt gives the function called at each point: it kills the process with
// SIGKILL at the one named, and costs a comparison at the others.
func crashAt(name string) (func(CrashPoint), error) {
	if name == "" {
		return func(CrashPoint) {}, nil
	}
	if !slices.Contains(CrashPoints, CrashPoint(name)) {
		all := make([]string, len(CrashPoints))
		for i, p := range CrashPoints {
			all[i] = string(p)
		}
		return nil, fmt.Errorf("%s=%s names no point of death; there are %s", CrashEnv, name, strings.Join(all, ", "))
	}
	return func(p CrashPoint) {
		if string(p) == name {
			fmt.Fprintf(os.Stderr, "%s: dying at %s\n", CrashEnv, name)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}, nil
}
