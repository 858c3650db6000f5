package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"kickoff/internal/server/node"
)

// replaceExported makes the exported resources of a node exactly these.
func (tx *Tx) replaceExported(ctx context.Context, certname, environment string, list []node.Exported, now time.Time) error {
	if err := tx.withdrawExported(ctx, certname); err != nil {
		return err
	}
	for _, e := range list {
		_, err := tx.Exec(ctx, `INSERT INTO exported_resources (environment, type, title, certname, at, json) VALUES (?, ?, ?, ?, ?, ?)`,
			environment, e.Type, e.Title, certname, micros(now), string(e.JSON))
		if err != nil {
			return fmt.Errorf("export %s[%s]: %w", e.Type, e.Title, err)
		}
	}
	return nil
}

func (tx *Tx) withdrawExported(ctx context.Context, certname string) error {
	_, err := tx.Exec(ctx, `DELETE FROM exported_resources WHERE certname = ?`, certname)
	return err
}

// ExportedResources lists what nodes of an environment export of a type, except what the asking node exports itself, in
// the order of titles and names.
func (s *Store) ExportedResources(ctx context.Context, environment, typ, except string) (list []node.Exported, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT environment, type, title, certname, json FROM exported_resources
			WHERE environment = ? AND type = ? AND certname <> ? ORDER BY title, certname`, environment, typ, except)
		list, err = collect(rows, err, func(rows *sql.Rows) (node.Exported, error) {
			var e node.Exported
			return e, rows.Scan(&e.Environment, &e.Type, &e.Title, &e.Certname, &e.JSON)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read exported resources: %w", err)
	}
	return list, nil
}

// CountExported says how many resources a node exports.
func (s *Store) CountExported(ctx context.Context, certname string) (n int, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM exported_resources WHERE certname = ?`, certname).Scan(&n)
	})
	return n, err
}
