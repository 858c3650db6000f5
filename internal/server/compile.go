package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kickoff/internal/catalog"
	"kickoff/internal/fact"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server/enc"
	"kickoff/internal/server/node"
	"kickoff/internal/value"
	"kickoff/internal/wire"
)

// CompileRequest is everything that a catalog depends on besides code and data.
type CompileRequest struct {
	Node        string
	Environment string
	// Facts, Trusted and ServerFacts are the variables of these names.
	Facts, Trusted, ServerFacts *value.Hash
	// Classes are those of the classifier, in order.
	Classes []enc.Class
	// Parameters are the classifier's; they outrank facts.
	Parameters      *value.Hash
	TransactionUUID string
}

// CompileResult is a catalog and what its compilation said.
type CompileResult struct {
	Catalog *catalog.Catalog
	// Exported are the resources that the node offers to others.
	Exported []*catalog.Resource
	Logs     []CompileLog
}

// CompileLog is what a function like notice() wrote on the server.
type CompileLog struct{ Level, Message, Source string }

// Compiler makes catalogs. It is safe for concurrent use.
type Compiler interface {
	Compile(ctx context.Context, r CompileRequest) (*CompileResult, error)
}

// catalogRequest is a request for a catalog as the server understood it.
type catalogRequest struct {
	name      string
	requested string // environment
	check     bool   // the agent wants to be told of another environment before it gets a catalog
	facts     *fact.Facts
	uuid      string // of the transaction
	media     string
	trusted   *value.Hash
}

func (s *Server) postCatalog(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), wire.MediaForm) {
		return badRequest("the body must be %s", wire.MediaForm)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return badRequest("the form is malformed: %v", err)
	}
	cr, err := s.readCatalogRequest(r, form)
	if err != nil {
		return err
	}
	if cr.facts, err = readFacts(form); err != nil {
		return badRequest("%v", err)
	}
	if cr.facts != nil && cr.facts.Name != cr.name {
		return serverError(nil, "Catalog for %q was requested with fact definition for the wrong node (%q).", cr.name, cr.facts.Name)
	}
	return s.answerCatalog(w, r, cr)
}

func (s *Server) getCatalog(w http.ResponseWriter, r *http.Request) error {
	cr, err := s.readCatalogRequest(r, url.Values{})
	if err != nil {
		return err
	}
	return s.answerCatalog(w, r, cr)
}

func (s *Server) readCatalogRequest(r *http.Request, form url.Values) (*catalogRequest, error) {
	field := func(name string) string {
		if v := r.URL.Query().Get(name); v != "" {
			return v
		}
		return form.Get(name)
	}
	cr := &catalogRequest{
		name: r.PathValue("name"), requested: field("environment"), check: field("check_environment") == "true",
		uuid: field("transaction_uuid"), trusted: trusted(peer(r)),
	}
	if cr.requested == "" {
		return nil, badRequest("An environment parameter must be specified")
	}
	var err error
	cr.media, err = negotiate(r, wire.MediaRichJSON, wire.MediaJSON, wire.MediaPSON)
	return cr, err
}

// readFacts reads the facts of a form. Agents encode them twice; one encoding less is accepted.
func readFacts(form url.Values) (*fact.Facts, error) {
	text := form.Get("facts")
	if text == "" {
		return nil, nil
	}
	switch f := form.Get("facts_format"); f {
	case "", "application/json", "json", "pson", "text/pson":
	default:
		return nil, fmt.Errorf("facts in the format %.40q are not supported", f)
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return nil, fmt.Errorf("decode facts: %w", err)
		}
		text = plain
	}
	f := &fact.Facts{}
	if err := json.Unmarshal([]byte(text), f); err != nil {
		return nil, err
	}
	return f, nil
}

func (s *Server) answerCatalog(w http.ResponseWriter, r *http.Request, cr *catalogRequest) error {
	ctx := r.Context()
	class, env, err := s.classify(ctx, cr)
	if err != nil {
		return serverError(err, "%v", err)
	}
	now := s.Now()
	if cr.facts != nil {
		if err := s.Store.PutFacts(ctx, cr.facts, cr.requested, now); err != nil {
			return err
		}
	} else if cr.facts, err = s.storedFacts(ctx, cr.name); err != nil {
		return err
	}
	if cr.check && env != cr.requested && s.exists(ctx, cr.requested) {
		return s.sendCatalog(w, r, cr, switched(cr.name, env))
	}
	result, err := s.compile(ctx, cr, class, env)
	if err != nil {
		return err
	}
	exported, err := exportedOf(env, cr.name, result.Exported)
	if err != nil {
		return err
	}
	if err := s.Store.PutCatalog(ctx, result.Catalog, cr.uuid, exported, s.Now()); err != nil {
		return err
	}
	return s.sendCatalog(w, r, cr, result.Catalog)
}

func (s *Server) sendCatalog(w http.ResponseWriter, r *http.Request, cr *catalogRequest, c *catalog.Catalog) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode catalog: %w", err)
	}
	write(w, r, http.StatusOK, contentType(cr.media), body)
	return nil
}

