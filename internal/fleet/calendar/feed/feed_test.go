package feed

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kickoff/internal/fleet/calendar"
)

var now = time.Date(2025, 9, 1, 12, 0, 0, 0, time.UTC)

// fixtures is a calendar with matches on the given days from now on.
func fixtures(days ...int) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
	for _, d := range days {
		b.WriteString(fmt.Sprintf("BEGIN:VEVENT\r\nUID:m%d\r\nDTSTAMP:20250101T000000Z\r\nDTSTART:%s\r\nEND:VEVENT\r\n", d, now.AddDate(0, 0, d).Format("20060102T150405Z")))
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// server is a calendar server that says what it is told to.
type server struct {
	body     string
	handle   http.HandlerFunc
	requests int
	full     int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests++
	if s.handle != nil {
		s.handle(w, r)
		return
	}
	etag := fmt.Sprintf(`"%d"`, len(s.body))
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.full++
	w.Header().Set("ETag", etag)
	fmt.Fprint(w, s.body)
}

func start(t *testing.T, s *server) (*Feed, string, string) {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	dir := t.TempDir()
	f, err := Open(Options{Name: "fixtures", URL: h.URL + "/f.ics", Dir: dir, Fetcher: Fetcher{Timeout: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	return f, h.URL + "/f.ics", dir
}

func uids(f *Feed) string {
	var out []string
	if c := f.State().Calendar; c != nil {
		for _, e := range c.Events {
			if !e.Cancelled() {
				out = append(out, e.UID)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestFaultsKeepTheLastGoodPlan(t *testing.T) {
	tests := []struct {
		name   string
		handle http.HandlerFunc
		want   string
	}{
		{"error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, "503"},
		{"gone", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}, "deadline"},
		{"to itself", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "to itself"},
		{"around", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }, "redirects"},
		{"huge", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(50<<20))
			w.WriteHeader(200)
		}, "too large"},
		{"huge, unannounced", func(w http.ResponseWriter, r *http.Request) {
			line := []byte(strings.Repeat(" ", 1<<16))
			for range 50 << 4 {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, "too large"},
		{"empty", func(w http.ResponseWriter, r *http.Request) {}, "no BEGIN:VCALENDAR"},
		{"without events", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, fixtures()) }, "no events"},
		{"malformed", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }, "not a calendar"},
		{"cut off", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, fixtures(1, 2)[:120]) }, "middle"},
		{"nobody asked 304", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "", 500) }, "500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{body: fixtures(1, 3, 40)}
			f, url, dir := start(t, s)
			if err := f.Refresh(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			s.handle = tt.handle
			for i := range 5 {
				if err := f.Refresh(t.Context(), now.Add(time.Duration(i)*time.Minute)); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, want %s", err, tt.want)
				}
				if tt.name == "slow" {
					break
				}
			}
			if f.State().Trouble == "" || !f.State().Good.Equal(now) {
				t.Errorf("not reported: %+v", f.State())
			}
			again, err := Open(Options{Name: "fixtures", URL: url, Dir: dir})
			if err != nil || uids(f) != "m1 m3 m40" || uids(again) != "m1 m3 m40" {
				t.Errorf("the plan is %q, after a restart %q (%v)", uids(f), uids(again), err)
			}
		})
	}
}

func TestETag(t *testing.T) {
	s := &server{body: fixtures(1, 2)}
	f, url, dir := start(t, s)
	for range 3 {
		if err := f.Refresh(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	f, _ = Open(Options{Name: "fixtures", URL: url, Dir: dir})
	if err := f.Refresh(t.Context(), now); err != nil || s.requests != 4 || s.full != 1 {
		t.Errorf("%d requests, %d full, %v", s.requests, s.full, err)
	}
}

func TestVanished(t *testing.T) {
	s := &server{body: fixtures(1, 3, 5, 40)}
	f, url, dir := start(t, s)
	refresh := func(want string) {
		t.Helper()
		// Each fetch is made by a process that was just started.
		var err error
		if f, err = Open(Options{Name: "fixtures", URL: url, Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if err = f.Refresh(context.Background(), now); err != nil || uids(f) != want {
			t.Errorf("got %q, %v; want %q", uids(f), err, want)
		}
	}
	refresh("m1 m3 m40 m5")
	s.body = fixtures(1, 5, 40)
	refresh("m1 m3 m40 m5")
	refresh("m1 m3 m40 m5") // not modified: healthy too
	if p := f.State().Calendar.Problems; len(p) != 1 || !strings.Contains(p[0].Text, "2 so far") {
		t.Errorf("%+v", p)
	}
	refresh("m1 m40 m5")
	refresh("m1 m40 m5")
	s.body = fixtures(1, 3, 5, 40) // and back
	refresh("m1 m3 m40 m5")
	s.body = strings.Replace(s.body, "UID:m3\r\n", "UID:m3\r\nSTATUS:CANCELLED\r\n", 1)
	refresh("m1 m40 m5")
}

func TestMostVanishTogether(t *testing.T) {
	s := &server{body: fixtures(1, 3, 5, 40)}
	f, _, _ := start(t, s)
	if err := f.Refresh(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	s.body = fixtures(1, 40)
	for range 6 {
		if err := f.Refresh(t.Context(), now); err == nil || !strings.Contains(err.Error(), "2 of the 3 events") || uids(f) != "m1 m3 m40 m5" {
			t.Errorf("%q, %v", uids(f), err)
		}
	}
}

func TestBrokenEventKeepsItsLastForm(t *testing.T) {
	s := &server{body: fixtures(1, 3)}
	f, _, _ := start(t, s)
	if err := f.Refresh(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	s.body = strings.Replace(s.body, "DTSTART:20250904", "DTSTART:soon", 1)
	for range 5 {
		if err := f.Refresh(t.Context(), now); err != nil || uids(f) != "m1 m3" {
			t.Errorf("%q, %v", uids(f), err)
		}
	}
}

func TestFileAndSpoiltCopy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.ics")
	if err := os.WriteFile(path, []byte(fixtures(1)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(Options{Name: "x", File: path, Dir: dir})
	if err != nil || f.Refresh(t.Context(), now) != nil || uids(f) != "m1" {
		t.Fatal(uids(f), err)
	}
	if err := os.WriteFile(f.path(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(Options{Name: "x", File: path, Dir: dir}); err == nil || f.Refresh(t.Context(), now) != nil || uids(f) != "m1" {
		t.Error("a spoilt copy is not reported and replaced", err)
	}
	if err := os.Truncate(path, calendar.MaxBytes+1); err != nil {
		t.Fatal(err)
	}
	if err := f.Refresh(t.Context(), now); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}
