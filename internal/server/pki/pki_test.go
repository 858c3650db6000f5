package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kickoff/internal/wire"
)

// memory is a Ledger without a database.
type memory struct {
	next    int64
	issued  []Record
	revoked []Revocation
	fail    error
}

func (m *memory) IssueCertificate(_ context.Context, sign func(*big.Int) (Record, error)) error {
	m.next++
	r, err := sign(big.NewInt(m.next))
	if err == nil && m.fail == nil {
		m.issued = append(m.issued, r)
	}
	return errors.Join(err, m.fail)
}

func (m *memory) Revocations(context.Context) ([]Revocation, int64, error) {
	return m.revoked, int64(len(m.revoked)), nil
}

func (m *memory) revoke(c *Certificate, at time.Time) {
	m.revoked = append(m.revoked, Revocation{Serial: c.Serial, At: at, NotAfter: c.NotAfter})
}

var start = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

func openAuthority(t *testing.T, dir string, m *memory, kind KeyType) *Authority {
	t.Helper()
	a, err := Open(t.Context(), Config{
		Dir: dir, KeyType: kind, Ledger: m, Now: func() time.Time { return start }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func issue(t *testing.T, a *Authority, r Request) *Certificate {
	t.Helper()
	order, err := a.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(t.Context(), order); err == nil {
		t.Error("an order was issued twice")
	}
	return c
}

func TestCertificateForm(t *testing.T) {
	for _, kind := range []KeyType{ECDSA, RSA} {
		if kind == RSA && testing.Short() {
			continue
		}
		m := &memory{}
		a := openAuthority(t, t.TempDir(), m, kind)
		key := newECDSA(t)
		c := issue(t, a, Request{Certname: "i-1", Kind: KindNode, Public: key.Public(), Extensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 1, 13}, Value: []byte{12, 3, 'w', 'e', 'b'}},
		}})
		cert := c.Cert
		if cert.Subject.String() != "CN=i-1" || len(cert.DNSNames) != 1 || cert.DNSNames[0] != "i-1" {
			t.Errorf("names: %v %v", cert.Subject, cert.DNSNames)
		}
		if !cert.NotBefore.Equal(start.Add(-24*time.Hour)) || !cert.NotAfter.Equal(start.Add(5*365*24*time.Hour)) {
			t.Errorf("valid %v to %v", cert.NotBefore, cert.NotAfter)
		}
		if len(cert.ExtKeyUsage) != 2 || cert.IsCA || cert.SerialNumber.Int64() != 1 {
			t.Errorf("usage %v, CA %v, serial %v", cert.ExtKeyUsage, cert.IsCA, cert.SerialNumber)
		}
		if got := Extensions(cert)["1.3.6.1.4.1.34380.1.1.13"]; got != "web" || IsAdmin(cert) {
			t.Errorf("pp_role %q, admin %v", got, IsAdmin(cert))
		}
		roots, inter := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(a.root.cert)
		inter.AddCert(a.issuing.cert)
		if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: start, DNSName: "i-1"}); err != nil {
			t.Error(err)
		}
		if second := issue(t, a, Request{Certname: "i-2", Kind: KindNode, Public: newECDSA(t).Public()}); second.Serial != "2" {
			t.Errorf("second serial %s", second.Serial)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	a := openAuthority(t, t.TempDir(), &memory{}, ECDSA)
	good := newECDSA(t).Public()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Request{
		"upper case":       {Certname: "Web", Kind: KindNode, Public: good},
		"path":             {Certname: "../ca", Kind: KindNode, Public: good},
		"ca":               {Certname: "ca", Kind: KindNode, Public: good},
		"empty":            {Kind: KindNode, Public: good},
		"long":             {Certname: strings.Repeat("a", 65), Kind: KindNode, Public: good},
		"kind":             {Certname: "a", Public: good},
		"node with names":  {Certname: "a", Kind: KindNode, Public: good, DNSNames: []string{"b"}},
		"node with rights": {Certname: "a", Kind: KindNode, Public: good, Admin: true},
		"small key":        {Certname: "a", Kind: KindNode, Public: small.Public()},
		"authority's key":  {Certname: "a", Kind: KindNode, Public: a.issuing.key.Public()},
	} {
		if _, err := a.Prepare(r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestProfileBounds(t *testing.T) {
	for _, c := range []ProfileConfig{{Validity: time.Minute}, {Validity: 100 * 365 * day}, {Backdate: 30 * day}, {MaxNames: -1}} {
		if _, err := NewProfile(c); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
}

func TestResumeAfterCrashAtEachFile(t *testing.T) {
	dir := t.TempDir()
	m := &memory{}
	a := openAuthority(t, dir, m, ECDSA)
	rootID := digest(a.root.cert.Raw)
	if again := openAuthority(t, dir, m, ECDSA); digest(again.root.cert.Raw) != rootID || digest(again.issuing.cert.Raw) != digest(a.issuing.cert.Raw) {
		t.Error("the second start made a new authority")
	}
	// Files are made in this order; a crash leaves a prefix of it.
	order := []string{"root.key", "root.pem", "intermediate.key", "intermediate.pem", "root.crl"}
	for n := range order {
		part := t.TempDir()
		for _, f := range order[:n] {
			text, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(part, f), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		resumed := openAuthority(t, part, m, ECDSA)
		if n >= 2 && digest(resumed.root.cert.Raw) != rootID {
			t.Errorf("after %v: a new root", order[:n])
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"readable key":          func(d string) error { return os.Chmod(filepath.Join(d, "intermediate.key"), 0o644) },
		"lost intermediate key": func(d string) error { return os.Remove(filepath.Join(d, "intermediate.key")) },
		"foreign root":          func(d string) error { return os.Remove(filepath.Join(d, "root.key")) },
		"garbage":               func(d string) error { return os.WriteFile(filepath.Join(d, "root.pem"), []byte("x"), 0o600) },
	} {
		dir := t.TempDir()
		openAuthority(t, dir, &memory{}, ECDSA)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Config{Dir: dir, Ledger: &memory{}, Now: func() time.Time { return start }, Log: slog.New(slog.DiscardHandler)})
		if keyTakenAway := name == "foreign root"; (err == nil) != keyTakenAway {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRevocation(t *testing.T) {
	m := &memory{}
	a := openAuthority(t, t.TempDir(), m, ECDSA)
	key := newECDSA(t)
	c := issue(t, a, Request{Certname: "i-1", Kind: KindNode, Public: key.Public()})
	cert, err := a.ServerCertificate(t.Context(), ServerNames{Certname: "localhost", Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	conf := a.TLSConfig(cert)
	client := tls.Certificate{Certificate: [][]byte{c.Cert.Raw}, PrivateKey: key}
	if err := handshake(t, a, conf, &client); err != nil {
		t.Errorf("good certificate: %v", err)
	}
	if err := handshake(t, a, conf, nil); err != nil {
		t.Errorf("no certificate: %v", err)
	}
	stranger := openAuthority(t, t.TempDir(), &memory{}, ECDSA)
	strange := issue(t, stranger, Request{Certname: "i-1", Kind: KindNode, Public: key.Public()})
	if err := handshake(t, a, conf, &tls.Certificate{Certificate: [][]byte{strange.Cert.Raw}, PrivateKey: key}); err == nil {
		t.Error("another authority's certificate was accepted")
	}
	m.revoke(c, start)
	if err := a.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := handshake(t, a, conf, &client); err == nil {
		t.Error("revoked certificate was accepted")
	}
	text, modified := a.CRL()
	if !modified.Equal(start) {
		t.Errorf("modified %v", modified)
	}
	issuer, rest := pem.Decode(text)
	root, _ := pem.Decode(rest)
	list, err := x509.ParseRevocationList(issuer.Bytes)
	if err != nil || list.CheckSignatureFrom(a.issuing.cert) != nil || len(list.RevokedCertificateEntries) != 1 || list.Number.Int64() != 1 {
		t.Errorf("list %+v, %v", list, err)
	}
	if list, err = x509.ParseRevocationList(root.Bytes); err != nil || list.CheckSignatureFrom(a.root.cert) != nil {
		t.Errorf("list of the root: %v", err)
	}
}

// handshake connects over loopback and says what the client saw after one byte from the server.
func handshake(t *testing.T, a *Authority, conf *tls.Config, cert *tls.Certificate) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("x"))
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.Bundle())
	cc := &tls.Config{RootCAs: roots, ServerName: "localhost", Time: func() time.Time { return start }}
	if cert != nil {
		// Go's client would not send a certificate of an authority that the server does not name.
		cc.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", l.Addr().String(), cc)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

func TestServerCertificateIsKeptAndRenewed(t *testing.T) {
	m := &memory{}
	dir := t.TempDir()
	a := openAuthority(t, dir, m, ECDSA)
	names := ServerNames{Certname: "kickoff.internal", DNS: []string{"localhost"}}
	for range 2 {
		if _, err := a.ServerCertificate(t.Context(), names); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.issued) != 1 {
		t.Errorf("%d certificates for the same names", len(m.issued))
	}
	names.DNS = append(names.DNS, "puppet")
	c, err := a.ServerCertificate(t.Context(), names)
	if err != nil || len(m.issued) != 2 || c.Leaf.VerifyHostname("puppet") != nil {
		t.Errorf("%d certificates, %v", len(m.issued), err)
	}
	for _, f := range []string{"root.key", "intermediate.key", "server.key"} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
}

func csrOf(t testing.TB, key crypto.Signer, tpl *x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, tpl, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: wire.PEMCertificateRequest, Bytes: der})
}

func TestParseCSR(t *testing.T) {
	key := newECDSA(t)
	text, err := wire.NewCertificateRequest(key, "i-1", "token")
	if err != nil {
		t.Fatal(err)
	}
	csr, err := ParseCSR(text)
	if err != nil || csr.Certname != "i-1" || csr.Token != "token" || len(csr.AltNames) != 0 {
		t.Fatalf("got %+v, %v", csr, err)
	}
	rich := csrOf(t, key, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "i-1"}, DNSNames: []string{"i-1", "other"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 3, 39}, Value: []byte{12, 4, 't', 'r', 'u', 'e'}},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 1, 13}, Value: []byte{12, 3, 'w', 'e', 'b'}},
			{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}},
		},
	})
	csr, err = ParseCSR(rich)
	if err != nil || len(csr.AltNames) != 2 || len(csr.Authorization) != 1 || len(csr.Extensions) != 1 || len(csr.Unknown) != 1 {
		t.Errorf("got %+v, %v", csr, err)
	}
}

