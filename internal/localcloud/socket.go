package localcloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// listenSocket opens the API's socket for root and, if owner is not negative,
// for one more user. A socket that nobody serves is taken over.
func listenSocket(path string, owner int) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make socket directory: %w", err)
	}
	if connection, err := net.DialTimeout("unix", path, time.Second); err == nil {
		connection.Close()
		return nil, fmt.Errorf("another local cloud serves %s: choose another one with --socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	err = os.Chmod(path, 0o600)
	if err == nil && owner >= 0 {
		err = os.Chown(path, owner, -1)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set owner of socket: %w", err), listener.Close())
	}
	return listener, nil
}

type peerKey struct{}

// notePeer puts the user id of a connection's other end into its context.
func notePeer(ctx context.Context, c net.Conn) context.Context {
	uid := -1
	if u, ok := c.(*net.UnixConn); ok {
		if raw, err := u.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					uid = int(cred.Uid)
				}
			})
		}
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

// onlyPeers lets root and one more user through.
func onlyPeers(owner int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uid, ok := r.Context().Value(peerKey{}).(int)
		if !ok || uid < 0 || uid != 0 && uid != owner {
			refusePeer(uid).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
