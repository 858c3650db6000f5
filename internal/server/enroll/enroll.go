// Package enroll decides who may have a certificate, and sees to it that a decision is carried out once. The policy is
// a pure function (Decide); this file collects its evidence from the store, burns tokens before anything is signed, and
// records and logs every decision.
package enroll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kickoff/internal/server/pki"
)

// Record is a decision as it is kept.
type Record struct {
	Certname string
	At       time.Time
	Decision
	KeyID  string
	Remote string
	// Count is how often the same was decided in a row.
	Count int
}

// State is that of a name in the authority's list.
type State string

// The states, the first three in Puppet's words.
const (
	Requested State = "requested"
	Signed    State = "signed"
	Revoked   State = "revoked"
	// Refused is a name that has neither certificate nor request, because its requests were refused.
	Refused State = "refused"
)

// Entry is one line of the authority's list.
type Entry struct {
	Name        string
	State       State
	Kind        pki.Kind
	Fingerprint string
	Serial      string
	NotBefore   time.Time
	NotAfter    time.Time
	// PEM is the certificate or the request.
	PEM string
	// Decisions are the last ones about the name, newest first.
	Decisions []Record
}

// Store is what this package needs to remember. Each method is one transaction.
type Store interface {
	// Enrol collects the evidence about a request (completing what the caller filled in), calls decide, and in the same
	// transaction burns the token if the verdict is Sign, keeps the request if it is Hold, and records the decision.
	Enrol(ctx context.Context, csr *pki.CSR, e Evidence, remote string, decide func(Evidence) Decision) (Record, error)
	// RecordDecision keeps a decision that needed no evidence.
	RecordDecision(ctx context.Context, r Record) error
	// SignableRequest gives the request that waits under a name. ErrNoRequest if there is none.
	SignableRequest(ctx context.Context, certname string) (pem string, err error)
	// RevokeCertificates revokes all good certificates of a name and says how many.
	RevokeCertificates(ctx context.Context, certname string, now time.Time) (int, error)
	// CleanCertificates revokes, forgets certificates and requests of a name, and says how many.
	CleanCertificates(ctx context.Context, certname string, now time.Time) (int, error)
	// CertificateOf gives the newest certificate of a name that was not cleaned. ErrNoCertificate if there is none.
	CertificateOf(ctx context.Context, certname string) (pki.Record, error)
	// RequestOf gives the request of a name, signable or not. ErrNoRequest if there is none.
	RequestOf(ctx context.Context, certname string) (pem string, err error)
	// ListEntries lists names in order; only the one, if name is not empty.
	ListEntries(ctx context.Context, name string) ([]Entry, error)
}

// Errors that callers branch on.
var (
	ErrNoRequest     = errors.New("no certificate request")
	ErrNoCertificate = errors.New("no certificate")
)

// Issuer signs certificates.
type Issuer interface {
	Prepare(pki.Request) (*pki.Order, error)
	Issue(context.Context, *pki.Order) (*pki.Certificate, error)
}

// Config is what a Registrar works with.
type Config struct {
	Store  Store
	Issuer Issuer
	Now    func() time.Time
	Log    *slog.Logger
	// OnDecision is told each decision after it was recorded, and whether a certificate was issued. It may be nil, and
	// must return quickly.
	OnDecision func(r Record, issued bool)
}

// Registrar takes certificate requests. It is safe for concurrent use.
type Registrar struct {
	cfg Config
	// signing lets one request at a time decide and sign, so that two equal requests do not get two certificates.
	signing sync.Mutex
}

// New makes a Registrar.
func New(cfg Config) *Registrar { return &Registrar{cfg: cfg} }

// Submit decides about a request that came over the network for the name asked, and signs it if the decision says so.
// An error means that no decision could be made; a refusal is a decision.
func (g *Registrar) Submit(ctx context.Context, asked string, text []byte, remote string) (Record, error) {
	now := g.cfg.Now()
	if err := pki.ValidateCertname(asked); err != nil {
		return g.reject(ctx, Record{Certname: printable(asked), At: now, Remote: remote}, err)
	}
	csr, err := pki.ParseCSR(text)
	if err != nil {
		return g.reject(ctx, Record{Certname: asked, At: now, Remote: remote}, err)
	}
	e := Evidence{
		Now: now, Asked: asked, Certname: csr.Certname, KeyID: csr.KeyID, AltNames: csr.AltNames,
		Authorization: csr.Authorization, Unknown: csr.Unknown, HasToken: IsToken(csr.Token),
	}
	g.signing.Lock()
	defer g.signing.Unlock()
	r, err := g.cfg.Store.Enrol(ctx, csr, e, remote, Decide)
	if err != nil {
		return Record{}, fmt.Errorf("enrol %s: %w", asked, err)
	}
	issued := false
	if r.Verdict == Sign {
		if err := g.issue(ctx, csr); err != nil {
			return Record{}, fmt.Errorf("enrol %s: %w", asked, err)
		}
		issued = true
	}
	g.tell(r, issued)
	return r, nil
}

