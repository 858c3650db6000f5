package console

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

var funcs = template.FuncMap{
	"stageClass": stageClass,
	"stageText":  stageText,
	"unix":       func(t time.Time) int64 { return t.Unix() },
	"clock":      func(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" },
	"shortCode":  func(s string) string { return s[:min(len(s), 12)] },
	"serves":     func(i api.Instance) bool { return i.Stage == instance.InService },
	"leaving":    func(i api.Instance) bool { return i.Stage.Leaving() },
	"truth":      truth,
}

// stageClass sorts a stage into one of the few looks that the pages have.
func stageClass(i api.Instance) string {
	switch {
	case i.Stage == instance.Failed:
		return "failed"
	case i.Stage.Leaving():
		return "leaving"
	case !i.Out.IsZero():
		return "held"
	case i.Stage == instance.InService:
		return "serving"
	}
	return "starting"
}

func stageText(i api.Instance) string {
	if !i.Out.IsZero() && !i.Stage.Leaving() {
		return "held out"
	}
	return strings.ReplaceAll(string(i.Stage), "_", " ")
}

// truth is the one sentence that a person wants first.
func truth(f api.Fleet) string {
	serving, size, failed := 0, 0, 0
	for _, g := range f.Groups {
		serving, size, failed = serving+g.Serving, size+g.Size, failed+g.Failed
	}
	text := fmt.Sprintf("%d of %d in service", serving, size)
	switch {
	case len(f.Groups) == 0:
		return "no groups yet"
	case failed > 0:
		return fmt.Sprintf("%s, %d failed", text, failed)
	case serving == size:
		return "All " + text
	case serving > size:
		return fmt.Sprintf("%d in service, %d wanted", serving, size)
	}
	return text
}

// view is what every template gets.
type view struct {
	Title   string
	Version string
	Fleet   api.Fleet
	Notice  string
	Problem string
	Ask     *question
	Link    string
}

// question is an action that waits for a confirmation.
type question struct {
	Verb    string
	Subject string
	// Effect says what will happen; Command is the same action on the command line.
	Effect, Command string
	Path            string
	// Typed asks for the subject's name to be typed.
	Typed  bool
	Danger bool
	Count  int
}

func (c *Console) render(w http.ResponseWriter, status int, name string, v view) error {
	v.Version = c.version
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
}

// page adapts handlers that return errors: what went wrong is said on a page, with the status that fits.
func (c *Console) page(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := handle(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		status := http.StatusBadGateway
		var refused *api.Error
		if errors.As(err, &refused) {
			status = refused.HTTPStatus()
		} else {
			c.log.Warn("page failed", "path", r.URL.Path, "error", err)
		}
		if err := c.render(w, status, "problem.html", view{Title: "kickoff: not done", Problem: err.Error()}); err != nil {
			c.log.Warn("page failed", "path", r.URL.Path, "error", err)
		}
	}
}

func (c *Console) showLogin(w http.ResponseWriter, r *http.Request) error {
	return c.render(w, http.StatusOK, "login.html", view{Title: "kickoff: log in", Link: r.FormValue("link")})
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) error {
	session, ok := c.gate.redeem(r.PostFormValue("link"))
	if !ok {
		return c.render(w, http.StatusForbidden, "login.html", view{
			Title:   "kickoff: log in",
			Problem: "This link was used already, is older than 15 minutes, or was made before the server restarted.",
		})
	}
	http.SetCookie(w, sessionCookie(session, int(sessionLifetime.Seconds())))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) error {
	c.gate.leave(r)
	http.SetCookie(w, sessionCookie("", -1))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

func (c *Console) showFleet(w http.ResponseWriter, r *http.Request) error {
	fleet, err := c.fleet.Fleet(r.Context(), "", false)
	if err != nil {
		return err
	}
	return c.render(w, http.StatusOK, "fleet.html", view{Title: "kickoff: " + truth(fleet), Fleet: fleet, Notice: r.FormValue("said")})
}
