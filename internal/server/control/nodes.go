package control

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"kickoff/internal/api"
	"kickoff/internal/diag"
	"kickoff/internal/server/enc"
	"kickoff/internal/server/enroll"
)

// Registrar is the certificate authority as far as operators may use it.
type Registrar interface {
	List(ctx context.Context, name string) ([]enroll.Entry, error)
	SignByHand(ctx context.Context, certname, operator string) error
	// Revoke and Clean give enroll.ErrNoCertificate if there is nothing to do.
	Revoke(ctx context.Context, certname string) error
	Clean(ctx context.Context, certname string) error
}

// Classifier says what a node is. enc.ErrUnknownNode if it is none of the fleet's.
type Classifier interface {
	Classify(ctx context.Context, name string) (*enc.Classification, error)
}

// Nodes is what the routes about nodes work with.
type Nodes struct {
	Registrar  Registrar
	Classifier Classifier
	// LoginLink makes a login link of the console.
	LoginLink func() (string, error)
}

// nodeRoutes is the part of the table about certificates and classification.
func (c *Control) nodeRoutes() []route {
	return []route{
		{"GET " + api.PathCertificates, api.ScopeRead, c.getCertificates, nil},
		{"POST " + api.PathCertificateSign, api.ScopeAdmin, c.postSign, nil},
		{"POST " + api.PathCertificateEnd, api.ScopeAdmin, c.postRevoke, nil},
		{"DELETE " + api.PathCertificate, api.ScopeAdmin, c.deleteCertificate, nil},
		{"GET " + api.PathClassification, api.ScopeRead, c.getClassification, nil},
		{"POST " + api.PathLoginLink, api.ScopeAdmin, c.postLoginLink, nil},
	}
}

func (c *Control) getCertificates(r *http.Request) (any, error) {
	all := r.URL.Query().Get("all") == "true"
	entries, err := c.opt.Nodes.Registrar.List(r.Context(), "")
	if err != nil {
		return nil, err
	}
	out := api.Certificates{Certificates: []api.Certificate{}}
	for _, e := range entries {
		if !all && e.State != enroll.Requested && e.State != enroll.Refused {
			continue
		}
		out.Certificates = append(out.Certificates, certificateOf(e))
	}
	return out, nil
}

func certificateOf(e enroll.Entry) api.Certificate {
	cert := api.Certificate{
		Name: e.Name, State: string(e.State), Fingerprint: e.Fingerprint, Serial: e.Serial,
		NotBefore: e.NotBefore, NotAfter: e.NotAfter,
	}
	for _, d := range e.Decisions {
		cert.Decisions = append(cert.Decisions, api.Decision{
			At: d.At, Verdict: string(d.Verdict), Reason: string(d.Reason), Detail: d.Detail, Remote: d.Remote, Count: d.Count,
		})
	}
	return cert
}

func (c *Control) postSign(r *http.Request) (any, error) {
	name := r.PathValue("name")
	err := c.opt.Nodes.Registrar.SignByHand(r.Context(), name, callerOf(r).name)
	if errors.Is(err, enroll.ErrNoRequest) {
		return nil, api.Errorf(api.CodeNotFound, "no certificate request of %s waits for a signature", name).
			WithHint("kickoff ca list shows those that wait")
	}
	if err != nil {
		return nil, api.Errorf(api.CodeConflict, "%v", err)
	}
	return api.Done{Message: "signed the certificate of " + name}, nil
}

func (c *Control) postRevoke(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if err := c.opt.Nodes.Registrar.Revoke(r.Context(), name); err != nil {
		return nil, noCertificate(err, name)
	}
	return api.Done{Message: "revoked the certificate of " + name}, nil
}

func (c *Control) deleteCertificate(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if err := c.opt.Nodes.Registrar.Clean(r.Context(), name); err != nil {
		return nil, noCertificate(err, name)
	}
	return api.Done{Message: "revoked and forgot the certificate of " + name}, nil
}

func noCertificate(err error, name string) error {
	if errors.Is(err, enroll.ErrNoCertificate) {
		return api.Errorf(api.CodeNotFound, "%s has no certificate that could be revoked", name)
	}
	return err
}

func (c *Control) getClassification(r *http.Request) (any, error) {
	name := r.PathValue("name")
	got, err := c.opt.Nodes.Classifier.Classify(r.Context(), name)
	if errors.Is(err, enc.ErrUnknownNode) {
		return nil, api.Errorf(api.CodeNotFound, "%s is no instance of the fleet", name)
	}
	if list, ok := errors.AsType[diag.List](err); ok {
		return nil, api.Errorf(api.CodeConflict, "%s cannot be classified: %v", name, list)
	}
	if err != nil {
		return nil, err
	}
	text, err := got.YAML()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := got.Explain(&b); err != nil {
		return nil, err
	}
	return api.Classification{Node: name, YAML: string(text), Explanation: b.String()}, nil
}

func (c *Control) postLoginLink(*http.Request) (any, error) {
	link, err := c.opt.Nodes.LoginLink()
	if err != nil {
		return nil, api.Errorf(api.CodeUnavailable, "%v", err)
	}
	return api.LoginLink{URL: link}, nil
}
