package metadata

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testInstance = Instance{
	ID: "i-0123456789abcdef0", Hostname: "ip-10-77-0-10.eu-west-1.compute.internal", IP: netip.MustParseAddr("10.77.0.10"),
	MAC: "02:6b:0a:4d:00:0a", Type: "m7g.large", Zone: "eu-west-1b", ImageID: "ami-0abc", SecurityGroups: []string{"web", "db"},
	Tags:     map[string]string{"app": "api", "kickoff:fleet": "k", "with/slash": "hidden", "..": "hidden"},
	UserData: []byte("#!/bin/sh\n\x00\xff"), LaunchTime: time.Unix(1700000000, 0),
}

// clock is a time that tests move.
type clock struct{ now time.Time }

func newTestService(t *testing.T, others ...Instance) (*Service, *clock) {
	t.Helper()
	signer, err := LoadSigner(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Unix(1700000100, 0)}
	known := map[netip.Addr]Instance{testInstance.IP: testInstance}
	for _, i := range others {
		known[i.IP] = i
	}
	return New(Options{
		Lookup:    func(a netip.Addr) (Instance, bool) { i, ok := known[a]; return i, ok },
		Signer:    signer,
		AccountID: "000000000000", Subnet: netip.MustParsePrefix("10.77.0.0/24"),
		Now: func() time.Time { return c.now },
	}), c
}

