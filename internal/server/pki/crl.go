package pki

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"time"
)

// crlValidity is as long as Puppet's: agents that never refresh their list must not stop working.
const crlValidity = 5 * 365 * day

// crlBundle is what agents fetch: the lists of both authorities. Puppet's agents check the whole chain and need both.
type crlBundle struct {
	pem      []byte
	number   int64 // of revocations, from the ledger
	modified time.Time
	expires  time.Time
}

// Sync reads the revocations from the ledger, and makes new lists when these changed or age.
func (a *Authority) Sync(ctx context.Context) error {
	list, number, err := a.cfg.Ledger.Revocations(ctx)
	if err != nil {
		return fmt.Errorf("read revocations: %w", err)
	}
	revoked := make(map[string]bool, len(list))
	for _, r := range list {
		revoked[r.Serial] = true
	}
	now := a.cfg.Now().UTC().Truncate(time.Second)
	a.mu.Lock()
	a.revoked = revoked
	current := a.bundle
	a.mu.Unlock()
	if current.pem != nil && current.number == number && now.Before(current.expires.Add(-crlValidity/2)) {
		return nil
	}
	next, err := a.makeBundle(list, number, now)
	if err != nil {
		return fmt.Errorf("make revocation list: %w", err)
	}
	a.mu.Lock()
	if number >= a.bundle.number {
		a.bundle = next
	}
	a.mu.Unlock()
	if current.pem != nil && a.cfg.OnRevoked != nil {
		a.cfg.OnRevoked()
	}
	return nil
}

func (a *Authority) makeBundle(list []Revocation, number int64, now time.Time) (crlBundle, error) {
	root, err := a.rootCRL(now)
	if err != nil {
		return crlBundle{}, fmt.Errorf("of the root: %w", err)
	}
	entries := make([]x509.RevocationListEntry, 0, len(list))
	modified := time.Time{}
	for _, r := range list {
		serial, ok := new(big.Int).SetString(r.Serial, 10)
		if !ok {
			return crlBundle{}, fmt.Errorf("serial %q in the ledger is no number", r.Serial)
		}
		if r.At.After(modified) {
			modified = r.At
		}
		if r.NotAfter.Before(now) { // an expired certificate needs no entry
			continue
		}
		entries = append(entries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: r.At.UTC()})
	}
	if modified.IsZero() {
		modified = a.issuing.cert.NotBefore.Add(day)
	}
	own, err := makeCRL(a.issuing, number, entries, now)
	if err != nil {
		return crlBundle{}, err
	}
	return crlBundle{
		pem: slices.Concat(own, root), number: number, modified: modified.UTC(), expires: now.Add(crlValidity),
	}, nil
}

// rootCRL gives the root's list, which is empty: nothing but the intermediate is signed by it. It is a file, so that the
// root's key can be taken away.
func (a *Authority) rootCRL(now time.Time) ([]byte, error) {
	text, err := os.ReadFile(a.path("root.crl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if good := stillGood(text, a.root.cert, now); good || a.root.key == nil {
			return text, nil
		}
	}
	if a.root.key == nil {
		return nil, errors.New("the root's key (root.key) is not here to sign one")
	}
	if text, err = makeCRL(a.root, now.Unix(), nil, now); err != nil {
		return nil, err
	}
	return text, writeFile(a.path("root.crl"), text, 0o644)
}

func stillGood(text []byte, issuer *x509.Certificate, now time.Time) bool {
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	return err == nil && list.CheckSignatureFrom(issuer) == nil && now.Before(list.NextUpdate.Add(-crlValidity/2))
}

func makeCRL(ca caPair, number int64, entries []x509.RevocationListEntry, now time.Time) ([]byte, error) {
	tpl := &x509.RevocationList{
		Number: big.NewInt(number), ThisUpdate: now.Add(-day), NextUpdate: now.Add(crlValidity),
		RevokedCertificateEntries: entries,
	}
	der, err := x509.CreateRevocationList(rand.Reader, tpl, ca.cert, ca.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemCRL, Bytes: der}), nil
}

// CRL gives the revocation lists of both authorities in PEM, and when they last changed.
func (a *Authority) CRL() (text []byte, modified time.Time) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.bundle.pem, a.bundle.modified
}

// Revoked says whether a serial is known as revoked.
func (a *Authority) Revoked(serial *big.Int) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.revoked[serial.String()]
}
