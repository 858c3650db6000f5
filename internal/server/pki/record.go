package pki

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"time"
)

// Kind says what a certificate was issued for.
type Kind string

// The kinds of certificates.
const (
	KindNode   Kind = "node"
	KindServer Kind = "server"
)

// Record is what the ledger knows about an issued certificate.
type Record struct {
	// Serial is decimal.
	Serial   string
	Certname string
	Kind     Kind
	PEM      string
	// Fingerprint is the SHA-256 of the certificate, KeyID that of its public key, both in lower-case hexadecimal.
	Fingerprint string
	KeyID       string
	NotBefore   time.Time
	NotAfter    time.Time
	IssuedAt    time.Time
	// RevokedAt is zero while the certificate is good.
	RevokedAt time.Time
}

// Revocation is one entry of a revocation list.
type Revocation struct {
	Serial   string
	At       time.Time
	NotAfter time.Time
}

// ErrKeyMismatch says that a certificate was to be issued for a name that has a good certificate for another key.
var ErrKeyMismatch = errors.New("the name has a certificate for another key")

// Ledger remembers what the authority has issued and revoked. Implementations are safe for concurrent use.
type Ledger interface {
	// IssueCertificate allocates the next serial, calls sign with it and stores what sign returns, all or nothing. A
	// serial is never given out twice, also after a crash.
	IssueCertificate(ctx context.Context, sign func(serial *big.Int) (Record, error)) error
	// Revocations lists the revoked certificates, with a number that grows whenever the list does.
	Revocations(ctx context.Context) (list []Revocation, number int64, err error)
}

// KeyID names a public key: the lower-case hexadecimal SHA-256 of its SubjectPublicKeyInfo.
func KeyID(public any) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", err
	}
	return digest(der), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
