package fleet_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/config"
	"kickoff/internal/fleet"
	"kickoff/internal/fleet/balancer"
	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/cloud/cloudtest"
	"kickoff/internal/fleet/instance"
	"kickoff/internal/wire"
)

// memory is a Store in memory that refuses what the real one would refuse.
type memory struct {
	mu        sync.Mutex
	instances map[string]*instance.Instance
	groups    map[string]instance.GroupState
	events    []instance.Event
	tokens    map[string]string // launch id: instance id
	retired   map[string]bool
	decisions int
	nodes     map[string]instance.Node
	failNext  error
}

func newMemory() *memory {
	return &memory{instances: map[string]*instance.Instance{}, groups: map[string]instance.GroupState{},
		tokens: map[string]string{}, retired: map[string]bool{}, nodes: map[string]instance.Node{}}
}

func (m *memory) FleetCommit(_ context.Context, c instance.Change) ([]instance.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failNext; err != nil {
		m.failNext = nil
		return nil, err
	}
	if c.IssueToken != nil {
		m.tokens[c.IssueToken.LaunchID] = ""
	}
	for _, b := range c.Bind {
		if have, ok := m.tokens[b.LaunchID]; !ok || have != "" && have != b.ID {
			return nil, fmt.Errorf("token of %s cannot be bound to %s", b.LaunchID, b.ID)
		}
		m.tokens[b.LaunchID] = b.ID
	}
	for _, i := range c.Instances {
		m.instances[i.LaunchID] = i.Clone()
	}
	for _, g := range c.Groups {
		m.groups[g.Group] = g
	}
	for _, r := range c.Retire {
		if r.ID != "" {
			m.retired[r.ID] = true
			delete(m.nodes, r.ID)
		}
	}
	m.decisions += len(c.Decisions)
	out := slices.Clone(c.Events)
	for i := range out {
		out[i].Seq = int64(len(m.events) + 1)
		m.events = append(m.events, out[i])
	}
	return out, nil
}

func (m *memory) FleetInstances(_ context.Context, gone bool) ([]*instance.Instance, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*instance.Instance
	for _, i := range m.instances {
		if gone || i.Stage != instance.Gone {
			out = append(out, i.Clone())
		}
	}
	slices.SortFunc(out, func(a, b *instance.Instance) int {
		return cmp.Or(a.Times[instance.Requested].Compare(b.Times[instance.Requested]), cmp.Compare(a.LaunchID, b.LaunchID))
	})
	return out, nil
}

func (m *memory) FleetGroups(context.Context) ([]instance.GroupState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.groups)), nil
}

func (m *memory) FleetLaunchesSince(_ context.Context, group string, since time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, i := range m.instances {
		if i.Intent.Group == group && !i.Times[instance.Requested].Before(since) {
			n++
		}
	}
	return n, nil
}

func (m *memory) FleetNodes(context.Context) ([]instance.Node, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []instance.Node
	for _, i := range m.instances {
		if n, ok := m.nodes[i.ID]; ok && i.Stage != instance.Gone {
			out = append(out, n)
		}
	}
	return out, nil
}

func (m *memory) FleetEvents(_ context.Context, after int64, limit int) ([]instance.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if after < 0 {
		return slices.Clone(m.events[max(0, len(m.events)-limit):]), nil
	}
	list := m.events[min(int(after), len(m.events)):]
	return slices.Clone(list[:min(limit, len(list))]), nil
}

// said counts events of a kind and level.
func (m *memory) said(kind instance.Kind, level instance.Level) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.events {
		if e.Kind == kind && e.Level == level {
			n++
		}
	}
	return n
}

// world is everything around a controller: a cloud, its machines' agents, a
// balancer, and code.
type world struct {
	t     *testing.T
	cloud *cloudtest.Fake
	store *memory
	c     *fleet.Controller
	cfg   *config.Fleet
	stop  func()

	mu sync.Mutex
	// mute machines never ask for their binary; broken ones fail their runs.
	mute, broken func(launch string) bool
	code         string
	connected    map[string]bool
	sick         map[string]bool // fail their health check
	ready        map[string]time.Time
	sessions     map[string]int
	lbErr        error
	lb           map[string]balancer.State // in the balancer now
	served       map[string]bool           // ever ready in the balancer
	runs         []string                  // runs asked for, in order
	runChanges   bool
	maxOut       int
	lostReports  int
}

