package balancer

import (
	"net"
	"path/filepath"
	"testing"
)

// TestOldSessionsWithoutMaster: without a master socket no old worker keeps a server from being drained. A socket that
// refuses is another thing: so does a master process for a moment while it reloads.
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
	for master, want := range map[string]bool{"": true, filepath.Join(dir, "none.sock"): true, stale: false} {
		if _, known := New(Options{Master: master}).oldSessions(t.Context(), "web"); known != want {
			t.Errorf("master socket %q: known %v, want %v", master, known, want)
		}
	}
}