// switched is the empty catalog that tells an agent its environment; it comes back with the plugins of that one
// (31-enc-first-run.txt).
func switched(name, env string) *catalog.Catalog {
	return &catalog.Catalog{Name: name, Environment: env, UUID: newUUID()}
}

// classify gives the classification of a node and the environment that it shall have. A node that the inventory does not
// have was signed by hand: it is not classified, and the code's node definitions say what it is.
func (s *Server) classify(ctx context.Context, cr *catalogRequest) (*enc.Classification, string, error) {
	class, err := s.Classifier.Classify(ctx, cr.name)
	if errors.Is(err, enc.ErrUnknownNode) {
		class, err = &enc.Classification{Parameters: value.NewHash(0)}, nil
	}
	if err != nil {
		return nil, "", err
	}
	switch {
	case class.Environment != "":
		return class, class.Environment, nil
	case s.exists(ctx, cr.requested):
		return class, cr.requested, nil
	}
	// A POST for an environment that does not exist gets a catalog of the default one (08-missing-env.txt).
	return class, s.DefaultEnvironment, nil
}

func (s *Server) exists(ctx context.Context, env string) bool {
	_, err := s.Environments.Environment(ctx, env)
	_, unknown := errors.AsType[*module.UnknownError](err)
	return !unknown
}

func (s *Server) storedFacts(ctx context.Context, name string) (*fact.Facts, error) {
	f, err := s.Store.Facts(ctx, name)
	if errors.Is(err, node.ErrNotFound) {
		return &fact.Facts{Name: name, Values: value.NewHash(0)}, nil
	}
	return f, err
}

// compileTime bounds one compilation.
const compileTime = 2 * time.Minute

func (s *Server) compile(ctx context.Context, cr *catalogRequest, class *enc.Classification, env string) (*CompileResult, error) {
	if err := s.admission.enter(ctx, s.urgent(ctx, cr.name)); err != nil {
		if errors.Is(err, errFull) {
			return nil, &problem{
				status: http.StatusServiceUnavailable, message: "Server Error: too many catalogs wait to be compiled",
				issue: wire.IssueRuntime, after: 15 * time.Second, cause: err,
			}
		}
		return nil, err
	}
	defer s.admission.leave()
	ctx, cancel := context.WithTimeout(ctx, compileTime)
	defer cancel()
	start := s.Now()
	result, err := s.Compiler.Compile(ctx, CompileRequest{
		Node: cr.name, Environment: env, Facts: cr.facts.Values, Trusted: cr.trusted, ServerFacts: s.serverFacts(env),
		Classes: class.Classes, Parameters: class.Parameters, TransactionUUID: cr.uuid,
	})
	if err != nil {
		err = annotate(err, class)
		s.Log.Warn("catalog not compiled", "certname", cr.name, "environment", env, "err", err)
		return nil, serverError(err, "%v on node %s", err, cr.name)
	}
	for _, l := range result.Logs {
		s.Log.Log(ctx, logLevel(l.Level), l.Message, "source", l.Source, "certname", cr.name, "environment", env)
	}
	s.Log.Info("compiled catalog", "certname", cr.name, "environment", env, "code_id", result.Catalog.CodeID,
		"resources", len(result.Catalog.Resources), "duration", s.Now().Sub(start).Round(time.Millisecond))
	return result, nil
}

// urgent says whether a node has never reported.
func (s *Server) urgent(ctx context.Context, name string) bool {
	n, err := s.Store.Node(ctx, name)
	return err != nil || n.ReportAt.IsZero()
}

// annotate adds to an error about a class where the classifier got that class from.
func annotate(err error, class *enc.Classification) error {
	text := err.Error()
	if !strings.Contains(strings.ToLower(text), "class") {
		return err
	}
	for _, c := range class.Classes {
		if mentions(text, c.Name) {
			from := make([]string, len(c.From))
			for i, o := range c.From {
				from[i] = o.String()
				if strings.Contains(text, from[i]) {
					return err // it says so already
				}
			}
			return fmt.Errorf("%w; class %s comes from %s", err, c.Name, strings.Join(from, ", "))
		}
	}
	return err
}

// mentions says whether a name stands in a text by itself, and not as a part of a longer name.
func mentions(text, name string) bool {
	part := func(b byte) bool {
		return b == '_' || b == ':' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
	}
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		before := strings.TrimSuffix(text[:start], "::")
		if (before == "" || !part(before[len(before)-1])) && (end == len(text) || !part(text[end]) || text[end] == ':' && !strings.HasPrefix(text[end:], "::")) {
			return true
		}
		from = end
	}
}

// exportedOf encodes resources for the store.
func exportedOf(env, certname string, list []*catalog.Resource) ([]node.Exported, error) {
	var out []node.Exported
	for _, r := range list {
		// A catalog of one resource is the one form that has an encoder.
		body, err := json.Marshal((&catalog.Catalog{Name: certname, Environment: env, Resources: []*catalog.Resource{r}}).Redact())
		if err != nil {
			return nil, fmt.Errorf("encode exported %s: %w", r.Ref, err)
		}
		out = append(out, node.Exported{Environment: env, Type: r.Type, Title: r.Title, Certname: certname, JSON: body})
	}
	return out, nil
}

// newUUID makes a random one (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
