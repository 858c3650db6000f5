package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/fact"
	"kickoff/internal/report"
	"kickoff/internal/value"
)

// notes is a provider of notify whose change can be scripted.
type notes struct{ apply func(title string) error }

func (p notes) Check(_ context.Context, r *provider.Resource) ([]provider.Change, error) {
	return []provider.Change{{Property: "message", Previous: value.String("absent"), Desired: value.String(r.Ref.Title),
		Apply: func(context.Context) error {
			if p.apply == nil {
				return nil
			}
			return p.apply(r.Ref.Title)
		}}}, nil
}

func noting(apply func(string) error) map[string]provider.Provider {
	return map[string]provider.Provider{"notify": notes{apply}}
}

// with makes the server answer with a catalog of notes.
func (f *fakeServer) with(titles ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catalog = func(form url.Values, _ *fact.Facts) (*catalog.Catalog, int) {
		cat := &catalog.Catalog{Name: "n1.test", Environment: form.Get("environment"), Version: "7", CodeID: "c0de"}
		for _, title := range titles {
			cat.Resources = append(cat.Resources, &catalog.Resource{Ref: catalog.Ref{Type: "Notify", Title: title}, Kind: "compilable_type"})
		}
		return cat, http.StatusOK
	}
}

func (f *fakeServer) lastReport(t *testing.T) *report.Report {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reports) == 0 {
		t.Fatal("no report")
	}
	return f.reports[len(f.reports)-1]
}

func TestFirstRun(t *testing.T) {
	f := newFakeServer(t)
	f.with("hello")
	n := newNode(t, f, "", noting(nil))
	code, err := n.Once(t.Context(), false)
	if err != nil || code != 2 {
		t.Fatalf("code %d, %v\n%s", code, err, n.log.text())
	}
	if len(f.tokens) != 1 || f.tokens[0] != "secret-token" || n.exists("token") {
		t.Errorf("tokens %q, token file left: %v", f.tokens, n.exists("token"))
	}
	for path, mode := range map[string]os.FileMode{
		"ssl/private_keys/n1.test.pem": 0o600, "var/client_data/catalog/n1.test.json": 0o600, "ssl/certs/n1.test.pem": 0o644,
		"var/state/last_run_report.yaml": 0o640, "public/last_run_summary.yaml": 0o644,
	} {
		st, err := os.Stat(n.dir + "/" + path)
		if err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
	r := f.lastReport(t)
	if r.Status != report.StatusChanged || r.CodeID != "c0de" || r.ConfigurationVersion != "7" || r.Host != "n1.test" ||
		r.ResourceStatuses["Notify[hello]"] == nil {
		t.Errorf("report %+v", r)
	}
	form := f.forms[0]
	if form.Get("check_environment") != "true" || form.Get("facts_format") != "application/json" || form.Get("transaction_uuid") != r.TransactionUUID {
		t.Errorf("form %v", form)
	}
	n.logged("Notice: Applied catalog in ")
	if !strings.Contains(n.read("public/last_run_summary.yaml"), "config: 7\n") {
		t.Error(n.read("public/last_run_summary.yaml"))
	}
}

func TestExitCodes(t *testing.T) {
	f := newFakeServer(t)
	failing := func(title string) error {
		if title == "bad" {
			return errors.New("it was to fail")
		}
		return nil
	}
	for _, c := range []struct {
		titles []string
		noop   bool
		want   int
	}{{nil, false, 0}, {[]string{"a"}, false, 2}, {[]string{"bad"}, false, 4}, {[]string{"a", "bad"}, false, 6}, {[]string{"a", "bad"}, true, 0}} {
		f.with(c.titles...)
		n := newNode(t, f, "", noting(failing))
		if code, err := n.Once(t.Context(), c.noop); code != c.want || err != nil {
			t.Errorf("%v, noop %v: code %d, %v; want %d", c.titles, c.noop, code, err, c.want)
		}
	}
}

// TestEnrolmentGoesOn kills the enrolment at each of its steps by taking away what comes after, and starts again.
func TestEnrolmentGoesOn(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	if _, err := n.Once(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	key := n.read("ssl/private_keys/n1.test.pem")
	for _, lost := range [][]string{
		{"ssl/certs/n1.test.pem"},
		{"ssl/certs/n1.test.pem", "ssl/certificate_requests/n1.test.pem"},
		{"ssl/crl.pem", "ssl/certs/n1.test.pem"},
		{"ssl/certs/ca.pem", "ssl/crl.pem"},
	} {
		for _, path := range lost {
			if err := os.Remove(n.dir + "/" + path); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.Once(t.Context(), false); err != nil {
			t.Errorf("after losing %v: %v", lost, err)
		}
	}
	if n.read("ssl/private_keys/n1.test.pem") != key {
		t.Error("another key was made")
	}
}

func TestEnrolmentFaults(t *testing.T) {
	f := newFakeServer(t)
	for name, c := range map[string]struct {
		spoil func(*node)
		want  string
	}{
		"no CA":     {func(n *node) { _ = os.Remove(n.dir + "/pinned.pem") }, "no CA certificate in"},
		"not PEM":   {func(n *node) { n.write("pinned.pem", "hello") }, "holds no CA certificate"},
		"other CA":  {func(n *node) { n.write("pinned.pem", string(newFakeServer(t).caPEM())) }, "certificate signed by unknown authority"},
		"bad token": {func(n *node) { n.write("token", "wrong") }, "the token is wrong"},
		"bad key":   {func(n *node) { n.write("ssl/private_keys/n1.test.pem", "x") }, "holds no private key"},
		"bad CRL": {func(n *node) {
			n.write("ssl/crl.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
		}, "crl.pem"},
	} {
		n := newNode(t, f, "waitforcert = 0", noting(nil))
		c.spoil(n)
		if code, err := n.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), c.want) || code != 1 {
			t.Errorf("%s: got %d, %v; want %q", name, code, err, c.want)
		}
	}
}

func TestForeignCertificate(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	if _, err := n.Once(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(n.dir + "/ssl/private_keys/n1.test.pem"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "does not belong to the key") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(n.dir + "/ssl/certs/n1.test.pem"); err != nil {
		t.Fatal(err)
	}
	f.signs = false
	f.tokens = []string{""} // the server knows a request, and ignores ours
	n.write("puppet.conf", n.read("puppet.conf")+"\nwaitforcert = 0\n")
	if _, err := n.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "for another key") || n.exists("ssl/certs/n1.test.pem") {
		t.Errorf("got %v, certificate kept: %v", err, n.exists("ssl/certs/n1.test.pem"))
	}
}

func TestTrustAtFirstSight(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "kickoff_trust_first_use = true", noting(nil))
	if err := os.Remove(n.dir + "/pinned.pem"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Once(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	n.logged("at first sight")
	if n.read("ssl/certs/ca.pem") != string(f.caPEM()) {
		t.Error("the CA was not kept")
	}
}

func TestRevokedServer(t *testing.T) {
	f := newFakeServer(t)
	f.revoked = []x509.RevocationListEntry{{SerialNumber: big.NewInt(11), RevocationTime: time.Now()}} // the server's own
	n := newNode(t, f, "waitforcert = 0", noting(nil))
	if _, err := n.Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "was revoked") {
		t.Errorf("got %v", err)
	}
}

func TestWaitForCertificate(t *testing.T) {
	f := newFakeServer(t)
	f.signs = false
	n := newNode(t, f, "waitforcert = 1\nmaxwaitforcert = unlimited", noting(nil))
	done := make(chan error, 1)
	go func() {
		_, err := n.Once(t.Context(), false)
		done <- err
	}()
	eventually(t, "asks again", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.tokens) > 1 })
	f.mu.Lock()
	f.signs = true
	f.mu.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	n.logged("has not been signed yet")
}