type secrets struct{}

func (secrets) Token(launch string) string { return "secret-" + launch }

const worldFleet = `
server: https://kickoff.internal:8140
clouds: {local: {image: debian-12}}
balancers: {web: {kind: haproxy, node_group: lb, port: 8080}}
groups:
  lb: {cloud: local, security_groups: [lb], size: 1}
  web: {cloud: local, security_groups: [web], balancer: web, health: {http: /health, every: 2s}, drain: 30s, limits: {max: 10}, size: SIZE}
`

func parse(t *testing.T, size int) *config.Fleet {
	t.Helper()
	f, err := config.ParseFleet("/fleet.yaml", []byte(strings.Replace(worldFleet, "SIZE", fmt.Sprint(size), 1)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var testCA = sync.OnceValue(func() []byte {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, _ := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
})

// inWorld runs a test in a bubble with its own time.
func inWorld(t *testing.T, size int, f func(w *world)) {
	t.Helper()
	testCA()
	cfg := parse(t, size)
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, store: newMemory(), cfg: cfg, code: "c1", connected: map[string]bool{}, sick: map[string]bool{},
			ready: map[string]time.Time{}, sessions: map[string]int{}, lb: map[string]balancer.State{}, served: map[string]bool{},
			mute: func(string) bool { return false }, broken: func(string) bool { return false }}
		w.cloud = cloudtest.NewFake(time.Now)
		w.cloud.OnLaunch(func(i cloud.Instance, r cloud.LaunchRequest) { go w.machine(i, r) })
		w.start()
		f(w)
		w.stop()
		time.Sleep(time.Hour) // machines end
	})
}

