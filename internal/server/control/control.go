// Package control serves the operator API /kickoff/v1: handlers, who may call
// them, and the two ways in. On this machine that is a unix socket, where the
// kernel says who calls; from elsewhere it is TLS with bearer tokens that have
// a scope. One table lists every route with the scope it needs.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

// Fleet is the controller as far as operators may use it. Errors that are
// *api.Error are given to the caller as they are.
type Fleet interface {
	Status(ctx context.Context, group string, all bool) (api.Fleet, error)
	GetInstance(ctx context.Context, name string) (api.Instance, error)
	Console(ctx context.Context, name string) (api.ConsoleOutput, error)
	UserData(group string) (api.UserData, error)
	Scale(ctx context.Context, who, group string, r api.ScaleRequest) (api.SizeAnswer, error)
	Launch(ctx context.Context, who, group string, count int) (api.SizeAnswer, error)
	Resume(ctx context.Context, who, group string) (api.Done, error)
	Terminate(ctx context.Context, who string, r api.TerminateRequest) (api.Done, error)
	Drain(ctx context.Context, who, name string, r api.DrainRequest) (api.Done, error)
	Undrain(ctx context.Context, who, name string) (api.Done, error)
	StartRun(ctx context.Context, who string, r api.RunRequest) (api.Run, error)
	GetRun(id string) (api.Run, error)
	WatchRun(ctx context.Context, id string, seq int, f func(api.RunEvent) error) error
	Events(ctx context.Context, after int64, limit int) ([]instance.Event, error)
	WatchEvents(ctx context.Context, seq int64, f func(instance.Event) error) error
}

// TokenStore keeps API tokens. The errors are api.ErrNoToken where there is none.
type TokenStore interface {
	PutAPIToken(ctx context.Context, t api.Token, hash string) error
	APITokenByHash(ctx context.Context, hash string, now time.Time) (api.Token, error)
	APITokens(ctx context.Context) ([]api.Token, error)
	DeleteAPIToken(ctx context.Context, id string) error
}

// Options are what a Control is made of.
type Options struct {
	Fleet  Fleet
	Tokens TokenStore
	Nodes  Nodes
	Log    *slog.Logger
	Now    func() time.Time
	// UIDs may use the unix socket besides root and the server's own user.
	UIDs []uint32
}

// Control serves the operator API. Its ServeHTTP is the way in over TLS.
type Control struct {
	opt Options
	mux *http.ServeMux
}

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// New makes a Control.
func New(o Options) *Control {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Control{opt: o, mux: http.NewServeMux()}
	for _, r := range append(c.routes(), c.nodeRoutes()...) {
		c.mux.Handle(r.pattern, c.handler(r))
	}
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, api.Errorf(api.CodeNotFound, "there is no %s %s", r.Method, r.URL.Path))
	})
	return c
}

// handle answers a request with a value that becomes JSON, or an error.
type handle func(r *http.Request) (any, error)

// stream answers a request with server-sent events.
type stream func(r *http.Request, send func(id int64, kind string, v any) error) error

// route is one line of the table: what is asked, the scope it needs, who
// answers. A route with both a handle and a stream streams when asked to.
type route struct {
	pattern string
	scope   api.Scope
	handle  handle
	stream  stream
}

func (c *Control) routes() []route {
	return []route{
		{"GET " + api.PathFleet, api.ScopeRead, c.getFleet, nil},
		{"GET " + api.PathInstances, api.ScopeRead, c.getInstances, nil},
		{"GET " + api.PathInstance, api.ScopeRead, c.getInstance, nil},
		{"GET " + api.PathConsole, api.ScopeRead, c.getConsole, nil},
		{"GET " + api.PathEvents, api.ScopeRead, c.getEvents, c.watchEvents},
		{"GET " + api.PathRun, api.ScopeRead, c.getRun, nil},
		{"GET " + api.PathRunEvents, api.ScopeRead, nil, c.watchRun},
		{"POST " + api.PathRuns, api.ScopeRun, c.postRun, nil},
		{"POST " + api.PathScale, api.ScopeFleet, c.postScale, nil},
		{"POST " + api.PathLaunch, api.ScopeFleet, c.postLaunch, nil},
		{"POST " + api.PathResume, api.ScopeFleet, c.postResume, nil},
		{"POST " + api.PathTerminate, api.ScopeFleet, c.postTerminate, nil},
		{"POST " + api.PathDrain, api.ScopeFleet, c.postDrain, nil},
		{"POST " + api.PathUndrain, api.ScopeFleet, c.postUndrain, nil},
		{"GET " + api.PathUserData, api.ScopeAdmin, c.getUserData, nil},
		{"GET " + api.PathTokens, api.ScopeAdmin, c.getTokens, nil},
		{"POST " + api.PathTokens, api.ScopeAdmin, c.postToken, nil},
		{"DELETE " + api.PathToken, api.ScopeAdmin, c.deleteToken, nil},
	}
}

