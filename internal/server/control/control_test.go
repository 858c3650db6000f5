package control

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/store"
)

// fleet is a Fleet that remembers the last call.
type fleet struct {
	Fleet
	who, what string
	events    []instance.Event
}

func (f *fleet) Status(_ context.Context, group string, _ bool) (api.Fleet, error) {
	if group == "nope" {
		return api.Fleet{}, api.Errorf(api.CodeNotFound, "there is no group nope").WithHint("groups: web")
	}
	return api.Fleet{Groups: []api.Group{{Name: "web", Size: 3, Instances: []api.Instance{{Name: "i-1"}}}}}, nil
}

func (f *fleet) Scale(_ context.Context, who, group string, r api.ScaleRequest) (api.SizeAnswer, error) {
	f.who, f.what = who, "scale "+group
	return api.SizeAnswer{Group: group, Size: *r.Size}, nil
}

func (f *fleet) Resume(context.Context, string, string) (api.Done, error) {
	return api.Done{}, errors.New("disk is full")
}

func (f *fleet) Events(context.Context, int64, int) ([]instance.Event, error) { return f.events, nil }

func (f *fleet) WatchEvents(ctx context.Context, seq int64, send func(instance.Event) error) error {
	for _, e := range f.events {
		if e.Seq > seq {
			if err := send(e); err != nil {
				return err
			}
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fleet) WatchRun(_ context.Context, id string, seq int, send func(api.RunEvent) error) error {
	if id != "r-1" {
		return api.Errorf(api.CodeNotFound, "there is no rolling run %s", id)
	}
	for n := seq; n < 3; n++ {
		e := api.RunEvent{Seq: n + 1, Step: api.RunRan}
		if n == 2 {
			e.Step, e.Run = api.RunEnd, &api.Run{ID: id, Done: 2}
		}
		if err := send(e); err != nil {
			return err
		}
	}
	return nil
}

func newControl(t *testing.T) (*Control, *fleet) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "k.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := &fleet{}
	return New(Options{Fleet: f, Tokens: s}), f
}

// overSocket serves a Control on a unix socket.
func overSocket(t *testing.T, c *Control) (*api.Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.sock")
	l, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.ServeUnix(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	client, err := api.NewClient(api.ClientOptions{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, path
}

// overTLS serves a Control as the server does on its TLS port.
func overTLS(t *testing.T, c *Control, token string) *api.Client {
	t.Helper()
	srv := httptest.NewTLSServer(c)
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := api.NewClient(api.ClientOptions{URL: srv.URL, CAFile: ca, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func code(err error) string {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestSocket(t *testing.T) {
	c, f := newControl(t)
	client, path := overSocket(t, c)
	got, err := client.Fleet(t.Context(), "", false)
	if err != nil || len(got.Groups) != 1 {
		t.Fatal(got, err)
	}
	if _, err := client.Scale(t.Context(), "web", api.ScaleRequest{Size: new(4)}); err != nil || f.what != "scale web" || f.who == "" {
		t.Errorf("%v; %q by %q", err, f.what, f.who)
	}
	_, err = client.Fleet(t.Context(), "nope", false)
	if code(err) != api.CodeNotFound || !strings.Contains(err.Error(), "groups: web") {
		t.Errorf("unknown group: %v", err)
	}
	if _, err = client.Resume(t.Context(), "web"); code(err) != api.CodeInternal || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("failure: %v", err)
	}
	if _, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("second listener: %v", err)
	}
}

func TestSocketOfADeadServerIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.sock")
	l, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if l, err = ListenUnix(path); err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestOtherUsersAreRefused(t *testing.T) {
	c, _ := newControl(t)
	r := httptest.NewRequest("GET", api.PathFleet, nil)
	for uid, want := range map[int64]int{12345: http.StatusForbidden, -1: http.StatusUnauthorized, 0: http.StatusOK, int64(os.Geteuid()): http.StatusOK} {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, uid)))
		if w.Code != want {
			t.Errorf("uid %d: status %d, want %d", uid, w.Code, want)
		}
	}
}

func TestTokens(t *testing.T) {
	c, _ := newControl(t)
	root, _ := overSocket(t, c)
	tok, err := root.CreateToken(t.Context(), api.TokenRequest{Name: "wall", Scope: api.ScopeRead, Lifetime: "1h"})
	if err != nil {
		t.Fatal(err)
	}
	reader := overTLS(t, c, tok.Secret)
	if _, err := reader.Fleet(t.Context(), "", false); err != nil {
		t.Error(err)
	}
	if _, err := reader.Scale(t.Context(), "web", api.ScaleRequest{Size: new(4)}); code(err) != api.CodeForbidden {
		t.Errorf("scale with scope read: %v", err)
	}
	if _, err := reader.CreateToken(t.Context(), api.TokenRequest{Scope: api.ScopeAdmin}); code(err) != api.CodeForbidden {
		t.Errorf("token with scope read: %v", err)
	}
	if _, err := overTLS(t, c, tok.Secret+"x").Fleet(t.Context(), "", false); code(err) != api.CodeUnauthorized {
		t.Errorf("wrong token: %v", err)
	}
	list, err := root.Tokens(t.Context())
	if err != nil || len(list.Tokens) != 1 || list.Tokens[0].Secret != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := root.RevokeToken(t.Context(), tok.ID); err != nil {
		t.Error(err)
	}
	if _, err := root.RevokeToken(t.Context(), tok.ID); code(err) != api.CodeNotFound {
		t.Errorf("revoke twice: %v", err)
	}
	if _, err := reader.Fleet(t.Context(), "", false); code(err) != api.CodeUnauthorized {
		t.Errorf("revoked token: %v", err)
	}
	c.opt.Now = func() time.Time { return time.Now().Add(-2 * time.Hour) }
	old, _ := root.CreateToken(t.Context(), api.TokenRequest{Scope: api.ScopeRead, Lifetime: "1h"})
	c.opt.Now = time.Now
	if _, err := overTLS(t, c, old.Secret).Fleet(t.Context(), "", false); code(err) != api.CodeUnauthorized {
		t.Errorf("expired token: %v", err)
	}
	for _, bad := range []api.TokenRequest{{Scope: "root"}, {Scope: api.ScopeRead, Lifetime: "forever"}, {Scope: api.ScopeRead, Lifetime: "-1h"}} {
		if _, err := root.CreateToken(t.Context(), bad); code(err) != api.CodeBadRequest {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestStreams(t *testing.T) {
	c, f := newControl(t)
	f.events = []instance.Event{{Seq: 1, Message: "one"}, {Seq: 2, Message: "two\nlines"}}
	client, _ := overSocket(t, c)
	stop := errors.New("enough")
	var got []string
	err := client.FollowEvents(t.Context(), 0, func(e instance.Event) error {
		got = append(got, e.Message)
		if len(got) == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || len(got) != 2 || got[1] != "two\nlines" {
		t.Errorf("%q, %v", got, err)
	}
	var steps []string
	err = client.FollowRun(t.Context(), "r-1", 1, func(e api.RunEvent) error { steps = append(steps, e.Step); return nil })
	if err != nil || strings.Join(steps, " ") != "ran end" {
		t.Errorf("%q, %v", steps, err)
	}
	if err := client.FollowRun(t.Context(), "r-2", 0, nil); code(err) != api.CodeNotFound {
		t.Errorf("unknown run: %v", err)
	}
}

func TestBadRequests(t *testing.T) {
	c, _ := newControl(t)
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/kickoff/v1/fleet/groups/web/scale", `{"size": "many"}`, 400},
		{"POST", "/kickoff/v1/fleet/groups/web/scale", `{"sise": 3}`, 400},
		{"POST", "/kickoff/v1/fleet/groups/web/scale", `{"size": 3, "reason": "` + strings.Repeat("x", maxBody) + `"}`, 400},
		{"GET", "/kickoff/v1/fleet/events?after=x", "", 400},
		{"GET", "/kickoff/v1/nonsense", "", 404},
		{"PATCH", "/kickoff/v1/fleet", "", 404},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		c.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, int64(0))))
		if w.Code != tt.want && !(tt.want == 404 && w.Code == 405) || !strings.Contains(w.Header().Get("Content-Type"), "json") && w.Code != 405 {
			t.Errorf("%s %s: status %d, want %d: %s", tt.method, tt.path, w.Code, tt.want, w.Body)
		}
	}
}
