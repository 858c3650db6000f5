package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// migrationFiles are named NNNN_what.sql. They are applied once each, in the order of their numbers, each in its own
// transaction together with the record that it was applied. There is no way back, and an applied file must never change.
//
// Numbers 0001-0099 belong to certificates, nodes and reports, 0100-0199 to instances and the fleet.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	number int
	name   string
	sql    string
	digest string
}

func loadMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql")
		digits, _, ok := strings.Cut(name, "_")
		number, err := strconv.Atoi(digits)
		if !ok || err != nil || number < 1 {
			return nil, fmt.Errorf("migration %s: the name must be NNNN_what.sql", path)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{number, name, string(text), hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(all, func(a, b migration) int { return cmp.Compare(a.number, b.number) })
	for i := 1; i < len(all); i++ {
		if all[i].number == all[i-1].number {
			return nil, fmt.Errorf("migrations %s and %s have the same number", all[i-1].name, all[i].name)
		}
	}
	return all, nil
}

// migrate brings the schema up to date. A database that a newer release has migrated further is refused.
func (s *Store) migrate(ctx context.Context, now time.Time) error {
	all, err := loadMigrations(migrationFiles)
	if err != nil {
		return err
	}
	return s.apply(ctx, all, now)
}

func (s *Store) apply(ctx context.Context, all []migration, now time.Time) error {
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations (
		number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, applied_at BIGINT NOT NULL)`
	applied := map[int]string{}
	err := s.Transact(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, table); err != nil {
			return err
		}
		return tx.appliedMigrations(ctx, applied)
	})
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	known := map[int]bool{}
	for _, m := range all {
		known[m.number] = true
		digest, done := applied[m.number]
		if done && digest != m.digest {
			return fmt.Errorf("migration %s was changed after it was applied to this database", m.name)
		}
		if done {
			continue
		}
		if err := s.applyOne(ctx, m, now); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	for n := range applied {
		if !known[n] {
			return fmt.Errorf("the database has migration %d, which this release does not know: it is newer than this program", n)
		}
	}
	return nil
}

func (s *Store) applyOne(ctx context.Context, m migration, now time.Time) error {
	return s.Transact(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, m.sql); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO schema_migrations (number, name, digest, applied_at) VALUES (?, ?, ?, ?)`,
			m.number, m.name, m.digest, micros(now))
		return err
	})
}

func (tx *Tx) appliedMigrations(ctx context.Context, into map[int]string) error {
	clear(into)
	rows, err := tx.Query(ctx, `SELECT number, digest FROM schema_migrations`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		var digest string
		if err := rows.Scan(&n, &digest); err != nil {
			return err
		}
		into[n] = digest
	}
	return rows.Err()
}
