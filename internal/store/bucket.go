package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// PutBucketFile stores the content of a file under its SHA-256 in lower-case hexadecimal. The caller has checked that
// the two belong together.
func (s *Store) PutBucketFile(ctx context.Context, digest string, content []byte, now time.Time) error {
	err := s.Transact(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO bucket_files (digest, stored_at, content) VALUES (?, ?, ?)
			ON CONFLICT (digest) DO NOTHING`, digest, micros(now), content)
		return err
	})
	if err != nil {
		return fmt.Errorf("store backup %s: %w", digest, err)
	}
	return nil
}

// BucketFile gives what is stored under a digest; ErrNotFound if nothing is.
func (s *Store) BucketFile(ctx context.Context, digest string) (content []byte, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT content FROM bucket_files WHERE digest = ?`, digest).Scan(&content)
	})
	return content, notFound(err)
}

// HasBucketFile says whether something is stored under a digest.
func (s *Store) HasBucketFile(ctx context.Context, digest string) (bool, error) {
	var one int
	err := s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT 1 FROM bucket_files WHERE digest = ?`, digest).Scan(&one)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
