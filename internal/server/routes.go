package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"kickoff/internal/server/enroll"
	"kickoff/internal/server/files"
	"kickoff/internal/server/node"
	"kickoff/internal/wire"
)

// handler answers a request or returns an error, which fail turns into an answer.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one line of the table.
type route struct {
	pattern string
	access  access
	// limit bounds the body in bytes.
	limit  int64
	handle handler
}

// Limits of bodies.
const (
	noBody     = 1 << 10
	csrBody    = 64 << 10
	factsBody  = 16 << 20
	reportBody = 32 << 20
	bucketBody = 64 << 20
)

// table is the whole API. {name} in a pattern is what the rule self compares with the certificate.
func (s *Server) table() []route {
	return []route{
		{"GET " + wire.PathCACertificate, anyone, noBody, s.getCACertificate},
		{"GET " + wire.PathCRL, anyone, noBody, s.getCRL},
		{"GET " + wire.PathCertificate + "{name}", anyone, noBody, s.getCertificate},
		{"GET " + wire.PathCertificateRequest + "{name}", anyone, noBody, s.getCertificateRequest},
		{"PUT " + wire.PathCertificateRequest + "{name}", anyone, csrBody, s.putCertificateRequest},
		{"GET " + wire.PathCertificateStatus + "{name}", admin, noBody, s.getCertificateStatus},
		{"PUT " + wire.PathCertificateStatus + "{name}", admin, csrBody, s.putCertificateStatus},
		{"DELETE " + wire.PathCertificateStatus + "{name}", admin, noBody, s.deleteCertificateStatus},
		{"GET " + wire.PathCertificateList + "{any}", admin, noBody, s.listCertificateStatuses},
		{"PUT " + wire.PathCAClean, admin, csrBody, s.putClean},
		{"GET " + wire.PathCAExpirations, anyNode, noBody, s.getExpirations},

		{"GET " + wire.PathCatalog + "{name}", self, noBody, s.getCatalog},
		{"POST " + wire.PathCatalog + "{name}", self, factsBody, s.postCatalog},
		{"GET " + wire.PathNode + "{name}", self, noBody, s.getNode},
		{"PUT " + wire.PathFacts + "{name}", self, factsBody, s.putFacts},
		{"PUT " + wire.PathReport + "{name}", self, reportBody, s.putReport},
		{"GET /puppet/v3/environments", anyNode, noBody, s.getEnvironments},
		{"GET " + wire.PathFileMetadata + "{mount}/{path...}", anyNode, noBody, s.getFileMetadata},
		{"GET " + wire.PathFileMetadatas + "{mount}", anyNode, noBody, s.getFileMetadatas},
		{"GET " + wire.PathFileMetadatas + "{mount}/{path...}", anyNode, noBody, s.getFileMetadatas},
		{"GET " + wire.PathFileContent + "{mount}/{path...}", anyNode, noBody, s.getFileContent},
		{"GET " + wire.PathStaticFileContent + "{path...}", anyNode, noBody, s.getStaticFileContent},
		{"GET " + wire.PathFileBucket + "{type}/{digest}/{path...}", anyNode, noBody, s.getBucketFile},
		{"GET " + wire.PathFileBucket + "{type}/{digest}", anyNode, noBody, s.getBucketFile},
		{"PUT " + wire.PathFileBucket + "{type}/{digest}/{path...}", anyNode, bucketBody, s.putBucketFile},
		{"PUT " + wire.PathFileBucket + "{type}/{digest}", anyNode, bucketBody, s.putBucketFile},

		{"GET " + wire.PathStatus, anyone, noBody, s.getStatus},
		{"GET " + wire.PathStatus + "/{service}", anyone, noBody, s.getStatus},
		{"GET " + wire.PathBinary + "{digest}", anyone, noBody, s.getBinary},
		{"POST " + wire.PathChannel, anyNode, wire.ChannelMaxBody, s.postChannel},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.table() {
		mux.Handle(rt.pattern, s.guard(rt.access, s.adapt(rt)))
	}
	if s.Operator != nil {
		mux.Handle("/kickoff/v1/", s.Operator)
	}
	mux.HandleFunc("/puppet/", unknownPath)
	mux.HandleFunc("/puppet-ca/", func(w http.ResponseWriter, r *http.Request) { forbid(w, r) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "Not Found", http.StatusNotFound)
	})
	return s.recovered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/status/") {
			w.Header().Set(wire.HeaderPuppetVersion, wire.PuppetVersion)
		}
		// Paths of backups have two slashes in a row (05-filebucket-run.txt); the mux would redirect.
		if strings.HasPrefix(r.URL.Path, wire.PathFileBucket) {
			r.URL.Path, r.URL.RawPath = path.Clean(r.URL.Path), ""
		}
		mux.ServeHTTP(w, r)
	}))
}

