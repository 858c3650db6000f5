package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"kickoff/internal/server/enroll"
	protocol "kickoff/internal/wire"
)

func der(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("%q is no PEM", text)
	}
	return block.Bytes
}

func (w *world) csr(key *ecdsa.PrivateKey, name, token string) []byte {
	w.t.Helper()
	text, err := protocol.NewCertificateRequest(key, name, token)
	w.must(err)
	return text
}

func TestEnrolByToken(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(nil)
	key := newKey(t)
	token := w.launch("l-1", "i-1", time.Now().Add(time.Hour))
	for range 2 { // the second time as after a lost answer
		if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(key, "i-1", token)); r.status != 200 || r.body != "" {
			t.Fatalf("got %+v", r)
		}
	}
	r := c.get(protocol.PathCertificate + "i-1")
	cert, err := x509.ParseCertificate(der(t, r.body))
	if err != nil || cert.Subject.CommonName != "i-1" || cert.DNSNames[0] != "i-1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	list, err := w.registrar.List(t.Context(), "i-1")
	if err != nil || len(list) != 1 || list[0].State != enroll.Signed || list[0].Decisions[1].Reason != enroll.ReasonTokenValid {
		t.Errorf("list %+v, %v", list, err)
	}
	// The new certificate works at once.
	n := w.client(w.certificate("i-1", key))
	if r := n.get(protocol.PathFileMetadatas + "plugins?recurse=false&environment=mini"); r.status != 200 {
		t.Errorf("got %+v", r)
	}
}

func TestEnrolmentRefusals(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(nil)
	hour := time.Now().Add(time.Hour)
	good := w.launch("l-1", "i-1", hour)
	other := w.launch("l-2", "i-2", hour)
	late := w.launch("l-3", "i-3", time.Now().Add(-time.Second))
	key := newKey(t)
	withExtension := func(name string, id ...int) []byte {
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
			Subject:         pkix.Name{CommonName: name},
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier(id), Value: []byte{12, 4, 't', 'r', 'u', 'e'}}},
		}, key)
		w.must(err)
		return pem.EncodeToMemory(&pem.Block{Type: protocol.PEMCertificateRequest, Bytes: der})
	}
	tampered := der(t, string(w.csr(key, "i-1", good)))
	tampered[len(tampered)-5] ^= 1
	for _, c2 := range []struct {
		what   string
		name   string
		body   []byte
		status int
		reason enroll.Reason
		says   string
	}{
		{"wrong token", "i-1", w.csr(key, "i-1", w.minter.Token("never launched")), 403, enroll.ReasonUnknownToken, "the token of i-1 was not made by this server"},
		{"token of another instance", "i-1", w.csr(key, "i-1", other), 403, enroll.ReasonOtherInstance, "i-1 presents the token of i-2"},
		{"somebody else's instance id", "i-2", w.csr(key, "i-2", good), 403, enroll.ReasonOtherInstance, "i-2 presents the token of i-1"},
		{"no token", "i-1", w.csr(key, "i-1", ""), 403, enroll.ReasonTokenRequired, "i-1"},
		{"site's own password", "i-1", w.csr(key, "i-1", "challengepw"), 403, enroll.ReasonTokenRequired, "i-1"},
		{"expired token", "i-3", w.csr(key, "i-3", late), 403, enroll.ReasonExpired, "the token of i-3 expired"},
		{"other name in the request", "i-1", w.csr(key, "i-9", good), 403, enroll.ReasonWrongName, "i-1"},
		{"tampered", "i-1", pem.EncodeToMemory(&pem.Block{Type: protocol.PEMCertificateRequest, Bytes: tampered}), 400, enroll.ReasonMalformed, "i-1"},
		{"garbage", "i-1", []byte("garbage"), 400, enroll.ReasonMalformed, "i-1"},
		{"right to administrate", "i-1", withExtension("i-1", 1, 3, 6, 1, 4, 1, 34380, 1, 3, 39), 403, enroll.ReasonAuthorization, "i-1"},
		{"right to authorize", "i-1", withExtension("i-1", 1, 3, 6, 1, 4, 1, 34380, 1, 3, 1), 403, enroll.ReasonAuthorization, "i-1"},
	} {
		r := c.put(protocol.PathCertificateRequest+c2.name, protocol.MediaText, c2.body)
		if r.status != c2.status || !strings.Contains(r.body, c2.says) {
			t.Errorf("%s: got %d %q, want %d with %q", c2.what, r.status, r.body, c2.status, c2.says)
		}
		if d := w.lastDecision(c2.name); d.Reason != c2.reason || d.Verdict != enroll.Refuse || d.Remote != "127.0.0.1" {
			t.Errorf("%s: recorded %+v", c2.what, d)
		}
	}
	for _, name := range []string{"i-1", "i-2", "i-3"} {
		if r := c.get(protocol.PathCertificate + name); r.status != http.StatusNotFound {
			t.Errorf("%s has a certificate", name)
		}
	}
	// After all this the rightful owner gets its certificate.
	if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(key, "i-1", good)); r.status != 200 {
		t.Errorf("the right request: %+v", r)
	}
	if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(newKey(t), "i-1", good)); r.status != 403 {
		t.Errorf("another key after that: %+v", r)
	}
}