func TestParseCSRRefuses(t *testing.T) {
	key := newECDSA(t)
	good, err := wire.NewCertificateRequest(key, "i-1", "")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(good)
	tampered := append([]byte(nil), block.Bytes...)
	i := strings.Index(string(tampered), "i-1")
	tampered[i+2] = '2'
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty":      nil,
		"garbage":    []byte("garbage"),
		"big":        append(good, make([]byte, MaxCSR)...),
		"twice":      append(append([]byte(nil), good...), good...),
		"other type": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}),
		"tampered":   pem.EncodeToMemory(&pem.Block{Type: wire.PEMCertificateRequest, Bytes: tampered}),
		"cut":        pem.EncodeToMemory(&pem.Block{Type: wire.PEMCertificateRequest, Bytes: block.Bytes[:40]}),
		"subject":    csrOf(t, key, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "i-1", Organization: []string{"x"}}}),
		"two names":  csrOf(t, key, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "i-1", ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "i-2"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "i-3"}}}}),
		"no name":    csrOf(t, key, &x509.CertificateRequest{}),
		"upper case": csrOf(t, key, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "Web"}}),
		"weak key":   csrOf(t, p224, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "i-1"}}),
	} {
		if csr, err := ParseCSR(text); err == nil {
			t.Errorf("%s: accepted as %s", name, csr.Certname)
		}
	}
}

func FuzzParseCSR(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	text, err := wire.NewCertificateRequest(key, "i-1", "token")
	if err != nil {
		f.Fatal(err)
	}
	block, _ := pem.Decode(text)
	f.Add(block.Bytes)
	f.Fuzz(func(t *testing.T, der []byte) {
		csr, err := ParseCSR(pem.EncodeToMemory(&pem.Block{Type: wire.PEMCertificateRequest, Bytes: der}))
		if err == nil && ValidateCertname(csr.Certname) != nil {
			t.Errorf("accepted the name %q", csr.Certname)
		}
		// Without the signature's check, what an attacker can reach is the same code.
		if req, err := x509.ParseCertificateRequest(der); err == nil {
			_, _ = newCSR(req)
		}
	})
}
