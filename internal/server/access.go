package server

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kickoff/internal/server/pki"
)

// access is who may use a route.
type access int

const (
	// anyone: no certificate is needed.
	anyone access = iota
	// anyNode: a certificate of ours that is good now.
	anyNode
	// self: the certificate of the node that the path names.
	self
	// admin: a certificate that grants the rights of the authority's command line.
	admin
)

// allows says whether the holder of a certificate, nil if none, may use a route.
func (a access) allows(cert *x509.Certificate, name string) bool {
	switch a {
	case anyone:
		return true
	case anyNode:
		return cert != nil
	case self:
		return cert != nil && name != "" && cert.Subject.CommonName == name
	case admin:
		return cert != nil && pki.IsAdmin(cert)
	}
	return false
}

// contextKey keys what this package puts into a request's context.
type contextKey int

const (
	keyConnection contextKey = iota
	keyPeer
)

var connections atomic.Uint64

// withConnection numbers connections, so that the node channel can tell a new one from the old.
func withConnection(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, keyConnection, strconv.FormatUint(connections.Add(1), 10))
}

func connectionOf(r *http.Request) string {
	id, _ := r.Context().Value(keyConnection).(string)
	return id
}

// peer gives the client's certificate; nil on routes for anyone that were used without one.
func peer(r *http.Request) *x509.Certificate {
	cert, _ := r.Context().Value(keyPeer).(*x509.Certificate)
	return cert
}

// remote gives the address of the client without its port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// guard checks the access rule of a route before its handler.
func (s *Server) guard(rule access, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cert, err := s.Authority.Check(r.TLS)
		if err != nil {
			// Revoked since the handshake. Puppet's server ends such connections in TLS; this one ends now.
			s.Log.Warn("refused a certificate", "err", err, "remote", remote(r), "path", r.URL.Path)
			w.Header().Set("Connection", "close")
			forbid(w, r)
			return
		}
		if !rule.allows(cert, r.PathValue("name")) {
			name := ""
			if cert != nil {
				name = cert.Subject.CommonName
			}
			s.Log.Warn("forbidden request", "method", r.Method, "path", r.URL.Path, "certname", name, "remote", remote(r))
			forbid(w, r)
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyPeer, cert)))
	})
}

// forbid answers in Puppet's words, without a content type (21-v3-misc.txt).
func forbid(w http.ResponseWriter, r *http.Request) {
	w.Header()["Content-Type"] = nil
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte("Forbidden request: " + r.URL.Path + " (method :" + strings.ToLower(r.Method) +
		"). Please see the server logs for details."))
}

// limiter lets each key do something at a rate, with bursts.
type limiter struct {
	rate, burst float64
	now         func() time.Time

	mu   sync.Mutex
	keys map[string]bucket
}

type bucket struct {
	level float64
	at    time.Time
}

// maxKeys bounds a limiter's memory; beyond it, all keys start anew.
const maxKeys = 10000

func newLimiter(rate, burst float64, now func() time.Time) *limiter {
	return &limiter{rate: rate, burst: burst, now: now, keys: map[string]bucket{}}
}

func (l *limiter) allow(key string) bool {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= maxKeys {
			clear(l.keys)
		}
		b.level = l.burst
	}
	if ok {
		b.level = min(l.burst, b.level+l.rate*max(now.Sub(b.at).Seconds(), 0))
	}
	b.at = now
	allowed := b.level >= 1
	if allowed {
		b.level--
	}
	l.keys[key] = b
	return allowed
}
