package enroll

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	token := func(change func(*Token)) *Token {
		t := &Token{LaunchID: "l-1", InstanceID: "i-1", ExpiresAt: now.Add(time.Hour)}
		if change != nil {
			change(t)
		}
		return t
	}
	with := func(tok *Token) Evidence {
		return Evidence{Now: now, Asked: "i-1", Certname: "i-1", KeyID: "k1", HasToken: true, Token: tok, Instance: true}
	}
	edit := func(e Evidence, change func(*Evidence)) Evidence {
		change(&e)
		return e
	}
	byHand := Evidence{Now: now, Asked: "db1", Certname: "db1", KeyID: "k1"}
	for name, c := range map[string]struct {
		e       Evidence
		verdict Verdict
		reason  Reason
	}{
		"good token":              {with(token(nil)), Sign, ReasonTokenValid},
		"same key again":          {with(token(func(t *Token) { t.BurntAt, t.BurntKey = now, "k1" })), Sign, ReasonSameKeyRetry},
		"same key, late":          {with(token(func(t *Token) { t.BurntAt, t.BurntKey, t.ExpiresAt = now, "k1", now })), Sign, ReasonSameKeyRetry},
		"used token":              {with(token(func(t *Token) { t.BurntAt, t.BurntKey = now, "k2" })), Refuse, ReasonTokenUsed},
		"expired token":           {with(token(func(t *Token) { t.ExpiresAt = now })), Refuse, ReasonExpired},
		"wrong token":             {with(nil), Refuse, ReasonUnknownToken},
		"token of another":        {with(token(func(t *Token) { t.InstanceID = "i-2" })), Refuse, ReasonOtherInstance},
		"used token of another":   {with(token(func(t *Token) { t.InstanceID, t.BurntAt, t.BurntKey = "i-2", now, "k1" })), Refuse, ReasonOtherInstance},
		"instance not known yet":  {with(token(func(t *Token) { t.InstanceID = "" })), Wait, ReasonUnbound},
		"not known and expired":   {with(token(func(t *Token) { t.InstanceID, t.ExpiresAt = "", now })), Refuse, ReasonExpired},
		"certificate there":       {edit(with(token(nil)), func(e *Evidence) { e.CertificateKey = "k1" }), Issued, ReasonHaveCertificate},
		"certificate of another":  {edit(with(token(nil)), func(e *Evidence) { e.CertificateKey = "k2" }), Refuse, ReasonNameTaken},
		"retired":                 {edit(with(token(nil)), func(e *Evidence) { e.RetiredAt = now }), Refuse, ReasonRetired},
		"retired with same key":   {edit(with(token(nil)), func(e *Evidence) { e.RetiredAt, e.CertificateKey = now, "k1" }), Refuse, ReasonRetired},
		"name differs from path":  {edit(with(token(nil)), func(e *Evidence) { e.Certname = "i-2" }), Refuse, ReasonWrongName},
		"alternative names":       {edit(with(token(nil)), func(e *Evidence) { e.AltNames = []string{"DNS:x"} }), Refuse, ReasonAltNames},
		"authorization extension": {edit(with(token(nil)), func(e *Evidence) { e.Authorization = []string{"1.3"} }), Refuse, ReasonAuthorization},
		"unknown extension":       {edit(with(token(nil)), func(e *Evidence) { e.Unknown = []string{"1.2"} }), Refuse, ReasonUnknownExt},
		"instance without token":  {edit(byHand, func(e *Evidence) { e.Instance = true }), Refuse, ReasonTokenRequired},
		"by hand":                 {byHand, Hold, ReasonNoToken},
		"by hand again":           {edit(byHand, func(e *Evidence) { e.RequestKey = "k1" }), Hold, ReasonKnownRequest},
		"by hand, alt names":      {edit(byHand, func(e *Evidence) { e.AltNames = []string{"DNS:x"} }), Refuse, ReasonAltNames},
	} {
		d := Decide(c.e)
		if d.Verdict != c.verdict || d.Reason != c.reason {
			t.Errorf("%s: got %s (%s), want %s (%s)", name, d.Verdict, d.Reason, c.verdict, c.reason)
		}
		if !strings.Contains(d.Detail, c.e.Certname) {
			t.Errorf("%s: %q does not name %s", name, d.Detail, c.e.Certname)
		}
	}
}

func TestMinter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "d", "secret")
	a, err := OpenMinter(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenMinter(file)
	if err != nil {
		t.Fatal(err)
	}
	if a.Token("l-1") != b.Token("l-1") || a.Token("l-1") == a.Token("l-2") || len(a.Token("l-1")) != 43 {
		t.Error("tokens do not depend on secret and launch alone")
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMinter(file); err == nil {
		t.Error("a damaged secret was accepted")
	}
}
