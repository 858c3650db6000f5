// Package cloudtest tests clouds: a conformance suite that every driver of
// package cloud passes, and a scriptable cloud in memory for the tests of
// whoever uses one.
package cloudtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/fleet/cloud"
)

// Harness connects the suite to a driver.
type Harness struct {
	// Cloud is the driver under test. Instances of others may be in it.
	Cloud cloud.Cloud
	// Image and Type are ones that can be launched.
	Image, Type string
	// Patience is how long a change of state may take.
	Patience time.Duration
	// Unreachable is a driver whose cloud is not there; nil skips that test.
	Unreachable cloud.Cloud
	// LaunchForeign makes an instance without our tag, and returns its id; nil
	// skips that test.
	LaunchForeign func(t *testing.T) string
	// Console is a line that the console of an instance shows which was
	// launched with UserData; both empty skips that test.
	UserData []byte
	Console  string
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"launch", testLaunch}, {"same token", testSameToken}, {"same token at once", testConcurrent},
		{"other parameters", testMismatch}, {"refused", testRefused}, {"terminate", testTerminate},
		{"unknown", testUnknown}, {"console", testConsole}, {"foreign", testForeign}, {"context", testContext},
		{"unreachable", testUnreachable},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, h) })
	}
}

// request is a launch with a token of its own.
func (h Harness) request() cloud.LaunchRequest {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return cloud.LaunchRequest{
		Token: "suite-" + hex.EncodeToString(b[:]), Fleet: "conformance", Group: "suite", Image: h.Image, Type: h.Type,
		SecurityGroups: []string{"suite-b", "suite-a"}, Tags: map[string]string{"app": "api", "Name": "one: two"},
		UserData: h.UserData,
	}
}

// launch launches and sees to the end of the instance.
func (h Harness) launch(t *testing.T, r cloud.LaunchRequest) cloud.Instance {
	t.Helper()
	i, err := h.Cloud.Launch(t.Context(), r)
	if err != nil {
		t.Fatalf("launch: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), h.Patience)
		defer cancel()
		if err := h.Cloud.Terminate(ctx, i.ID); err != nil && !cloud.IsKind(err, cloud.KindNotFound) {
			t.Errorf("terminate %s at the end: %v", i.ID, err)
		}
	})
	return i
}

// wait looks at an instance until it is in a state.
func (h Harness) wait(t *testing.T, id string, want cloud.State) cloud.Instance {
	t.Helper()
	var last string
	for end := time.Now().Add(h.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		all, err := h.Cloud.Describe(t.Context())
		if err != nil {
			t.Fatalf("describe: %v", err)
		}
		for _, i := range all {
			if i.ID == id && i.State == want {
				return i
			}
			if i.ID == id {
				last = fmt.Sprintf("%s (%s)", i.State, i.StateReason)
			}
		}
	}
	t.Fatalf("instance %s is %q after %s, want %s", id, last, h.Patience, want)
	return cloud.Instance{}
}

func wantKind(t *testing.T, err error, want cloud.Kind) {
	t.Helper()
	if !cloud.IsKind(err, want) {
		t.Errorf("error = %v (kind %v), want kind %v", err, cloud.KindOf(err), want)
	}
}

