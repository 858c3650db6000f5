package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/config"
	"kickoff/internal/fact"
	"kickoff/internal/report"
	"kickoff/internal/wire"
)

// fakeServer is a Puppet server with a certificate authority, whose answers tests script.
type fakeServer struct {
	t    *testing.T
	http *httptest.Server
	key  *ecdsa.PrivateKey
	ca   *x509.Certificate

	mu      sync.Mutex
	signs   bool
	serial  int64
	revoked []x509.RevocationListEntry
	tokens  []string
	certs   map[string][]byte
	// catalog answers catalog requests.
	catalog  func(form url.Values, facts *fact.Facts) (*catalog.Catalog, int)
	reports  []*report.Report
	forms    []url.Values
	commands []sentCommand
	results  []wire.CommandResult
	events   []wire.Event
	channel  bool
}

func newFakeServer(t *testing.T) *fakeServer {
	f := &fakeServer{t: t, signs: true, serial: 10, certs: map[string][]byte{}, channel: true}
	f.key, f.ca = f.authority()
	f.catalog = func(form url.Values, _ *fact.Facts) (*catalog.Catalog, int) {
		return &catalog.Catalog{Name: "n", Environment: form.Get("environment"), Version: "1"}, http.StatusOK
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+wire.PathCACertificate, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(f.caPEM()) })
	mux.HandleFunc("GET "+wire.PathCRL, f.getCRL)
	mux.HandleFunc("GET "+wire.PathCertificate+"{name}", f.getCertificate)
	mux.HandleFunc("PUT "+wire.PathCertificateRequest+"{name}", f.putRequest)
	mux.HandleFunc("POST "+wire.PathCatalog+"{name}", f.postCatalog)
	mux.HandleFunc("PUT "+wire.PathReport+"{name}", f.putReport)
	mux.HandleFunc("POST "+wire.PathChannel, f.postChannel)
	f.http = httptest.NewUnstartedServer(mux)
	pool := x509.NewCertPool()
	pool.AddCert(f.ca)
	f.http.TLS = &tls.Config{
		Certificates: []tls.Certificate{f.issue("localhost", f.newKey())}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool,
	}
	f.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	f.http.StartTLS()
	t.Cleanup(f.http.Close)
	return f
}

func (f *fakeServer) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	return key
}

func (f *fakeServer) authority() (*ecdsa.PrivateKey, *x509.Certificate) {
	key := f.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		f.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		f.t.Fatal(err)
	}
	return key, cert
}

func (f *fakeServer) sign(name string, public any) []byte {
	f.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(f.serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, f.ca, public, f.key)
	if err != nil {
		f.t.Error(err)
	}
	return der
}

func (f *fakeServer) issue(name string, key *ecdsa.PrivateKey) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{f.sign(name, &key.PublicKey)}, PrivateKey: key}
}

func (f *fakeServer) caPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.ca.Raw})
}

func (f *fakeServer) getCRL(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), RevokedCertificateEntries: f.revoked,
	}, f.ca, f.key)
	if err != nil {
		f.t.Error(err)
	}
	_ = pem.Encode(w, &pem.Block{Type: "X509 CRL", Bytes: der})
}

func (f *fakeServer) getCertificate(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := f.certs[r.PathValue("name")]
	if text == nil {
		http.Error(w, "Could not find certificate", http.StatusNotFound)
		return
	}
	_, _ = w.Write(text)
}

func (f *fakeServer) putRequest(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	block, _ := pem.Decode(body)
	if block == nil {
		http.Error(w, "no PEM", http.StatusBadRequest)
		return
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.CheckSignature() != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	token, err := wire.ChallengePassword(csr)
	if err != nil {
		f.t.Error(err)
	}
	f.tokens = append(f.tokens, token)
	name := r.PathValue("name")
	if token == "wrong" {
		http.Error(w, "the token is wrong", http.StatusForbidden)
		return
	}
	if f.signs {
		f.certs[name] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.sign(name, csr.PublicKey)})
	} else if len(f.tokens) > 1 {
		http.Error(w, name+" already has a requested certificate; ignoring certificate request", http.StatusBadRequest)
	}
}

func (f *fakeServer) peer(w http.ResponseWriter, r *http.Request) bool {
	if len(r.TLS.PeerCertificates) == 0 || r.PathValue("name") != "" && r.TLS.PeerCertificates[0].Subject.CommonName != r.PathValue("name") {
		http.Error(w, "Forbidden request", http.StatusForbidden)
		return false
	}
	return true
}

