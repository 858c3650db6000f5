package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

func TestPrintFleet(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 40, 0, 0, time.UTC)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	spans := func(stages ...instance.Stage) []api.StageSpan {
		var out []api.StageSpan
		for n, s := range stages {
			span := api.StageSpan{Stage: s, Seconds: float64(n) + 0.5}
			if n < len(stages)-1 {
				span.End = now
			}
			out = append(out, span)
		}
		return out
	}
	f := api.Fleet{At: now, Groups: []api.Group{{
		Name: "backend", Size: 3, Why: "size: 3 in fleet.yaml", Serving: 1, Starting: 1, Failed: 1,
		Problems: []string{"i-3 failed in booting: it did not ask for its binary"},
		Instances: []api.Instance{
			{Name: "i-1", Stage: instance.InService, Since: ago(90), Address: "10.77.0.5", LeadSeconds: 12.34, Current: true,
				Stages: spans(instance.Requested, instance.Pending, instance.Booting, instance.Enrolling, instance.Converging, instance.InService),
				Health: instance.Health{Up: true}, LastRun: instance.Run{Status: "changed", At: ago(95)}},
			{Name: "l-2", Stage: instance.Requested, Since: ago(4), Stages: spans(instance.Requested)},
			{Name: "i-3", Stage: instance.Failed, Since: ago(7200), Address: "10.77.0.6", FailedIn: instance.Booting, Reason: "it did not ask for its binary",
				Stages: spans(instance.Requested, instance.Pending, instance.Booting, instance.Failed)},
		}}, {Name: "empty", Why: "size: 0 in fleet.yaml"}}}
	var b bytes.Buffer
	if err := printFleet(&b, f); err != nil {
		t.Fatal(err)
	}
	want := `backend: 1 of 3 serving, 1 starting, 1 failed   (size: 3 in fleet.yaml)
  ! i-3 failed in booting: it did not ask for its binary
  INSTANCE  STAGE       FOR    ADDRESS    REQ    PEND  BOOT  ENROL  CONV  TOTAL  HEALTH  LAST RUN           NOTE
  i-1       in_service  1m30s  10.77.0.5  0.5s   1.5s  2.5s  3.5s   4.5s  12.3s  up      changed 1m35s ago  
  l-2       requested   4s     -          0.5s…  -     -     -      -     -      -       -                  
  i-3       failed      2h00m  10.77.0.6  0.5s   1.5s  2.5s  -      -     -      -       -                  failed in booting: it did not ask for its binary

empty: 0 of 0 serving   (size: 0 in fleet.yaml)
  no instances
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestFleetCommandsRefuse(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"fleet scale web many", "not a whole number"},
		{"fleet scale web", "either a size or --auto"},
		{"fleet scale web 3 --auto", "either a size or --auto"},
		{"fleet launch web 0", "not a whole number from 1"},
		{"fleet status -o yaml", `output format "yaml" is unknown`},
		{"fleet status --socket /nonexistent/s", "ask the server"},
		{"fleet status --server http://x --token t", "must be https"},
		{"fleet status --server https://x", "needs a token"},
		{"fleet terminate", "requires at least 1 arg"},
		{"token create", `required flag(s) "scope" not set`},
		{"userdata", "accepts 1 arg"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			t.Setenv("KICKOFF_TOKEN", "")
			t.Setenv("KICKOFF_SERVER", "")
			var out, errs bytes.Buffer
			code := Main(strings.Fields(tt.args), &IO{In: strings.NewReader(""), Out: &out, Err: &errs})
			if code != 1 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("status %d, %q; want %q", code, errs.String(), tt.want)
			}
		})
	}
}