func testLaunch(t *testing.T, h Harness) {
	r := h.request()
	before := time.Now().Add(-time.Minute)
	i := h.launch(t, r)
	if i.ID == "" || !i.State.Alive() {
		t.Errorf("launched: id %q, state %q; want an id, and pending or running", i.ID, i.State)
	}
	i = h.wait(t, i.ID, cloud.Running)
	if i.PrivateIP == "" || i.PrivateDNSName == "" || i.Zone == "" {
		t.Errorf("running instance lacks address, name or zone: %+v", i)
	}
	if i.LaunchTime.Before(before) || i.LaunchTime.After(time.Now().Add(time.Minute)) {
		t.Errorf("launch time = %v, it is now %v", i.LaunchTime, time.Now())
	}
	want := cloud.LaunchRequest{Token: r.Token, Image: r.Image, Type: r.Type, SecurityGroups: r.SecurityGroups}
	got := cloud.LaunchRequest{Token: i.Token, Image: i.Image, Type: i.Type, SecurityGroups: i.SecurityGroups}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instance differs from request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(r.AllTags(), i.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if i.Fleet() != "conformance" || i.Group() != "suite" {
		t.Errorf("fleet %q, group %q; want conformance, suite", i.Fleet(), i.Group())
	}
	found, err := h.Cloud.FindByToken(t.Context(), r.Token)
	if err != nil || found.ID != i.ID {
		t.Errorf("found by token: %q, %v; want %q", found.ID, err, i.ID)
	}
}

func testSameToken(t *testing.T, h Harness) {
	r := h.request()
	first := h.launch(t, r)
	again, err := h.Cloud.Launch(t.Context(), r)
	if err != nil || again.ID != first.ID {
		t.Fatalf("second launch: %q, %v; want %q", again.ID, err, first.ID)
	}
	if n := h.count(t, r.Token); n != 1 {
		t.Errorf("%d instances have the token, want 1", n)
	}
	if err := h.Cloud.Terminate(t.Context(), first.ID); err != nil {
		t.Fatalf("terminate: %v", err)
	}
	h.wait(t, first.ID, cloud.Terminated)
	dead, err := h.Cloud.Launch(t.Context(), r)
	if err != nil || dead.ID != first.ID || dead.State != cloud.Terminated {
		t.Errorf("launch after the end: %q %s, %v; want %q terminated", dead.ID, dead.State, err, first.ID)
	}
}

// count counts the instances that were launched with a token.
func (h Harness) count(t *testing.T, token string) int {
	t.Helper()
	all, err := h.Cloud.Describe(t.Context())
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	n := 0
	for _, i := range all {
		if i.Token == token {
			n++
		}
	}
	return n
}

func testConcurrent(t *testing.T, h Harness) {
	r := h.request()
	type result struct {
		i   cloud.Instance
		err error
	}
	results := make(chan result)
	const callers = 5
	for range callers {
		go func() {
			i, err := h.Cloud.Launch(t.Context(), r)
			results <- result{i, err}
		}()
	}
	ids := map[string]bool{}
	for range callers {
		if got := <-results; got.err != nil {
			t.Errorf("launch: %v", got.err)
		} else {
			ids[got.i.ID] = true
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d calls with one token gave the instances %v, want one", callers, ids)
	}
	for id := range ids {
		if err := h.Cloud.Terminate(t.Context(), id); err != nil {
			t.Errorf("terminate: %v", err)
		}
	}
}

func testMismatch(t *testing.T, h Harness) {
	r := h.request()
	h.launch(t, r)
	for name, change := range map[string]func(*cloud.LaunchRequest){
		"type":            func(r *cloud.LaunchRequest) { r.Type += "x" },
		"group":           func(r *cloud.LaunchRequest) { r.Group = "other" },
		"security groups": func(r *cloud.LaunchRequest) { r.SecurityGroups = []string{"suite-a", "suite-b"} },
		"tags":            func(r *cloud.LaunchRequest) { r.Tags = map[string]string{"app": "web"} },
		"user-data":       func(r *cloud.LaunchRequest) { r.UserData = []byte("#!/bin/sh\nexit 7\n") },
	} {
		other := r
		change(&other)
		_, err := h.Cloud.Launch(t.Context(), other)
		if !cloud.IsKind(err, cloud.KindParameterMismatch) {
			t.Errorf("another %s: %v, want kind %v", name, err, cloud.KindParameterMismatch)
		}
	}
	if n := h.count(t, r.Token); n != 1 {
		t.Errorf("%d instances have the token, want 1", n)
	}
}

func testRefused(t *testing.T, h Harness) {
	for name, change := range map[string]func(*cloud.LaunchRequest){
		"no token":           func(r *cloud.LaunchRequest) { r.Token = "" },
		"long token":         func(r *cloud.LaunchRequest) { r.Token = strings.Repeat("t", 65) },
		"blank in token":     func(r *cloud.LaunchRequest) { r.Token = "a b" },
		"no image":           func(r *cloud.LaunchRequest) { r.Image = "" },
		"unknown image":      func(r *cloud.LaunchRequest) { r.Image = "ami-0badbadbadbadbad0" },
		"too much user-data": func(r *cloud.LaunchRequest) { r.UserData = make([]byte, cloud.MaxUserData+1) },
		"reserved tag":       func(r *cloud.LaunchRequest) { r.Tags = map[string]string{cloud.FleetTag: "mine"} },
	} {
		t.Run(name, func(t *testing.T) {
			r := h.request()
			change(&r)
			i, err := h.Cloud.Launch(t.Context(), r)
			wantKind(t, err, cloud.KindInvalid)
			if i.ID != "" {
				t.Errorf("instance %s came with the error", i.ID)
			}
		})
	}
}

func testTerminate(t *testing.T, h Harness) {
	stays, goes := h.launch(t, h.request()), h.launch(t, h.request())
	h.wait(t, goes.ID, cloud.Running)
	for range 3 { // once, while it shuts down, and again
		if err := h.Cloud.Terminate(t.Context(), goes.ID); err != nil {
			t.Fatalf("terminate: %v", err)
		}
	}
	ended := h.wait(t, goes.ID, cloud.Terminated)
	if ended.StateReason == "" {
		t.Error("a terminated instance has no state reason")
	}
	if err := h.Cloud.Terminate(t.Context(), goes.ID); err != nil {
		t.Errorf("terminate a terminated one: %v", err)
	}
	h.wait(t, stays.ID, cloud.Running)
}

func testUnknown(t *testing.T, h Harness) {
	const id = "i-0badbadbadbadbad0"
	wantKind(t, h.Cloud.Terminate(t.Context(), id), cloud.KindNotFound)
	_, err := h.Cloud.ConsoleOutput(t.Context(), id)
	wantKind(t, err, cloud.KindNotFound)
	_, err = h.Cloud.FindByToken(t.Context(), "never-used")
	wantKind(t, err, cloud.KindNotFound)
}

func testConsole(t *testing.T, h Harness) {
	if h.Console == "" {
		t.Skip("this harness has no console text")
	}
	i := h.launch(t, h.request())
	var text []byte
	for end := time.Now().Add(h.Patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		if text, err = h.Cloud.ConsoleOutput(t.Context(), i.ID); err != nil {
			t.Fatalf("console: %v", err)
		}
		if strings.Contains(string(text), h.Console) {
			return
		}
	}
	t.Errorf("console does not show %q after %s:\n%s", h.Console, h.Patience, text)
}

func testForeign(t *testing.T, h Harness) {
	if h.LaunchForeign == nil {
		t.Skip("this harness cannot launch a foreign instance")
	}
	id := h.LaunchForeign(t)
	all, err := h.Cloud.Describe(t.Context())
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	for _, i := range all {
		if i.ID == id {
			t.Errorf("instance %s without our tag is listed", id)
		}
	}
}

func testContext(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := h.request()
	if _, err := h.Cloud.Launch(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("launch: %v, want context.Canceled", err)
	}
	if _, err := h.Cloud.Describe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("describe: %v, want context.Canceled", err)
	}
	if n := h.count(t, r.Token); n != 0 {
		t.Errorf("a cancelled launch made %d instances", n)
	}
}

func testUnreachable(t *testing.T, h Harness) {
	if h.Unreachable == nil {
		t.Skip("this harness has no unreachable cloud")
	}
	_, err := h.Unreachable.Launch(t.Context(), h.request())
	wantKind(t, err, cloud.KindOther)
	_, err = h.Unreachable.Describe(t.Context())
	wantKind(t, err, cloud.KindOther)
	wantKind(t, h.Unreachable.Terminate(t.Context(), "i-0badbadbadbadbad0"), cloud.KindOther)
}
