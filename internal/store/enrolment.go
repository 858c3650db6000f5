package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"kickoff/internal/server/enroll"
	"kickoff/internal/server/pki"
)

var _ enroll.Store = (*Store)(nil)

// Bounds of what is kept about decisions.
const (
	decisionsPerName = 20
	decisionsInAll   = 20000
)

// PutToken stores the hash of the one-time token of a launch. Doing it again changes nothing but the expiry of a token
// that was not used.
func (tx *Tx) PutToken(ctx context.Context, launchID, tokenHash string, now, expires time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO enrolment_tokens (token_hash, launch_id, created_at, expires_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (launch_id) DO UPDATE SET expires_at = excluded.expires_at WHERE enrolment_tokens.burnt_at = 0`,
		tokenHash, launchID, micros(now), micros(expires))
	if err != nil {
		return fmt.Errorf("store token of launch %s: %w", launchID, err)
	}
	return nil
}

// BindToken says which instance the cloud gave for a launch. A token is bound once; binding it to another instance is
// an error.
func (tx *Tx) BindToken(ctx context.Context, launchID, instanceID string) error {
	n, err := tx.Exec(ctx, `UPDATE enrolment_tokens SET instance_id = ?
		WHERE launch_id = ? AND instance_id IN ('', ?)`, instanceID, launchID, instanceID)
	if err != nil {
		return fmt.Errorf("bind token of launch %s: %w", launchID, err)
	}
	if n == 0 {
		return fmt.Errorf("bind token of launch %s to %s: there is no such token, or it belongs to another instance", launchID, instanceID)
	}
	return nil
}

// RetiredAt says when an identity ended; zero if it did not.
func (tx *Tx) RetiredAt(ctx context.Context, certname string) (time.Time, error) {
	var at int64
	err := tx.QueryRow(ctx, `SELECT retired_at FROM tombstones WHERE certname = ?`, certname).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return fromMicros(at), err
}

// Enrol implements enroll.Store: evidence, decision and its consequence in one transaction.
func (s *Store) Enrol(ctx context.Context, csr *pki.CSR, e enroll.Evidence, remote string, decide func(enroll.Evidence) enroll.Decision) (enroll.Record, error) {
	var r enroll.Record
	err := s.Transact(ctx, func(tx *Tx) error {
		full, err := tx.evidence(ctx, csr, e)
		if err != nil {
			return fmt.Errorf("collect evidence: %w", err)
		}
		r = enroll.Record{
			Certname: e.Asked, At: e.Now, Decision: decide(full), KeyID: e.KeyID, Remote: remote,
		}
		if err := tx.carryOut(ctx, csr, full, r); err != nil {
			return fmt.Errorf("carry out %s: %w", r.Verdict, err)
		}
		r.Count, err = tx.recordDecision(ctx, r)
		return err
	})
	return r, err
}

func (tx *Tx) evidence(ctx context.Context, csr *pki.CSR, e enroll.Evidence) (enroll.Evidence, error) {
	var err error
	if e.RetiredAt, err = tx.RetiredAt(ctx, e.Certname); err != nil {
		return e, err
	}
	if e.CertificateKey, err = tx.certificateKey(ctx, e.Certname); err != nil {
		return e, err
	}
	err = tx.QueryRow(ctx, `SELECT key_id FROM certificate_requests WHERE certname = ?`, e.Certname).Scan(&e.RequestKey)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) > 0 FROM enrolment_tokens WHERE instance_id = ?`, e.Certname).Scan(&e.Instance)
	if err != nil || csr.Token == "" {
		return e, err
	}
	e.Token, err = tx.token(ctx, enroll.HashToken(csr.Token))
	return e, err
}

// token gives what is known of a token, nil if nothing.
func (tx *Tx) token(ctx context.Context, hash string) (*enroll.Token, error) {
	var t enroll.Token
	var expires, burnt int64
	err := tx.QueryRow(ctx, `SELECT launch_id, instance_id, expires_at, burnt_at, burnt_key
		FROM enrolment_tokens WHERE token_hash = ?`, hash).Scan(&t.LaunchID, &t.InstanceID, &expires, &burnt, &t.BurntKey)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	t.ExpiresAt, t.BurntAt = fromMicros(expires), fromMicros(burnt)
	return &t, err
}

