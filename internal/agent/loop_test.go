package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/config"
	"kickoff/internal/fact"
	"kickoff/internal/report"
	"kickoff/internal/value"
	"kickoff/internal/wire"
)

// daemon runs the agent until the test ends.
func (n *node) daemon() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Run(ctx); err != nil {
			n.t.Errorf("daemon: %v", err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	n.t.Cleanup(stop)
	return stop
}

func (f *fakeServer) command(id, kind string, args any) {
	text, err := json.Marshal(args)
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, sentCommand{Command: wire.Command{ID: id, Kind: kind, Args: text, Timeout: "10s"}})
}

// result waits for the result of a command.
func (f *fakeServer) result(id string, into any) wire.CommandResult {
	f.t.Helper()
	var found wire.CommandResult
	eventually(f.t, "result of "+id, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, r := range f.results {
			if r.ID == id {
				found = r
				return true
			}
		}
		return false
	})
	if found.OK && into != nil {
		if err := json.Unmarshal(found.Output, into); err != nil {
			f.t.Fatal(err)
		}
	}
	return found
}

func (f *fakeServer) runs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports)
}

func TestDaemon(t *testing.T) {
	f := newFakeServer(t)
	f.with("hello")
	n := newNode(t, f, "runinterval = 1h\nsplay = true", noting(nil))
	stop := n.daemon()
	eventually(t, "a node that was just enrolled runs at once", func() bool { return f.runs() == 1 })
	f.command("c1", wire.KindRun, wire.RunArgs{RunID: "r1"})
	var result wire.RunResult
	if r := f.result("c1", &result); !r.OK || result.RunID != "r1" || result.Status != "changed" || result.ExitCode != 2 ||
		len(result.Changed) != 1 || result.CodeID != "c0de" || !strings.HasPrefix(result.Summary, "Applied catalog") {
		t.Errorf("%+v, %+v", r, result)
	}
	f.mu.Lock()
	f.results, f.commands[0].conn = nil, "" // the result was lost: the command is handed out once more
	f.mu.Unlock()
	f.result("c1", nil)
	f.command("c2", wire.KindRun, wire.RunArgs{RunID: "r2", Noop: true})
	if f.result("c2", &result); result.ExitCode != 0 || result.RunID != "r2" {
		t.Errorf("%+v", result)
	}
	if got := f.runs(); got != 3 {
		t.Errorf("%d runs, want 3: a repeated command was executed again", got)
	}
	eventually(t, "events arrive", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		kinds := map[string]int{}
		for _, e := range f.events {
			kinds[e.Kind]++
		}
		return kinds[wire.EventRunFinished] >= 2 && kinds[wire.EventNotice] > 0
	})
	stop()
	if n.exists("var/state/agent_catalog_run.lock") && n.read("var/state/agent_catalog_run.lock") != "" {
		t.Error("the run lock was left")
	}
}

func TestOrderedRunUsesNoCachedCatalog(t *testing.T) {
	f := newFakeServer(t)
	f.with("hello")
	n := newNode(t, f, "runinterval = 1h", noting(nil))
	n.daemon()
	eventually(t, "first run", func() bool { return f.runs() == 1 })
	f.mu.Lock()
	f.catalog = func(url.Values, *fact.Facts) (*catalog.Catalog, int) { return nil, http.StatusInternalServerError }
	f.mu.Unlock()
	f.command("c1", wire.KindRun, wire.RunArgs{RunID: "r1"})
	var result wire.RunResult
	f.result("c1", &result)
	if result.Status != report.StatusFailed || result.ExitCode != 1 || !strings.Contains(result.Summary, "no catalog today") {
		t.Errorf("a run that the server asked for, without a catalog of now: %+v", result)
	}
}

func TestDaemonInterval(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "runinterval = 1", noting(nil))
	n.daemon()
	eventually(t, "runs again and again", func() bool { return f.runs() >= 3 })
}

func TestDaemonSignals(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "runinterval = 1h", noting(nil))
	n.daemon()
	eventually(t, "first run", func() bool { return f.runs() == 1 })
	n.write("puppet.conf", n.read("puppet.conf")+"\nenvironment = other\n")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a run on SIGUSR1", func() bool { return f.runs() == 2 })
	if got := f.lastReport(t).Environment; got != "other" {
		t.Errorf("the new configuration was not used: %s", got)
	}
	n.write("puppet.conf", "[main]\nnoop = perhaps\n")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a run with the old configuration", func() bool { return f.runs() == 3 })
	n.logged("going on with the old one")
}

