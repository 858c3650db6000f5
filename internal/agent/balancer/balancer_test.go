package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/wire"
)

func good() wire.BalancerSync {
	return wire.BalancerSync{
		Backend: "web", Port: 8080, Check: wire.BalancerCheck{Path: "/health", Inter: "100ms", Rise: 2, Fall: 2},
		Servers: []wire.BalancerServer{{Name: "i-1", Address: "10.0.0.1", State: wire.ServerReady}},
	}
}

func TestValidate(t *testing.T) {
	if err := validate(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*wire.BalancerSync){
		"is no name":            func(w *wire.BalancerSync) { w.Backend = "a\n\tserver x" },
		"port 0":                func(w *wire.BalancerSync) { w.Port = 0 },
		"cannot be used":        func(w *wire.BalancerSync) { w.Check.Path = "/x y" },
		"is no time":            func(w *wire.BalancerSync) { w.Check.Inter = "2s;del" },
		"must not be negative":  func(w *wire.BalancerSync) { w.Check.Rise = -1 },
		"unable to parse IP":    func(w *wire.BalancerSync) { w.Servers[0].Address = "host" },
		"state \"up\"":          func(w *wire.BalancerSync) { w.Servers[0].State = "up" },
		"is there twice":        func(w *wire.BalancerSync) { w.Servers = append(w.Servers, w.Servers[0]) },
		"server \"i 1\" is no ": func(w *wire.BalancerSync) { w.Servers[0].Name = "i 1" },
	} {
		w := good()
		spoil(&w)
		if err := validate(w); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
}

func TestSection(t *testing.T) {
	w := good()
	w.Servers = append(w.Servers,
		wire.BalancerServer{Name: "i-0", Address: "fd00::7", State: wire.ServerReady},
		wire.BalancerServer{Name: "i-2", Address: "10.0.0.2", State: wire.ServerStandby},
		wire.BalancerServer{Name: "i-3", Address: "10.0.0.3", State: wire.ServerDrain})
	var servers []string
	for line := range strings.Lines(section(w)) {
		if s, ok := strings.CutPrefix(line, "\tserver "); ok {
			servers = append(servers, strings.TrimSpace(s))
		}
	}
	want := []string{"i-0 ipv6@[fd00::7]:8080 check inter 100ms rise 2 fall 2", "i-1 10.0.0.1:8080 check inter 100ms rise 2 fall 2"}
	if diff := cmp.Diff(want, servers); diff != "" {
		t.Error(diff)
	}
	other := w
	other.Servers = nil
	if withoutServers(section(w)) != withoutServers(section(other)) {
		t.Error("a change of servers asks for a reload")
	}
	other.Check.Path = "/other"
	if withoutServers(section(w)) == withoutServers(section(other)) {
		t.Error("a change of the check asks for no reload")
	}
}

func TestNotSetUp(t *testing.T) {
	dir := t.TempDir()
	b := New(Options{Dir: dir + "/none/kickoff", Socket: dir + "/sock"})
	if _, err := b.Sync(t.Context(), good()); err == nil || !strings.Contains(err.Error(), "not set up") {
		t.Errorf("got %v", err)
	}
	b = New(Options{Dir: dir + "/kickoff", Socket: dir + "/sock"})
	if _, err := b.Sync(t.Context(), good()); err == nil || !strings.Contains(err.Error(), "not reached") {
		t.Errorf("got %v", err)
	}
}

// proxy is a real haproxy process with its servers, all on loopback.
type proxy struct {
	t        *testing.T
	dir      string
	port     int // of the proxy
	appPort  int // of the servers
	command  *exec.Cmd
	balancer *Balancer
}

func freePort(t *testing.T, address string) int {
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func newProxy(t *testing.T) *proxy {
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed: apt-get install haproxy")
	}
	p := &proxy{t: t, dir: t.TempDir(), port: freePort(t, "127.0.0.1"), appPort: freePort(t, "127.0.0.2")}
	config := fmt.Sprintf("global\n\tstats socket %[1]s/admin.sock mode 600 level admin\ndefaults\n\tmode http\n\tretries 0\n\ttimeout connect 2s\n"+
		"\ttimeout client 10s\n\ttimeout server 10s\nfrontend front\n\tbind 127.0.0.1:%[2]d\n\tuse_backend %%[str(web)]\n", p.dir, p.port)
	if err := errors.Join(os.WriteFile(p.dir+"/haproxy.cfg", []byte(config), 0o600), os.Mkdir(p.dir+"/kickoff", 0o700)); err != nil {
		t.Fatal(err)
	}
	p.balancer = New(Options{Dir: p.dir + "/kickoff", Socket: p.dir + "/admin.sock", Master: p.dir + "/master.sock",
		Reload: func(context.Context) error { return p.command.Process.Signal(syscall.SIGUSR2) }})
	p.start()
	t.Cleanup(p.stop)
	return p
}

func (p *proxy) start() {
	p.command = exec.Command("haproxy", "-W", "-S", p.dir+"/master.sock", "-f", p.dir+"/haproxy.cfg", "-f", p.dir+"/kickoff")
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.wait("haproxy starts", func() bool { _, err := p.balancer.pid(context.Background()); return err == nil })
}

// stop kills the process and its workers, as a power cut would.
func (p *proxy) stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	_ = p.command.Wait()
}