// carryOut writes what a verdict means, before anything is signed.
func (tx *Tx) carryOut(ctx context.Context, csr *pki.CSR, e enroll.Evidence, r enroll.Record) error {
	keep := func(signable bool, reason string) error {
		_, err := tx.Exec(ctx, `INSERT INTO certificate_requests
			(certname, pem, key_id, fingerprint, requested_at, remote, signable, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (certname) DO NOTHING`,
			csr.Certname, string(csr.PEM), csr.KeyID, csr.Fingerprint, micros(e.Now), r.Remote, signable, reason)
		return err
	}
	switch {
	case r.Verdict == enroll.Sign && e.Token != nil && e.Token.BurntAt.IsZero():
		n, err := tx.Exec(ctx, `UPDATE enrolment_tokens SET burnt_at = ?, burnt_key = ? WHERE token_hash = ? AND burnt_at = 0`,
			micros(e.Now), csr.KeyID, enroll.HashToken(csr.Token))
		if err == nil && n != 1 {
			err = errors.New("the token was burnt in the meantime")
		}
		return err
	case r.Verdict == enroll.Hold && e.RequestKey == "":
		return keep(true, "")
	case r.Reason == enroll.ReasonAltNames && !e.HasToken && e.RequestKey == "" && !e.Instance:
		// Puppet's server lists such a request although it refuses it (wire.md, surprise 7).
		return keep(false, r.Detail)
	}
	return nil
}

// RecordDecision implements enroll.Store.
func (s *Store) RecordDecision(ctx context.Context, r enroll.Record) error {
	return s.Transact(ctx, func(tx *Tx) error {
		_, err := tx.recordDecision(ctx, r)
		return err
	})
}

// recordDecision adds a decision, or counts it when it is the same as the last one about that name. It returns how often
// it was made in a row.
func (tx *Tx) recordDecision(ctx context.Context, r enroll.Record) (int, error) {
	var id, count int
	var verdict, reason, key string
	err := tx.QueryRow(ctx, `SELECT id, verdict, reason, key_id, count FROM enrolment_decisions
		WHERE certname = ? ORDER BY id DESC LIMIT 1`, r.Certname).Scan(&id, &verdict, &reason, &key, &count)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	if err == nil && verdict == string(r.Verdict) && reason == string(r.Reason) && key == r.KeyID {
		_, err := tx.Exec(ctx, `UPDATE enrolment_decisions SET at = ?, detail = ?, remote = ?, count = count + 1 WHERE id = ?`,
			micros(r.At), r.Detail, r.Remote, id)
		return count + 1, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO enrolment_decisions (certname, at, verdict, reason, detail, key_id, remote)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.Certname, micros(r.At), string(r.Verdict), string(r.Reason), r.Detail, r.KeyID, r.Remote)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM enrolment_decisions WHERE certname = ? AND id NOT IN
		(SELECT id FROM enrolment_decisions WHERE certname = ? ORDER BY id DESC LIMIT ?)`,
		r.Certname, r.Certname, decisionsPerName)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM enrolment_decisions WHERE id <=
		(SELECT max(id) FROM enrolment_decisions) - ?`, decisionsInAll)
	return 1, err
}

// Decisions lists the last decisions about a name, or about all names if it is empty, newest first.
func (tx *Tx) Decisions(ctx context.Context, certname string, limit int) ([]enroll.Record, error) {
	rows, err := tx.Query(ctx, `SELECT certname, at, verdict, reason, detail, key_id, remote, count
		FROM enrolment_decisions WHERE certname = ? OR ? = '' ORDER BY id DESC LIMIT ?`, certname, certname, limit)
	return collect(rows, err, func(rows *sql.Rows) (enroll.Record, error) {
		var r enroll.Record
		var at int64
		var verdict, reason string
		err := rows.Scan(&r.Certname, &at, &verdict, &reason, &r.Detail, &r.KeyID, &r.Remote, &r.Count)
		r.At, r.Verdict, r.Reason = fromMicros(at), enroll.Verdict(verdict), enroll.Reason(reason)
		return r, err
	})
}

