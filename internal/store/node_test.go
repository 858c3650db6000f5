package store

import (
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/catalog"
	"kickoff/internal/fact"
	"kickoff/internal/server/enroll"
	"kickoff/internal/server/node"
	"kickoff/internal/server/pki"
	"kickoff/internal/value"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func issueFor(t *testing.T, s *Store, name, key string, at time.Time) (pki.Record, error) {
	t.Helper()
	var out pki.Record
	err := s.IssueCertificate(t.Context(), func(serial *big.Int) (pki.Record, error) {
		out = pki.Record{
			Serial: serial.String(), Certname: name, Kind: pki.KindNode, PEM: "pem " + serial.String(), Fingerprint: "f", KeyID: key,
			NotBefore: at, NotAfter: at.Add(time.Hour), IssuedAt: at,
		}
		return out, nil
	})
	return out, err
}

func TestSerialsAreSequentialAndNeverReused(t *testing.T) {
	s := open(t)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := issueFor(t, s, "i-1", "k", noon); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	boom := errors.New("boom")
	if err := s.IssueCertificate(t.Context(), func(*big.Int) (pki.Record, error) { return pki.Record{}, boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	c, err := issueFor(t, s, "i-1", "k", noon.Add(time.Second))
	if err != nil || c.Serial != "11" { // what was never signed may be used again
		t.Errorf("serial %s, %v", c.Serial, err)
	}
	got, err := s.CertificateOf(t.Context(), "i-1")
	if err != nil || got.Serial != "11" {
		t.Errorf("newest %+v, %v", got, err)
	}
}

func TestIssueRefusesInItsOwnTransaction(t *testing.T) {
	s := open(t)
	if _, err := issueFor(t, s, "i-1", "k1", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := issueFor(t, s, "i-1", "k2", noon); !errors.Is(err, pki.ErrKeyMismatch) {
		t.Errorf("another key: %v", err)
	}
	if err := s.RetireNode(t.Context(), "i-2", "never enrolled", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := issueFor(t, s, "i-2", "k", noon); err == nil || !strings.Contains(err.Error(), "i-2 was retired") {
		t.Errorf("retired: %v", err)
	}
}

func TestRevocationIsToldAfterCommit(t *testing.T) {
	s := open(t)
	told := 0
	s.OnRevoked(func() { told++ })
	c, err := issueFor(t, s, "i-1", "k", noon)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Transact(t.Context(), func(tx *Tx) error {
		if _, err := tx.RevokeCertificates(t.Context(), "i-1", noon); err != nil {
			return err
		}
		return errors.New("no after all")
	})
	if err == nil || told != 0 {
		t.Errorf("told %d times of what was rolled back", told)
	}
	for range 2 {
		if _, err := s.RevokeCertificates(t.Context(), "i-1", noon); err != nil {
			t.Fatal(err)
		}
	}
	list, number, err := s.Revocations(t.Context())
	want := []pki.Revocation{{Serial: c.Serial, At: noon, NotAfter: noon.Add(time.Hour)}}
	if diff := cmp.Diff(want, list); diff != "" || err != nil || number != 1 || told != 1 {
		t.Errorf("number %d, told %d, %v\n%s", number, told, err, diff)
	}
}

func TestRetireNode(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	if _, err := issueFor(t, s, "i-1", "k", noon); err != nil {
		t.Fatal(err)
	}
	f := &fact.Facts{Name: "i-1", Values: value.HashOf("os", "Debian")}
	if err := s.PutFacts(ctx, f, "production", noon); err != nil {
		t.Fatal(err)
	}
	secret := &catalog.Resource{Ref: catalog.Ref{Type: "File", Title: "/x"}, Params: []catalog.Param{{Name: "content", Value: value.NewSensitive(value.String("hunter2"))}}}
	c := &catalog.Catalog{Name: "i-1", Environment: "production", UUID: "u1", CodeID: "code1", Resources: []*catalog.Resource{secret}}
	exported := []node.Exported{{Environment: "production", Type: "Host", Title: "i-1", Certname: "i-1", JSON: []byte("{}")}}
	if err := s.PutCatalog(ctx, c, "t1", exported, noon); err != nil {
		t.Fatal(err)
	}
	text, err := s.CatalogJSON(ctx, "i-1")
	if err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("stored catalog %s, %v", text, err)
	}
	rep, err := s.PutReport(ctx, node.Report{Certname: "i-1", Environment: "production", ReceivedAt: noon, Status: "failed", CatalogUUID: "u1", JSON: []byte("{}")})
	if err != nil || rep.CodeID != "code1" {
		t.Fatalf("%+v, %v", rep, err)
	}
	others := func() int {
		t.Helper()
		list, err := s.ExportedResources(ctx, "production", "Host", "i-2")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if others() != 1 {
		t.Error("the export is not seen")
	}
	for range 2 { // it can be repeated
		if err := s.RetireNode(ctx, "i-1", "terminated", noon.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Facts(ctx, "i-1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("facts: %v", err)
	}
	if _, err := s.CatalogJSON(ctx, "i-1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("catalog: %v", err)
	}
	n, err := s.Node(ctx, "i-1")
	if err != nil || n.ArchivedAt.IsZero() || others() != 0 {
		t.Errorf("%+v, %v, %d exports", n, err, others())
	}
	if list, err := s.Reports(ctx, "i-1", 10); err != nil || len(list) != 1 {
		t.Errorf("reports %v, %v", list, err)
	}
	if all, err := s.Nodes(ctx); err != nil || len(all) != 0 {
		t.Errorf("nodes %v, %v", all, err)
	}
	entries, err := s.ListEntries(ctx, "i-1")
	if err != nil || len(entries) != 1 || entries[0].State != enroll.Revoked {
		t.Errorf("%+v, %v", entries, err)
	}
	// What arrives late does not bring it back.
	if err := s.PutFacts(ctx, f, "production", noon); err == nil {
		t.Error("late facts were stored")
	}
	if err := s.PutCatalog(ctx, c, "t2", exported, noon); err == nil || others() != 0 {
		t.Error("a late catalog was stored")
	}
}

func TestReportFindsItsCodeByTransaction(t *testing.T) {
	s := open(t)
	for i, code := range []string{"old", "new"} {
		c := &catalog.Catalog{Name: "i-1", Environment: "production", UUID: "u-" + code, CodeID: code}
		if err := s.PutCatalog(t.Context(), c, "t-"+code, nil, noon.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for want, r := range map[string]node.Report{
		"old": {CatalogUUID: "u-old"}, "new": {TransactionUUID: "t-new"}, "": {CatalogUUID: "unknown", TransactionUUID: "t-new"}, "own": {CodeID: "own"},
	} {
		r.Certname, r.ReceivedAt, r.Status = "i-1", noon, "changed"
		got, err := s.PutReport(t.Context(), r)
		if err != nil || got.CodeID != want {
			t.Errorf("%+v: code %q, %v", r, got.CodeID, err)
		}
	}
}

func TestTokensAreBoundOnce(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	put := func(f func(tx *Tx) error) error { return s.Transact(ctx, f) }
	if err := put(func(tx *Tx) error { return tx.PutToken(ctx, "l-1", "hash", noon, noon.Add(time.Hour)) }); err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{"i-1": true} {
		for range 2 {
			if err := put(func(tx *Tx) error { return tx.BindToken(ctx, "l-1", name) }); (err == nil) != ok {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := put(func(tx *Tx) error { return tx.BindToken(ctx, "l-1", "i-2") }); err == nil {
		t.Error("bound to a second instance")
	}
	if err := put(func(tx *Tx) error { return tx.BindToken(ctx, "l-9", "i-1") }); err == nil {
		t.Error("bound a token that does not exist")
	}
}

func TestDecisionsAreCountedAndBounded(t *testing.T) {
	s := open(t)
	r := enroll.Record{Certname: "i-1", At: noon, Decision: enroll.Decision{Verdict: enroll.Refuse, Reason: enroll.ReasonExpired}}
	for range 5 {
		if err := s.RecordDecision(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 * decisionsPerName {
		r.KeyID = strings.Repeat("k", i+1)
		if err := s.RecordDecision(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	err := s.View(t.Context(), func(tx *Tx) error {
		list, err := tx.Decisions(t.Context(), "i-1", 1000)
		if len(list) != decisionsPerName {
			t.Errorf("%d decisions are kept", len(list))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Certname, r.KeyID = "i-2", ""
	for range 5 {
		if err := s.RecordDecision(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := s.ListEntries(t.Context(), "i-2")
	if err != nil || len(entries) != 1 || entries[0].State != enroll.Refused || entries[0].Decisions[0].Count != 5 {
		t.Errorf("%+v, %v", entries, err)
	}
}
