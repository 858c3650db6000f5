package userdata

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func good(t *testing.T) Params {
	return Params{
		Server: "https://kickoff.internal:8140", CA: testCA(t), LaunchID: "l-0123", Token: "dG9rZW4_-",
		Binaries: map[string]string{"amd64": strings.Repeat("ab", 32), "arm64": strings.Repeat("cd", 32)},
	}
}

func TestRender(t *testing.T) {
	p := good(t)
	a, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Render(p)
	if !bytes.Equal(a, b) {
		t.Error("equal parameters give different bytes")
	}
	for _, want := range []string{
		"#!/bin/sh\n", "--cacert", "x86_64) DIGEST=abab", "aarch64) DIGEST=cdcd", "server = kickoff.internal\n",
		"serverport = 8140\n", "certname = $ID\n", "/kickoff/v1/binary/$DIGEST?launch=$LAUNCH", string(bytes.TrimSpace(p.CA)),
	} {
		if !strings.Contains(string(a), want) {
			t.Errorf("script lacks %q", want)
		}
	}
	for _, never := range []string{"curl -k", "--insecure", "apt-get", "http://kickoff"} {
		if strings.Contains(string(a), never) {
			t.Errorf("script contains %q", never)
		}
	}
	if len(a) > MaxSize/2 {
		t.Errorf("script has %d bytes", len(a))
	}
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, a, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-n", path).CombinedOutput(); err != nil {
		t.Errorf("sh -n: %v: %s", err, out)
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := []struct {
		name   string
		break_ func(*Params)
		want   string
	}{
		{"plain http", func(p *Params) { p.Server = "http://x" }, "not https"},
		{"shell in server", func(p *Params) { p.Server = "https://x/$(id)" }, "not https"},
		{"no CA", func(p *Params) { p.CA = nil }, "no certificate"},
		{"text around CA", func(p *Params) { p.CA = append([]byte("KICKOFF_CA\nrm -rf /\n"), p.CA...) }, "not a PEM certificate"},
		{"no binaries", func(p *Params) { p.Binaries = nil }, "no binary"},
		{"bad digest", func(p *Params) { p.Binaries = map[string]string{"amd64": "zz"} }, "not a SHA-256"},
		{"unknown arch", func(p *Params) { p.Binaries = map[string]string{"vax": strings.Repeat("ab", 32)} }, "not known"},
		{"shell in token", func(p *Params) { p.Token = "a';id;'" }, "do not belong"},
		{"shell in launch", func(p *Params) { p.LaunchID = "a b" }, "do not belong"},
		{"too large", func(p *Params) { p.CA = bytes.Repeat(p.CA, 60) }, "clouds accept"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good(t)
			tt.break_(&p)
			if _, err := Render(p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
