package wire

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kickoff/internal/puppet/compiler"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server"
	"kickoff/internal/server/channel"
	"kickoff/internal/server/enc"
	"kickoff/internal/server/enroll"
	"kickoff/internal/server/node"
	"kickoff/internal/server/pki"
	"kickoff/internal/store"
	protocol "kickoff/internal/wire"
)

// world is a real server with a real store, authority and compiler on loopback.
type world struct {
	t         *testing.T
	store     *store.Store
	authority *pki.Authority
	registrar *enroll.Registrar
	hub       *channel.Hub
	server    *server.Server
	minter    *enroll.Minter
	compiler  *gate
	code      string
	groups    string
	inventory inventory
	url       string
	tls       tls.Certificate // the server's own
	seen      *observer
}

type inventory map[string]enc.Instance

func (i inventory) FindInstance(_ context.Context, name string) (enc.Instance, error) {
	if inst, ok := i[name]; ok {
		return inst, nil
	}
	return enc.Instance{}, enc.ErrUnknownNode
}

// observer remembers what the server told.
type observer struct {
	mu      sync.Mutex
	fetched []string
	reports []node.Report
}

func (o *observer) BinaryRequested(_ context.Context, launch string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fetched = append(o.fetched, launch)
}

func (o *observer) Reported(_ context.Context, r node.Report) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, r)
}

// gate is the compiler, which a test can hold up.
type gate struct {
	compiler *compiler.Compiler
	mu       sync.Mutex
	hold     chan struct{}
}

func (g *gate) Compile(ctx context.Context, r server.CompileRequest) (*server.CompileResult, error) {
	g.mu.Lock()
	hold := g.hold
	g.mu.Unlock()
	if hold != nil {
		<-hold
	}
	req := compiler.Request{
		Node: r.Node, Environment: r.Environment, Facts: r.Facts, Trusted: r.Trusted, ServerFacts: r.ServerFacts,
		Parameters: r.Parameters, TransactionUUID: r.TransactionUUID,
	}
	for _, c := range r.Classes {
		req.Classes = append(req.Classes, compiler.Class{Name: c.Name, Params: c.Parameters})
	}
	res, err := g.compiler.Compile(ctx, req)
	if err != nil {
		return nil, err
	}
	return &server.CompileResult{Catalog: res.Catalog, Exported: res.Exported}, nil
}

// newWorld starts a server. change may alter its configuration.
func newWorld(t *testing.T, change func(*server.Config)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, code: filepath.Join(dir, "code"), groups: filepath.Join(dir, "node_groups.yml"), inventory: inventory{}, seen: &observer{}}
	w.must(os.CopyFS(w.code, os.DirFS("testdata/code")))
	w.must(os.Mkdir(filepath.Join(w.code, "environments/mini/modules/demo/locales/ja"), 0o755)) // git keeps no empty directory
	w.must(os.WriteFile(w.groups, []byte("--- {}\n"), 0o644))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	w.store, err = store.Open(t.Context(), filepath.Join(dir, "kickoff.db"))
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	w.authority, err = pki.Open(t.Context(), pki.Config{
		Dir: filepath.Join(dir, "ca"), Ledger: w.store, Now: time.Now, Log: log, OnRevoked: func() { w.server.DropRevoked() },
	})
	w.must(err)
	w.store.OnRevoked(func() {
		if err := w.authority.Sync(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w.tls, err = w.authority.ServerCertificate(t.Context(), pki.ServerNames{Certname: "localhost", Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	w.must(err)
	w.registrar = enroll.New(enroll.Config{Store: w.store, Issuer: w.authority, Now: time.Now, Log: log})
	w.minter, err = enroll.OpenMinter(filepath.Join(dir, "secret"))
	w.must(err)
	w.hub = channel.New(time.Now, nil)
	lib := module.NewLibrary(module.Options{EnvironmentPath: []string{filepath.Join(w.code, "environments")}})
	comp, err := compiler.New(compiler.Options{Library: lib})
	w.must(err)
	w.compiler = &gate{compiler: comp}
	binaries, err := server.NewBinaryStore(filepath.Join(dir, "binaries"))
	w.must(err)
	conf := server.Config{
		Authority: w.authority, Registrar: w.registrar, Store: w.store, Environments: lib, Compiler: w.compiler,
		Classifier: enc.New(w.groups, w.inventory), Hub: w.hub, Binaries: binaries, Observer: w.seen, Now: time.Now, Log: log,
	}
	if change != nil {
		change(&conf)
	}
	w.server = server.New(conf)
	w.serve()
	return w
}

// serve starts the listener and ends it with the test.
func (w *world) serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.url = "https://" + l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(ctx, l, w.authority.TLSConfig(w.tls)) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("serve: %v", err)
		}
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// client is one that shows a certificate, or none.
type client struct {
	w    *world
	http *http.Client
}

func (w *world) client(cert *tls.Certificate) *client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.authority.Bundle())
	conf := &tls.Config{RootCAs: pool}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	tr := &http.Transport{TLSClientConfig: conf, DisableCompression: true}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &client{w, &http.Client{Transport: tr, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// node makes a client with a certificate of a node, signed by hand.
func (w *world) node(name string) *client {
	w.t.Helper()
	key := newKey(w.t)
	csr, err := protocol.NewCertificateRequest(key, name, "")
	w.must(err)
	if r := w.client(nil).put(protocol.PathCertificateRequest+name, protocol.MediaText, csr); r.status != 200 {
		w.t.Fatalf("csr of %s: %v", name, r)
	}
	w.must(w.registrar.SignByHand(context.Background(), name, "test"))
	return w.client(w.certificate(name, key))
}

func (w *world) certificate(name string, key crypto.Signer) *tls.Certificate {
	w.t.Helper()
	text, err := w.registrar.Certificate(context.Background(), name)
	w.must(err)
	return &tls.Certificate{Certificate: [][]byte{der(w.t, text)}, PrivateKey: key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// response is a whole answer.
type response struct {
	status int
	header http.Header
	body   string
}

func (c *client) do(method, path string, header map[string]string, body []byte) response {
	c.w.t.Helper()
	r, err := c.try(method, path, header, body)
	if err != nil {
		c.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (c *client) try(method, path string, header map[string]string, body []byte) (response, error) {
	req, err := http.NewRequest(method, c.w.url+path, bytes.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(text)}, err
}

func (c *client) get(path string) response { return c.do("GET", path, nil, nil) }

func (c *client) put(path, media string, body []byte) response {
	return c.do("PUT", path, map[string]string{"Content-Type": media}, body)
}

// launch stores a token for a launch, binds it to an instance if there is one, and gives it.
func (w *world) launch(launchID, instanceID string, expires time.Time) string {
	w.t.Helper()
	token := w.minter.Token(launchID)
	w.must(w.store.Transact(context.Background(), func(tx *store.Tx) error {
		if err := tx.PutToken(context.Background(), launchID, enroll.HashToken(token), time.Now(), expires); err != nil || instanceID == "" {
			return err
		}
		return tx.BindToken(context.Background(), launchID, instanceID)
	}))
	return token
}

// lastDecision gives the last decision about a name as `kickoff ca list` shows it.
func (w *world) lastDecision(name string) enroll.Record {
	w.t.Helper()
	list, err := w.registrar.List(context.Background(), name)
	w.must(err)
	for _, e := range list {
		if len(e.Decisions) > 0 {
			return e.Decisions[0]
		}
	}
	w.t.Fatalf("no decision about %s is listed", name)
	return enroll.Record{}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q lacks %q", text, p)
		}
	}
}