// start runs a new controller on the same store: as after a restart.
func (w *world) start() {
	c, err := fleet.New(fleet.Options{
		Config: w.cfg, Store: w.store, Clouds: map[string]cloud.Cloud{"local": w.cloud}, Hub: w, Code: w, Tokens: secrets{},
		HashToken: func(s string) string { return "hash of " + s }, Binaries: map[string]string{"amd64": strings.Repeat("ab", 32)}, CA: testCA(),
		NewBalancer: func(_ config.Balancer, _ *config.Health, nodes func() []string) (balancer.Balancer, error) {
			return fakeBalancer{w, nodes}, nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.c = c
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

// machine is what a launched machine does by itself.
func (w *world) machine(i cloud.Instance, r cloud.LaunchRequest) {
	launch := strings.TrimPrefix(r.Token, "kickoff-")
	if !strings.Contains(string(r.UserData), "secret-"+launch) {
		w.t.Errorf("user-data of %s lacks its token", launch)
	}
	time.Sleep(5 * time.Second)
	if w.is(w.mute, launch) {
		return
	}
	w.mu.Lock()
	c := w.c
	w.mu.Unlock()
	c.BinaryRequested(context.Background(), launch)
	time.Sleep(2 * time.Second)
	w.setNode(i.ID, func(n *instance.Node) { n.CertificateAt = time.Now() })
	w.mu.Lock()
	w.connected[i.ID] = true
	w.mu.Unlock()
	time.Sleep(10 * time.Second)
	w.mu.Lock()
	lost := w.lostReports > 0
	w.lostReports--
	w.mu.Unlock()
	if !lost {
		w.report(i.ID, launch)
	}
}

func (w *world) is(f func(string) bool, launch string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f(launch)
}

func (w *world) setNode(id string, f func(*instance.Node)) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.retired[id] {
		return
	}
	n := w.store.nodes[id]
	n.Certname = id
	f(&n)
	w.store.nodes[id] = n
}

// report is a run of an agent.
func (w *world) report(id, launch string) string {
	status := "changed"
	if w.is(w.broken, launch) {
		status = "failed"
	}
	w.mu.Lock()
	code := w.code
	if status != "failed" && w.ready[id].IsZero() {
		w.ready[id] = time.Now().Add(3 * time.Second)
	}
	w.mu.Unlock()
	w.setNode(id, func(n *instance.Node) {
		n.Run = instance.Run{ID: fmt.Sprint(time.Now().UnixNano()), At: time.Now(), Status: status, CodeID: code}
	})
	return status
}

// Connected implements fleet.Hub.
func (w *world) Connected(id string) (bool, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.connected[id], time.Time{}
}

// Call implements fleet.Hub: an agent runs.
func (w *world) Call(ctx context.Context, id, kind string, args, result any) error {
	if up, _ := w.Connected(id); !up || kind != wire.KindRun {
		return errors.New("the agent does not answer")
	}
	time.Sleep(4 * time.Second)
	launch := ""
	for _, i := range w.instances() {
		if i.ID == id {
			launch = i.LaunchID
		}
	}
	res := wire.RunResult{Status: w.report(id, launch), Seconds: 4}
	w.mu.Lock()
	w.runs = append(w.runs, id)
	if w.runChanges {
		res.ExitCode, res.Changed = 2, []string{"File[/etc/motd]"}
		w.ready[id] = time.Now().Add(5 * time.Second) // restarts: down for a while
	}
	w.mu.Unlock()
	if res.Status == "failed" {
		res.ExitCode, res.Failed = 4, []string{"Package[nginx]"}
	}
	raw, _ := json.Marshal(res)
	return json.Unmarshal(raw, result)
}

// CodeID implements fleet.Code.
func (w *world) Refresh() {}

func (w *world) CodeID(context.Context, string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.code == "" {
		return "", errors.New("node_groups.yml: groups web and db disagree about port")
	}
	return w.code, nil
}

type fakeBalancer struct {
	w     *world
	nodes func() []string
}

// Sync implements balancer.Balancer.
func (b fakeBalancer) Sync(_ context.Context, want []balancer.Target) (balancer.Report, error) {
	w := b.w
	if len(b.nodes()) == 0 {
		return balancer.Report{}, balancer.ErrNoNodes
	}
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lbErr != nil {
		return balancer.Report{}, w.lbErr
	}
	clear(w.lb)
	var r balancer.Report
	out := 0
	for _, t := range want {
		w.lb[t.Name] = t.State
		up := !w.sick[t.Name] && !w.ready[t.Name].IsZero() && time.Now().After(w.ready[t.Name])
		if t.State == balancer.Ready {
			w.served[t.Name] = true
		}
		if t.State == balancer.Drain {
			out++
		}
		r.Targets = append(r.Targets, balancer.Status{Name: t.Name, State: t.State, Up: up, Sessions: w.sessions[t.Name]})
	}
	w.maxOut = max(w.maxOut, out)
	return r, nil
}

func (w *world) instances() []*instance.Instance {
	list, _ := w.store.FleetInstances(context.Background(), true)
	return list
}

// group gives the status of a group.
func (w *world) group(name string) api.Group {
	w.t.Helper()
	f, err := w.c.Status(context.Background(), name, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return f.Groups[0]
}

// until waits for a condition, looking each second.
func (w *world) until(what string, limit time.Duration, f func() bool) {
	w.t.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > limit {
			g, _ := json.MarshalIndent(w.group("web"), "", " ")
			w.t.Fatalf("%s: not within %s\n%s", what, limit, g)
		}
		time.Sleep(time.Second)
	}
}

// serving waits until a group serves with n instances and nothing else is left.
func (w *world) serving(n int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d serving", n), 10*time.Minute, func() bool {
		g := w.group("web")
		return g.Serving == n && len(g.Instances) == n
	})
}

// clean checks that cloud, balancer and records agree on what is there.
func (w *world) clean() {
	w.t.Helper()
	alive := map[string]bool{}
	for _, i := range w.cloud.Alive() {
		alive[i.ID] = true
	}
	for _, i := range w.instances() {
		if i.Stage == instance.Gone {
			if alive[i.ID] || i.ID != "" && !w.store.retired[i.ID] {
				w.t.Errorf("%s is gone, but its machine (%v) or identity is left", i.Name(), alive[i.ID])
			}
			continue
		}
		if !alive[i.ID] {
			w.t.Errorf("%s is %s, but has no machine", i.Name(), i.Stage)
		}
		delete(alive, i.ID)
	}
	for id := range alive {
		w.t.Errorf("machine %s belongs to nobody", id)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.lb {
		if i := slices.IndexFunc(w.instances(), func(i *instance.Instance) bool { return i.ID == id && i.Stage.Counts() }); i < 0 {
			w.t.Errorf("the balancer has %s, which is not there", id)
		}
	}
}
