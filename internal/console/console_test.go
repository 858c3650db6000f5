package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

// scripted is a fleet that remembers what was asked of it.
type scripted struct {
	mu    sync.Mutex
	fleet api.Fleet
	asked []string
}

func (s *scripted) say(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *scripted) Fleet(context.Context, string, bool) (api.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fleet, nil
}

func (s *scripted) Instance(_ context.Context, name string) (api.Instance, error) {
	for _, i := range s.fleet.Groups[0].Instances {
		if i.Name == name {
			return i, nil
		}
	}
	return api.Instance{}, api.Errorf(api.CodeNotFound, "there is no instance %q", name)
}

func (s *scripted) Launch(_ context.Context, group string, count int) (api.SizeAnswer, error) {
	s.say("launch " + group)
	return api.SizeAnswer{Group: group, Before: 1, Size: 1 + count}, nil
}

func (s *scripted) Drain(_ context.Context, name string, _ api.DrainRequest) (api.Done, error) {
	s.say("drain " + name)
	return api.Done{Message: name + " drains"}, nil
}

func (s *scripted) Undrain(_ context.Context, name string) (api.Done, error) {
	s.say("undrain " + name)
	return api.Done{}, nil
}

func (s *scripted) Terminate(_ context.Context, r api.TerminateRequest) (api.Done, error) {
	s.say("terminate " + strings.Join(r.Instances, ","))
	return api.Done{}, nil
}

