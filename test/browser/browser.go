// Package browser opens the console in a real headless Chromium.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// Enabled says whether tests may start a browser: KICKOFF_BROWSER_TESTS=1 and a chromium on the machine.
func Enabled() (bool, string) {
	if os.Getenv("KICKOFF_BROWSER_TESTS") != "1" {
		return false, "SKIPPED: set KICKOFF_BROWSER_TESTS=1 (make test does) to open the console in Chromium"
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		return false, "SKIPPED: no chromium on this machine (apt-get install chromium)"
	}
	return true, ""
}

// Open starts a headless Chromium of the given size. The caller ends it with the returned function.
func Open(ctx context.Context, width, height int) (context.Context, func()) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(width, height),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true),
	)
	alloc, endAlloc := chromedp.NewExecAllocator(ctx, opts...)
	tab, endTab := chromedp.NewContext(alloc)
	tab, endTime := context.WithTimeout(tab, 2*time.Minute)
	return tab, func() { endTime(); endTab(); endAlloc() }
}

// LogIn opens a one-time link and presses its button.
func LogIn(link string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.Navigate(link),
		chromedp.Click(`form[action="/login"] button`, chromedp.ByQuery),
		chromedp.WaitVisible(`#fleet h1`, chromedp.ByQuery),
	}
}

// WaitText waits until the element's text contains what is wanted.
func WaitText(selector, want string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		var text string
		for range 150 {
			js := fmt.Sprintf(`(document.querySelector(%q) || {innerText: ""}).innerText`, selector)
			if err := chromedp.Evaluate(js, &text).Do(ctx); err != nil {
				return err
			}
			if strings.Contains(text, want) {
				return nil
			}
			if err := chromedp.Sleep(200 * time.Millisecond).Do(ctx); err != nil {
				return err
			}
		}
		return fmt.Errorf("%s never said %q; it says %q", selector, want, text)
	})
}
