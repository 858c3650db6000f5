// Package store keeps what the server must not forget, in SQL. One file per aggregate; times are passed in by the
// caller; every statement is written with ? placeholders and in the SQL that SQLite and PostgreSQL share.
//
// All methods that read or write rows are methods of Tx, so that a caller can combine them in one transaction; Store
// has the same for single statements, as thin wrappers.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"kickoff/internal/server/node"
)

// ErrNotFound is returned when the one row that was asked for does not exist.
var ErrNotFound = node.ErrNotFound

// Store is an open database. It is safe for concurrent use.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer
	read  *sql.DB

	mu        sync.Mutex
	onRevoked func()
}

// Tx is a transaction. It is not safe for concurrent use and must not be kept after the function that got it returned.
type Tx struct {
	sql     *sql.Tx
	revoked bool // a certificate was revoked: tell the certificate authority after the commit
}

// Open opens the database of a data source name, creating and migrating it as necessary. A name is the path of a SQLite
// file, or sqlite:PATH. Other databases are refused.
func Open(ctx context.Context, dsn string) (*Store, error) {
	path := strings.TrimPrefix(dsn, "sqlite:")
	if strings.Contains(path, "://") {
		scheme, _, _ := strings.Cut(path, "://")
		return nil, fmt.Errorf("open store: databases of kind %q are not supported, only SQLite files", scheme)
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, "immediate"))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", sqliteDSN(path, "deferred"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(2)
	s := &Store{write: write, read: read}
	if err := s.migrate(ctx, time.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// createPrivate makes the database file with mode 0600 before SQLite would make it readable for everybody. SQLite gives
// its companion files (-wal, -shm) the mode of the database.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func sqliteDSN(path, txlock string) string {
	q := url.Values{}
	q.Set("_txlock", txlock)
	for _, p := range []string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"cache_size(-2000)", "temp_store(MEMORY)",
	} {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// Close waits for running statements and closes the database.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// OnRevoked sets the function that is called after each committed transaction in which a certificate was revoked. It
// must return quickly.
func (s *Store) OnRevoked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRevoked = f
}

// Transact runs f in a transaction that may write, and commits it when f returns nil. A transaction that the database
// refused because of another one is run again, so f must have no effect besides the transaction's. Do not call another
// method of Store inside f: there is one writer.
func (s *Store) Transact(ctx context.Context, f func(*Tx) error) error {
	const attempts = 5
	for i := 1; ; i++ {
		err := s.transactOnce(ctx, s.write, f)
		if err == nil || i == attempts || !retryable(err) {
			return err
		}
		pause := time.Duration(i*20+rand.IntN(30)) * time.Millisecond
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// View runs f in a transaction that only reads and sees one state of the database.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	return s.transactOnce(ctx, s.read, f)
}

func (s *Store) transactOnce(ctx context.Context, db *sql.DB, f func(*Tx) error) error {
	raw, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// Also on a panic of f; after a commit this does nothing.
	defer func() { _ = raw.Rollback() }()
	tx := &Tx{sql: raw}
	if err := f(tx); err != nil {
		return err
	}
	if err := raw.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	if tx.revoked {
		s.mu.Lock()
		notify := s.onRevoked
		s.mu.Unlock()
		if notify != nil {
			notify()
		}
	}
	return nil
}

// retryable says whether the same transaction may succeed when it is tried again.
func retryable(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}

// Exec runs a statement that returns no rows and says how many it touched.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := tx.sql.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Query runs a statement that returns rows. The caller closes them.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.sql.QueryContext(ctx, query, args...)
}

// QueryRow runs a statement that returns at most one row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.sql.QueryRowContext(ctx, query, args...)
}

// collect reads all rows of a query through scan.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// notFound turns the database's word for "no row" into ErrNotFound and leaves other errors alone.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// micros is how a time is stored: microseconds since 1970 in UTC, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros is the inverse of micros, in UTC.
func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
