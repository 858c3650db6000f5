package store

import (
	"context"
	"fmt"
	"time"
)

// RetireNode ends an identity for good: its certificates are revoked, its exports withdrawn, its facts and
// catalogs deleted, the node archived with its reports, and a tombstone put up. It is part of the transaction that ends
// an instance, and can be repeated. A node that never enrolled gets its tombstone all the same.
func (tx *Tx) RetireNode(ctx context.Context, certname, reason string, now time.Time) error {
	// Revoked, but not cleaned: the list goes on showing what the identity was.
	_, err := tx.RevokeCertificates(ctx, certname, now)
	if err != nil {
		return fmt.Errorf("retire %s: revoke: %w", certname, err)
	}
	if err := tx.withdrawExported(ctx, certname); err != nil {
		return fmt.Errorf("retire %s: withdraw exports: %w", certname, err)
	}
	for _, statement := range []string{
		`DELETE FROM certificate_requests WHERE certname = ?`,
		`DELETE FROM facts WHERE certname = ?`,
		`DELETE FROM catalogs WHERE certname = ?`,
		`DELETE FROM served_catalogs WHERE certname = ?`,
	} {
		if _, err := tx.Exec(ctx, statement, certname); err != nil {
			return fmt.Errorf("retire %s: %w", certname, err)
		}
	}
	_, err = tx.Exec(ctx, `UPDATE nodes SET archived_at = ? WHERE certname = ? AND archived_at = 0`, micros(now), certname)
	if err != nil {
		return fmt.Errorf("retire %s: archive: %w", certname, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO tombstones (certname, retired_at, reason) VALUES (?, ?, ?)
		ON CONFLICT (certname) DO NOTHING`, certname, micros(now), reason)
	if err != nil {
		return fmt.Errorf("retire %s: tombstone: %w", certname, err)
	}
	return nil
}

// RetireNode is that of Tx in a transaction of its own.
func (s *Store) RetireNode(ctx context.Context, certname, reason string, now time.Time) error {
	return s.Transact(ctx, func(tx *Tx) error { return tx.RetireNode(ctx, certname, reason, now) })
}
