package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"kickoff/internal/fleet/instance"
)

func (tx *Tx) putGroup(ctx context.Context, g instance.GroupState) error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO fleet_groups (name, json) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET json = excluded.json`, g.Group, string(text))
	return err
}

// FleetGroups lists what is remembered of groups.
func (s *Store) FleetGroups(ctx context.Context) (list []instance.GroupState, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT json FROM fleet_groups ORDER BY name`)
		list, err = collect(rows, err, scanJSON[instance.GroupState])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	return list, nil
}

func scanJSON[T any](rows *sql.Rows) (T, error) {
	var v T
	var text string
	if err := rows.Scan(&text); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(text), &v)
}

func (tx *Tx) putFleetEvents(ctx context.Context, events []instance.Event) ([]instance.Event, error) {
	out := slices.Clone(events)
	for i := range out {
		seq, err := tx.nextCounter(ctx, "fleet_events")
		if err != nil {
			return nil, err
		}
		out[i].Seq = seq
		text, err := json.Marshal(out[i])
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, `INSERT INTO fleet_events (seq, at, group_name, instance, json) VALUES (?, ?, ?, ?, ?)`,
			seq, micros(out[i].At), out[i].Group, out[i].Instance, string(text))
		if err != nil {
			return nil, fmt.Errorf("store event: %w", err)
		}
		if seq%1000 == 0 {
			if _, err := tx.Exec(ctx, `DELETE FROM fleet_events WHERE seq <= ?`, seq-keptEvents); err != nil {
				return nil, fmt.Errorf("forget old events: %w", err)
			}
		}
	}
	return out, nil
}

// keptEvents is how many of the newest events are kept, give or take a thousand.
const keptEvents = 50000

// FleetEvents gives up to limit events after a sequence number, oldest first; with a negative number the newest ones.
func (s *Store) FleetEvents(ctx context.Context, after int64, limit int) (list []instance.Event, err error) {
	query, args := `SELECT json FROM fleet_events WHERE seq > ? ORDER BY seq LIMIT ?`, []any{after, limit}
	if after < 0 {
		query, args = `SELECT json FROM fleet_events ORDER BY seq DESC LIMIT ?`, []any{limit}
	}
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, query, args...)
		list, err = collect(rows, err, scanJSON[instance.Event])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	if after < 0 {
		slices.Reverse(list)
	}
	return list, nil
}

func (tx *Tx) putDecisions(ctx context.Context, records []instance.DecisionRecord) error {
	for _, r := range records {
		_, err := tx.Exec(ctx, `INSERT INTO fleet_decisions (at, group_name, json) VALUES (?, ?, ?)`, micros(r.At), r.Group, string(r.Record))
		if err != nil {
			return err
		}
	}
	return nil
}

// FleetDecisions gives the newest decisions about a group, newest first.
func (s *Store) FleetDecisions(ctx context.Context, group string, limit int) (list []instance.DecisionRecord, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT at, json FROM fleet_decisions WHERE group_name = ? ORDER BY id DESC LIMIT ?`, group, limit)
		list, err = collect(rows, err, func(rows *sql.Rows) (instance.DecisionRecord, error) {
			var at int64
			r := instance.DecisionRecord{Group: group}
			err := rows.Scan(&at, &r.Record)
			r.At = fromMicros(at)
			return r, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	return list, nil
}
