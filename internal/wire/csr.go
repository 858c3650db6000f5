package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
)

// PEMCertificateRequest is the type of a certificate request's PEM block.
const PEMCertificateRequest = "CERTIFICATE REQUEST"

// Request forms of PKCS#10. Go's own encoder knows no attributes but extensions, and the enrolment token travels as the
// attribute challengePassword, where Puppet's csr_attributes.yaml puts it too.
type requestInfo struct {
	Raw        asn1.RawContent
	Version    int
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Attributes []asn1.RawValue `asn1:"tag:0"`
}

type signedRequest struct {
	Info      asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type requestAttribute struct {
	ID     asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

var (
	oidChallengePassword = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}
	oidSHA256WithRSA     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidECDSAWithSHA256   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// NewCertificateRequest makes a PEM-encoded certificate request for certname, signed by key (ECDSA or RSA). A token
// that is not empty becomes its challengePassword.
func NewCertificateRequest(key crypto.Signer, certname, token string) ([]byte, error) {
	subject, err := asn1.Marshal(pkix.Name{CommonName: certname}.ToRDNSequence())
	if err != nil {
		return nil, fmt.Errorf("encode subject: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	info := requestInfo{Subject: asn1.RawValue{FullBytes: subject}, PublicKey: asn1.RawValue{FullBytes: public}}
	if token != "" {
		attribute, err := challengeAttribute(token)
		if err != nil {
			return nil, fmt.Errorf("encode token: %w", err)
		}
		info.Attributes = append(info.Attributes, asn1.RawValue{FullBytes: attribute})
	}
	tbs, err := asn1.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("encode certificate request: %w", err)
	}
	der, err := signRequest(key, tbs)
	if err != nil {
		return nil, fmt.Errorf("sign certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: PEMCertificateRequest, Bytes: der}), nil
}

func challengeAttribute(token string) ([]byte, error) {
	text, err := asn1.MarshalWithParams(token, "utf8")
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(requestAttribute{oidChallengePassword, []asn1.RawValue{{FullBytes: text}}})
}

func signRequest(key crypto.Signer, tbs []byte) ([]byte, error) {
	var algorithm pkix.AlgorithmIdentifier
	switch key.Public().(type) {
	case *ecdsa.PublicKey:
		algorithm.Algorithm = oidECDSAWithSHA256
	case *rsa.PublicKey:
		algorithm.Algorithm = oidSHA256WithRSA
		algorithm.Parameters = asn1.NullRawValue
	default:
		return nil, fmt.Errorf("keys of type %T are not supported", key.Public())
	}
	digest := sha256.Sum256(tbs)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(signedRequest{
		asn1.RawValue{FullBytes: tbs}, algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

// ChallengePassword gives the enrolment token of a certificate request, or "" if it has none. More than one, or one
// that is no text, is an error.
func ChallengePassword(csr *x509.CertificateRequest) (string, error) {
	var info requestInfo
	rest, err := asn1.Unmarshal(csr.RawTBSCertificateRequest, &info)
	if err != nil {
		return "", fmt.Errorf("decode certificate request: %w", err)
	}
	if len(rest) > 0 {
		return "", errors.New("decode certificate request: trailing data")
	}
	token, found := "", false
	for _, raw := range info.Attributes {
		var id asn1.ObjectIdentifier
		var values asn1.RawValue
		if err := attributeOf(raw.FullBytes, &id, &values); err != nil {
			return "", fmt.Errorf("decode attribute: %w", err)
		}
		if !id.Equal(oidChallengePassword) {
			continue
		}
		if found {
			return "", errors.New("the request has more than one challengePassword")
		}
		found = true
		if token, err = textOf(values.Bytes); err != nil {
			return "", fmt.Errorf("decode challengePassword: %w", err)
		}
	}
	return token, nil
}

// attributeOf splits an attribute without looking into its values, whose types depend on its id.
func attributeOf(der []byte, id *asn1.ObjectIdentifier, values *asn1.RawValue) error {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return err
	}
	rest, err := asn1.Unmarshal(outer.Bytes, id)
	if err != nil {
		return err
	}
	_, err = asn1.Unmarshal(rest, values)
	return err
}

// textOf reads the one string of a set of values.
func textOf(set []byte) (string, error) {
	var value asn1.RawValue
	rest, err := asn1.Unmarshal(set, &value)
	if err != nil {
		return "", err
	}
	if len(rest) > 0 {
		return "", errors.New("it has more than one value")
	}
	switch value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String:
	default:
		return "", fmt.Errorf("it is no text (ASN.1 tag %d)", value.Tag)
	}
	if bytes.IndexByte(value.Bytes, 0) >= 0 {
		return "", errors.New("it contains a zero byte")
	}
	return string(value.Bytes), nil
}
