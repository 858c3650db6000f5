package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"testing"
	"time"
)

func TestCertificateRequestRoundTrip(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{ec, rs} {
		for _, token := range []string{"", "s3cret-_token"} {
			text, err := NewCertificateRequest(key, "i-0123", token)
			if err != nil {
				t.Fatal(err)
			}
			csr := parse(t, text)
			if err := csr.CheckSignature(); err != nil {
				t.Errorf("%T: %v", key, err)
			}
			if csr.Subject.CommonName != "i-0123" {
				t.Errorf("common name is %q", csr.Subject.CommonName)
			}
			got, err := ChallengePassword(csr)
			if err != nil || got != token {
				t.Errorf("token is %q, %v; want %q", got, err, token)
			}
		}
	}
}

// TestChallengePasswordOfPuppet reads a request that an unmodified agent made from csr_attributes.yaml.
func TestChallengePasswordOfPuppet(t *testing.T) {
	text, err := os.ReadFile("testdata/puppet-agent.csr.pem")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ChallengePassword(parse(t, text))
	if err != nil || got != "challengepw" {
		t.Errorf("got %q, %v; want challengepw", got, err)
	}
}

func TestChallengePasswordBesideExtensions(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "a"}, DNSNames: []string{"a"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ChallengePassword(parse(t, pem.EncodeToMemory(&pem.Block{Type: PEMCertificateRequest, Bytes: der})))
	if err != nil || got != "" {
		t.Errorf("got %q, %v; want nothing", got, err)
	}
}

func parse(t *testing.T, text []byte) *x509.CertificateRequest {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM block")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

func TestWaitDuration(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration
		bad  bool
	}{
		{"", ChannelDefaultWait, false}, {"0s", 0, false}, {"3s", 3 * time.Second, false},
		{"2h", ChannelMaxWait, false}, {"-1s", 0, true}, {"soon", 0, true},
	} {
		got, err := ChannelRequest{Wait: c.in}.WaitDuration()
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q: got %v, %v", c.in, got, err)
		}
	}
}
