package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"kickoff/internal/catalog"
	"kickoff/internal/fact"
	"kickoff/internal/server/node"
	"kickoff/internal/value"
)

const nodeColumns = `certname, environment, first_seen, last_seen, archived_at, catalog_at, catalog_uuid, code_id,
	report_at, report_id, report_status, report_code_id`

func scanNode(row interface{ Scan(...any) error }) (node.Record, error) {
	var n node.Record
	var first, last, archived, cat, rep int64
	err := row.Scan(&n.Certname, &n.Environment, &first, &last, &archived, &cat, &n.CatalogUUID, &n.CodeID,
		&rep, &n.ReportID, &n.ReportStatus, &n.ReportCodeID)
	n.FirstSeen, n.LastSeen, n.ArchivedAt = fromMicros(first), fromMicros(last), fromMicros(archived)
	n.CatalogAt, n.ReportAt = fromMicros(cat), fromMicros(rep)
	return n, err
}

// Node gives a node; ErrNotFound if it was never seen.
func (tx *Tx) Node(ctx context.Context, certname string) (node.Record, error) {
	n, err := scanNode(tx.QueryRow(ctx, `SELECT `+nodeColumns+` FROM nodes WHERE certname = ?`, certname))
	return n, notFound(err)
}

// Node is that of Tx in a transaction of its own.
func (s *Store) Node(ctx context.Context, certname string) (n node.Record, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		n, err = tx.Node(ctx, certname)
		return err
	})
	return n, err
}

// Nodes lists the nodes that were not retired, by name.
func (s *Store) Nodes(ctx context.Context) (list []node.Record, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+nodeColumns+` FROM nodes WHERE archived_at = 0 ORDER BY certname`)
		list, err = collect(rows, err, func(rows *sql.Rows) (node.Record, error) { return scanNode(rows) })
		return err
	})
	return list, err
}

// touchNode makes sure that the node exists and notes that it was seen. A retired node is refused: what arrives late
// must not bring it back.
func (tx *Tx) touchNode(ctx context.Context, certname, environment string, now time.Time) error {
	retired, err := tx.RetiredAt(ctx, certname)
	if err != nil {
		return err
	}
	if !retired.IsZero() {
		return fmt.Errorf("%s was retired at %s", certname, retired.Format(time.RFC3339))
	}
	_, err = tx.Exec(ctx, `INSERT INTO nodes (certname, environment, first_seen, last_seen) VALUES (?, ?, ?, ?)
		ON CONFLICT (certname) DO UPDATE SET environment = excluded.environment, last_seen = excluded.last_seen`,
		certname, environment, micros(now), micros(now))
	return err
}

// PutFacts replaces the facts of a node.
func (s *Store) PutFacts(ctx context.Context, f *fact.Facts, environment string, now time.Time) error {
	text := value.AppendJSON(nil, f.Values)
	err := s.Transact(ctx, func(tx *Tx) error {
		if err := tx.touchNode(ctx, f.Name, environment, now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO facts (certname, environment, at, json) VALUES (?, ?, ?, ?)
			ON CONFLICT (certname) DO UPDATE SET environment = excluded.environment, at = excluded.at, json = excluded.json`,
			f.Name, environment, micros(now), string(text))
		return err
	})
	if err != nil {
		return fmt.Errorf("store facts of %s: %w", f.Name, err)
	}
	return nil
}

// Facts gives the last facts of a node; ErrNotFound if there are none.
func (s *Store) Facts(ctx context.Context, certname string) (*fact.Facts, error) {
	var text string
	var at int64
	err := s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT json, at FROM facts WHERE certname = ?`, certname).Scan(&text, &at)
	})
	if err != nil {
		return nil, notFound(err)
	}
	v, err := value.ParseJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("read facts of %s: %w", certname, err)
	}
	values, ok := v.(*value.Hash)
	if !ok {
		return nil, fmt.Errorf("read facts of %s: they are no hash", certname)
	}
	return &fact.Facts{Name: certname, Values: values, Timestamp: fromMicros(at)}, nil
}

// servedCatalogs is how many catalogs of a node are remembered by their ids.
const servedCatalogs = 50

// PutCatalog stores the catalog that is being served to a node, with every Sensitive redacted, and replaces the node's
// exported resources by those of this catalog.
func (s *Store) PutCatalog(ctx context.Context, c *catalog.Catalog, transactionUUID string, exported []node.Exported, now time.Time) error {
	text, err := json.Marshal(c.Redact())
	if err != nil {
		return fmt.Errorf("store catalog of %s: %w", c.Name, err)
	}
	err = s.Transact(ctx, func(tx *Tx) error {
		if err := tx.touchNode(ctx, c.Name, c.Environment, now); err != nil {
			return err
		}
		if err := tx.putCatalog(ctx, c, string(text), transactionUUID, now); err != nil {
			return err
		}
		return tx.replaceExported(ctx, c.Name, c.Environment, exported, now)
	})
	if err != nil {
		return fmt.Errorf("store catalog of %s: %w", c.Name, err)
	}
	return nil
}

