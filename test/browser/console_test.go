package browser

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kickoff/internal/api"
	"kickoff/internal/console"
	"kickoff/internal/fleet/instance"
)

// season is a fleet whose servers start and leave by the clock, without machines.
type season struct {
	mu     sync.Mutex
	groups []api.Group
	events chan struct{}
}

func (s *season) Fleet(_ context.Context, group string, _ bool) (api.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var f api.Fleet
	for _, g := range s.groups {
		if group != "" && g.Name != group {
			continue
		}
		g.Serving, g.Starting, g.Leaving, g.Out, g.Failed = 0, 0, 0, 0, 0
		g.Instances = append([]api.Instance(nil), g.Instances...)
		for _, i := range g.Instances {
			switch {
			case i.Stage == instance.Failed:
				g.Failed++
			case i.Stage.Leaving():
				g.Leaving++
			case !i.Out.IsZero():
				g.Out++
			case i.Stage == instance.InService:
				g.Serving++
			default:
				g.Starting++
			}
		}
		f.Groups = append(f.Groups, g)
	}
	return f, nil
}

// change alters one instance and wakes the live pages.
func (s *season) change(name string, f func(*api.Instance)) (api.Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g := range s.groups {
		for i := range s.groups[g].Instances {
			if in := &s.groups[g].Instances[i]; in.Name == name {
				f(in)
				s.wake()
				return *in, nil
			}
		}
	}
	return api.Instance{}, api.Errorf(api.CodeNotFound, "there is no instance %q", name)
}

func (s *season) wake() {
	select {
	case s.events <- struct{}{}:
	default:
	}
}

func (s *season) Instance(_ context.Context, name string) (api.Instance, error) {
	return s.change(name, func(*api.Instance) {})
}

func (s *season) Launch(_ context.Context, group string, count int) (api.SizeAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &s.groups[0]
	before := g.Size
	g.Size += count
	for range count {
		name := "i-new" + string(rune('a'+len(g.Instances)))
		g.Instances = append(g.Instances, api.Instance{Name: name, Group: group, Stage: instance.Booting, Since: time.Now(), Waiting: "its first run"})
		time.AfterFunc(time.Second, func() {
			_, _ = s.change(name, func(i *api.Instance) { i.Stage, i.Waiting, i.Address = instance.InService, "", "10.77.0.99" })
		})
	}
	s.wake()
	return api.SizeAnswer{Group: group, Before: before, Size: g.Size}, nil
}

func (s *season) Drain(_ context.Context, name string, r api.DrainRequest) (api.Done, error) {
	_, err := s.change(name, func(i *api.Instance) { i.Out = instance.Out{Reason: r.Reason} })
	return api.Done{Message: name + " drains."}, err
}

func (s *season) Undrain(_ context.Context, name string) (api.Done, error) {
	_, err := s.change(name, func(i *api.Instance) { i.Out = instance.Out{} })
	return api.Done{Message: name + " goes back."}, err
}

func (s *season) Terminate(_ context.Context, r api.TerminateRequest) (api.Done, error) {
	_, err := s.change(r.Instances[0], func(i *api.Instance) { i.Stage = instance.Terminating })
	return api.Done{Message: r.Instances[0] + " leaves."}, err
}

func (s *season) FollowEvents(ctx context.Context, after int64, f func(instance.Event) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.events:
			after++
			if err := f(instance.Event{Seq: after}); err != nil {
				return err
			}
		}
	}
}

func newSeason() *season {
	since := time.Now().Add(-42 * time.Second)
	return &season{events: make(chan struct{}, 1), groups: []api.Group{
		{Name: "backend-production", Size: 3, Why: "size of fleet.yaml", Instances: []api.Instance{
			{Name: "i-0a1b2c3d4e5f60718", Stage: instance.InService, Since: since, Address: "10.77.0.11", Current: true,
				LastRun: instance.Run{Status: "unchanged"}},
			{Name: "i-0a1b2c3d4e5f60719", Stage: instance.Converging, Since: since, Address: "10.77.0.12", Waiting: "its first run to end"},
			{Name: "i-0<b>hostile</b>", Stage: instance.Failed, Since: since, Reason: "Package[clojure]: E: <script>document.title='owned'</script>"},
		}},
		{Name: "loadbalancer", Size: 1, Why: "size of fleet.yaml", Instances: []api.Instance{
			{Name: "i-0a1b2c3d4e5f60720", Stage: instance.InService, Since: since, Address: "10.77.0.10", Current: true,
				LastRun: instance.Run{Status: "changed"}},
		}},
	}}
}