func (s *scripted) FollowEvents(ctx context.Context, _ int64, _ func(instance.Event) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func fixture() *scripted {
	since := time.Unix(1_700_000_000, 0)
	return &scripted{fleet: api.Fleet{Groups: []api.Group{{
		Name: "web", Size: 2, Serving: 1, Why: "size of fleet.yaml",
		Instances: []api.Instance{
			{Name: "i-1", Stage: instance.InService, Since: since, Address: "10.77.0.9"},
			{Name: "i-<script>alert(1)</script>", Stage: instance.Failed, Since: since, Reason: "<b>bold</b>"},
		},
	}}}}
}

type browser struct {
	t      *testing.T
	srv    *httptest.Server
	client *http.Client
}

// open starts the console and logs a browser in through a link.
func open(t *testing.T, fleet Fleet) *browser {
	c := New(Options{Fleet: fleet})
	srv := httptest.NewServer(c.Handler())
	t.Cleanup(srv.Close)
	b := &browser{t, srv, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	link, err := url.Parse(c.NewLoginLink(srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	secret := link.Query().Get("link")
	res := b.post("/login", url.Values{"link": {secret}})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		t.Fatalf("login: %s", res.Status)
	}
	if again := b.post("/login", url.Values{"link": {secret}}); again.StatusCode != http.StatusForbidden {
		t.Errorf("a used link: %s, want 403", again.Status)
	}
	cookie := res.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode {
		t.Errorf("the session cookie is open to scripts or other sites: %v", cookie)
	}
	jar := &oneCookie{cookie}
	b.client.Jar = jar
	return b
}

type oneCookie struct{ c *http.Cookie }

func (j *oneCookie) SetCookies(*url.URL, []*http.Cookie) {}
func (j *oneCookie) Cookies(*url.URL) []*http.Cookie     { return []*http.Cookie{j.c} }
func (b *browser) do(r *http.Request, e error) *http.Response {
	b.t.Helper()
	if e != nil {
		b.t.Fatal(e)
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { res.Body.Close() })
	return res
}

func (b *browser) get(path string) (*http.Response, string) {
	b.t.Helper()
	res := b.do(http.NewRequest("GET", b.srv.URL+path, nil))
	var text strings.Builder
	buf := make([]byte, 64<<10)
	for {
		n, err := res.Body.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return res, text.String()
		}
	}
}

func (b *browser) post(path string, form url.Values) *http.Response {
	b.t.Helper()
	r, err := http.NewRequest("POST", b.srv.URL+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(r, err)
}

func TestPagesNeedASession(t *testing.T) {
	srv := httptest.NewServer(New(Options{Fleet: fixture()}).Handler())
	defer srv.Close()
	b := &browser{t, srv, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for _, path := range []string{"/", "/live", "/groups/web/start?count=1", "/instances/i-1/drain"} {
		if res, _ := b.get(path); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/login" {
			t.Errorf("GET %s without a session: %s", path, res.Status)
		}
	}
	if res := b.post("/instances/i-1/drain", nil); res.StatusCode != http.StatusSeeOther {
		t.Errorf("POST without a session: %s", res.Status)
	}
}

func TestLinkExpires(t *testing.T) {
	now := time.Unix(1000, 0)
	g := newGate(func() time.Time { return now })
	link := g.newLink()
	now = now.Add(linkLifetime + time.Second)
	if _, ok := g.redeem(link); ok {
		t.Error("an expired link opened a session")
	}
}

func TestFleetPageEscapesWhatInstancesSay(t *testing.T) {
	b := open(t, fixture())
	res, text := b.get("/")
	if res.StatusCode != http.StatusOK || !strings.Contains(text, "1 of 2 in service") {
		t.Errorf("%s:\n%s", res.Status, text)
	}
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<b>bold") {
		t.Error("markup of an instance reached the page")
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Errorf("content security policy: %s", csp)
	}
}

func TestActions(t *testing.T) {
	fleet := fixture()
	b := open(t, fleet)
	for _, c := range []struct {
		path string
		form url.Values
		want int
	}{
		{"/groups/web/start", url.Values{"count": {"2"}}, http.StatusSeeOther},
		{"/groups/web/start", url.Values{"count": {"0"}}, http.StatusBadRequest},
		{"/groups/web/start", url.Values{"count": {"many"}}, http.StatusBadRequest},
		{"/instances/i-1/drain", nil, http.StatusSeeOther},
		{"/instances/i-1/undrain", nil, http.StatusSeeOther},
		{"/instances/i-1/terminate", url.Values{"typed": {"i-2"}}, http.StatusBadRequest},
		{"/instances/i-1/terminate", url.Values{"typed": {"i-1"}}, http.StatusSeeOther},
		{"/instances/i-1/explode", nil, http.StatusNotFound},
	} {
		if res := b.post(c.path, c.form); res.StatusCode != c.want {
			t.Errorf("POST %s %v: %s, want %d", c.path, c.form, res.Status, c.want)
		}
	}
	want := "launch web,drain i-1,undrain i-1,terminate i-1"
	if got := strings.Join(fleet.asked, ","); got != want {
		t.Errorf("asked of the fleet: %s, want %s", got, want)
	}
	for path, status := range map[string]int{
		"/groups/web/start?count=3": 200, "/instances/i-1/terminate": 200, "/instances/i-9/drain": 404, "/groups/web/start?count=-1": 400,
	} {
		if res, _ := b.get(path); res.StatusCode != status {
			t.Errorf("GET %s: %s, want %d", path, res.Status, status)
		}
	}
}

func TestOtherSitesCannotAct(t *testing.T) {
	fleet := fixture()
	b := open(t, fleet)
	r, err := http.NewRequest("POST", b.srv.URL+"/instances/i-1/drain", nil)
	if err == nil {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	if res := b.do(r, err); res.StatusCode != http.StatusForbidden || len(fleet.asked) != 0 {
		t.Errorf("a request from another site: %s, asked %v", res.Status, fleet.asked)
	}
}

func TestLivePageGetsChanges(t *testing.T) {
	fleet := fixture()
	c := New(Options{Fleet: fleet})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for seq := int64(0); seq == 0; {
		p, changed, _, _ := c.live.look()
		if seq = p.seq; seq == 0 {
			<-changed
		}
	}
	before, changed, _, _ := c.live.look()
	fleet.mu.Lock()
	fleet.fleet.Groups = []api.Group{{Name: "web", Size: 2, Serving: 2}}
	fleet.mu.Unlock()
	<-changed
	after, _, _, _ := c.live.look()
	if after.seq <= before.seq || !strings.Contains(string(after.html), "All 2 of 2") {
		t.Errorf("after the change: seq %d, %s", after.seq, after.html)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
