package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// open gives an empty store that lives as long as the test.
func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "data", "kickoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOpenTwiceKeepsDataAndMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kickoff.db")
	for range 2 {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want 0600", info.Mode().Perm())
	}
}

func TestOpenRefusesOtherDatabases(t *testing.T) {
	_, err := Open(t.Context(), "postgres://localhost/kickoff")
	if err == nil || !strings.Contains(err.Error(), `"postgres"`) {
		t.Fatalf("got %v, want an error that names the kind", err)
	}
}

func TestTransactRollsBack(t *testing.T) {
	s := open(t)
	boom := errors.New("boom")
	err := s.Transact(t.Context(), func(tx *Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO counters (name, value) VALUES (?, ?)`, "x", 1); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v, want boom", err)
	}
	var n int
	err = s.View(t.Context(), func(tx *Tx) error {
		return tx.QueryRow(t.Context(), `SELECT count(*) FROM counters WHERE name = ?`, "x").Scan(&n)
	})
	if err != nil || n != 0 {
		t.Fatalf("n = %d, err = %v, want nothing left", n, err)
	}
}

func TestTransactConcurrently(t *testing.T) {
	s := open(t)
	other, err := Open(t.Context(), s.path(t))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	add := func(s *Store) error {
		return s.Transact(context.Background(), func(tx *Tx) error {
			_, err := tx.nextCounter(context.Background(), "n")
			return err
		})
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			st := s
			if i%2 == 1 {
				st = other
			}
			if err := add(st); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var n int64
	err = s.View(t.Context(), func(tx *Tx) error {
		return tx.QueryRow(t.Context(), `SELECT value FROM counters WHERE name = ?`, "n").Scan(&n)
	})
	if err != nil || n != 20 {
		t.Fatalf("n = %d, err = %v, want 20", n, err)
	}
}

// path asks SQLite where the database is.
func (s *Store) path(t *testing.T) string {
	t.Helper()
	var seq int
	var name, file string
	if err := s.read.QueryRowContext(t.Context(), `PRAGMA database_list`).Scan(&seq, &name, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMigrationsAreForwardOnly(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	all, err := loadMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	changed := append([]migration(nil), all...)
	changed[0].digest = "different"
	if err := s.apply(ctx, changed, time.Now()); err == nil || !strings.Contains(err.Error(), "was changed after") {
		t.Errorf("changed migration: got %v", err)
	}
	if err := s.apply(ctx, all[:len(all)-1], time.Now()); err == nil || !strings.Contains(err.Error(), "newer than this program") {
		t.Errorf("older program: got %v", err)
	}
	broken := append(append([]migration(nil), all...), migration{9999, "9999_broken", "CREATE TABLE half (a); NONSENSE", "d"})
	if err := s.apply(ctx, broken, time.Now()); err == nil || !strings.Contains(err.Error(), "9999_broken") {
		t.Errorf("broken migration: got %v", err)
	}
	if err := s.apply(ctx, all, time.Now()); err != nil {
		t.Errorf("after a failed migration: %v", err)
	}
}

func TestMigrationNames(t *testing.T) {
	for _, names := range [][]string{{"migrations/first.sql"}, {"migrations/0001_a.sql", "migrations/1_b.sql"}} {
		files := fstest.MapFS{}
		for _, n := range names {
			files[n] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		if _, err := loadMigrations(files); err == nil {
			t.Errorf("%v: no error", names)
		}
	}
}