func (tx *Tx) putCatalog(ctx context.Context, c *catalog.Catalog, text, transactionUUID string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO catalogs (certname, environment, at, catalog_uuid, code_id, json) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (certname) DO UPDATE SET environment = excluded.environment, at = excluded.at,
			catalog_uuid = excluded.catalog_uuid, code_id = excluded.code_id, json = excluded.json`,
		c.Name, c.Environment, micros(now), c.UUID, c.CodeID, text)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE nodes SET catalog_at = ?, catalog_uuid = ?, code_id = ? WHERE certname = ?`,
		micros(now), c.UUID, c.CodeID, c.Name)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO served_catalogs (catalog_uuid, certname, transaction_uuid, code_id, at)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT (catalog_uuid) DO NOTHING`, c.UUID, c.Name, transactionUUID, c.CodeID, micros(now))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM served_catalogs WHERE certname = ? AND catalog_uuid NOT IN
		(SELECT catalog_uuid FROM served_catalogs WHERE certname = ? ORDER BY at DESC LIMIT ?)`, c.Name, c.Name, servedCatalogs)
	return err
}

// CatalogJSON gives the last catalog of a node as stored; ErrNotFound if there is none.
func (s *Store) CatalogJSON(ctx context.Context, certname string) (text []byte, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT json FROM catalogs WHERE certname = ?`, certname).Scan(&text)
	})
	return text, notFound(err)
}

// reportsPerNode is how many reports of a node are kept.
const reportsPerNode = 100

// PutReport stores a report and notes it as the node's last one. The code id of a report that does not say it is that of
// the catalog, or of the transaction, that the report names. It returns the report as completed.
func (s *Store) PutReport(ctx context.Context, r node.Report) (node.Report, error) {
	packed, err := pack(r.JSON)
	if err != nil {
		return r, fmt.Errorf("store report of %s: %w", r.Certname, err)
	}
	err = s.Transact(ctx, func(tx *Tx) error {
		if err := tx.touchNode(ctx, r.Certname, r.Environment, r.ReceivedAt); err != nil {
			return err
		}
		if r.CodeID == "" {
			if r.CodeID, err = tx.codeOf(ctx, r); err != nil {
				return err
			}
		}
		return tx.putReport(ctx, &r, packed)
	})
	if err != nil {
		return r, fmt.Errorf("store report of %s: %w", r.Certname, err)
	}
	return r, nil
}

func (tx *Tx) codeOf(ctx context.Context, r node.Report) (code string, err error) {
	err = tx.QueryRow(ctx, `SELECT code_id FROM served_catalogs WHERE certname = ? AND
		((? <> '' AND catalog_uuid = ?) OR (? = '' AND transaction_uuid = ?)) ORDER BY at DESC LIMIT 1`,
		r.Certname, r.CatalogUUID, r.CatalogUUID, r.CatalogUUID, r.TransactionUUID).Scan(&code)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return code, err
}

func (tx *Tx) putReport(ctx context.Context, r *node.Report, packed []byte) error {
	err := tx.QueryRow(ctx, `INSERT INTO reports (certname, environment, received_at, started_at, status, noop,
		transaction_uuid, catalog_uuid, code_id, config_version, problem, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		r.Certname, r.Environment, micros(r.ReceivedAt), micros(r.StartedAt), r.Status, r.Noop,
		r.TransactionUUID, r.CatalogUUID, r.CodeID, r.ConfigVersion, r.Problem, packed).Scan(&r.ID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE nodes SET report_at = ?, report_id = ?, report_status = ?, report_code_id = ? WHERE certname = ?`,
		micros(r.ReceivedAt), r.ID, r.Status, r.CodeID, r.Certname)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM reports WHERE certname = ? AND id NOT IN
		(SELECT id FROM reports WHERE certname = ? ORDER BY id DESC LIMIT ?)`, r.Certname, r.Certname, reportsPerNode)
	return err
}

const reportColumns = `id, certname, environment, received_at, started_at, status, noop, transaction_uuid, catalog_uuid,
	code_id, config_version, problem`

func reportFields(r *node.Report, received, started *int64) []any {
	return []any{
		&r.ID, &r.Certname, &r.Environment, received, started, &r.Status, &r.Noop, &r.TransactionUUID, &r.CatalogUUID,
		&r.CodeID, &r.ConfigVersion, &r.Problem,
	}
}

// Reports lists the last reports of a node without their text, newest first.
func (s *Store) Reports(ctx context.Context, certname string, limit int) (list []node.Report, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+reportColumns+` FROM reports WHERE certname = ? ORDER BY id DESC LIMIT ?`, certname, limit)
		list, err = collect(rows, err, func(rows *sql.Rows) (node.Report, error) {
			var r node.Report
			var received, started int64
			err := rows.Scan(reportFields(&r, &received, &started)...)
			r.ReceivedAt, r.StartedAt = fromMicros(received), fromMicros(started)
			return r, err
		})
		return err
	})
	return list, err
}

// Report gives a report with its text; ErrNotFound if it does not exist.
func (s *Store) Report(ctx context.Context, id int64) (node.Report, error) {
	var r node.Report
	var received, started int64
	var packed []byte
	err := s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT `+reportColumns+`, json FROM reports WHERE id = ?`, id).
			Scan(append(reportFields(&r, &received, &started), &packed)...)
	})
	if err != nil {
		return r, notFound(err)
	}
	r.ReceivedAt, r.StartedAt = fromMicros(received), fromMicros(started)
	r.JSON, err = unpack(packed)
	return r, err
}

func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	return text, errors.Join(err, r.Close())
}