// start serves a console on the fleet and gives a login link.
func start(t *testing.T, fleet console.Fleet) string {
	if ok, why := Enabled(); !ok {
		t.Skip(why)
	}
	c := console.New(console.Options{Fleet: fleet, Version: "test"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	srv := httptest.NewServer(c.Handler())
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		srv.CloseClientConnections()
		srv.Close()
	})
	return c.NewLoginLink(srv.URL)
}

// picture saves a screenshot where KICKOFF_PICTURES says, for people to look at.
func picture(t *testing.T, name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		var png []byte
		if err := chromedp.FullScreenshot(&png, 100).Do(ctx); err != nil {
			return err
		}
		if len(png) < 1000 {
			t.Errorf("the picture %s is empty", name)
		}
		if dir := os.Getenv("KICKOFF_PICTURES"); dir != "" {
			return os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
		}
		return nil
	})
}

func run(t *testing.T, width, height int, actions ...chromedp.Action) {
	t.Helper()
	ctx, end := Open(t.Context(), width, height)
	defer end()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func TestStartDrainAndTerminateByClicking(t *testing.T) {
	link := start(t, newSeason())
	first := "i-0a1b2c3d4e5f60718"
	run(t, 1200, 900,
		LogIn(link),
		WaitText("#live", "live"),
		picture(t, "fleet"),
		chromedp.SetValue("#count-backend-production", "2", chromedp.ByQuery),
		chromedp.Click("#group-backend-production .head button", chromedp.ByQuery),
		WaitText("h1", "Start 2 servers of backend-production?"),
		picture(t, "start"),
		chromedp.Click("form.panel button", chromedp.ByQuery),
		WaitText(".notice", "size 5, was 3"),
		WaitText("#instance-i-newd", "booting"),
		WaitText("#instance-i-newd", "in service"), // without a reload: the page is live
		chromedp.Click("#instance-"+first+" a[href$=drain]", chromedp.ByQuery),
		WaitText("h1", "Drain "+first),
		chromedp.Click("form.panel button", chromedp.ByQuery),
		WaitText("#instance-"+first, "held out"),
		chromedp.Click("#instance-"+first+" a[href$=terminate]", chromedp.ByQuery),
		WaitText("h1", "Terminate "+first),
		chromedp.SendKeys("#typed", "something else", chromedp.ByQuery),
		picture(t, "terminate"),
		chromedp.Click("form.panel button", chromedp.ByQuery),
		WaitText(".alarm", "nothing was done"),
	)
}

func TestTypedNameTerminates(t *testing.T) {
	link := start(t, newSeason())
	first := "i-0a1b2c3d4e5f60718"
	run(t, 1200, 900,
		LogIn(link),
		chromedp.Click("#instance-"+first+" a[href$=terminate]", chromedp.ByQuery),
		chromedp.SendKeys("#typed", first, chromedp.ByQuery),
		chromedp.Click("form.panel button", chromedp.ByQuery),
		WaitText("#instance-"+first, "terminating"),
	)
}

func TestHostileNamesDoNotExecute(t *testing.T) {
	link := start(t, newSeason())
	var title string
	run(t, 1200, 900, LogIn(link), WaitText("#fleet", "<script>document.title"), chromedp.Title(&title))
	if title == "owned" {
		t.Error("a reason with markup ran in the page")
	}
}

func TestNoOverflow(t *testing.T) {
	for name, width := range map[string]int64{"phone": 360, "tablet": 760, "desktop": 1200} {
		t.Run(name, func(t *testing.T) {
			link := start(t, newSeason())
			var wide string
			run(t, int(width), 740,
				chromedp.EmulateViewport(width, 740),
				LogIn(link),
				picture(t, name),
				chromedp.Evaluate(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.tagName + "." + e.className).join(" ")`, &wide),
			)
			if wide != "" {
				t.Errorf("wider than a window of %d px: %s", width, wide)
			}
		})
	}
}

func TestLostServerIsSaid(t *testing.T) {
	if ok, why := Enabled(); !ok {
		t.Skip(why)
	}
	c := console.New(console.Options{Fleet: newSeason()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	srv := httptest.NewServer(c.Handler())
	link := c.NewLoginLink(srv.URL)
	run(t, 1200, 900,
		LogIn(link),
		WaitText("#live", "live"),
		chromedp.ActionFunc(func(context.Context) error {
			srv.CloseClientConnections()
			srv.Listener.Close()
			return nil
		}),
		WaitText("#live", "stale"),
		picture(t, "stale"),
	)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
