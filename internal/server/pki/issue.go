package pki

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"sync/atomic"
	"time"

	"kickoff/internal/wire"
)

// Request is what a certificate shall say. It is made by us, from what we decided; a CSR contributes only its key and
// Puppet's extensions.
type Request struct {
	Certname string
	Kind     Kind
	Public   any
	// DNSNames are in addition to Certname; only servers have any.
	DNSNames  []string
	Addresses []netip.Addr
	// Extensions are copied into the certificate.
	Extensions []pkix.Extension
	// Admin grants the rights of the authority's command line.
	Admin bool
}

// Order is a request that was found to be in order. It can be issued once.
type Order struct {
	request Request
	keyID   string
	used    atomic.Bool
}

// Certificate is an issued certificate.
type Certificate struct {
	Record
	Cert *x509.Certificate
}

var (
	oidNetscapeComment = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 13}
	oidCLIAuth         = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 34380, 1, 3, 39}
)

// Prepare checks a request against the profile. Nothing is allocated or written.
func (a *Authority) Prepare(r Request) (*Order, error) {
	if err := ValidateCertname(r.Certname); err != nil {
		return nil, err
	}
	if err := checkKey(r.Public); err != nil {
		return nil, err
	}
	switch {
	case r.Kind != KindNode && r.Kind != KindServer:
		return nil, fmt.Errorf("certificates of kind %q do not exist", r.Kind)
	case r.Kind == KindNode && (len(r.DNSNames) > 0 || len(r.Addresses) > 0 || r.Admin):
		return nil, errors.New("a node's certificate has no other names and no rights over the authority")
	case 1+len(r.DNSNames)+len(r.Addresses) > a.cfg.Profile.maxNames:
		return nil, fmt.Errorf("more than %d names in a certificate", a.cfg.Profile.maxNames)
	}
	for _, public := range []any{a.root.cert.PublicKey, a.issuing.cert.PublicKey} {
		if p, ok := public.(interface{ Equal(crypto.PublicKey) bool }); ok && p.Equal(r.Public) {
			return nil, errors.New("the key is the authority's own")
		}
	}
	id, err := KeyID(r.Public)
	if err != nil {
		return nil, err
	}
	return &Order{request: r, keyID: id}, nil
}

// Issue signs an order and records the certificate in the ledger, atomically.
func (a *Authority) Issue(ctx context.Context, o *Order) (*Certificate, error) {
	if !o.used.CompareAndSwap(false, true) {
		return nil, errors.New("an order can be issued once")
	}
	var issued *Certificate
	err := a.cfg.Ledger.IssueCertificate(ctx, func(serial *big.Int) (Record, error) {
		c, err := a.sign(o, serial)
		if err != nil {
			return Record{}, err
		}
		issued = c
		return c.Record, nil
	})
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", o.request.Certname, err)
	}
	a.cfg.Log.Info("issued certificate", "certname", issued.Certname, "serial", issued.Serial,
		"fingerprint", issued.Fingerprint, "not_after", issued.NotAfter)
	return issued, nil
}

func (a *Authority) sign(o *Order, serial *big.Int) (*Certificate, error) {
	now := a.cfg.Now().UTC().Truncate(time.Second)
	r := o.request
	keyID, err := subjectKeyID(r.Public)
	if err != nil {
		return nil, err
	}
	notAfter := now.Add(a.cfg.Profile.validity)
	if end := a.issuing.cert.NotAfter; notAfter.After(end) {
		notAfter = end
	}
	tpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: r.Certname},
		NotBefore: now.Add(-a.cfg.Profile.backdate), NotAfter: notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, SubjectKeyId: keyID,
		DNSNames: append([]string{r.Certname}, r.DNSNames...),
	}
	for _, ip := range r.Addresses {
		tpl.IPAddresses = append(tpl.IPAddresses, ip.AsSlice())
	}
	if tpl.ExtraExtensions, err = extraExtensions(r); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, a.issuing.cert, r.Public, a.issuing.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Certificate{Cert: cert, Record: Record{
		Serial: serial.String(), Certname: r.Certname, Kind: r.Kind, PEM: string(encodeCertificate(cert)),
		Fingerprint: digest(cert.Raw), KeyID: o.keyID, NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, IssuedAt: now,
	}}, nil
}

func extraExtensions(r Request) ([]pkix.Extension, error) {
	comment, err := asn1.MarshalWithParams("kickoff internal certificate", "ia5")
	if err != nil {
		return nil, err
	}
	list := []pkix.Extension{{Id: oidNetscapeComment, Value: comment}}
	list = append(list, r.Extensions...)
	if r.Admin {
		yes, err := asn1.MarshalWithParams("true", "utf8")
		if err != nil {
			return nil, err
		}
		list = append(list, pkix.Extension{Id: oidCLIAuth, Value: yes})
	}
	return list, nil
}

// IsAdmin says whether a certificate of ours grants the rights of the authority's command line.
func IsAdmin(cert *x509.Certificate) bool {
	return Extensions(cert)[wire.OIDPuppetCLIAuth] == "true"
}

// Extensions gives the values of Puppet's extensions in a certificate, by object identifier.
func Extensions(cert *x509.Certificate) map[string]string {
	values := map[string]string{}
	const arc = "1.3.6.1.4.1.34380.1."
	for _, ext := range cert.Extensions {
		id := ext.Id.String()
		if len(id) <= len(arc) || id[:len(arc)] != arc {
			continue
		}
		var v asn1.RawValue
		if rest, err := asn1.Unmarshal(ext.Value, &v); err == nil && len(rest) == 0 {
			values[id] = string(v.Bytes)
		}
	}
	return values
}
