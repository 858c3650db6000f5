package channel

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kickoff/internal/wire"
)

func poll(t *testing.T, h *Hub, conn string, results ...wire.CommandResult) []wire.Command {
	t.Helper()
	got, err := h.Poll(t.Context(), "i-1", conn, wire.ChannelRequest{Results: results}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCallAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(time.Now, nil)
		var wg sync.WaitGroup
		var got wire.ProbeResult
		var err error
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err = h.Call(ctx, "i-1", wire.KindProbe, wire.ProbeArgs{URL: "http://x"}, &got)
		})
		commands := poll(t, h, "c1")
		if len(commands) != 1 || commands[0].Kind != wire.KindProbe || string(commands[0].Args) != `{"url":"http://x"}` {
			t.Fatalf("got %+v", commands)
		}
		result := wire.CommandResult{ID: commands[0].ID, OK: true, Output: json.RawMessage(`{"ok":true,"status":200}`)}
		if again := poll(t, h, "c1", result); len(again) != 0 {
			t.Errorf("handed out again: %+v", again)
		}
		wg.Wait()
		if err != nil || !got.OK || got.Status != 200 {
			t.Errorf("got %+v, %v", got, err)
		}
		if ok, _ := h.Connected("i-1"); !ok {
			t.Error("not connected right after a poll")
		}
		time.Sleep(time.Minute)
		if ok, seen := h.Connected("i-1"); ok || seen.IsZero() {
			t.Error("connected a minute later")
		}
	})
}

func TestLostConnectionGetsCommandsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(time.Now, nil)
		var wg sync.WaitGroup
		var err error
		wg.Go(func() { err = h.Call(t.Context(), "i-1", wire.KindRun, wire.RunArgs{}, nil) })
		first := poll(t, h, "c1")
		second := poll(t, h, "c2")
		if len(first) != 1 || len(second) != 1 || first[0].ID != second[0].ID {
			t.Fatalf("first %+v, second %+v", first, second)
		}
		poll(t, h, "c2", wire.CommandResult{ID: first[0].ID, Error: "no apt"}, wire.CommandResult{ID: first[0].ID, OK: true})
		wg.Wait()
		remote, ok := errors.AsType[*RemoteError](err)
		if !ok || remote.Message != "no apt" {
			t.Errorf("got %v", err)
		}
	})
}

func TestTimeoutForgetsTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(time.Now, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Call(ctx, "i-1", wire.KindRun, nil, nil); !errors.Is(err, ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		if commands := poll(t, h, "c1"); len(commands) != 0 {
			t.Errorf("got %+v", commands)
		}
	})
}

func TestDropEndsCallsAndPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(time.Now, nil)
		var wg sync.WaitGroup
		var callErr, pollErr error
		wg.Go(func() { callErr = h.Call(t.Context(), "i-1", wire.KindRun, nil, nil) })
		if got := poll(t, h, "c1"); len(got) != 1 {
			t.Fatalf("got %+v", got)
		}
		wg.Go(func() { _, pollErr = h.Poll(t.Context(), "i-1", "c1", wire.ChannelRequest{}, time.Minute) })
		synctest.Wait()
		h.Drop("i-1")
		wg.Wait()
		if !errors.Is(callErr, ErrDropped) || !errors.Is(pollErr, ErrDropped) {
			t.Errorf("call: %v, poll: %v", callErr, pollErr)
		}
	})
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(time.Now, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range maxWaiting {
			wg.Go(func() { _ = h.Call(ctx, "i-1", wire.KindRun, nil, nil) })
		}
		synctest.Wait()
		if err := h.Call(ctx, "i-1", wire.KindRun, nil, nil); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
		cancel()
		wg.Wait()
	})
}

func TestEvents(t *testing.T) {
	var got []string
	h := New(time.Now, func(certname string, e wire.Event) { got = append(got, certname+" "+e.Kind) })
	req := wire.ChannelRequest{Events: []wire.Event{{Kind: wire.EventNotice}}}
	if _, err := h.Poll(t.Context(), "i-1", "c", req, 0); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != "i-1 notice" {
		t.Errorf("got %v", got)
	}
}