func (p *proxy) wait(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	p.t.Fatalf("%s: not within 15 s", what)
}

// app is a server that says its name.
type app struct {
	address string
	sick    atomic.Bool
	hits    atomic.Int64
	hold    chan struct{}
}

func (p *proxy) newApp(n int) *app {
	a := &app{address: fmt.Sprintf("127.0.0.%d", 10+n), hold: make(chan struct{})}
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", a.address, p.appPort))
	if err != nil {
		p.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if a.sick.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		<-a.hold
		fmt.Fprint(w, a.address)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		a.hits.Add(1)
		fmt.Fprint(w, a.address)
	})
	s := &http.Server{Handler: mux}
	go func() { _ = s.Serve(l) }()
	p.t.Cleanup(func() { _ = s.Close() })
	return a
}

func (p *proxy) sync(want wire.BalancerSync) map[string]wire.BalancerServerStatus {
	p.t.Helper()
	status, err := p.balancer.Sync(p.t.Context(), want)
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]wire.BalancerServerStatus{}
	for _, s := range status.Servers {
		out[s.Name] = s
	}
	return out
}

func (p *proxy) get(path string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(body), err
}

func (p *proxy) want(servers ...wire.BalancerServer) wire.BalancerSync {
	w := good()
	w.Port, w.Servers = p.appPort, servers
	return w
}

func target(name string, a *app, state string) wire.BalancerServer {
	return wire.BalancerServer{Name: name, Address: a.address, State: state}
}

// TestLife takes servers through what the fleet does with them, in front of a real haproxy.
func TestLife(t *testing.T) {
	p := newProxy(t)
	one, two := p.newApp(1), p.newApp(2)
	two.sick.Store(true)
	standby := p.want(target("i-1", one, wire.ServerStandby), target("i-2", two, wire.ServerStandby))
	if s := p.sync(standby); s["i-1"].Up || s["i-1"].State != wire.ServerStandby {
		t.Errorf("right after adding: %+v", s)
	}
	p.wait("the healthy one is up", func() bool { return p.sync(standby)["i-1"].Up })
	if s := p.sync(standby); s["i-2"].Up || one.hits.Load() != 0 {
		t.Errorf("sick server %+v, hits %d", s["i-2"], one.hits.Load())
	}
	if _, err := p.get("/"); err == nil {
		t.Error("a server on standby takes traffic")
	}
	two.sick.Store(false)
	p.wait("the other one gets well", func() bool { return p.sync(standby)["i-2"].Up })

	ready := p.want(target("i-1", one, wire.ServerReady), target("i-2", two, wire.ServerReady))
	if s := p.sync(ready); s["i-1"].State != wire.ServerReady || !s["i-1"].Up {
		t.Errorf("ready: %+v", s)
	}
	for range 10 {
		if _, err := p.get("/"); err != nil {
			t.Fatal(err)
		}
	}
	if one.hits.Load() == 0 || two.hits.Load() == 0 {
		t.Errorf("hits %d and %d", one.hits.Load(), two.hits.Load())
	}

	p.drain(one, two)
	if s := p.sync(p.want(target("i-2", two, wire.ServerReady))); len(s) != 1 {
		t.Errorf("after removal: %+v", s)
	}
	again := p.want(target("i-1", p.newApp(3), wire.ServerStandby), target("i-2", two, wire.ServerReady))
	p.sync(again)
	p.wait("a name that comes back with another address is up", func() bool { return p.sync(again)["i-1"].Up })
	_ = os.Remove(filepath.Join(p.dir, "kickoff", "web.cfg.new"))
}