// handler checks who asks, then answers.
func (c *Control) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := c.identify(r)
		if err == nil && !who.scope.Allows(rt.scope) {
			err = api.Errorf(api.CodeForbidden, "%s has scope %s; this needs %s", who.name, who.scope, rt.scope)
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, who))
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if rt.stream != nil && (rt.handle == nil || r.Header.Get("Accept") == api.MediaEvents) {
			c.serveStream(w, r, rt.stream)
			return
		}
		v, err := rt.handle(r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if r.Method != http.MethodGet {
			c.opt.Log.Info("operator", "who", who.name, "method", r.Method, "path", r.URL.Path)
		}
		writeJSON(w, http.StatusOK, v)
	})
}

// fail answers with an error; one that is not the caller's fault is logged.
func (c *Control) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *api.Error
	if !errors.As(err, &e) {
		c.opt.Log.Error("operator request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		e = api.Errorf(api.CodeInternal, "%v", err)
	}
	if e.Code == api.CodeUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="kickoff"`)
	}
	writeError(w, e)
}

func writeError(w http.ResponseWriter, e *api.Error) {
	writeJSON(w, e.HTTPStatus(), api.ErrorBody{Error: e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may be gone
}

// heartbeat is the period of comments on a quiet stream, by which both sides
// notice a dead connection.
const heartbeat = 15 * time.Second

func (c *Control) serveStream(w http.ResponseWriter, r *http.Request, f stream) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // a stream outlives the server's write timeout
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	events := make(chan func(io.Writer) error)
	done := make(chan error, 1)
	go func() {
		done <- f(r.WithContext(ctx), func(id int64, kind string, v any) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case events <- func(w io.Writer) error { return api.WriteEvent(w, id, kind, v) }:
				return nil
			}
		})
	}()
	started := false
	start := func() {
		if !started {
			w.Header().Set("Content-Type", api.MediaEvents)
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
			started = true
		}
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	first := time.NewTimer(50 * time.Millisecond) // long enough for a "no such run"
	defer first.Stop()
	for {
		var err error
		select {
		case write := <-events:
			start()
			err = write(w)
		case <-first.C:
			start()
		case <-beat.C:
			start()
			_, err = io.WriteString(w, ": still here\n\n")
		case err := <-done:
			if err != nil && !started && ctx.Err() == nil {
				c.fail(w, r, err)
			}
			return
		}
		if err == nil {
			err = rc.Flush()
		}
		if err != nil {
			stop()
			<-done
			return
		}
	}
}

// decode reads a request's JSON body strictly.
func decode[T any](r *http.Request) (T, error) {
	var v T
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil && !errors.Is(err, io.EOF) {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return v, api.Errorf(api.CodeBadRequest, "the request's body is larger than %d bytes", tooLarge.Limit)
		}
		return v, api.Errorf(api.CodeBadRequest, "the request's body is not what it should be: %v", err)
	}
	return v, nil
}

// Paths lists the patterns of all routes, for a server that mounts them.
func (c *Control) Paths() []string {
	var out []string
	for _, r := range append(c.routes(), c.nodeRoutes()...) {
		out = append(out, r.pattern)
	}
	return out
}

// ServeHTTP implements http.Handler.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

func notToken(err error, id string) error {
	if errors.Is(err, api.ErrNoToken) {
		return api.Errorf(api.CodeNotFound, "there is no token %s", id)
	}
	return fmt.Errorf("token %s: %w", id, err)
}