// TestStockServer has no channel: the agent goes on without.
func TestStockServer(t *testing.T) {
	f := newFakeServer(t)
	f.channel = false
	n := newNode(t, f, "runinterval = 1", noting(nil))
	n.daemon()
	eventually(t, "runs again and again", func() bool { return f.runs() >= 2 })
}

// TestServerAway starts the agent before its server answers.
func TestServerAway(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	conf := n.read("puppet.conf")
	n.write("puppet.conf", strings.Replace(conf, "serverport = ", "serverport = 1\nnot_used = ", 1))
	n.daemon()
	eventually(t, "says what is wrong", func() bool { return strings.Contains(n.log.text(), "Could not begin") })
	n.write("puppet.conf", conf)
	eventually(t, "goes on", func() bool { return f.runs() == 1 })
}

func TestProbe(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	n.daemon()
	var sick atomic.Bool
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer app.Close()
	var result wire.ProbeResult
	f.command("p1", wire.KindProbe, wire.ProbeArgs{URL: app.URL})
	if f.result("p1", &result); !result.OK || result.Status != 200 {
		t.Errorf("%+v", result)
	}
	sick.Store(true)
	f.command("p2", wire.KindProbe, wire.ProbeArgs{URL: app.URL})
	if f.result("p2", &result); result.OK || result.Status != 418 {
		t.Errorf("%+v", result)
	}
	f.command("p3", wire.KindProbe, wire.ProbeArgs{URL: "http://127.0.0.1:1/", Timeout: "1s"})
	result = wire.ProbeResult{}
	if f.result("p3", &result); result.OK || result.Error == "" {
		t.Errorf("%+v", result)
	}
	for id, c := range map[string]struct {
		kind string
		args any
		want string
	}{
		"x1": {"format-disk", nil, "does not know commands of kind"},
		"x2": {wire.KindHAProxy, wire.BalancerSync{}, "drives no balancer"},
		"x3": {wire.KindProbe, 7, "decode arguments"},
		"x4": {wire.KindProbe, wire.ProbeArgs{URL: "http://x", Timeout: "soon"}, "decode timeout"},
		"x5": {wire.KindRun, "x", "decode arguments"},
	} {
		f.command(id, c.kind, c.args)
		if r := f.result(id, nil); r.OK || !strings.Contains(r.Error, c.want) {
			t.Errorf("%s: %+v, want %q", id, r, c.want)
		}
	}
}

// balancerFake counts what it is told.
type balancerFake struct{ told atomic.Int64 }

func (b *balancerFake) Sync(_ context.Context, want wire.BalancerSync) (*wire.BalancerStatus, error) {
	if b.told.Add(1) == 2 {
		return nil, fmt.Errorf("haproxy is not reached")
	}
	return &wire.BalancerStatus{Backend: want.Backend}, nil
}

func TestBalancerCommand(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	fake := &balancerFake{}
	n.opt.Balancer = func(*config.Puppet) Balancer { return fake }
	n.daemon()
	var status wire.BalancerStatus
	f.command("b1", wire.KindHAProxy, wire.BalancerSync{Backend: "web"})
	if r := f.result("b1", &status); !r.OK || status.Backend != "web" {
		t.Errorf("%+v", r)
	}
	f.command("b2", wire.KindHAProxy, wire.BalancerSync{Backend: "web"})
	if r := f.result("b2", nil); r.OK || r.Error != "haproxy is not reached" {
		t.Errorf("%+v", r)
	}
}

// TestOwnService checks that a catalog that restarts the agent does so after the run.
func TestOwnService(t *testing.T) {
	u := &unit{name: "kickoff-agent.service"}
	inner := &refreshed{}
	guarded := u.guard(map[string]provider.Provider{"service": inner, "notify": notes{}})["service"].(provider.Refresher)
	for name, own := range map[string]bool{"kickoff-agent": true, "kickoff-agent.service": true, "nginx": false} {
		r := &provider.Resource{Params: map[string]value.Value{"name": value.String(name)}}
		before := inner.count
		if _, err := guarded.Refresh(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if u.takeRestart() != own || (inner.count > before) == own {
			t.Errorf("%s: restarted by the provider %v", name, inner.count > before)
		}
	}
	if got := (&unit{}).guard(map[string]provider.Provider{"service": inner})["service"]; got != provider.Provider(inner) {
		t.Error("an agent that is no service guards itself")
	}
}

type refreshed struct {
	notes
	count int
}

func (r *refreshed) Refresh(context.Context, *provider.Resource) (bool, error) {
	r.count++
	return true, nil
}
