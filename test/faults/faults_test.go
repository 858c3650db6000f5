package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet"
	"kickoff/internal/fleet/instance"
)

// built is where the binary is, to be removed at the end.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// binary is the real server, built once.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("KICKOFF_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "kickoff-faults")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "kickoff")
	cmd := exec.Command("go", "build", "-o", path, "kickoff/cmd/kickoff")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build kickoff: %w: %s", err, out)
	}
	return path, nil
})

// house is a server with its data, and the cloud around it.
type house struct {
	t      *testing.T
	cloud  *cloud
	dir    string
	listen string
	client *api.Client
	cmd    *exec.Cmd
	died   chan error
	log    *bytes.Buffer
}

const fleetYAML = `
server: https://localhost:%s
environment_path: environments
clouds: {local: {image: debian-12, socket: %s}}
balancers: {web: {kind: haproxy, node_group: lb, port: 8080}}
groups:
  lb: {cloud: local, security_groups: [lb], size: 1}
  web: {cloud: local, security_groups: [web], balancer: web, health: {http: /health, every: 200ms}, drain: 5s, size: 2}
`

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, cloud: newCloud(t), dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.listen = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(h.listen)
	for name, text := range map[string]string{
		"fleet.yaml":      fmt.Sprintf(fleetYAML, port, h.cloud.socket),
		"node_groups.yml": "lb:\n  classes: {}\n  environment: production\nweb:\n  classes: {}\n  environment: production\n",
		"environments/production/manifests/site.pp": "notify { 'hello': }\n",
	} {
		path := filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if h.client, err = api.NewClient(api.ClientOptions{Socket: filepath.Join(h.dir, "s")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.client.Close()
		if h.cmd != nil {
			h.cmd.Process.Kill()
			<-h.died
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", h.log)
		}
	})
	h.log = &bytes.Buffer{}
	return h
}

// start runs the server; with a point, it dies there.
func (h *house) start(point fleet.CrashPoint) {
	h.t.Helper()
	path, err := binary()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(path, "server", "--allow-root", "--fleet", filepath.Join(h.dir, "fleet.yaml"), "--data", filepath.Join(h.dir, "data"),
		"--listen", h.listen, "--console", "", "--socket", filepath.Join(h.dir, "s"))
	cmd.Env = append(os.Environ(), fleet.CrashEnv+"="+string(point))
	fmt.Fprintf(h.log, "--- start (%s=%s)\n", fleet.CrashEnv, point)
	cmd.Stdout, cmd.Stderr = h.log, h.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.cmd, h.died = cmd, make(chan error, 1)
	go func() { h.died <- cmd.Wait() }()
}

// awaitDeath waits until the server has killed itself.
func (h *house) awaitDeath(limit time.Duration) {
	h.t.Helper()
	select {
	case err := <-h.died:
		h.cmd = nil
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			h.t.Fatalf("the server ended with %v, not by SIGKILL", err)
		}
	case <-time.After(limit):
		h.t.Fatal("the point of death was not reached")
	}
}

func (h *house) until(what string, limit time.Duration, ok func() error) {
	h.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// settled checks that everybody agrees that group web has n instances, all in
// service, and that nothing else is there.
func (h *house) settled(n int) error {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	f, err := h.client.Fleet(ctx, "", true)
	if err != nil {
		return err
	}
	var live, gone []string
	for _, g := range f.Groups {
		want := 1
		if g.Name == "web" {
			want = n
		}
		if g.Serving != want {
			return fmt.Errorf("%s: %d of %d serve", g.Name, g.Serving, want)
		}
		for _, i := range g.Instances {
			switch i.Stage {
			case instance.Gone:
				gone = append(gone, i.ID)
			case instance.InService:
				live = append(live, i.ID)
			default:
				return fmt.Errorf("%s is %s", i.Name, i.Stage)
			}
		}
	}
	return errors.Join(h.sameMachines(live), h.sameCertificates(ctx, live, gone), h.sameBalancer(n))
}

func (h *house) sameMachines(live []string) error {
	have := append(h.cloud.alive("lb"), h.cloud.alive("web")...)
	slices.Sort(have)
	slices.Sort(live)
	if !slices.Equal(have, live) {
		return fmt.Errorf("the cloud has %v, the fleet %v", have, live)
	}
	return nil
}

func (h *house) sameCertificates(ctx context.Context, live, gone []string) error {
	list, err := h.client.Certificates(ctx, true)
	if err != nil {
		return err
	}
	good := map[string]int{}
	for _, c := range list.Certificates {
		if c.State == "signed" {
			good[c.Name]++
		}
	}
	for _, id := range live {
		if good[id] != 1 {
			return fmt.Errorf("%s serves with %d good certificates", id, good[id])
		}
	}
	for _, id := range gone {
		if good[id] != 0 {
			return fmt.Errorf("%s is gone and has a good certificate", id)
		}
	}
	return nil
}

func (h *house) sameBalancer(n int) error {
	behind, web := h.cloud.behind(), h.cloud.alive("web")
	if len(behind) != n {
		return fmt.Errorf("the balancer has %v, want %d", behind, n)
	}
	for _, id := range web {
		if behind[id] != "ready" {
			return fmt.Errorf("%s is %q in the balancer", id, behind[id])
		}
	}
	return nil
}

// TestPointsOfDeath walks the list.
func TestPointsOfDeath(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real server a dozen times")
	}
	for _, point := range fleet.CrashPoints {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.start(point)
			leaving := strings.HasPrefix(string(point), "drain-") || strings.HasPrefix(string(point), "terminate-")
			if leaving {
				h.until("two in service", time.Minute, func() error { return h.settled(2) })
				if _, err := h.client.Scale(t.Context(), "web", api.ScaleRequest{Size: new(1)}); err != nil && t.Context().Err() == nil {
					t.Log("scale:", err) // it may die before it answers
				}
			}
			h.awaitDeath(time.Minute)
			h.start("")
			n := 2
			if leaving {
				n = 1
			}
			// Two minutes: a report may be lost with the server, and the agent is asked again.
			h.until("settled after the restart", 3*time.Minute, func() error { return h.settled(n) })
			if launched := len(h.cloud.all()); launched != 3 {
				t.Errorf("%d machines were launched, want 3", launched)
			}
			time.Sleep(2 * time.Second) // and it stays so
			if err := h.settled(n); err != nil {
				t.Error("later:", err)
			}
		})
	}
}

// TestUnknownPoint makes sure that a misspelt point is not taken for one that
// was not reached.
func TestUnknownPoint(t *testing.T) {
	h := newHouse(t)
	h.start("launch-nonsense")
	if err := <-h.died; err == nil || !strings.Contains(h.log.String(), "names no point of death") {
		t.Errorf("%v: %s", err, h.log)
	}
	h.cmd = nil
}
