// Package metadata answers what EC2's instance metadata service answers, in
// version 2 only: a token by PUT first, then everything with it.
//
// Who is asking is decided by the source address; the network guarantees that
// it is the caller's own.
package metadata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Instance is what the service knows about one instance.
type Instance struct {
	ID             string
	Hostname       string
	IP             netip.Addr
	MAC            string
	Type           string
	Zone           string
	ImageID        string
	KeyName        string
	SecurityGroups []string
	Tags           map[string]string
	UserData       []byte
	LaunchTime     time.Time
	// TokensOptional answers questions without a token too (version 1), as
	// EC2's option HttpTokens does.
	TokensOptional bool
}

// Region is the zone without its letter.
func (i Instance) Region() string { return strings.TrimRight(i.Zone, "abcdefghijklmnopqrstuvwxyz") }

// Options configure a Service.
type Options struct {
	// Lookup finds the live instance that has an address. It is called for
	// every request, concurrently.
	Lookup func(netip.Addr) (Instance, bool)
	// Signer signs identity documents.
	Signer *Signer
	// AccountID is the twelve digit number of the owner.
	AccountID string
	// Subnet is the instances' network.
	Subnet netip.Prefix
	Log    *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Service is the HTTP handler.
type Service struct {
	options Options
	secret  [32]byte
}

// New makes a service.
func New(options Options) *Service {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{options: options}
	_, _ = rand.Read(s.secret[:]) // never fails
	return s
}

const (
	tokenHeader = "X-aws-ec2-metadata-token"
	ttlHeader   = "X-aws-ec2-metadata-token-ttl-seconds"
	maxTTL      = 21600
)

// versions that the service has; all answer the same.
var versions = []string{
	"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
	"2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20",
	"2016-04-19", "2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01",
	"2020-10-27", "2021-01-03", "2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11", "latest",
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	w.Header().Set("Content-Type", "text/plain")
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		http.Error(w, "no source address", http.StatusInternalServerError)
		return
	}
	instance, ok := s.options.Lookup(from.Addr().Unmap())
	if !ok {
		s.options.Log.Warn("metadata asked by an unknown address", "address", from.Addr())
		http.Error(w, "unknown instance", http.StatusNotFound)
		return
	}
	// A request that came through a proxy may be forged (SSRF).
	if r.Header.Get("X-Forwarded-For") != "" {
		http.Error(w, "forwarded", http.StatusForbidden)
		return
	}
	clean := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	switch {
	case r.Method == http.MethodPut && clean == "latest/api/token":
		s.giveToken(w, r, instance)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case !s.allowed(r, instance):
		http.Error(w, "unauthorized", http.StatusUnauthorized)
	default:
		s.get(w, clean, instance)
	}
}

func (s *Service) get(w http.ResponseWriter, clean string, instance Instance) {
	if clean == "" {
		s.write(w, []byte(strings.Join(versions, "\n")))
		return
	}
	version, rest, _ := strings.Cut(clean, "/")
	if !slices.Contains(versions, version) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	leaves, err := s.leaves(instance)
	if err != nil {
		s.options.Log.Error("metadata cannot be made", "instance", instance.ID, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	content, ok := find(leaves, rest)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	s.write(w, content)
}

func (s *Service) write(w http.ResponseWriter, content []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
}

// giveToken answers PUT latest/api/token.
func (s *Service) giveToken(w http.ResponseWriter, r *http.Request, instance Instance) {
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		http.Error(w, "bad or missing "+ttlHeader, http.StatusBadRequest)
		return
	}
	expires := s.options.Now().Add(time.Duration(ttl) * time.Second).Unix()
	w.Header().Set(ttlHeader, strconv.Itoa(ttl))
	s.write(w, []byte(s.token(expires, instance)))
}

// token is stateless: expiry, and a MAC over expiry and instance.
func (s *Service) token(expires int64, instance Instance) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(expires))
	mac := hmac.New(sha256.New, s.secret[:])
	mac.Write(b)
	mac.Write([]byte(instance.ID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(b))
}

// allowed reports whether a request has the token it needs.
func (s *Service) allowed(r *http.Request, instance Instance) bool {
	token := r.Header.Get(tokenHeader)
	return token == "" && instance.TokensOptional || s.tokenValid(token, instance)
}

func (s *Service) tokenValid(token string, instance Instance) bool {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 8 {
		return false
	}
	expires := int64(binary.BigEndian.Uint64(b))
	return hmac.Equal([]byte(s.token(expires, instance)), []byte(token)) && s.options.Now().Unix() < expires
}
