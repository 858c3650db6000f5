package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const seasonDir = "../../examples/season/"

// offline runs a command that asks no server.
func offline(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(args, &IO{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestFleetSimulate(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "out.svg")
	args := []string{"fleet", "simulate", "-f", seasonDir + "fleet.yaml", "--load", seasonDir + "load.csv", "--from", "2025-08-01T00:00:00Z", "--to", "2026-06-01T00:00:00Z",
		"--against", seasonDir + "fleet.yaml", "--picture", picture}
	code, out, errs := offline(t, append(args, "-o", "json")...)
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatal(code, err, errs)
	}
	for _, key := range []string{"short_minutes", "short_server_minutes", "server_hours", "cost", "optimum_cost", "launches", "decisions", "late_alarms", "groups", "against"} {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	if got["short_minutes"] != 0.0 || got["groups"].(map[string]any)["backend-production"].(map[string]any)["short_minutes"] != 0.0 {
		t.Errorf("short_minutes is %v", got["short_minutes"])
	}
	if svg, err := os.ReadFile(picture); err != nil || !bytes.HasPrefix(svg, []byte("<svg")) {
		t.Error("no picture", err)
	}
	code, out, _ = offline(t, args...)
	if code != 0 || !strings.Contains(out, "backend-production (fleet.yaml)") || !strings.Contains(out, "match |") {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestFleetSimulateRefuses(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--load", seasonDir + "load.csv", "--from", "yesterday", "--to", "2026-06-01T00:00:00Z"}, "--from"},
		{[]string{"--load", seasonDir + "fleet.yaml", "--from", "2025-08-01T00:00:00Z", "--to", "2026-06-01T00:00:00Z"}, "head line"},
		{[]string{"--load", seasonDir + "load.csv", "--from", "2025-08-01T00:00:00Z", "--to", "2025-06-01T00:00:00Z"}, "must be after"},
		{[]string{"--load", seasonDir + "load.csv", "--from", "2025-08-01T00:00:00Z", "--to", "2026-06-01T00:00:00Z", "--picture", "x.gif"}, "only .svg"},
		{[]string{"--from", "2025-08-01T00:00:00Z", "--to", "2026-06-01T00:00:00Z"}, "required"},
	} {
		code, _, errs := offline(t, append([]string{"fleet", "simulate", "-f", seasonDir + "fleet.yaml"}, tt.args...)...)
		if code == 0 || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: %d, %s", tt.args, code, errs)
		}
	}
}

func TestFleetPlanAndCalendarCheck(t *testing.T) {
	code, out, errs := offline(t, "fleet", "plan", "-f", seasonDir+"fleet.yaml", "--at", "2025-10-25T00:00:00Z", "--days", "3")
	if code != 0 || !strings.Contains(out, "Cup - round 7 (Cup) wants 12") || !strings.Contains(out, "size: 1 in fleet.yaml") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, errs = offline(t, "fleet", "calendar", "check", seasonDir+"fixtures.ics", "-f", seasonDir+"fleet.yaml", "--at", "2025-08-01T00:00:00Z")
	for _, want := range []string{"backend-production: 12 from", "nothing: it is cancelled", "it is tentative, and counts", "it has no end"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d, %s is missing\n%s%s", code, want, out, errs)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.ics")
	if err := os.WriteFile(empty, []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, seasonDir + "fleet.yaml"} {
		if code, _, _ := offline(t, "fleet", "calendar", "check", file); code != 1 {
			t.Errorf("%s can be used: %d", file, code)
		}
	}
	if code, _, errs := offline(t, "fleet", "plan", "nobody", "-f", seasonDir+"fleet.yaml"); code != 1 || !strings.Contains(errs, "no group") {
		t.Error(code, errs)
	}
}