func ask(s *Service, method, path string, from netip.Addr, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://169.254.169.254"+path, nil)
	r.RemoteAddr = netip.AddrPortFrom(from, 4711).String()
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func tokenFor(t *testing.T, s *Service, from netip.Addr) string {
	t.Helper()
	w := ask(s, http.MethodPut, "/latest/api/token", from, ttlHeader, "60")
	if w.Code != http.StatusOK {
		t.Fatalf("token: status %d", w.Code)
	}
	return w.Body.String()
}

func TestTree(t *testing.T) {
	s, _ := newTestService(t)
	token := tokenFor(t, s, testInstance.IP)
	for path, want := range map[string]string{
		"/latest":                                                               "dynamic/\nmeta-data/\nuser-data",
		"/latest/meta-data/instance-id":                                         testInstance.ID,
		"/2009-04-04/meta-data/mac":                                             testInstance.MAC,
		"/1.0//meta-data//local-ipv4":                                           "10.77.0.10",
		"/latest/meta-data/placement":                                           "availability-zone\nregion",
		"/latest/meta-data/placement/":                                          "availability-zone\nregion",
		"/latest/meta-data/hostname":                                            testInstance.Hostname,
		"/latest/user-data":                                                     string(testInstance.UserData),
		"/latest/meta-data/tags":                                                "instance/",
		"/latest/meta-data/tags/instance":                                       "app\nkickoff:fleet",
		"/latest/meta-data/tags/instance/kickoff:fleet":                         "k",
		"/latest/meta-data/security-groups":                                     "web\ndb",
		"/latest/meta-data/network/interfaces/macs/":                            testInstance.MAC + "/",
		"/latest/meta-data/network/interfaces/macs/02:6b:0a:4d:00:0a/vpc-id":    "vpc-local",
		"/latest/dynamic/instance-identity":                                     "document\npkcs7\nrsa2048\nsignature",
		"/latest/meta-data/placement/region":                                    "eu-west-1",
		"/latest/meta-data/network/interfaces/macs/02:6b:0a:4d:00:0a/subnet-id": "subnet-local",
	} {
		w := ask(s, http.MethodGet, path, testInstance.IP, tokenHeader, token)
		if diff := cmp.Diff(want, w.Body.String()); w.Code != http.StatusOK || diff != "" {
			t.Errorf("%s: status %d (-want +got):\n%s", path, w.Code, diff)
		}
	}
	if w := ask(s, http.MethodGet, "/", testInstance.IP, tokenHeader, token); !strings.HasPrefix(w.Body.String(), "1.0\n2007") {
		t.Errorf("versions: %q", w.Body)
	}
}

func TestRefusals(t *testing.T) {
	v1 := testInstance
	v1.ID, v1.IP, v1.TokensOptional, v1.UserData = "i-0v1", netip.MustParseAddr("10.77.0.11"), true, nil
	s, c := newTestService(t, v1)
	token, other := tokenFor(t, s, testInstance.IP), tokenFor(t, s, v1.IP)
	for _, test := range []struct {
		name, method, path string
		from               netip.Addr
		headers            []string
		want               int
	}{
		{"no token", "GET", "/latest/meta-data/", testInstance.IP, nil, 401},
		{"nonsense", "GET", "/latest/meta-data/", testInstance.IP, []string{tokenHeader, "!"}, 401},
		{"empty", "GET", "/latest/meta-data/", testInstance.IP, []string{tokenHeader, ""}, 401},
		{"another instance's token", "GET", "/latest/meta-data/", testInstance.IP, []string{tokenHeader, other}, 401},
		{"stranger", "GET", "/latest/meta-data/", netip.MustParseAddr("10.77.0.99"), []string{tokenHeader, token}, 404},
		{"stranger's token", "PUT", "/latest/api/token", netip.MustParseAddr("10.77.0.2"), []string{ttlHeader, "60"}, 404},
		{"no ttl", "PUT", "/latest/api/token", testInstance.IP, nil, 400},
		{"ttl 0", "PUT", "/latest/api/token", testInstance.IP, []string{ttlHeader, "0"}, 400},
		{"ttl too long", "PUT", "/latest/api/token", testInstance.IP, []string{ttlHeader, "21601"}, 400},
		{"ttl text", "PUT", "/latest/api/token", testInstance.IP, []string{ttlHeader, "1h"}, 400},
		{"forwarded", "PUT", "/latest/api/token", testInstance.IP, []string{ttlHeader, "60", "X-Forwarded-For", "1.2.3.4"}, 403},
		{"put elsewhere", "PUT", "/latest/meta-data/", testInstance.IP, []string{tokenHeader, token}, 405},
		{"post", "POST", "/latest/user-data", testInstance.IP, []string{tokenHeader, token}, 405},
		{"unknown leaf", "GET", "/latest/meta-data/nothing", testInstance.IP, []string{tokenHeader, token}, 404},
		{"below a leaf", "GET", "/latest/meta-data/mac/x", testInstance.IP, []string{tokenHeader, token}, 404},
		{"unknown version", "GET", "/2099-01-01/meta-data/", testInstance.IP, []string{tokenHeader, token}, 404},
		{"outside", "GET", "/latest/../../etc/passwd", testInstance.IP, []string{tokenHeader, token}, 404},
		{"tag with slash", "GET", "/latest/meta-data/tags/instance/with/slash", testInstance.IP, []string{tokenHeader, token}, 404},
		{"version 1", "GET", "/latest/meta-data/", v1.IP, nil, 200},
		{"version 1, bad token", "GET", "/latest/meta-data/", v1.IP, []string{tokenHeader, "x"}, 401},
		{"no user-data", "GET", "/latest/user-data", v1.IP, nil, 404},
	} {
		if w := ask(s, test.method, test.path, test.from, test.headers...); w.Code != test.want {
			t.Errorf("%s: status %d, want %d", test.name, w.Code, test.want)
		}
	}
	c.now = c.now.Add(time.Minute)
	if w := ask(s, http.MethodGet, "/latest/meta-data/", testInstance.IP, tokenHeader, token); w.Code != 401 {
		t.Errorf("expired token: status %d, want 401", w.Code)
	}
}

func TestSignerIsKept(t *testing.T) {
	dir := t.TempDir()
	a, err := LoadSigner(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadSigner(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(a.Certificate()), string(b.Certificate())); diff != "" {
		t.Errorf("the second load has another certificate:\n%s", diff)
	}
}

func TestRegion(t *testing.T) {
	for zone, want := range map[string]string{"eu-west-1b": "eu-west-1", "local-1a": "local-1", "us-east-1": "us-east-1", "": ""} {
		if got := (Instance{Zone: zone}).Region(); got != want {
			t.Errorf("region of %q = %q, want %q", zone, got, want)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("")
	f.Add("AAAAAAAAAAA")
	s := &Service{options: Options{Now: time.Now}}
	f.Fuzz(func(t *testing.T, token string) {
		if s.tokenValid(token, testInstance) {
			t.Errorf("token %q is valid", token)
		}
	})
}
