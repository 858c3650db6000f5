package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/api"
)

// PutAPIToken stores a token under the hash of its secret.
func (s *Store) PutAPIToken(ctx context.Context, t api.Token, hash string) error {
	return s.Transact(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO api_tokens (id, hash, name, scope, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			t.ID, hash, t.Name, string(t.Scope), micros(t.Created), micros(t.Expires))
		if err != nil {
			return fmt.Errorf("store API token: %w", err)
		}
		return nil
	})
}

const apiTokenColumns = `id, name, scope, created_at, expires_at`

func scanAPIToken(row interface{ Scan(...any) error }) (api.Token, error) {
	var t api.Token
	var created, expires int64
	err := row.Scan(&t.ID, &t.Name, &t.Scope, &created, &expires)
	t.Created, t.Expires = fromMicros(created), fromMicros(expires)
	return t, err
}

// APITokenByHash finds the token with a hash that is good at a time. api.ErrNoToken if there is none.
func (s *Store) APITokenByHash(ctx context.Context, hash string, now time.Time) (t api.Token, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		t, err = scanAPIToken(tx.QueryRow(ctx, `SELECT `+apiTokenColumns+` FROM api_tokens WHERE hash = ? AND expires_at > ?`, hash, micros(now)))
		if errors.Is(err, sql.ErrNoRows) {
			return api.ErrNoToken
		}
		return err
	})
	return t, err
}

// APITokens lists all tokens, also expired ones.
func (s *Store) APITokens(ctx context.Context) (list []api.Token, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+apiTokenColumns+` FROM api_tokens ORDER BY created_at, id`)
		list, err = collect(rows, err, func(r *sql.Rows) (api.Token, error) { return scanAPIToken(r) })
		return err
	})
	return list, err
}

// DeleteAPIToken ends a token. api.ErrNoToken if there is none of that id.
func (s *Store) DeleteAPIToken(ctx context.Context, id string) error {
	return s.Transact(ctx, func(tx *Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM api_tokens WHERE id = ?`, id)
		if err == nil && n == 0 {
			return api.ErrNoToken
		}
		return err
	})
}