func TestEnvironmentSwitch(t *testing.T) {
	f := newFakeServer(t)
	f.catalog = func(form url.Values, _ *fact.Facts) (*catalog.Catalog, int) {
		return &catalog.Catalog{Name: "n1.test", Environment: "mini"}, http.StatusOK
	}
	n := newNode(t, f, "", noting(nil))
	if code, err := n.Once(t.Context(), false); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	n.logged("Notice: Local environment: 'production' doesn't match server specified environment 'mini', restarting agent run with environment 'mini'")
	if len(f.forms) != 2 || f.lastReport(t).Environment != "mini" {
		t.Errorf("%d requests, report for %s", len(f.forms), f.lastReport(t).Environment)
	}
	if _, err := n.Once(t.Context(), false); err != nil || len(f.forms) != 3 || f.forms[2].Get("environment") != "mini" {
		t.Errorf("the next run does not begin with what the server said: %v", f.forms)
	}
	f.catalog = func(form url.Values, _ *fact.Facts) (*catalog.Catalog, int) {
		return &catalog.Catalog{Environment: form.Get("environment") + "x"}, http.StatusOK
	}
	if code, _ := newNode(t, f, "", noting(nil)).Once(t.Context(), false); code != 1 {
		t.Errorf("an environment that never settles: code %d", code)
	}
}

