// Package server is the HTTP API that agents and Puppet's own tools use: Puppet's certificate authority and v3 APIs as
// recorded in the project's transcripts, and kickoff's node-facing additions (binaries by digest, the node channel). All
// of it is on one TLS port, in one table of routes with the access rule beside each (routes.go).
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"kickoff/internal/catalog"
	"kickoff/internal/fact"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server/channel"
	"kickoff/internal/server/enc"
	"kickoff/internal/server/enroll"
	"kickoff/internal/server/files"
	"kickoff/internal/server/node"
)

// Authority is the part of the certificate authority that requests need.
type Authority interface {
	// Bundle is what agents must trust; CRL the revocation lists and when they changed.
	Bundle() []byte
	CRL() (text []byte, modified time.Time)
	Expirations() map[string]time.Time
	// Check gives the verified client certificate of a connection, nil if there is none, and an error if it is not good
	// any more.
	Check(cs *tls.ConnectionState) (*x509.Certificate, error)
}

// Store is what the server remembers about nodes.
type Store interface {
	PutFacts(ctx context.Context, f *fact.Facts, environment string, now time.Time) error
	// Facts gives node.ErrNotFound if there are none.
	Facts(ctx context.Context, certname string) (*fact.Facts, error)
	// Node gives node.ErrNotFound if the node was never seen.
	Node(ctx context.Context, certname string) (node.Record, error)
	PutCatalog(ctx context.Context, c *catalog.Catalog, transactionUUID string, exported []node.Exported, now time.Time) error
	PutReport(ctx context.Context, r node.Report) (node.Report, error)
	PutBucketFile(ctx context.Context, digest string, content []byte, now time.Time) error
	BucketFile(ctx context.Context, digest string) ([]byte, error)
	HasBucketFile(ctx context.Context, digest string) (bool, error)
}

// Environments gives the code. *module.UnknownError if there is no such environment.
type Environments interface {
	Environment(ctx context.Context, name string) (*module.Environment, error)
	Names() ([]string, error)
}

// Classifier says what a node is. enc.ErrUnknownNode if its inventory does not have the node.
type Classifier interface {
	Classify(ctx context.Context, certname string) (*enc.Classification, error)
}

// Binaries are the programs that machines may fetch.
type Binaries interface {
	// Open gives a binary by its digest, gzip-compressed if packed. ErrNoBinary if there is none.
	Open(digest string, packed bool) (http.File, error)
}

// Observer is told what happened. Its methods must return quickly.
type Observer interface {
	// BinaryRequested says that the machine of a launch asks for its binary.
	BinaryRequested(ctx context.Context, launchID string)
	// Reported says that a node sent a report.
	Reported(ctx context.Context, r node.Report)
}

// Config is what a server is made of.
type Config struct {
	Authority    Authority
	Registrar    *enroll.Registrar
	Store        Store
	Environments Environments
	Compiler     Compiler
	Classifier   Classifier
	Hub          *channel.Hub
	Binaries     Binaries
	// Operator is the API for people and their tools, below /kickoff/v1/; it checks its own tokens. It may be nil.
	Operator http.Handler
	// Observer may be nil.
	Observer Observer
	// DefaultEnvironment is used for nodes that ask for an environment that does not exist. Empty means production.
	DefaultEnvironment string
	// Compiles bounds the catalogs that are compiled at the same time; Waiting those that wait for their turn.
	Compiles, Waiting int
	// Timeouts of slow clients; the zero value is good.
	Timeouts Timeouts
	Now      func() time.Time
	Log      *slog.Logger
}

// Timeouts bound what a slow client can hold.
type Timeouts struct {
	// Header is for the request's header, Body for its body, Write for reading the answer, Idle between requests.
	Header, Body, Write, Idle time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&t.Header, 15*time.Second)
	set(&t.Body, time.Minute)
	set(&t.Write, 5*time.Minute)
	set(&t.Idle, 2*time.Minute)
	return t
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	Config
	files      files.Server
	polls      sync.Map // *openPoll
	admission  *admission
	enrolments *limiter
	handler    http.Handler
}

// New makes a server.
func New(c Config) *Server {
	if c.DefaultEnvironment == "" {
		c.DefaultEnvironment = "production"
	}
	if c.Compiles < 1 {
		c.Compiles = 2
	}
	if c.Waiting < 1 {
		c.Waiting = 200
	}
	c.Timeouts = c.Timeouts.withDefaults()
	s := &Server{Config: c, admission: newAdmission(c.Compiles, c.Waiting), enrolments: newLimiter(5, 20, c.Now)}
	s.handler = s.routes()
	return s
}

// Handler gives the whole API.
func (s *Server) Handler() http.Handler { return s.handler }

// maxHeader bounds the header of a request in bytes.
const maxHeader = 64 << 10

// Serve answers on a listener, over TLS, until ctx is done; then it lets requests finish for a moment, ends the rest and
// returns.
func (s *Server) Serve(ctx context.Context, l net.Listener, conf *tls.Config) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler:           s.handler,
		TLSConfig:         conf,
		ReadHeaderTimeout: s.Timeouts.Header,
		ReadTimeout:       s.Timeouts.Body,
		WriteTimeout:      s.Timeouts.Write,
		IdleTimeout:       s.Timeouts.Idle,
		MaxHeaderBytes:    maxHeader,
		// What net/http says about single connections: a client that sends garbage is no news.
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return base },
		ConnContext: withConnection,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(tls.NewListener(l, conf)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// Long polls end at once: their clients come back when the next server is up.
	cancel()
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := srv.Shutdown(grace); err != nil {
		err = errors.Join(err, srv.Close())
		s.Log.Info("connections were cut at shutdown", "err", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