// SignableRequest implements enroll.Store.
func (s *Store) SignableRequest(ctx context.Context, certname string) (string, error) {
	var text, reason string
	var signable bool
	err := s.View(ctx, func(tx *Tx) error {
		retired, err := tx.RetiredAt(ctx, certname)
		if err != nil {
			return err
		}
		if !retired.IsZero() {
			return fmt.Errorf("%s was retired at %s; its identity is not used again", certname, retired.Format(time.RFC3339))
		}
		return tx.QueryRow(ctx, `SELECT pem, signable, reason FROM certificate_requests WHERE certname = ?`, certname).
			Scan(&text, &signable, &reason)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", enroll.ErrNoRequest
	case err != nil:
		return "", err
	case !signable:
		return "", errors.New(reason)
	}
	return text, nil
}

// RequestOf implements enroll.Store.
func (s *Store) RequestOf(ctx context.Context, certname string) (text string, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT pem FROM certificate_requests WHERE certname = ?`, certname).Scan(&text)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", enroll.ErrNoRequest
	}
	return text, err
}

// ListEntries implements enroll.Store.
func (s *Store) ListEntries(ctx context.Context, name string) (entries []enroll.Entry, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		entries, err = tx.listEntries(ctx, name)
		return err
	})
	return entries, err
}

func (tx *Tx) listEntries(ctx context.Context, name string) ([]enroll.Entry, error) {
	rows, err := tx.Query(ctx, `SELECT certname, fingerprint, pem FROM certificate_requests
		WHERE certname = ? OR ? = '' ORDER BY certname`, name, name)
	entries, err := collect(rows, err, func(rows *sql.Rows) (enroll.Entry, error) {
		e := enroll.Entry{State: enroll.Requested, Kind: pki.KindNode}
		return e, rows.Scan(&e.Name, &e.Fingerprint, &e.PEM)
	})
	if err != nil {
		return nil, fmt.Errorf("list certificate requests: %w", err)
	}
	// A renewed certificate hides its predecessors.
	rows, err = tx.Query(ctx, `SELECT `+certificateColumns+` FROM certificates AS c
		WHERE (certname = ? OR ? = '') AND cleaned_at = 0 AND NOT EXISTS (SELECT 1 FROM certificates AS n
			WHERE n.certname = c.certname AND n.cleaned_at = 0 AND (n.issued_at > c.issued_at
			OR (n.issued_at = c.issued_at AND length(n.serial) >= length(c.serial) AND n.serial > c.serial)))
		ORDER BY certname`, name, name)
	certs, err := collect(rows, err, func(rows *sql.Rows) (pki.Record, error) { return scanCertificate(rows) })
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	for _, c := range certs {
		e := enroll.Entry{
			Name: c.Certname, State: enroll.Signed, Kind: c.Kind, Fingerprint: c.Fingerprint, Serial: c.Serial,
			NotBefore: c.NotBefore, NotAfter: c.NotAfter, PEM: c.PEM,
		}
		if !c.RevokedAt.IsZero() {
			e.State = enroll.Revoked
		}
		entries = append(entries, e)
	}
	refused, err := tx.refusedNames(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list refused names: %w", err)
	}
	for _, n := range refused {
		if !slices.ContainsFunc(entries, func(e enroll.Entry) bool { return e.Name == n }) {
			entries = append(entries, enroll.Entry{Name: n, State: enroll.Refused, Kind: pki.KindNode})
		}
	}
	for i := range entries {
		if entries[i].Decisions, err = tx.Decisions(ctx, entries[i].Name, 5); err != nil {
			return nil, fmt.Errorf("list decisions: %w", err)
		}
	}
	return entries, nil
}

// maxRefused bounds how many refused names a list shows.
const maxRefused = 200

// refusedNames lists names whose last request was refused, the latest first.
func (tx *Tx) refusedNames(ctx context.Context, name string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT certname FROM enrolment_decisions AS d
		WHERE verdict = ? AND (certname = ? OR ? = '') AND NOT EXISTS
			(SELECT 1 FROM enrolment_decisions AS n WHERE n.certname = d.certname AND n.id > d.id)
		ORDER BY id DESC LIMIT ?`, string(enroll.Refuse), name, name, maxRefused)
	return collect(rows, err, func(rows *sql.Rows) (n string, err error) { return n, rows.Scan(&n) })
}
