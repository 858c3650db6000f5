package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"kickoff/internal/wire"
)

// MaxCSR is the largest certificate request in bytes that is looked at. One for a key of 8192 bits has about 3,000.
const MaxCSR = 16 << 10

// CSR is a certificate request whose own signature and form have been verified. Nothing in it is trusted beyond that.
type CSR struct {
	// Certname is the common name, the only part of the subject.
	Certname string
	Public   any
	KeyID    string
	// Fingerprint is the SHA-256 of the request in lower-case hexadecimal.
	Fingerprint string
	// AltNames are the subject alternative names other than DNS:Certname, as TYPE:name.
	AltNames []string
	// Extensions are those of Puppet's registered and private arcs, as they go into the certificate.
	Extensions []pkix.Extension
	// Authorization lists the extensions that would grant rights, by object identifier.
	Authorization []string
	// Unknown lists other extensions, by object identifier.
	Unknown []string
	// Token is the challengePassword.
	Token string
	PEM   []byte
	DER   []byte
}

// Extensions that a request may name without effect: the authority sets these itself.
var ignoredExtensions = map[string]bool{
	"2.5.29.15": true, "2.5.29.19": true, "2.5.29.37": true, "2.5.29.14": true, "2.16.840.1.113730.1.13": true,
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// ParseCSR reads a PEM-encoded certificate request and verifies its form, its key and its own signature.
func ParseCSR(text []byte) (*CSR, error) {
	if len(text) > MaxCSR {
		return nil, fmt.Errorf("the certificate request has more than %d bytes", MaxCSR)
	}
	block, rest := pem.Decode(text)
	if block == nil || (block.Type != wire.PEMCertificateRequest && block.Type != "NEW CERTIFICATE REQUEST") {
		return nil, errors.New("the certificate request is no PEM block of that type")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("the certificate request is followed by something else")
	}
	req, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("decode certificate request: %w", err)
	}
	if err := checkKey(req.PublicKey); err != nil {
		return nil, err
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the certificate request is not signed by its own key: %w", err)
	}
	return newCSR(req)
}

func newCSR(req *x509.CertificateRequest) (*CSR, error) {
	csr := &CSR{
		Certname: req.Subject.CommonName, Public: req.PublicKey, Fingerprint: digest(req.Raw), DER: req.Raw,
		PEM: pem.EncodeToMemory(&pem.Block{Type: wire.PEMCertificateRequest, Bytes: req.Raw}),
	}
	if n := len(req.Subject.Names); n != 1 {
		return nil, fmt.Errorf("the subject of the certificate request has %d parts; only a common name is wanted", n)
	}
	if err := ValidateCertname(csr.Certname); err != nil {
		return nil, err
	}
	var err error
	if csr.KeyID, err = KeyID(req.PublicKey); err != nil {
		return nil, err
	}
	if csr.Token, err = wire.ChallengePassword(req); err != nil {
		return nil, err
	}
	csr.AltNames = altNames(req)
	for _, ext := range req.Extensions {
		csr.sort(ext)
	}
	return csr, nil
}

// sort puts an extension into its drawer.
func (csr *CSR) sort(ext pkix.Extension) {
	id := ext.Id.String()
	under := func(arc string) bool { return id == arc || strings.HasPrefix(id, arc+".") }
	switch {
	case under(wire.OIDPuppetAuthorization):
		csr.Authorization = append(csr.Authorization, id)
	case under(wire.OIDPuppetRegistered), under(wire.OIDPuppetPrivate):
		csr.Extensions = append(csr.Extensions, pkix.Extension{Id: ext.Id, Value: ext.Value})
	case ext.Id.Equal(oidSubjectAltName), ignoredExtensions[id]:
	default:
		csr.Unknown = append(csr.Unknown, id)
	}
}

func altNames(req *x509.CertificateRequest) []string {
	var names []string
	for _, n := range req.DNSNames {
		if n != req.Subject.CommonName {
			names = append(names, "DNS:"+n)
		}
	}
	for _, ip := range req.IPAddresses {
		names = append(names, "IP:"+ip.String())
	}
	for _, e := range req.EmailAddresses {
		names = append(names, "email:"+e)
	}
	for _, u := range req.URIs {
		names = append(names, "URI:"+u.String())
	}
	return names
}

// checkKey accepts RSA of 2048 to 8192 bits and the NIST curves that TLS uses.
func checkKey(public any) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < 2048 || bits > 8192 {
			return fmt.Errorf("RSA keys of %d bits are not accepted", bits)
		}
		return nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return fmt.Errorf("keys on curve %s are not accepted", k.Curve.Params().Name)
	}
	return fmt.Errorf("keys of type %T are not accepted", public)
}
