package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"time"

	"kickoff/internal/server/enroll"
	"kickoff/internal/server/pki"
)

var _ pki.Ledger = (*Store)(nil)

const (
	counterSerial     = "certificate serial"
	counterRevocation = "revocation"
)

// IssueCertificate implements pki.Ledger. A node's certificate takes the place of the request that waited for it.
func (s *Store) IssueCertificate(ctx context.Context, sign func(*big.Int) (pki.Record, error)) error {
	return s.Transact(ctx, func(tx *Tx) error {
		n, err := tx.nextCounter(ctx, counterSerial)
		if err != nil {
			return err
		}
		r, err := sign(big.NewInt(n))
		if err != nil {
			return err
		}
		if r.Kind == pki.KindNode {
			if err := tx.mayIssue(ctx, r); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO certificates
			(serial, certname, kind, pem, fingerprint, key_id, not_before, not_after, issued_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.Serial, r.Certname, string(r.Kind), r.PEM, r.Fingerprint, r.KeyID,
			micros(r.NotBefore), micros(r.NotAfter), micros(r.IssuedAt))
		if err != nil {
			return fmt.Errorf("record certificate: %w", err)
		}
		if r.Kind != pki.KindNode {
			return nil
		}
		_, err = tx.Exec(ctx, `DELETE FROM certificate_requests WHERE certname = ?`, r.Certname)
		return err
	})
}

// mayIssue is the last line of defence, in the transaction of the certificate itself: whatever was decided before, a
// retired name gets none, and a name has good certificates for one key only.
func (tx *Tx) mayIssue(ctx context.Context, r pki.Record) error {
	retired, err := tx.RetiredAt(ctx, r.Certname)
	if err != nil {
		return err
	}
	if !retired.IsZero() {
		return fmt.Errorf("%s was retired at %s", r.Certname, retired.Format(time.RFC3339))
	}
	key, err := tx.certificateKey(ctx, r.Certname)
	if err != nil {
		return err
	}
	if key != "" && key != r.KeyID {
		return fmt.Errorf("%s: %w", r.Certname, pki.ErrKeyMismatch)
	}
	return nil
}

// certificateKey gives the key of the good certificate of a name, "" if there is none.
func (tx *Tx) certificateKey(ctx context.Context, certname string) (string, error) {
	var key string
	err := tx.QueryRow(ctx, `SELECT key_id FROM certificates
		WHERE certname = ? AND revoked_at = 0 AND cleaned_at = 0 ORDER BY issued_at DESC LIMIT 1`, certname).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return key, err
}

// Revocations implements pki.Ledger.
func (s *Store) Revocations(ctx context.Context) (list []pki.Revocation, number int64, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		err := tx.QueryRow(ctx, `SELECT value FROM counters WHERE name = ?`, counterRevocation).Scan(&number)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT serial, revoked_at, not_after FROM certificates
			WHERE revoked_at <> 0 ORDER BY revoked_at, serial`)
		list, err = collect(rows, err, func(rows *sql.Rows) (pki.Revocation, error) {
			var r pki.Revocation
			var at, end int64
			err := rows.Scan(&r.Serial, &at, &end)
			r.At, r.NotAfter = fromMicros(at), fromMicros(end)
			return r, err
		})
		return err
	})
	return list, number, err
}

// RevokeCertificates revokes all good certificates of a node and says how many there were. Those of servers are never
// revoked by name.
func (tx *Tx) RevokeCertificates(ctx context.Context, certname string, now time.Time) (int, error) {
	n, err := tx.Exec(ctx, `UPDATE certificates SET revoked_at = ?
		WHERE certname = ? AND kind = ? AND revoked_at = 0`, micros(now), certname, string(pki.KindNode))
	if err != nil || n == 0 {
		return 0, err
	}
	tx.revoked = true
	_, err = tx.nextCounter(ctx, counterRevocation)
	return int(n), err
}

// RevokeCertificates is that of Tx in a transaction of its own.
func (s *Store) RevokeCertificates(ctx context.Context, certname string, now time.Time) (n int, err error) {
	err = s.Transact(ctx, func(tx *Tx) error {
		n, err = tx.RevokeCertificates(ctx, certname, now)
		return err
	})
	return n, err
}

// CleanCertificates revokes and forgets certificates and requests of a node, and says how many there were.
func (tx *Tx) CleanCertificates(ctx context.Context, certname string, now time.Time) (int, error) {
	if _, err := tx.RevokeCertificates(ctx, certname, now); err != nil {
		return 0, err
	}
	n, err := tx.Exec(ctx, `UPDATE certificates SET cleaned_at = ?
		WHERE certname = ? AND kind = ? AND cleaned_at = 0`, micros(now), certname, string(pki.KindNode))
	if err != nil {
		return 0, err
	}
	m, err := tx.Exec(ctx, `DELETE FROM certificate_requests WHERE certname = ?`, certname)
	return int(n + m), err
}

// CleanCertificates is that of Tx in a transaction of its own.
func (s *Store) CleanCertificates(ctx context.Context, certname string, now time.Time) (n int, err error) {
	err = s.Transact(ctx, func(tx *Tx) error {
		n, err = tx.CleanCertificates(ctx, certname, now)
		return err
	})
	return n, err
}

const certificateColumns = `serial, certname, kind, pem, fingerprint, key_id, not_before, not_after, issued_at, revoked_at`

func scanCertificate(row interface{ Scan(...any) error }) (pki.Record, error) {
	var r pki.Record
	var kind string
	var before, after, issued, revoked int64
	err := row.Scan(&r.Serial, &r.Certname, &kind, &r.PEM, &r.Fingerprint, &r.KeyID, &before, &after, &issued, &revoked)
	r.Kind, r.NotBefore, r.NotAfter = pki.Kind(kind), fromMicros(before), fromMicros(after)
	r.IssuedAt, r.RevokedAt = fromMicros(issued), fromMicros(revoked)
	return r, err
}

// CertificateOf gives the newest certificate of a name that was not cleaned.
func (s *Store) CertificateOf(ctx context.Context, certname string) (r pki.Record, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		r, err = scanCertificate(tx.QueryRow(ctx, `SELECT `+certificateColumns+` FROM certificates
			WHERE certname = ? AND cleaned_at = 0 ORDER BY issued_at DESC, length(serial) DESC, serial DESC LIMIT 1`, certname))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return pki.Record{}, enroll.ErrNoCertificate
	}
	return r, err
}
