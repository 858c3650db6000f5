package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"
)

const (
	linkLifetime    = 15 * time.Minute
	sessionLifetime = 12 * time.Hour
	cookieName      = "kickoff_session"
	// maxLinks and maxSessions bound the memory that logging in can take.
	maxLinks    = 32
	maxSessions = 1000
)

// gate knows who may see the pages: holders of a session, which is given for a one-time link. Links and sessions are
// kept as hashes, in memory: a restart ends them.
type gate struct {
	now func() time.Time

	mu       sync.Mutex
	links    map[[32]byte]time.Time
	sessions map[[32]byte]time.Time
}

func newGate(now func() time.Time) *gate {
	return &gate{now: now, links: map[[32]byte]time.Time{}, sessions: map[[32]byte]time.Time{}}
}

// newLink makes a secret that opens one session, within linkLifetime.
func (g *gate) newLink() string { return g.issue(g.links, linkLifetime, maxLinks) }

// issue makes a secret and stores its hash in set; the oldest goes when the set is full.
func (g *gate) issue(set map[[32]byte]time.Time, lifetime time.Duration, limit int) string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, by its documentation
	secret := base64.RawURLEncoding.EncodeToString(raw)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(set, limit)
	set[sha256.Sum256([]byte(secret))] = g.now().Add(lifetime)
	return secret
}

func (g *gate) sweep(set map[[32]byte]time.Time, limit int) {
	now := g.now()
	var oldest [32]byte
	for k, until := range set {
		if until.Before(now) {
			delete(set, k)
			continue
		}
		if first, ok := set[oldest]; !ok || until.Before(first) {
			oldest = k
		}
	}
	if len(set) >= limit {
		delete(set, oldest)
	}
}

// redeem burns a link's secret and opens a session.
func (g *gate) redeem(secret string) (session string, ok bool) {
	key := sha256.Sum256([]byte(secret))
	g.mu.Lock()
	until, ok := g.links[key]
	delete(g.links, key)
	g.mu.Unlock()
	if !ok || g.now().After(until) {
		return "", false
	}
	return g.issue(g.sessions, sessionLifetime, maxSessions), true
}

// admits reports whether the request carries a session that is still good.
func (g *gate) admits(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	key := sha256.Sum256([]byte(cookie.Value))
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.sessions[key]
	if ok && g.now().After(until) {
		delete(g.sessions, key)
		return false
	}
	return ok
}

// leave ends the request's session.
func (g *gate) leave(r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		g.mu.Lock()
		delete(g.sessions, sha256.Sum256([]byte(cookie.Value)))
		g.mu.Unlock()
	}
}

func sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}