func TestUsedTokenWithAnotherKey(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(nil)
	token := w.launch("l-1", "i-1", time.Now().Add(time.Hour))
	if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(newKey(t), "i-1", token)); r.status != 200 {
		t.Fatalf("got %+v", r)
	}
	w.must(w.registrar.Clean(t.Context(), "i-1")) // even when the certificate is gone
	r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(newKey(t), "i-1", token))
	if r.status != 403 || !strings.Contains(r.body, "the token of i-1 was used with another key") {
		t.Errorf("got %+v", r)
	}
	if d := w.lastDecision("i-1"); d.Reason != enroll.ReasonTokenUsed {
		t.Errorf("recorded %+v", d)
	}
}

func TestInstanceNotKnownYetWaits(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(nil)
	key := newKey(t)
	token := w.launch("l-1", "", time.Now().Add(time.Hour))
	if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(key, "i-1", token)); r.status != 200 {
		t.Fatalf("got %+v", r)
	}
	if r := c.get(protocol.PathCertificate + "i-1"); r.status != 404 {
		t.Fatalf("got %+v", r)
	}
	w.launch("l-1", "i-1", time.Now().Add(time.Hour))
	if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(key, "i-1", token)); r.status != 200 {
		t.Fatalf("got %+v", r)
	}
	if r := c.get(protocol.PathCertificate + "i-1"); r.status != 200 {
		t.Errorf("got %+v", r)
	}
}

func TestRetiredIdentityNeverComesBack(t *testing.T) {
	w := newWorld(t, nil)
	token := w.launch("l-1", "i-1", time.Now().Add(time.Hour))
	key := newKey(t)
	c := w.client(nil)
	if r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(key, "i-1", token)); r.status != 200 {
		t.Fatalf("got %+v", r)
	}
	n := w.client(w.certificate("i-1", key))
	if r := n.get(protocol.PathFileMetadatas + "plugins?environment=mini"); r.status != 200 {
		t.Fatalf("got %+v", r)
	}
	poll := make(chan response, 1)
	go func() {
		r, _ := n.try("POST", protocol.PathChannel, nil, []byte(`{"wait":"50s"}`))
		poll <- r
	}()
	for connected := false; !connected; connected, _ = w.hub.Connected("i-1") {
		time.Sleep(5 * time.Millisecond)
	}
	w.must(w.store.RetireNode(context.Background(), "i-1", "terminated", time.Now()))
	select {
	case r := <-poll:
		if r.status != 403 {
			t.Errorf("open poll: %+v", r)
		}
	case <-time.After(5 * time.Second):
		t.Error("the open poll of a retired node goes on")
	}
	// On the connection that is open, and on a new one.
	if r, err := n.try("GET", protocol.PathFileMetadatas+"plugins?environment=mini", nil, nil); err == nil && r.status != 403 {
		t.Errorf("open connection: %+v", r)
	}
	if r, err := w.client(w.certificate("i-1", key)).try("GET", protocol.PathStatus, nil, nil); err == nil {
		t.Errorf("new connection: %+v", r)
	}
	for _, k := range []*ecdsa.PrivateKey{key, newKey(t)} {
		r := c.put(protocol.PathCertificateRequest+"i-1", protocol.MediaText, w.csr(k, "i-1", token))
		if r.status != 403 || !strings.Contains(r.body, "i-1 was retired") {
			t.Errorf("got %+v", r)
		}
	}
	if err := w.registrar.SignByHand(t.Context(), "i-1", "operator"); err == nil {
		t.Error("signed by hand")
	}
	list, err := w.registrar.List(t.Context(), "i-1")
	if err != nil || list[0].State != enroll.Revoked {
		t.Errorf("list %+v, %v", list, err)
	}
}
