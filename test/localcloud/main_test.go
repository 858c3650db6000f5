// Package localcloud_test runs the local cloud as a process and looks at what
// its machines, and this host, see of it. It needs root and an image, so it
// runs only with KICKOFF_ROOT_TESTS=1.
package localcloud_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
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

	"kickoff/internal/cli"
	"kickoff/internal/localcloud/api"
)

// TestMain lets the test binary be the kickoff binary: the local cloud, and
// the child that becomes a machine's init.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "local-cloud" {
		os.Exit(cli.Main(os.Args[1:], cli.SystemIO()))
	}
	os.Exit(m.Run())
}

// needRoot skips a test that cannot run here, and says so loudly.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getenv("KICKOFF_ROOT_TESTS") != "1" {
		t.Skip("SKIPPED: the local cloud is not tested; set KICKOFF_ROOT_TESTS=1 and be root")
	}
	if os.Geteuid() != 0 {
		t.Fatal("KICKOFF_ROOT_TESTS=1 is set, but this is not root")
	}
}

// cloudProcess is a running local cloud.
type cloudProcess struct {
	*api.Client
	cmd      *exec.Cmd
	stateDir string
	socket   string
	info     api.Info
	log      *logBuffer
	exited   chan error
}

// logBuffer collects a process's output.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var subnets atomic.Int32

// freeSubnet is a network that no other test uses; several test runs on one
// host differ by their process ids.
func freeSubnet() string {
	n := (int32(os.Getpid())*8 + subnets.Add(1)) % (40 * 250)
	return fmt.Sprintf("10.%d.%d.0/24", 200+n/250, n%250)
}

// stateDir is a directory on a disk that can hold overlays.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "kickoff-local-cloud-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// command is a call of this binary as kickoff local-cloud.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(self, append([]string{"local-cloud"}, args...)...)
}

// startCloud starts a local cloud and waits until it answers. It is stopped,
// if it still runs, when the test ends.
func startCloud(t *testing.T, dir, subnet string, args ...string) *cloudProcess {
	t.Helper()
	c := &cloudProcess{stateDir: dir, socket: filepath.Join(dir, "api.sock"), log: &logBuffer{}, exited: make(chan error, 1)}
	c.cmd = command(t, append([]string{"--state-dir", dir, "--socket", c.socket, "--subnet", subnet}, args...)...)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.exited <- c.cmd.Wait() }()
	c.Client = api.NewClient(c.socket)
	t.Cleanup(func() {
		c.stop(t)
		if t.Failed() {
			t.Logf("local cloud:\n%s", c.log)
		}
	})
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) { // an image may have to be built
		var err error
		if c.info, err = c.Info(t.Context()); err == nil {
			return c
		}
		select {
		case exit := <-c.exited:
			c.exited <- exit
			t.Fatalf("local cloud ended: %v\n%s", exit, c.log)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("local cloud is not ready: %v\n%s", err, c.log)
		}
	}
}

// stop ends the local cloud by SIGTERM and returns how it exited.
func (c *cloudProcess) stop(t *testing.T) error {
	t.Helper()
	return c.end(t, syscall.SIGTERM)
}

func (c *cloudProcess) end(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	c.Client.Close()
	_ = c.cmd.Process.Signal(signal)
	select {
	case err := <-c.exited:
		c.exited <- err
		return err
	case <-time.After(time.Minute):
		_ = c.cmd.Process.Kill()
		t.Errorf("local cloud did not end within a minute\n%s", c.log)
		return <-c.exited
	}
}

func newToken() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return "test-" + hex.EncodeToString(b[:])
}

// launch launches a machine with a user-data script.
func (c *cloudProcess) launch(t *testing.T, script string) api.Instance {
	t.Helper()
	return c.launchImage(t, "debian-12", script)
}

func (c *cloudProcess) launchImage(t *testing.T, image, script string) api.Instance {
	t.Helper()
	r := api.LaunchRequest{
		Token: newToken(), Image: image, Type: "m7g.large", Zone: "eu-west-1b", SecurityGroups: []string{"web", "db"},
		Tags: map[string]string{"app": "api", "kickoff:fleet": "test"},
	}
	if script != "" {
		r.UserData = []byte("#!/bin/sh\n" + script)
	}
	i, err := c.Launch(t.Context(), r)
	if err != nil {
		t.Fatalf("launch: %v", err)
	}
	return i
}

// wait waits until an instance has what is wanted.
func (c *cloudProcess) wait(t *testing.T, id, what string, ok func(api.Instance) bool) api.Instance {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for {
		i, err := c.Instance(t.Context(), id)
		if err == nil && ok(i) {
			return i
		}
		if time.Now().After(end) {
			console, _ := c.Console(context.Background(), id)
			t.Fatalf("%s is not %s: %+v, %v\nconsole:\n%s", id, what, i, err, console)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *cloudProcess) waitState(t *testing.T, id, state string) api.Instance {
	t.Helper()
	return c.wait(t, id, state, func(i api.Instance) bool { return i.State == state })
}

// collector is an HTTP server on the host's address in the machines' network
// that receives what machines report.
type collector struct {
	url     string
	reports chan report
}

type report struct{ from, path, body string }

func (c *cloudProcess) collect(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp4", net.JoinHostPort(c.info.HostAddress, "0"))
	if err != nil {
		t.Fatal(err)
	}
	col := &collector{reports: make(chan report, 100)}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	col.url = "http://" + c.info.HostName + ":" + port
	server := &http.Server{ReadTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		col.reports <- report{from, r.URL.Path, string(body)}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return col
}

// say is a script that sends the output of another one.
func (col *collector) say(path, script string) string {
	return fmt.Sprintf("(\n%s\n) >/tmp/report 2>&1\ncurl -sS --noproxy '*' --data-binary @/tmp/report %s/%s\n", script, col.url, path)
}

// next waits for a report.
func (col *collector) next(t *testing.T, c *cloudProcess, id string) report {
	t.Helper()
	select {
	case r := <-col.reports:
		return r
	case <-time.After(3 * time.Minute):
		console, _ := c.Console(context.Background(), id)
		t.Fatalf("no report from %s; console:\n%s", id, console)
		return report{}
	}
}

// values reads "key: value" lines.
func values(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			all[key] = value
		}
	}
	return all
}
