// Package pki is the certificate authority of a server: an own root, an intermediate that signs, certificates for nodes
// and for the server itself, revocation lists, and the check of revocation in our own TLS.
//
// Keys and the two authorities' certificates are files below one directory, mode 0600. Serials, issued certificates and
// revocations are in the Ledger, so that several servers can share them. Every step on disk can be repeated: a crash
// while the authority is being made loses nothing that anybody has seen.
package pki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Config says where an authority lives and what it makes.
type Config struct {
	// Dir holds keys and certificates of the authority and of the server.
	Dir string
	// KeyType is that of keys still to be made; existing keys are kept. Empty means ECDSA.
	KeyType KeyType
	// Profile is that of nodes' and the server's certificates.
	Profile Profile
	Ledger  Ledger
	// OnRevoked is called after newly revoked certificates came into force. It may be nil.
	OnRevoked func()
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
}

// Authority is an open certificate authority. It is safe for concurrent use.
type Authority struct {
	cfg           Config
	root, issuing caPair

	mu      sync.RWMutex
	revoked map[string]bool // serials in decimal
	bundle  crlBundle
}

// caPair is one of the two authorities. The root's key may be absent: it is needed only to make the intermediate and to
// renew the root's empty revocation list, and may be kept elsewhere.
type caPair struct {
	key  crypto.Signer
	cert *x509.Certificate
}

const caValidity = 15 * 365 * day

// Open makes a new authority, or resumes the one in the directory.
func Open(ctx context.Context, cfg Config) (*Authority, error) {
	if cfg.KeyType == "" {
		cfg.KeyType = ECDSA
	}
	if cfg.Profile == (Profile{}) {
		p, err := NewProfile(ProfileConfig{})
		if err != nil {
			return nil, err
		}
		cfg.Profile = p
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open certificate authority: %w", err)
	}
	a := &Authority{cfg: cfg}
	if err := a.openRoot(); err != nil {
		return nil, fmt.Errorf("open certificate authority: root: %w", err)
	}
	if err := a.openIssuing(); err != nil {
		return nil, fmt.Errorf("open certificate authority: intermediate: %w", err)
	}
	if err := a.Sync(ctx); err != nil {
		return nil, fmt.Errorf("open certificate authority: %w", err)
	}
	return a, nil
}

func (a *Authority) path(name string) string { return filepath.Join(a.cfg.Dir, name) }

func (a *Authority) openRoot() error {
	cert, err := loadCertificate(a.path("root.pem"))
	switch {
	case err == nil:
		a.root.cert = cert
		a.root.key, err = loadKey(a.path("root.key"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return errors.Join(err, matches(a.root))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if a.root.key, err = loadOrMakeKey(a.path("root.key"), a.cfg.KeyType, 4096); err != nil {
		return err
	}
	a.root.cert, err = a.makeCA("root.pem", "kickoff root", a.root.key, caPair{key: a.root.key}, 1)
	return err
}

func (a *Authority) openIssuing() error {
	cert, err := loadCertificate(a.path("intermediate.pem"))
	if err == nil {
		a.issuing.cert = cert
		if a.issuing.key, err = loadKey(a.path("intermediate.key")); err != nil {
			return err
		}
		if err := cert.CheckSignatureFrom(a.root.cert); err != nil {
			return fmt.Errorf("intermediate.pem is not signed by root.pem: %w", err)
		}
		return matches(a.issuing)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if a.root.key == nil {
		return errors.New("the root's key (root.key) is not here to sign a new intermediate")
	}
	if a.issuing.key, err = loadOrMakeKey(a.path("intermediate.key"), a.cfg.KeyType, 4096); err != nil {
		return err
	}
	a.issuing.cert, err = a.makeCA("intermediate.pem", "kickoff CA", a.issuing.key, a.root, 0)
	return err
}

// matches says whether key and certificate belong together.
func matches(p caPair) error {
	if p.key == nil {
		return nil
	}
	have, err := KeyID(p.key.Public())
	if err != nil {
		return err
	}
	want, err := KeyID(p.cert.PublicKey)
	if err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("key and certificate of %s do not belong together", p.cert.Subject)
	}
	return nil
}

// makeCA makes and stores the certificate of an authority. A parent without certificate is the authority itself. The
// name has a part of the key's digest, so that two installations never have authorities of the same name.
func (a *Authority) makeCA(file, name string, key crypto.Signer, parent caPair, pathLen int) (*x509.Certificate, error) {
	id, err := KeyID(key.Public())
	if err != nil {
		return nil, err
	}
	keyID, err := hex.DecodeString(id)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := a.cfg.Now().UTC()
	tpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name + " " + id[:12]},
		NotBefore: now.Add(-day), NotAfter: now.Add(caValidity),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
		MaxPathLen: pathLen, MaxPathLenZero: pathLen == 0, SubjectKeyId: keyID[:20],
	}
	if parent.cert == nil {
		parent.cert = tpl
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, parent.cert, key.Public(), parent.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if err := writeFile(a.path(file), encodeCertificate(cert), 0o644); err != nil {
		return nil, err
	}
	a.cfg.Log.Info("made certificate authority", "subject", cert.Subject.String(), "not_after", cert.NotAfter)
	return cert, nil
}

// Bundle is what agents must trust, in PEM: the intermediate and the root.
func (a *Authority) Bundle() []byte {
	return slices.Concat(encodeCertificate(a.issuing.cert), encodeCertificate(a.root.cert))
}

// Expirations says until when the authorities' certificates are good, by common name.
func (a *Authority) Expirations() map[string]time.Time {
	return map[string]time.Time{
		a.root.cert.Subject.CommonName:    a.root.cert.NotAfter,
		a.issuing.cert.Subject.CommonName: a.issuing.cert.NotAfter,
	}
}

// Maintain keeps revocations and lists current until ctx is done: at each trigger, and each interval for what another
// server revoked and for lists that age.
func (a *Authority) Maintain(ctx context.Context, interval time.Duration, trigger <-chan struct{}) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-trigger:
		}
		if err := a.Sync(ctx); err != nil && ctx.Err() == nil {
			a.cfg.Log.Error("revocations could not be read; those known stay in force", "err", err)
		}
	}
}

// subjectKeyID is what Puppet's authority uses too: SHA-1 is only a name here, so any digest will do.
func subjectKeyID(public any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return bytes.Clone(sum[:20]), nil
}
