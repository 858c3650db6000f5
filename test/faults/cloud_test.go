package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	lc "kickoff/internal/localcloud/api"
)

// cloud is a stand-in for the local cloud.
type cloud struct {
	t      *testing.T
	socket string
	dir    string

	mu       sync.Mutex
	machines []*machine
	wg       sync.WaitGroup
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, dir: t.TempDir()}
	c.socket = filepath.Join(c.dir, "cloud.sock")
	l, err := net.Listen("unix", c.socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/instances", c.launch)
	mux.HandleFunc("GET /v1/instances", c.list)
	mux.HandleFunc("DELETE /v1/instances/{id}", c.terminate)
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	t.Cleanup(func() {
		srv.Close()
		for _, m := range c.all() {
			m.stop()
		}
		c.wg.Wait()
	})
	return c
}

func answer(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (c *cloud) launch(w http.ResponseWriter, r *http.Request) {
	var req lc.LaunchRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		answer(w, 400, lc.ErrorBody{Error: &lc.Error{Code: lc.CodeInvalid, Message: err.Error()}})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.machines {
		if m.Token != req.Token {
			continue
		}
		if string(m.userData) != string(req.UserData) {
			c.t.Errorf("launch %s was repeated with other user-data", req.Token)
			answer(w, 400, lc.ErrorBody{Error: &lc.Error{Code: lc.CodeMismatch, Message: "other user-data"}})
			return
		}
		answer(w, 200, m.Instance)
		return
	}
	n := len(c.machines) + 1
	m := &machine{cloud: c, userData: req.UserData, dir: filepath.Join(c.dir, fmt.Sprint("m", n)), Instance: lc.Instance{
		ID: fmt.Sprintf("i-%017x", n), Token: req.Token, State: lc.Running, PrivateIP: fmt.Sprintf("10.77.0.%d", 10+n), Image: req.Image,
		SecurityGroups: req.SecurityGroups, Tags: req.Tags, LaunchTime: time.Now(),
	}}
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	c.machines = append(c.machines, m)
	c.wg.Go(func() { m.live(ctx) })
	answer(w, 200, m.Instance)
}

func (c *cloud) list(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []lc.Instance{}
	for _, m := range c.machines {
		if token == "" || m.Token == token {
			out = append(out, m.Instance)
		}
	}
	answer(w, 200, out)
}

func (c *cloud) terminate(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.machines {
		if m.ID == r.PathValue("id") {
			m.State = lc.Terminated
			m.cancel()
			answer(w, 200, struct{}{})
			return
		}
	}
	answer(w, 404, lc.ErrorBody{Error: &lc.Error{Code: lc.CodeNotFound, Message: r.PathValue("id")}})
}

func (c *cloud) all() []*machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.machines)
}

// alive lists the machines of a security group that have not ended.
func (c *cloud) alive(group string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, m := range c.machines {
		if m.State == lc.Running && slices.Contains(m.SecurityGroups, group) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// behind gives what the balancers of living machines were last told, by name.
func (c *cloud) behind() map[string]string {
	out := map[string]string{}
	for _, m := range c.all() {
		m.mu.Lock()
		for _, s := range m.balanced {
			out[s.Name] = s.State
		}
		m.mu.Unlock()
	}
	return out
}