func TestCachedCatalog(t *testing.T) {
	f := newFakeServer(t)
	f.with("hello")
	n := newNode(t, f, "", noting(nil))
	if _, err := n.Once(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	f.catalog = func(url.Values, *fact.Facts) (*catalog.Catalog, int) { return nil, http.StatusInternalServerError }
	if code, err := n.Once(t.Context(), false); code != 2 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	n.logged("Error: Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: no catalog today")
	if got := f.lastReport(t).CachedCatalogStatus; got != report.CatalogOnFailure {
		t.Errorf("cached catalog status %s", got)
	}
	strict := newNode(t, f, "usecacheonfailure = false", noting(nil))
	if code, _ := strict.Once(t.Context(), false); code != 1 || f.lastReport(t).Status != report.StatusFailed {
		t.Errorf("without cache: code %d, status %s", code, f.lastReport(t).Status)
	}
	strict.logged("Error: Could not retrieve catalog; skipping run")
}

func TestRunLock(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	lock, err := takeLock(n.dir + "/var/state/agent_catalog_run.lock")
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := n.Once(t.Context(), false); code != 1 {
		t.Errorf("code %d while another run is in progress", code)
	}
	n.logged("Run of Puppet configuration client already in progress; skipping")
	n.write("puppet.conf", n.read("puppet.conf")+"\nwaitforlock = 1\n")
	time.AfterFunc(300*time.Millisecond, func() { _ = lock.release() })
	if code, err := n.Once(t.Context(), false); code != 0 || err != nil {
		t.Errorf("waiting: code %d, %v", code, err)
	}
}

// TestForeignLock respects the lock of Puppet's own agent, which is a pid in the file, as long as that process lives.
func TestForeignLock(t *testing.T) {
	path := t.TempDir() + "/lock"
	puppet := exec.Command("/bin/sh", "-c", "sleep 60; : puppet agent")
	if err := puppet.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = puppet.Process.Kill(); _ = puppet.Wait() })
	if err := os.WriteFile(path, []byte(strconv.Itoa(puppet.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(path); !errors.Is(err, errLocked) {
		t.Errorf("got %v", err)
	}
	_ = puppet.Process.Kill()
	_ = puppet.Wait()
	lock, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.release(); err != nil {
		t.Error(err)
	}
}

func TestDisabled(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "", noting(nil))
	path := n.dir + "/var/state/agent_disabled.lock"
	if err := Disable(path, "migration"); err != nil {
		t.Fatal(err)
	}
	if code, _ := n.Once(t.Context(), false); code != 1 || len(f.forms) != 0 {
		t.Errorf("code %d, %d catalogs asked", code, len(f.forms))
	}
	n.logged("administratively disabled (Reason: 'migration')")
	if err := Enable(path); err != nil {
		t.Fatal(err)
	}
	if code, _ := n.Once(t.Context(), false); code != 0 {
		t.Errorf("enabled again: code %d", code)
	}
}

func TestCommandsAroundARun(t *testing.T) {
	f := newFakeServer(t)
	n := newNode(t, f, "postrun_command = /bin/false", noting(nil))
	if code, _ := n.Once(t.Context(), false); code != 1 || len(f.forms) != 1 {
		t.Errorf("postrun: code %d, %d catalogs", code, len(f.forms))
	}
	n = newNode(t, f, "prerun_command = echo no; exit 3", noting(nil))
	if code, _ := n.Once(t.Context(), false); code != 1 || len(f.forms) != 1 {
		t.Errorf("prerun: code %d, %d catalogs", code, len(f.forms))
	}
	n.logged("Could not run command from prerun_command")
}

func TestBusyServer(t *testing.T) {
	f := newFakeServer(t)
	asked := 0
	f.catalog = func(form url.Values, _ *fact.Facts) (*catalog.Catalog, int) {
		if asked++; asked < 3 {
			return nil, http.StatusServiceUnavailable
		}
		return &catalog.Catalog{Environment: form.Get("environment")}, http.StatusOK
	}
	n := newNode(t, f, "", noting(nil))
	if code, err := n.Once(t.Context(), false); code != 0 || err != nil || asked != 3 {
		t.Errorf("code %d, %v, asked %d times\n%s", code, err, asked, n.log.text())
	}
}

func TestFactsOfARun(t *testing.T) {
	f := newFakeServer(t)
	var got *fact.Facts
	f.catalog = func(form url.Values, facts *fact.Facts) (*catalog.Catalog, int) {
		got = facts
		return &catalog.Catalog{Environment: form.Get("environment")}, http.StatusOK
	}
	if _, err := newNode(t, f, "", noting(nil)).Once(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"clientcert": "n1.test", "clientnoop": "true", "kernel": "Linux", "kickoffversion": "test"} {
		if v, ok := got.Values.GetString(path); !ok || v.String() != want {
			t.Errorf("%s = %v, want %s", path, v, want)
		}
	}
}
