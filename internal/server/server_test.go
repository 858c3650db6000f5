package server

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kickoff/internal/diag"
	"kickoff/internal/server/enc"
)

func TestAdmissionPrefersNodesThatBoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(1, 3)
		if err := a.enter(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var order []string
		wait := func(name string, urgent bool) {
			go func() {
				if err := a.enter(t.Context(), urgent); err != nil {
					t.Error(err)
				}
				order = append(order, name)
				a.leave()
			}()
			synctest.Wait()
		}
		wait("old 1", false)
		wait("old 2", false)
		wait("new", true)
		if err := a.enter(t.Context(), true); !errors.Is(err, errFull) {
			t.Errorf("beyond the bound: %v", err)
		}
		a.leave()
		synctest.Wait()
		if got := strings.Join(order, ", "); got != "new, old 1, old 2" {
			t.Errorf("order: %s", got)
		}
		if a.running != 0 || a.waiting != 0 {
			t.Errorf("left over: %+v", a)
		}
	})
}

func TestAdmissionGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(1, 5)
		if err := a.enter(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.enter(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		a.leave()
		if err := a.enter(t.Context(), false); err != nil || a.waiting != 0 {
			t.Errorf("got %v, %+v", err, a)
		}
	})
}

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := newLimiter(2, 3, func() time.Time { return now })
	count := func() (n int) {
		for range 10 {
			if l.allow("a") {
				n++
			}
		}
		return n
	}
	if n := count(); n != 3 {
		t.Errorf("burst of %d", n)
	}
	now = now.Add(time.Second)
	if n := count(); n != 2 {
		t.Errorf("%d after a second", n)
	}
	if !l.allow("b") {
		t.Error("one key holds up another")
	}
	for i := range 3 * maxKeys {
		l.allow(fmt.Sprint(i))
	}
	if len(l.keys) > maxKeys {
		t.Errorf("%d keys are remembered", len(l.keys))
	}
}

func TestAnnotate(t *testing.T) {
	at := diag.Range{File: "/x/node_groups.yml", Start: diag.Pos{Line: 3, Column: 5}}
	class := &enc.Classification{Classes: []enc.Class{
		{Name: "role", From: []enc.Origin{{Group: "g", At: at}}}, {Name: "role::web", From: []enc.Origin{{Group: "web", At: at}}},
	}}
	for text, want := range map[string]string{
		"could not find class 'role::web'":   "class role::web comes from group web (/x/node_groups.yml:3:5)",
		"Could not find class ::role for x":  "class role comes from group g",
		"could not find class role::website": "",
		"no such file role":                  "",
	} {
		got := annotate(errors.New(text), class).Error()
		if added := strings.TrimPrefix(got, text); (want == "") != (added == "") || !strings.Contains(added, want) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]string{
		"": "a/b", "*/*": "a/b", "c/d": "c/d", "x/y, c/d;q=0.5": "c/d", "C/D": "c/d", "a/*": "a/b", "x/y": "", "c/d, a/b": "c/d",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		got, err := negotiate(r, "a/b", "c/d")
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", accept, got, err)
		}
	}
}

func TestExtensionNames(t *testing.T) {
	for id, want := range map[string]string{
		"1.3.6.1.4.1.34380.1.1.13": "pp_role", "1.3.6.1.4.1.34380.1.3.39": "pp_cli_auth",
		"1.3.6.1.4.1.34380.1.1.99": "1.3.6.1.4.1.34380.1.1.99", "1.3.6.1.4.1.34380.1.2.1": "1.3.6.1.4.1.34380.1.2.1",
	} {
		if got := extensionName(id); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
}
