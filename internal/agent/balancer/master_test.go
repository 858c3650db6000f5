package balancer

import (
	"net"
	"path/filepath"
	"testing"
)

// TestOldSessionsWithoutMaster: where no master process listens, no old worker keeps a server from being drained.
func TestOldSessionsWithoutMaster(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, master := range []string{"", filepath.Join(dir, "none.sock"), stale} {
		if _, known := New(Options{Master: master}).oldSessions(t.Context(), "web"); !known {
			t.Errorf("master socket %q: somebody is waited for", master)
		}
	}
}
