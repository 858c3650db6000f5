package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is written by a running server and read by its test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const smallFleet = `server: https://kickoff.test:8140
environment_path: environments
node_groups: node_groups.yml
clouds:
  local: {image: debian-12}
groups: {}
`

// writeFleet makes a directory with the smallest configuration.
func writeFleet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fleet.yaml": smallFleet, "node_groups.yml": "--- {}\n", "environments/production/manifests/site.pp": "",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startServer runs the whole program until the returned function is called.
func startServer(t *testing.T, dir string) (log *lockedBuffer, stop func()) {
	t.Helper()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("any program"), 0o755); err != nil {
		t.Fatal(err)
	}
	log = &lockedBuffer{}
	f := serverFlags{
		fleet: filepath.Join(dir, "fleet.yaml"), data: filepath.Join(dir, "data"), listen: "127.0.0.1:0", console: "127.0.0.1:0",
		binary: program, keyType: "ecdsa", allowRoot: true,
	}
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := openServer(ctx, f, &IO{Out: log, Err: log})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return log, sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server does not end")
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func runCommand(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(args, &IO{In: strings.NewReader(""), Out: &o, Err: &e})
	return o.String(), e.String(), code
}

func TestServerStartsServesEndsAndResumes(t *testing.T) {
	dir := writeFleet(t)
	socket := filepath.Join(dir, "data/kickoff.sock")
	serial := ""
	for range 2 {
		log, stop := startServer(t, dir)
		out, errs, code := runCommand(t, "ca", "list", "--all", "-o", "json", "--socket", socket)
		var list struct {
			Certificates []struct{ Name, State, Serial string }
		}
		if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list.Certificates) != 1 || list.Certificates[0].Name != "kickoff.test" {
			t.Fatalf("ca list: %d %s %s", code, out, errs)
		}
		if serial != "" && serial != list.Certificates[0].Serial {
			t.Error("the second start made another certificate")
		}
		serial = list.Certificates[0].Serial
		if _, errs, code = runCommand(t, "enc", "i-0", "--socket", socket); code != 1 || !strings.Contains(errs, "i-0") {
			t.Errorf("enc of an unknown node: %d %s", code, errs)
		}
		if _, errs, code = runCommand(t, "ca", "sign", "nobody", "--socket", socket); code != 1 || !strings.Contains(errs, "nobody") {
			t.Errorf("sign of nothing: %d %s", code, errs)
		}
		if out, _, code = runCommand(t, "console", "link", "--socket", socket); code != 0 || !strings.HasPrefix(out, "http://127.0.0.1:") {
			t.Errorf("console link: %d %s", code, out)
		}
		if out, _, code = runCommand(t, "ca", "list", "--socket", socket); code != 0 || !strings.Contains(out, "no request waits") {
			t.Errorf("ca list: %d %s", code, out)
		}
		stop()
		if strings.Contains(log.String(), "level=ERROR") {
			t.Error(log)
		}
	}
}

func TestServerKeepsOldConfigurationWhenTheNewIsWrong(t *testing.T) {
	dir := writeFleet(t)
	log, stop := startServer(t, dir)
	defer stop()
	if err := os.WriteFile(filepath.Join(dir, "fleet.yaml"), []byte(smallFleet+"grups: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(log.String(), "the old one stays in force") {
		if time.Now().After(deadline) {
			t.Fatal(log)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if text := log.String(); !strings.Contains(text, "fleet.yaml:7") || !strings.Contains(text, "groups") {
		t.Error(text)
	}
	if _, errs, code := runCommand(t, "fleet", "status", "--socket", filepath.Join(dir, "data/kickoff.sock")); code != 0 {
		t.Errorf("fleet status: %s", errs)
	}
}

func TestServerRefuses(t *testing.T) {
	dir := writeFleet(t)
	fleet := filepath.Join(dir, "fleet.yaml")
	data := filepath.Join(dir, "data")
	base := []string{"server", "--allow-root", "--fleet", fleet, "--data", data}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"console for everybody": {append(base, "--console", "0.0.0.0:8141"), "loopback"},
		"key type":              {append(base, "--key-type", "dsa"), "ecdsa"},
		"no such file":          {append(base, "--fleet", filepath.Join(dir, "none.yaml")), "none.yaml"},
		"no such address":       {append(base, "--console", "", "--listen", "192.0.2.1:1"), "listen for agents"},
		"no such binary":        {append(base, "--binary", filepath.Join(dir, "none")), "none"},
	} {
		_, errs, code := runCommand(t, c.args...)
		if code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: %d %s", name, code, errs)
		}
	}
	if os.Geteuid() == 0 {
		if _, errs, code := runCommand(t, "server", "--fleet", fleet, "--data", data); code != 1 || !strings.Contains(errs, "does not run as root") {
			t.Errorf("as root: %d %s", code, errs)
		}
	}
}
