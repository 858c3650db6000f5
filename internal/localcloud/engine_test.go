package localcloud

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/image"
)

// testEngine is an engine that can start nothing.
func testEngine(t *testing.T, change func(*Options)) *Engine {
	t.Helper()
	o := Options{StateDir: t.TempDir(), ImageCache: t.TempDir()}
	if change != nil {
		change(&o)
	}
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return &Engine{
		options: o, images: image.Builder{Dir: o.ImageCache},
		instances: map[string]*instance{}, tokens: map[string]*instance{}, addresses: map[netip.Addr]*instance{},
	}
}

// add puts an instance into the engine's books.
func (e *Engine) add(t *testing.T, id string, change func(*instance)) *instance {
	t.Helper()
	i := &instance{Instance: api.Instance{ID: id, Token: "token-" + id, State: api.Running}, control: make(chan order, 1)}
	i.dir = filepath.Join(e.instancesDir(), id)
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(i)
	}
	e.instances[i.ID], e.tokens[i.Token] = i, i
	return i
}

func code(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestAddressesGoRound(t *testing.T) {
	e := testEngine(t, func(o *Options) { o.Subnet = netip.MustParsePrefix("10.1.2.0/28") })
	var got []string
	for range 6 {
		a, err := e.freeAddress()
		if err != nil {
			got = append(got, code(err))
			break
		}
		e.addresses[a], e.last = &instance{}, a
		got = append(got, a.String())
	}
	want := []string{"10.1.2.10", "10.1.2.11", "10.1.2.12", "10.1.2.13", "10.1.2.14", api.CodeNoAddress}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	delete(e.addresses, netip.MustParseAddr("10.1.2.11"))
	delete(e.addresses, netip.MustParseAddr("10.1.2.13"))
	e.last = netip.MustParseAddr("10.1.2.12")
	if a, err := e.freeAddress(); err != nil || a.String() != "10.1.2.13" {
		t.Errorf("next = %v, %v; want the one that was not used for the longest time", a, err)
	}
	e.options.MaxInstances = 3
	if _, err := e.freeAddress(); code(err) != api.CodeLimit {
		t.Errorf("beyond the limit: %v", err)
	}
	e.closing = true
	if _, err := e.freeAddress(); code(err) != api.CodeStopping {
		t.Errorf("while stopping: %v", err)
	}
}

func TestOrders(t *testing.T) {
	e := testEngine(t, nil)
	i := e.add(t, "i-1", nil)
	e.add(t, "i-2", func(i *instance) { i.State, i.EndTime = api.Terminated, time.Now() })
	for n, step := range []struct {
		id   string
		o    order
		want string
	}{
		{"i-1", order{kind: orderReboot}, "<nil>"},
		{"i-1", order{kind: orderReboot}, "<nil>"},
		{"i-1", order{orderStop, "first"}, "<nil>"},
		{"i-1", order{orderKill, "second"}, "<nil>"},
		{"i-1", order{kind: orderReboot}, api.CodeState},
		{"i-2", order{orderStop, "again"}, "<nil>"},
		{"i-2", order{kind: orderReboot}, api.CodeState},
		{"i-3", order{orderStop, "unknown"}, api.CodeNotFound},
	} {
		if got := code(e.command(step.id, step.o)); got != step.want {
			t.Errorf("step %d: %v, want %v", n, got, step.want)
		}
	}
	if o := <-i.control; o.kind != orderStop || o.reason != "first" {
		t.Errorf("order = %+v, want the first end", o)
	}
	if i.State != api.ShuttingDown || i.StateReason != "first" {
		t.Errorf("state %s (%s), want shutting-down (first)", i.State, i.StateReason)
	}
}

func TestEndedInstancesAreForgotten(t *testing.T) {
	e := testEngine(t, nil)
	ended := func(ago time.Duration) func(*instance) {
		return func(i *instance) { i.State, i.EndTime = api.Terminated, time.Now().Add(-ago) }
	}
	e.add(t, "i-alive", nil)
	e.add(t, "i-fresh", ended(time.Minute))
	e.add(t, "i-hidden", ended(2*time.Hour))
	old := e.add(t, "i-old", ended(25*time.Hour))
	var ids []string
	for _, i := range e.list("") {
		ids = append(ids, i.ID)
	}
	if len(ids) != 2 {
		t.Errorf("listed: %v, want i-alive and i-fresh", ids)
	}
	if len(e.list("token-i-fresh")) != 1 || len(e.list("token-i-hidden")) != 0 {
		t.Error("the filter by token is wrong")
	}
	if _, err := e.get("i-hidden"); code(err) != api.CodeNotFound {
		t.Errorf("hidden: %v", err)
	}
	if _, ok := e.tokens["token-i-hidden"]; !ok {
		t.Error("the token of a hidden instance is forgotten too early")
	}
	if _, ok := e.tokens["token-i-old"]; ok {
		t.Error("the token of an old instance is still known")
	}
	if _, err := os.Stat(old.dir); !os.IsNotExist(err) {
		t.Errorf("the old instance's directory: %v", err)
	}
}

func TestLaunchRefusesBeforeItTouchesAnything(t *testing.T) {
	e := testEngine(t, nil)
	i := e.add(t, "i-1", func(i *instance) {
		i.Fingerprint, _ = fingerprint(api.LaunchRequest{Image: "debian-12"})
	})
	for name, test := range map[string]struct {
		r    api.LaunchRequest
		want string
	}{
		"no token":        {api.LaunchRequest{Image: "debian-12"}, api.CodeInvalid},
		"long token":      {api.LaunchRequest{Token: strings.Repeat("x", 65), Image: "debian-12"}, api.CodeInvalid},
		"user-data":       {api.LaunchRequest{Token: "t", UserData: make([]byte, api.MaxUserData+1)}, api.CodeInvalid},
		"empty tag":       {api.LaunchRequest{Token: "t", Tags: map[string]string{"": "x"}}, api.CodeInvalid},
		"empty group":     {api.LaunchRequest{Token: "t", SecurityGroups: []string{""}}, api.CodeInvalid},
		"no image":        {api.LaunchRequest{Token: "t"}, api.CodeNoImage},
		"unknown image":   {api.LaunchRequest{Token: "t", Image: "../etc"}, api.CodeNoImage},
		"image not built": {api.LaunchRequest{Token: "t", Image: "debian-12"}, api.CodeNoImage},
		"mismatch":        {api.LaunchRequest{Token: i.Token, Image: "debian-12", Type: "x"}, api.CodeMismatch},
	} {
		if _, err := e.launch(test.r); code(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	same, err := e.launch(api.LaunchRequest{Token: i.Token, Image: "debian-12"})
	if err != nil || same.ID != i.ID {
		t.Errorf("the same request: %v, %v", same.ID, err)
	}
	if len(e.instances) != 1 {
		t.Errorf("%d instances, want 1", len(e.instances))
	}
}

func TestRecordsSurvive(t *testing.T) {
	e := testEngine(t, nil)
	i := e.add(t, "i-1", func(i *instance) {
		i.Fingerprint, i.UserData, i.LaunchTime = "abc", []byte("#!/bin/sh"), time.Unix(1000, 0).UTC()
	})
	if err := i.save(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"i-empty": "", "i-bad": "{", "i-other": `{"id": "i-1"}`} {
		dir := filepath.Join(e.instancesDir(), name)
		if err := os.MkdirAll(filepath.Join(dir, "upper"), 0o700); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, recordName), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := loadRecords(e.instancesDir(), slog.New(slog.DiscardHandler))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d records, %v; want 1", len(all), err)
	}
	got := all[0]
	if diff := cmp.Diff(i.Instance, got.Instance); diff != "" || got.Fingerprint != "abc" || string(got.UserData) != "#!/bin/sh" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if left, _ := os.ReadDir(e.instancesDir()); len(left) != 1 {
		t.Errorf("%d directories are left, want 1", len(left))
	}
}

func TestRebootRecordIsReadCarefully(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(outside, []byte("reboot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		make func(lib string) error
		want bool
	}{
		"none":     {func(string) error { return nil }, false},
		"reboot":   {func(lib string) error { return os.WriteFile(lib+"/kickoff-shutdown", []byte("reboot\n"), 0o600) }, true},
		"poweroff": {func(lib string) error { return os.WriteFile(lib+"/kickoff-shutdown", []byte("poweroff\n"), 0o600) }, false},
		"link":     {func(lib string) error { return os.Symlink(outside, lib+"/kickoff-shutdown") }, false},
		"huge":     {func(lib string) error { return os.WriteFile(lib+"/kickoff-shutdown", make([]byte, 1<<20), 0o600) }, false},
		"directory link": {func(lib string) error {
			if err := os.Remove(lib); err != nil {
				return err
			}
			if err := os.Rename(outside, filepath.Dir(outside)+"/kickoff-shutdown"); err != nil {
				return err
			}
			return os.Symlink(filepath.Dir(outside), lib)
		}, false},
	} {
		i := &instance{dir: t.TempDir()}
		lib := filepath.Join(i.dir, "upper/var/lib")
		if err := os.MkdirAll(lib, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := test.make(lib); err != nil {
			t.Fatal(err)
		}
		if got := i.wantsReboot(); got != test.want {
			t.Errorf("%s: wants reboot = %v, want %v", name, got, test.want)
		}
		if i.wantsReboot() {
			t.Errorf("%s: the record was not taken away", name)
		}
	}
}

func TestConsoleKeepsTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.log")
	c, err := openConsole(path)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for n := range 20000 {
		line := fmt.Sprintf("line %d of the console\r\n", n)
		all.WriteString(line)
		_, _ = io.WriteString(c, line)
	}
	want := all.String()[all.Len()-api.MaxConsole:]
	if got := string(c.bytes()); got != want {
		t.Errorf("memory holds %d bytes that end in %q", len(got), got[max(0, len(got)-30):])
	}
	c.close()
	if got, err := readConsole(path); err != nil || string(got) != want {
		t.Errorf("the file's end differs: %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > maxConsoleFile {
		t.Errorf("the file has %d bytes, the limit is %d", info.Size(), maxConsoleFile)
	}
}

func TestOptions(t *testing.T) {
	for name, bad := range map[string]Options{
		"limit": {MaxInstances: -1}, "upper case": {HostName: "Kickoff"}, "blank": {HostName: "a b"},
		"newline": {HostName: "a\nb"}, "dots": {HostName: "a..b"}, "dash": {HostName: "-a"},
	} {
		if _, err := bad.withDefaults(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	a, err := Options{StateDir: "/a"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Options{StateDir: "/b"}.withDefaults()
	if a.hostLink() == b.hostLink() || len(a.hostLink()) > 15 || a.groupName() == b.groupName() {
		t.Errorf("links %s and %s, groups %s and %s", a.hostLink(), b.hostLink(), a.groupName(), b.groupName())
	}
}

func TestOnlyPeers(t *testing.T) {
	dir := t.TempDir()
	for owner, want := range map[int]int{os.Getuid(): 200, 12345: map[bool]int{true: 200, false: 403}[os.Getuid() == 0]} {
		socket := filepath.Join(dir, fmt.Sprint(owner))
		listener, err := listenSocket(socket, -1)
		if err != nil {
			t.Fatal(err)
		}
		server := &httptest.Server{Listener: listener, Config: &http.Server{ConnContext: notePeer,
			Handler: onlyPeers(owner, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))}}
		server.Start()
		client := api.NewClient(socket)
		_, err = client.Info(t.Context())
		if refused := code(err) == api.CodeUnauthorized; refused != (want == 403) {
			t.Errorf("owner %d: %v", owner, err)
		}
		if _, err := listenSocket(socket, -1); err == nil {
			t.Error("a served socket was taken over")
		}
		client.Close()
		server.Close()
	}
	w := httptest.NewRecorder()
	onlyPeers(0, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/v1/info", nil))
	if w.Code != http.StatusForbidden {
		t.Errorf("without a peer: status %d, want 403", w.Code)
	}
}

func TestHandlerRefusesBadBodies(t *testing.T) {
	h := testEngine(t, nil).handler()
	for name, body := range map[string]string{
		"empty": "", "text": "hello", "unknown field": `{"token": "t", "color": "red"}`, "wrong type": `{"token": 1}`,
		"too much": `{"token": "` + strings.Repeat("x", maxRequest) + `"}`,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/instances", strings.NewReader(body)))
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), api.CodeInvalid) {
			t.Errorf("%s: status %d, %s", name, w.Code, w.Body)
		}
	}
	for path, want := range map[string]int{"/v1/instances/i-0": 404, "/v1/nothing": 404, "/v1/instances/i-0/console": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("GET %s: status %d, want %d", path, w.Code, want)
		}
	}
}

func TestPreflightWithoutRoot(t *testing.T) {
	checks := Preflight(Options{StateDir: t.TempDir()})
	if os.Geteuid() != 0 && (len(checks) != 1 || checks[0].Problem == "" || checks[0].Remedy == "") {
		t.Errorf("checks without root: %+v", checks)
	}
	for _, c := range checks {
		if c.Problem != "" && c.Remedy == "" {
			t.Errorf("check %s has a problem and no remedy: %s", c.Name, c.Problem)
		}
	}
}