func (f *fakeServer) postCatalog(w http.ResponseWriter, r *http.Request) {
	if !f.peer(w, r) {
		return
	}
	if err := r.ParseForm(); err != nil {
		f.t.Error(err)
	}
	text, err := url.PathUnescape(r.PostForm.Get("facts"))
	if err != nil {
		f.t.Errorf("facts are not encoded twice: %v", err)
	}
	var facts fact.Facts
	if err := json.Unmarshal([]byte(text), &facts); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forms = append(f.forms, r.PostForm)
	cat, status := f.catalog(r.PostForm, &facts)
	if status != http.StatusOK {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(wire.Error{Message: "Server Error: no catalog today", IssueKind: wire.IssueRuntime})
		return
	}
	w.Header().Set("Content-Type", wire.MediaRichJSON+"; charset=utf-8")
	_ = json.NewEncoder(w).Encode(cat)
}

func (f *fakeServer) putReport(w http.ResponseWriter, r *http.Request) {
	if !f.peer(w, r) {
		return
	}
	var rep report.Report
	if err := json.NewDecoder(r.Body).Decode(&rep); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, &rep)
	fmt.Fprint(w, `["store"]`)
}

func (f *fakeServer) postChannel(w http.ResponseWriter, r *http.Request) {
	if !f.channel {
		http.NotFound(w, r)
		return
	}
	if !f.peer(w, r) {
		return
	}
	var req wire.ChannelRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	f.results = append(f.results, req.Results...)
	f.events = append(f.events, req.Events...)
	f.mu.Unlock()
	wait, _ := req.WaitDuration()
	resp := wire.ChannelResponse{Commands: []wire.Command{}}
	for deadline := time.Now().Add(wait); len(resp.Commands) == 0 && time.Now().Before(deadline) && r.Context().Err() == nil; time.Sleep(time.Millisecond) {
		resp.Commands = append(resp.Commands, f.handOut(r.RemoteAddr)...)
	}
	_ = json.NewEncoder(w).Encode(resp)
}

// handOut gives the commands that were not handed out on this connection, as the real server does.
func (f *fakeServer) handOut(conn string) []wire.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []wire.Command
	for i := range f.commands {
		if c := &f.commands[i]; c.conn != conn && !f.answered(c.ID) {
			c.conn = conn
			out = append(out, c.Command)
		}
	}
	return out
}

func (f *fakeServer) answered(id string) bool {
	for _, r := range f.results {
		if r.ID == id {
			return true
		}
	}
	return false
}

// sentCommand is a command, and the connection that it was handed out on last.
type sentCommand struct {
	wire.Command
	conn string
}

// node is an agent in a directory of its own.
type node struct {
	t   *testing.T
	dir string
	log *safeLog
	*Agent
}

// safeLog collects log lines.
type safeLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *safeLog) add(r report.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, report.Text(r))
}

func (l *safeLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n") + "\n"
}

// newNode makes an agent of the server; extra are lines of its puppet.conf.
func newNode(t *testing.T, f *fakeServer, extra string, providers map[string]provider.Provider) *node {
	n := &node{t: t, dir: t.TempDir(), log: &safeLog{}}
	_, port, err := net.SplitHostPort(f.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n.write("puppet.conf", fmt.Sprintf(`[main]
server = localhost
serverport = %s
certname = n1.test
confdir = %[2]s
ssldir = %[2]s/ssl
vardir = %[2]s/var
publicdir = %[2]s/public
kickoff_ca = %[2]s/pinned.pem
kickoff_token = %[2]s/token
maxwaitforcert = 0
%[3]s
`, port, n.dir, extra))
	n.write("pinned.pem", string(f.caPEM()))
	n.write("token", "secret-token\n")
	n.Agent = New(Options{
		Load: func() (*config.Puppet, error) {
			return config.LoadPuppet(config.PuppetOptions{Path: n.dir + "/puppet.conf", Section: "agent"})
		},
		Version: "test", Console: n.log.add, Level: "info",
		Providers: func(provider.Sources) map[string]provider.Provider { return providers },
	})
	n.unit = &unit{}
	return n
}

func (n *node) write(name, text string) {
	n.t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) exists(name string) bool {
	_, err := os.Stat(filepath.Join(n.dir, name))
	return err == nil
}

func (n *node) read(name string) string {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

func (n *node) logged(want string) {
	n.t.Helper()
	if !strings.Contains(n.log.text(), want) {
		n.t.Errorf("log lacks %q:\n%s", want, n.log.text())
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within 10 s", what)
}