// unknownPath answers as Puppet's server does below /puppet (21-v3-misc.txt).
func unknownPath(w http.ResponseWriter, r *http.Request) {
	body := fmt.Sprintf("{\n\"message\":\"Not Found\",\n\"url\":%q,\n\"status\":\"404\"\n}", r.URL.Path)
	w.Header().Set("Cache-Control", "must-revalidate,no-cache,no-store")
	write(w, r, http.StatusNotFound, wire.MediaJSON, []byte(body))
}

// adapt bounds the body, calls the handler and turns its error into an answer.
func (s *Server) adapt(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, rt.limit)
		if err := rt.handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// recovered keeps a fault in one request from ending the server.
func (s *Server) recovered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler { //nolint:errorlint // a sentinel by contract
				panic(fault)
			}
			s.Log.Error("fault in a request", "method", r.Method, "path", r.URL.Path, "fault", fmt.Sprint(fault), "stack", stack())
			writeError(w, r, http.StatusInternalServerError, "Server Error: internal error", wire.IssueRuntime)
		}()
		h.ServeHTTP(w, r)
	})
}

// problem is an error with the answer that it means.
type problem struct {
	status  int
	message string
	issue   string
	after   time.Duration // Retry-After
	cause   error
}

func (p *problem) Error() string { return p.message }
func (p *problem) Unwrap() error { return p.cause }

func badRequest(format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, message: "Bad Request: " + fmt.Sprintf(format, args...), issue: wire.IssueRuntime}
}

func missing(format string, args ...any) error {
	return &problem{status: http.StatusNotFound, message: "Not Found: " + fmt.Sprintf(format, args...), issue: wire.IssueResourceNotFound}
}

func serverError(cause error, format string, args ...any) error {
	return &problem{
		status: http.StatusInternalServerError, message: "Server Error: " + fmt.Sprintf(format, args...),
		issue: wire.IssueRuntime, cause: cause,
	}
}

// fail is the one place that maps errors to answers.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody reads the answer
	}
	if p, ok := errors.AsType[*problem](err); ok {
		if p.after > 0 {
			w.Header().Set("Retry-After", fmt.Sprintf("%.0f", p.after.Seconds()))
		}
		if p.status >= http.StatusInternalServerError {
			s.Log.Warn("request failed", "method", r.Method, "path", r.URL.Path, "remote", remote(r), "status", p.status, "err", p.message)
		}
		writeError(w, r, p.status, p.message, p.issue)
		return
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		w.Header().Set("Connection", "close")
		writeError(w, r, http.StatusRequestEntityTooLarge,
			fmt.Sprintf("Bad Request: the body has more than %d bytes", tooLarge.Limit), wire.IssueRuntime)
		return
	}
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, files.ErrNotFound), errors.Is(err, node.ErrNotFound),
		errors.Is(err, enroll.ErrNoCertificate), errors.Is(err, enroll.ErrNoRequest):
		status = http.StatusNotFound
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusServiceUnavailable
	}
	s.Log.Warn("request failed", "method", r.Method, "path", r.URL.Path, "remote", remote(r), "status", status, "err", err)
	writeError(w, r, status, "Server Error: "+err.Error(), wire.IssueRuntime)
}
