package story

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kickoff/test/browser"
)

// binary gives the program under test, or skips.
func binary(t *testing.T) string {
	t.Helper()
	if os.Getenv("KICKOFF_ROOT_TESTS") != "1" || os.Getuid() != 0 {
		t.Skip("SKIPPED: the story needs root; make test plays it (KICKOFF_ROOT_TESTS=1)")
	}
	path := os.Getenv("KICKOFF_BINARY")
	if path == "" {
		path = "../../bin/kickoff"
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make build first", err)
	}
	return path
}

// TestMatchday plays the demo, and opens the console of its server in a browser.
func TestMatchday(t *testing.T) {
	p := Matchday("../../examples/matchday", binary(t))
	p.Subnet, p.HostAddress, p.Out = "10.78.0.0/24", "10.78.0.2", t.Output()
	if ok, why := browser.Enabled(); ok {
		p.Visit = func(ctx context.Context, link string) error {
			tab, end := browser.Open(ctx, 1200, 900)
			defer end()
			return chromedp.Run(tab, browser.LogIn(link),
				browser.WaitText("h1", "All 4 of 4 in service"), browser.WaitText("#live", "live"))
		}
	} else {
		t.Log(why)
	}
	play(t, p)
}

// TestAnotherApplication plays the same story with another application, other names, ports and counts; the machines
// behind the edge run their user-data, the same bytes, by Debian's cloud-init.
func TestAnotherApplication(t *testing.T) {
	p := Params{
		Binary: binary(t), Example: "testdata/tickets", App: "testdata/tickets/app",
		BalancerGroup: "edge", Group: "shop-staging", Count: 2, Port: 8088, InstanceHeader: "X-Shop",
		ChangeFile: "environments/production/data/common.yaml", ChangeFrom: "EUR", ChangeTo: "USD",
		MinRequests: 1000, Images: []string{"debian-12", "debian-12-cloud-init"}, Subnet: "10.79.0.0/24", HostAddress: "10.79.0.2", GitPort: "8142", Out: t.Output(),
	}
	play(t, p)
}

func play(t *testing.T, p Params) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	if _, err := Play(ctx, p); err != nil {
		t.Fatal(err)
	}
}
