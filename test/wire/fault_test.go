package wire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"kickoff/internal/server"
	protocol "kickoff/internal/wire"
)

func TestBigBodies(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	for path, size := range map[string]int{
		protocol.PathCertificateRequest + "i-9":       1 << 20,
		protocol.PathCatalog + "i-1?environment=mini": 17 << 20,
		protocol.PathChannel:                          5 << 20,
		protocol.PathFacts + "i-1?environment=mini":   17 << 20,
		protocol.PathReport + "i-1?environment=mini":  33 << 20,
	} {
		method := "PUT"
		if path == protocol.PathChannel || strings.HasPrefix(path, protocol.PathCatalog) {
			method = "POST"
		}
		r, err := n.try(method, path, nil, bytes.Repeat([]byte("x"), size))
		// The server may cut the connection before the client has sent everything.
		if err == nil && r.status != 413 {
			t.Errorf("%s: got %d %.100s", path, r.status, r.body)
		}
	}
	if r := n.get(protocol.PathStatus); r.status != 200 || r.body != "running" {
		t.Errorf("afterwards: %+v", r)
	}
}

// raw opens a TLS connection and sends a text as it is.
func (w *world) raw(text string) *tls.Conn {
	w.t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.authority.Bundle())
	conn, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{RootCAs: pool})
	w.must(err)
	w.t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, text)
	w.must(err)
	return conn
}

func TestSlowClients(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		c.Timeouts = server.Timeouts{Header: 300 * time.Millisecond, Body: 300 * time.Millisecond, Write: time.Second, Idle: 300 * time.Millisecond}
	})
	plain, err := net.Dial("tcp", strings.TrimPrefix(w.url, "https://"))
	w.must(err)
	defer plain.Close()
	for what, conn := range map[string]net.Conn{
		"says nothing, not even TLS": plain,
		"never ends its header":      w.raw("GET /status/v1/simple HTTP/1.1\r\nHost: x\r\n"),
		"never sends its body":       w.raw("PUT " + protocol.PathCertificateRequest + "i-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc"),
		"stays after its request":    w.raw("GET /status/v1/simple HTTP/1.1\r\nHost: x\r\n\r\n"),
	} {
		w.must(conn.SetReadDeadline(time.Now().Add(10 * time.Second)))
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("a client that %s is kept", what)
		}
	}
	if r := w.client(nil).get(protocol.PathStatus); r.status != 200 {
		t.Errorf("afterwards: %+v", r)
	}
}

// TestLongPollOutlivesReadTimeout makes sure that the bound for bodies does not cut a poll that waits.
func TestLongPollOutlivesReadTimeout(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Timeouts.Body = 200 * time.Millisecond })
	n := w.node("i-1")
	begin := time.Now()
	r := n.do("POST", protocol.PathChannel, nil, []byte(`{"wait":"900ms"}`))
	if r.status != 200 || time.Since(begin) < 800*time.Millisecond {
		t.Errorf("got %+v after %v", r, time.Since(begin))
	}
}

func TestHostilePaths(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	for _, p := range []string{
		"modules/demo/%2e%2e/manifests/init.pp", "modules/demo/..%2fmanifests/init.pp", "modules/demo/%2e%2e%2f%2e%2e%2f%2e%2e",
		"modules/demo/%00", "modules/..%2f..%2f..%2fetc/passwd", "modules//etc/passwd", "plugins/..%2f..%2fmanifests/init.pp",
	} {
		r, err := n.try("GET", protocol.PathFileContent+p+"?environment=mini", nil, nil)
		if err == nil && (r.status == 200 || strings.Contains(r.body, "class demo")) {
			t.Errorf("%s: %d %s", p, r.status, r.body)
		}
	}
	for _, env := range []string{"..", "../mini", "mini/../mini", "mini%00", strings.Repeat("a", 5000)} {
		r, err := n.try("GET", protocol.PathFileMetadatas+"plugins?environment="+env, nil, nil)
		if err == nil && r.status != 404 && r.status != 400 {
			t.Errorf("environment %.20q: %d %s", env, r.status, r.body)
		}
	}
}

func TestTooManyRequestsForCertificates(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(nil)
	last := 0
	for range 40 {
		last = c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, []byte("garbage")).status
	}
	if last != 429 {
		t.Errorf("the fortieth request in a row got %d", last)
	}
}
