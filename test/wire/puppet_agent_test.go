package wire

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPuppetAgent has Debian's unmodified puppet agent enrol, get a catalog and report.
func TestPuppetAgent(t *testing.T) {
	if os.Getenv("KICKOFF_ROOT_TESTS") != "1" {
		t.Skip("set KICKOFF_ROOT_TESTS=1: installs and runs Debian's puppet-agent")
	}
	puppet := installPuppet(t)
	w := newWorld(t, nil)
	target := filepath.Join(t.TempDir(), "target")
	site := "file { '" + target + "': ensure => directory, source => 'puppet:///modules/demo/tree', recurse => true }\n" +
		"notify { \"fact ${facts['demo_fact']} ext ${facts['demo_ext']} name ${trusted['certname']}\": }\n"
	w.must(os.WriteFile(filepath.Join(w.code, "environments/mini/manifests/site.pp"), []byte(site), 0o644))
	dir := t.TempDir()
	run := func() (string, int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		host, port, _ := strings.Cut(strings.TrimPrefix(w.url, "https://"), ":")
		cmd := exec.CommandContext(ctx, puppet, "agent", "-t", "--server", host, "--serverport", port, "--certname", "old.example.com",
			"--ssldir", filepath.Join(dir, "ssl"), "--confdir", filepath.Join(dir, "conf"), "--vardir", filepath.Join(dir, "var"), "--environment", "mini",
			"--waitforcert", "0", "--color", "false", "--keylength", "2048", "--no-disable_i18n")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		if cmd.ProcessState == nil {
			t.Fatalf("run puppet: %v", err)
		}
		return out.String(), cmd.ProcessState.ExitCode()
	}
	out, code := run()
	if code != 1 || !strings.Contains(out, "old.example.com has not been signed yet") {
		t.Fatalf("unsigned: exit status %d\n%s", code, out)
	}
	w.must(w.registrar.SignByHand(t.Context(), "old.example.com", "test"))
	out, code = run()
	if code != 2 {
		t.Fatalf("first run: exit status %d\n%s", code, out)
	}
	contains(t, out, "Retrieving pluginfacts", "Retrieving plugin", "Retrieving locales", "fact df ext 1 name old.example.com", "Applied catalog")
	if text, err := os.ReadFile(filepath.Join(target, "x")); err != nil || string(text) != "x\n" {
		t.Errorf("file from the server: %q, %v", text, err)
	}
	n, err := w.store.Node(t.Context(), "old.example.com")
	if err != nil || n.ReportStatus != "changed" || n.ReportCodeID != n.CodeID || n.CodeID == "" {
		t.Errorf("node %+v, %v", n, err)
	}
	w.must(w.registrar.Revoke(t.Context(), "old.example.com"))
	if out, code = run(); code != 1 || !strings.Contains(out, "alert") {
		t.Errorf("revoked: exit status %d\n%s", code, out)
	}
}

func installPuppet(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("puppet"); err == nil {
		return path
	}
	cmd := exec.Command("apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "puppet-agent")
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install puppet-agent: %v\n%s", err, out)
	}
	path, err := exec.LookPath("puppet")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