// reject records a request that is not in order.
func (g *Registrar) reject(ctx context.Context, r Record, cause error) (Record, error) {
	r.Decision = Decision{Refuse, ReasonMalformed, fmt.Sprintf("%s: %v", r.Certname, cause)}
	if errors.Is(cause, pki.ErrUpperCase) {
		r.Detail = "Certificate names must be lower case." // the words of Puppet's server (23-ca-api.txt #1859)
	}
	r.Count = 1
	if err := g.cfg.Store.RecordDecision(ctx, r); err != nil {
		return Record{}, fmt.Errorf("enrol %s: %w", r.Certname, err)
	}
	g.tell(r, false)
	return r, nil
}

func (g *Registrar) issue(ctx context.Context, csr *pki.CSR) error {
	order, err := g.cfg.Issuer.Prepare(pki.Request{
		Certname: csr.Certname, Kind: pki.KindNode, Public: csr.Public, Extensions: csr.Extensions,
	})
	if err != nil {
		return err
	}
	_, err = g.cfg.Issuer.Issue(ctx, order)
	return err
}

// tell logs a decision, loudly where somebody may be trying something.
func (g *Registrar) tell(r Record, issued bool) {
	level := slog.LevelInfo
	if r.Verdict == Refuse {
		level = slog.LevelWarn
	}
	if r.Count <= 1 || issued {
		g.cfg.Log.Log(context.Background(), level, "enrolment", "certname", r.Certname, "verdict", r.Verdict,
			"reason", r.Reason, "detail", r.Detail, "key_id", short(r.KeyID), "remote", r.Remote)
	}
	if g.cfg.OnDecision != nil {
		g.cfg.OnDecision(r, issued)
	}
}

// SignByHand signs the request that waits under a name: an operator's decision, which stands in for the token.
func (g *Registrar) SignByHand(ctx context.Context, certname, operator string) error {
	g.signing.Lock()
	defer g.signing.Unlock()
	text, err := g.cfg.Store.SignableRequest(ctx, certname)
	if err != nil {
		return fmt.Errorf("sign %s: %w", certname, err)
	}
	csr, err := pki.ParseCSR([]byte(text))
	if err != nil {
		return fmt.Errorf("sign %s: %w", certname, err)
	}
	r := Record{
		Certname: certname, At: g.cfg.Now(), KeyID: csr.KeyID, Remote: operator, Count: 1,
		Decision: Decision{Sign, ReasonSignedByHand, certname + " was signed by " + operator},
	}
	if err := g.issue(ctx, csr); err != nil {
		return fmt.Errorf("sign %s: %w", certname, err)
	}
	if err := g.cfg.Store.RecordDecision(ctx, r); err != nil {
		return fmt.Errorf("sign %s: %w", certname, err)
	}
	g.tell(r, true)
	return nil
}

// Revoke revokes the certificates of a name. ErrNoCertificate if there is none that is good.
func (g *Registrar) Revoke(ctx context.Context, certname string) error {
	n, err := g.cfg.Store.RevokeCertificates(ctx, certname, g.cfg.Now())
	if err != nil {
		return fmt.Errorf("revoke %s: %w", certname, err)
	}
	if n == 0 {
		return fmt.Errorf("revoke %s: %w", certname, ErrNoCertificate)
	}
	g.cfg.Log.Info("revoked certificate", "certname", certname)
	return nil
}

// Clean revokes and forgets certificates and requests of a name. ErrNoCertificate if there was nothing.
func (g *Registrar) Clean(ctx context.Context, certname string) error {
	n, err := g.cfg.Store.CleanCertificates(ctx, certname, g.cfg.Now())
	if err != nil {
		return fmt.Errorf("clean %s: %w", certname, err)
	}
	if n == 0 {
		return fmt.Errorf("clean %s: %w", certname, ErrNoCertificate)
	}
	g.cfg.Log.Info("cleaned certificate", "certname", certname)
	return nil
}

// List gives the authority's list; only the entry of a name, if name is not empty.
func (g *Registrar) List(ctx context.Context, name string) ([]Entry, error) {
	return g.cfg.Store.ListEntries(ctx, name)
}

// Certificate gives the certificate of a name in PEM. ErrNoCertificate if there is none.
func (g *Registrar) Certificate(ctx context.Context, certname string) (string, error) {
	r, err := g.cfg.Store.CertificateOf(ctx, certname)
	return r.PEM, err
}

// Request gives the request of a name in PEM. ErrNoRequest if there is none.
func (g *Registrar) Request(ctx context.Context, certname string) (string, error) {
	return g.cfg.Store.RequestOf(ctx, certname)
}

func short(id string) string { return id[:min(len(id), 16)] }

// printable makes a name that was refused fit for a log line and a table.
func printable(s string) string {
	return fmt.Sprintf("%.80q", s)
}
