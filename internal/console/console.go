// Package console is the web page on which people see the fleet and act on it. It speaks the same operator API as the
// command line, and shows the equivalent command beside every action.
package console

import (
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

// Fleet is what the console needs of the operator API; *api.Client has it.
type Fleet interface {
	Fleet(ctx context.Context, group string, all bool) (api.Fleet, error)
	Instance(ctx context.Context, name string) (api.Instance, error)
	Launch(ctx context.Context, group string, count int) (api.SizeAnswer, error)
	Drain(ctx context.Context, name string, r api.DrainRequest) (api.Done, error)
	Undrain(ctx context.Context, name string) (api.Done, error)
	Terminate(ctx context.Context, r api.TerminateRequest) (api.Done, error)
	// FollowEvents calls f for every event after seq until ctx ends or the connection breaks.
	FollowEvents(ctx context.Context, after int64, f func(instance.Event) error) error
}

var _ Fleet = (*api.Client)(nil)

// Options are what a Console is made of.
type Options struct {
	Fleet  Fleet
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Version is shown at the foot of the pages.
	Version string
}

// Console serves the pages.
type Console struct {
	fleet   Fleet
	log     *slog.Logger
	version string
	gate    *gate
	live    *live
}

//go:embed static
var static embed.FS

//go:embed templates
var templates embed.FS

var pages = template.Must(template.New("").Funcs(funcs).ParseFS(templates, "templates/*.html"))

// New makes a Console. Run keeps its live pages true.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Console{fleet: o.Fleet, log: o.Logger, version: o.Version, gate: newGate(o.Now)}
	c.live = newLive(c.fleet, o.Logger)
	return c
}

// Run watches the fleet for the open pages until ctx ends.
func (c *Console) Run(ctx context.Context) error { return c.live.run(ctx) }

// NewLoginLink makes a link that opens one session and is good for fifteen minutes. base is the console's own address,
// e.g. http://127.0.0.1:8141.
func (c *Console) NewLoginLink(base string) string {
	return base + "/login?" + url.Values{"link": {c.gate.newLink()}}.Encode()
}

// Handler gives the pages.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range c.routes() {
		h := http.Handler(c.page(r.handle))
		if !r.open {
			h = c.loggedIn(h)
		}
		mux.Handle(r.pattern, h)
	}
	mux.Handle("GET /static/", cached(http.FileServerFS(static)))
	return http.NewCrossOriginProtection().Handler(secured(mux))
}

// route is one address of the console. Open ones need no session.
type route struct {
	pattern string
	open    bool
	handle  func(w http.ResponseWriter, r *http.Request) error
}

func (c *Console) routes() []route {
	return []route{
		{"GET /login", true, c.showLogin},
		{"POST /login", true, c.login},
		{"POST /logout", false, c.logout},
		{"GET /{$}", false, c.showFleet},
		{"GET /live", false, c.stream},
		{"GET /groups/{group}/start", false, c.askStart},
		{"POST /groups/{group}/start", false, c.start},
		{"GET /instances/{name}/{action}", false, c.askAction},
		{"POST /instances/{name}/{action}", false, c.act},
	}
}

// secured sets the headers that every answer has: no script but ours, no framing, no sniffing.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		next.ServeHTTP(w, r)
	})
}

func (c *Console) loggedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.gate.admits(r) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}