// drain checks that a slow request survives draining, a reload included, and that it is counted until it ends.
func (p *proxy) drain(one, two *app) {
	p.t.Helper()
	var slow sync.WaitGroup
	answers := make(chan error, 2)
	for range 2 { // one for each
		slow.Go(func() {
			_, err := p.get("/slow")
			answers <- err
		})
	}
	ready := p.want(target("i-1", one, wire.ServerReady), target("i-2", two, wire.ServerReady))
	p.wait("the slow requests are there", func() bool {
		s := p.sync(ready)
		return s["i-1"].Sessions == 1 && s["i-2"].Sessions == 1
	})
	leaving := p.want(target("i-1", one, wire.ServerDrain), target("i-2", two, wire.ServerReady))
	if s := p.sync(leaving); s["i-1"].State != wire.ServerDrain || s["i-1"].Sessions != 1 {
		p.t.Errorf("draining: %+v", s)
	}
	before := one.hits.Load()
	for range 6 {
		if body, err := p.get("/"); err != nil || body != two.address {
			p.t.Errorf("while draining: %q, %v", body, err)
		}
	}
	if one.hits.Load() != before {
		p.t.Error("a draining server got a new request")
	}
	if _, err := p.balancer.reload(p.t.Context(), "web"); err != nil {
		p.t.Fatal(err)
	}
	if s := p.sync(leaving); s["i-1"].Sessions != 1 {
		p.t.Errorf("after a reload: %+v", s)
	}
	close(one.hold)
	close(two.hold)
	slow.Wait()
	for range 2 {
		if err := <-answers; err != nil {
			p.t.Errorf("a slow request did not survive: %v", err)
		}
	}
	p.wait("drained", func() bool { return p.sync(leaving)["i-1"].Sessions == 0 })
}

// TestReloadUnderLoad reloads the process again and again while requests come, and loses none.
func TestReloadUnderLoad(t *testing.T) {
	p := newProxy(t)
	one, two := p.newApp(1), p.newApp(2)
	ready := p.want(target("i-1", one, wire.ServerReady), target("i-2", two, wire.ServerReady))
	p.sync(ready)
	p.wait("both are up", func() bool { s := p.sync(ready); return s["i-1"].Up && s["i-2"].Up })
	requests, failures, stop := p.load()
	for range 3 {
		if _, err := p.balancer.reload(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		if s := p.sync(ready); s["i-1"].State != wire.ServerReady || s["i-2"].State != wire.ServerReady {
			t.Errorf("after reload: %+v", s)
		}
	}
	stop()
	if requests.Load() == 0 || failures.Load() != 0 {
		t.Errorf("%d requests, %d failures", requests.Load(), failures.Load())
	}
}

// TestKillUnderLoad kills the process and starts it again: what is registered is back with the first answer.
func TestKillUnderLoad(t *testing.T) {
	p := newProxy(t)
	one, two := p.newApp(1), p.newApp(2)
	state := p.want(target("i-1", one, wire.ServerReady), target("i-2", two, wire.ServerStandby))
	p.sync(state)
	p.wait("up", func() bool { s := p.sync(state); return s["i-1"].Up && s["i-2"].Up })
	_, _, stop := p.load()
	p.stop()
	p.start()
	stop()
	for range 4 {
		if body, err := p.get("/"); err != nil || body != one.address {
			t.Fatalf("after the restart: %q, %v", body, err)
		}
	}
	if _, err := p.balancer.Sync(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	p.wait("the one on standby is known again", func() bool { s := p.sync(state)["i-2"]; return s.Up && s.State == wire.ServerStandby })
}

// load asks the proxy all the time until stop is called.
func (p *proxy) load() (requests, failures *atomic.Int64, stop func()) {
	requests, failures = new(atomic.Int64), new(atomic.Int64)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				requests.Add(1)
				if _, err := p.get("/"); err != nil {
					failures.Add(1)
				}
			}
		})
	}
	return requests, failures, func() { close(done); wg.Wait() }
}
