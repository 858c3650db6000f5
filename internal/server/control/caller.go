package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kickoff/internal/api"
)

// caller is who asks, and what they may.
type caller struct {
	name  string
	scope api.Scope
}

type callerKey struct{}

func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// peerKey is where a connection over the unix socket carries its peer's user.
type peerKey struct{}

// identify finds out who asks: by the kernel's word on the unix socket, by
// token elsewhere.
func (c *Control) identify(r *http.Request) (caller, error) {
	if uid, ok := r.Context().Value(peerKey{}).(int64); ok {
		if uid < 0 {
			return caller{}, api.Errorf(api.CodeUnauthorized, "the kernel does not say who calls")
		}
		if uid != 0 && uid != int64(os.Geteuid()) && !slices.Contains(c.opt.UIDs, uint32(uid)) {
			return caller{}, api.Errorf(api.CodeForbidden, "user %s may not use this socket", userName(uid)).
				WithHint("root and the server's own user may; others use a token over TLS")
		}
		return caller{name: userName(uid), scope: api.ScopeAdmin}, nil
	}
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || secret == "" {
		return caller{}, api.Errorf(api.CodeUnauthorized, "no token").WithHint("make one on the server: kickoff token create")
	}
	t, err := c.opt.Tokens.APITokenByHash(r.Context(), hashSecret(secret), c.opt.Now())
	if errors.Is(err, api.ErrNoToken) {
		c.opt.Log.Warn("operator request with a token that is not good", "remote", r.RemoteAddr, "path", r.URL.Path)
		return caller{}, api.Errorf(api.CodeUnauthorized, "the token is unknown or expired")
	}
	if err != nil {
		return caller{}, err
	}
	return caller{name: "token " + t.Name, scope: t.Scope}, nil
}

func userName(uid int64) string {
	if u, err := user.LookupId(strconv.FormatInt(uid, 10)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}

// hashSecret is what is stored of a token. Secrets are random, so a plain
// digest is enough.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// ListenUnix opens the socket. Everybody may connect to it: the kernel says
// who they are. A socket that a killed server left is replaced, one that a
// running server listens on is not.
func ListenUnix(path string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("listen on %s: another server listens there", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen on %s: remove old socket: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, err), l.Close())
	}
	return l, nil
}

// ServeUnix serves a unix socket until ctx ends.
func (c *Control) ServeUnix(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: c, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerUID(conn))
		},
		BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with it
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve operator socket: %w", err)
	case <-ctx.Done():
	}
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	err := srv.Shutdown(grace)
	if err != nil {
		err = srv.Close()
	}
	<-done
	return err
}

// peerUID asks the kernel who is at the other end; -1 if it does not say.
func peerUID(conn net.Conn) int64 {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return -1
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1
	}
	uid := int64(-1)
	err = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			uid = int64(cred.Uid)
		}
	})
	if err != nil {
		return -1
	}
	return uid
}

func (c *Control) getTokens(r *http.Request) (any, error) {
	list, err := c.opt.Tokens.APITokens(r.Context())
	if list == nil {
		list = []api.Token{}
	}
	return api.Tokens{Tokens: list}, err
}

// Bounds of a token's life.
const (
	defaultLifetime = 30 * 24 * time.Hour
	maxLifetime     = 366 * 24 * time.Hour
)

func (c *Control) postToken(r *http.Request) (any, error) {
	req, err := decode[api.TokenRequest](r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(api.Scopes, req.Scope) {
		return nil, api.Errorf(api.CodeBadRequest, "scope %q is unknown", req.Scope).WithHint("scopes: read, run, fleet, admin")
	}
	life := defaultLifetime
	if req.Lifetime != "" {
		if life, err = time.ParseDuration(req.Lifetime); err != nil || life <= 0 || life > maxLifetime {
			return nil, api.Errorf(api.CodeBadRequest, "lifetime %q must be a duration up to %s", req.Lifetime, maxLifetime)
		}
	}
	raw := make([]byte, 38)
	rand.Read(raw) // never fails
	id, secret := hex.EncodeToString(raw[:6]), "kickoff_"+base64.RawURLEncoding.EncodeToString(raw[6:])
	if req.Name == "" {
		req.Name = id
	}
	now := c.opt.Now().UTC().Truncate(time.Second)
	t := api.Token{ID: id, Name: req.Name, Scope: req.Scope, Created: now, Expires: now.Add(life)}
	if err := c.opt.Tokens.PutAPIToken(r.Context(), t, hashSecret(secret)); err != nil {
		return nil, err
	}
	t.Secret = secret
	return t, nil
}

func (c *Control) deleteToken(r *http.Request) (any, error) {
	id := r.PathValue("token")
	if err := c.opt.Tokens.DeleteAPIToken(r.Context(), id); err != nil {
		return nil, notToken(err, id)
	}
	return api.Done{Message: "token " + id + " is no longer good"}, nil
}
