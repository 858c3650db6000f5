package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"kickoff/internal/fleet/instance"
)

// FleetCommit remembers a change of the fleet in one transaction and returns its events with their numbers.
func (s *Store) FleetCommit(ctx context.Context, c instance.Change) (events []instance.Event, err error) {
	err = s.Transact(ctx, func(tx *Tx) error {
		events, err = tx.FleetCommit(ctx, c)
		return err
	})
	return events, err
}

// FleetCommit is that of Store as a part of a transaction.
func (tx *Tx) FleetCommit(ctx context.Context, c instance.Change) ([]instance.Event, error) {
	for _, i := range c.Instances {
		if err := tx.putInstance(ctx, i, c.At); err != nil {
			return nil, fmt.Errorf("store instance %s: %w", i.Name(), err)
		}
	}
	for _, g := range c.Groups {
		if err := tx.putGroup(ctx, g); err != nil {
			return nil, fmt.Errorf("store group %s: %w", g.Group, err)
		}
	}
	if t := c.IssueToken; t != nil {
		if err := tx.PutToken(ctx, t.LaunchID, t.Hash, c.At, t.Expires); err != nil {
			return nil, err
		}
	}
	for _, b := range c.Bind {
		if err := tx.BindToken(ctx, b.LaunchID, b.ID); err != nil {
			return nil, err
		}
	}
	for _, r := range c.Retire {
		if err := tx.retireInstance(ctx, r, c.At); err != nil {
			return nil, err
		}
	}
	if err := tx.putDecisions(ctx, c.Decisions); err != nil {
		return nil, fmt.Errorf("store decisions: %w", err)
	}
	return tx.putFleetEvents(ctx, c.Events)
}

// retireInstance ends an identity. A launch that never became an instance leaves only its token.
func (tx *Tx) retireInstance(ctx context.Context, r instance.Retirement, now time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM enrolment_tokens WHERE launch_id = ? AND burnt_at = 0`, r.LaunchID); err != nil {
		return fmt.Errorf("void token of %s: %w", r.LaunchID, err)
	}
	if r.ID == "" {
		return nil
	}
	return tx.RetireNode(ctx, r.ID, r.Reason, now)
}

func (tx *Tx) putInstance(ctx context.Context, i *instance.Instance, now time.Time) error {
	bare := *i
	bare.Intent.UserData = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO fleet_instances
		(launch_id, instance_id, group_name, stage, requested_at, changed_at, json, user_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (launch_id) DO UPDATE SET instance_id = excluded.instance_id, stage = excluded.stage,
			changed_at = excluded.changed_at, json = excluded.json`,
		i.LaunchID, i.ID, i.Intent.Group, string(i.Stage), micros(i.Times[instance.Requested]), micros(now), string(text), i.Intent.UserData)
	return err
}

func scanInstance(rows *sql.Rows) (*instance.Instance, error) {
	var text, userData string
	if err := rows.Scan(&text, &userData); err != nil {
		return nil, err
	}
	i := new(instance.Instance)
	if err := json.Unmarshal([]byte(text), i); err != nil {
		return nil, err
	}
	i.Intent.UserData = userData
	return i, nil
}

// FleetInstances lists the instances that are not gone, in the order of their requests; with gone, also those that are,
// without user-data.
func (s *Store) FleetInstances(ctx context.Context, gone bool) (list []*instance.Instance, err error) {
	query := `SELECT json, user_data FROM fleet_instances WHERE stage <> 'gone' ORDER BY requested_at, launch_id`
	if gone {
		query = `SELECT json, '' FROM fleet_instances ORDER BY requested_at, launch_id`
	}
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, query)
		list, err = collect(rows, err, scanInstance)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read instances: %w", err)
	}
	return list, nil
}

// FleetInstance gives the instance of a certname, also when it is gone. ErrNotFound if there is none.
func (s *Store) FleetInstance(ctx context.Context, id string) (*instance.Instance, error) {
	var list []*instance.Instance
	err := s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT json, user_data FROM fleet_instances WHERE instance_id = ?`, id)
		list, err = collect(rows, err, scanInstance)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read instance %s: %w", id, err)
	}
	if id == "" || len(list) == 0 {
		return nil, fmt.Errorf("instance %s: %w", id, ErrNotFound)
	}
	return list[0], nil
}

// FleetLaunchesSince counts the launches of a group that were requested since a time.
func (s *Store) FleetLaunchesSince(ctx context.Context, group string, since time.Time) (n int, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM fleet_instances WHERE group_name = ? AND requested_at >= ?`,
			group, micros(since)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count launches of %s: %w", group, err)
	}
	return n, nil
}

// FleetNodes says what the server knows of the agents of instances that are not gone.
func (s *Store) FleetNodes(ctx context.Context) (list []instance.Node, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT i.instance_id,
			COALESCE((SELECT max(c.issued_at) FROM certificates c
				WHERE c.certname = i.instance_id AND c.revoked_at = 0 AND c.cleaned_at = 0), 0),
			COALESCE((SELECT n.catalog_at FROM nodes n WHERE n.certname = i.instance_id), 0),
			COALESCE(r.id, 0), COALESCE(r.received_at, 0), COALESCE(r.status, ''), COALESCE(r.code_id, ''),
			COALESCE(r.problem, '')
			FROM fleet_instances i
			LEFT JOIN reports r ON r.id = (SELECT max(x.id) FROM reports x WHERE x.certname = i.instance_id AND x.noop = 0)
			WHERE i.stage <> 'gone' AND i.instance_id <> ''`)
		list, err = collect(rows, err, scanFleetNode)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read nodes of the fleet: %w", err)
	}
	return list, nil
}

func scanFleetNode(rows *sql.Rows) (instance.Node, error) {
	var n instance.Node
	var issued, catalog, report, at int64
	if err := rows.Scan(&n.Certname, &issued, &catalog, &report, &at, &n.Run.Status, &n.Run.CodeID, &n.Run.Detail); err != nil {
		return n, err
	}
	n.CertificateAt, n.CatalogAt = fromMicros(issued), fromMicros(catalog)
	if report != 0 {
		n.Run.ID, n.Run.At = fmt.Sprint(report), fromMicros(at)
	}
	return n, nil
}
