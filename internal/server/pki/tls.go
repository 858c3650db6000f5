package pki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"
)

// ServerNames are the names under which agents reach the server.
type ServerNames struct {
	// Certname is the main one and the common name.
	Certname  string
	DNS       []string
	Addresses []netip.Addr
}

// renewBefore is how long before its end the server's certificate is replaced at the next start.
const renewBefore = 60 * day

// ServerCertificate gives a certificate of the server for the names, and issues a new one if there is none yet, the
// names have changed, or it ends soon.
func (a *Authority) ServerCertificate(ctx context.Context, names ServerNames) (tls.Certificate, error) {
	key, err := loadOrMakeKey(a.path("server.key"), a.cfg.KeyType, 3072)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := loadCertificate(a.path("server.pem"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, err
	}
	if err != nil || !a.serves(cert, key.Public(), names) {
		order, err := a.Prepare(Request{
			Certname: names.Certname, Kind: KindServer, Public: key.Public(),
			DNSNames: names.DNS, Addresses: names.Addresses, Admin: true,
		})
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("server certificate: %w", err)
		}
		issued, err := a.Issue(ctx, order)
		if err != nil {
			return tls.Certificate{}, err
		}
		cert = issued.Cert
		if err := writeFile(a.path("server.pem"), encodeCertificate(cert), 0o644); err != nil {
			return tls.Certificate{}, fmt.Errorf("write server certificate: %w", err)
		}
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.issuing.cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// serves says whether an existing certificate of the server is good enough.
func (a *Authority) serves(cert *x509.Certificate, public any, names ServerNames) bool {
	have, err1 := KeyID(cert.PublicKey)
	want, err2 := KeyID(public)
	dns := append([]string{names.Certname}, names.DNS...)
	var addresses []netip.Addr
	for _, ip := range cert.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			addresses = append(addresses, addr.Unmap())
		}
	}
	return err1 == nil && err2 == nil && have == want &&
		cert.CheckSignatureFrom(a.issuing.cert) == nil && !a.Revoked(cert.SerialNumber) &&
		a.cfg.Now().Before(cert.NotAfter.Add(-renewBefore)) &&
		slices.Equal(cert.DNSNames, dns) && slices.Equal(addresses, names.Addresses)
}

// TLSConfig is that of a listener for agents: a client certificate is optional, but one that is shown must be ours, in
// time and not revoked. Revocation is checked at each handshake, also a resumed one; see Check for open connections.
func (a *Authority) TLSConfig(server tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.root.cert)
	pool.AddCert(a.issuing.cert)
	return &tls.Config{
		Certificates: []tls.Certificate{server},
		MinVersion:   tls.VersionTLS12,
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    pool,
		Time:         a.cfg.Now,
		NextProtos:   []string{"http/1.1"},
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := a.Check(&cs)
			return err
		},
	}
}

// ErrRevoked says that a client's certificate was revoked.
var ErrRevoked = errors.New("the certificate was revoked")

// Check gives the verified client certificate of a connection, nil if there is none. It is called for each request too,
// because a certificate may have been revoked, or may have ended, since the handshake.
func (a *Authority) Check(cs *tls.ConnectionState) (*x509.Certificate, error) {
	if cs == nil || len(cs.VerifiedChains) == 0 {
		return nil, nil
	}
	leaf := cs.VerifiedChains[0][0]
	if a.Revoked(leaf.SerialNumber) {
		return nil, fmt.Errorf("%s (serial %s): %w", leaf.Subject.CommonName, leaf.SerialNumber, ErrRevoked)
	}
	now := a.cfg.Now()
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore.Add(-time.Minute)) {
		return nil, fmt.Errorf("%s (serial %s): the certificate is not valid now", leaf.Subject.CommonName, leaf.SerialNumber)
	}
	return leaf, nil
}
