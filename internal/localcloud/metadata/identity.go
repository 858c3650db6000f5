package metadata

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/smallstep/pkcs7"
)

// Signer signs identity documents with an RSA key and a certificate of this
// local cloud, as a region of EC2 does with its own. The same key answers
// pkcs7 (DSA on EC2), rsa2048 and signature.
type Signer struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate

	mu    sync.Mutex
	known map[string]map[string]string // instance id -> identity/*
}

// LoadSigner reads key and certificate from a directory, or makes them there.
func LoadSigner(dir string, now time.Time) (*Signer, error) {
	file := filepath.Join(dir, "identity.pem")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeSigner(file, now)
	}
	if err != nil {
		return nil, fmt.Errorf("load identity signer: %w", err)
	}
	s := &Signer{known: map[string]map[string]string{}}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			s.certificate, err = x509.ParseCertificate(block.Bytes)
		case "RSA PRIVATE KEY":
			s.key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, fmt.Errorf("load identity signer from %s: %w", file, err)
		}
	}
	if s.key == nil || s.certificate == nil {
		return nil, fmt.Errorf("load identity signer from %s: key or certificate is missing", file)
	}
	return s, nil
}

func makeSigner(file string, now time.Time) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "kickoff local cloud", Organization: []string{"kickoff"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
	temporary := file + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return nil, err
	}
	return text, os.Rename(temporary, file)
}

// Certificate is the signing certificate in PEM.
func (s *Signer) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Raw})
}

// Forget drops what is remembered about an ended instance.
func (s *Signer) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
}

// document is EC2's instance identity document.
type document struct {
	AccountID               string   `json:"accountId"`
	Architecture            string   `json:"architecture"`
	AvailabilityZone        string   `json:"availabilityZone"`
	BillingProducts         []string `json:"billingProducts"`
	DevpayProductCodes      []string `json:"devpayProductCodes"`
	MarketplaceProductCodes []string `json:"marketplaceProductCodes"`
	ImageID                 string   `json:"imageId"`
	InstanceID              string   `json:"instanceId"`
	InstanceType            string   `json:"instanceType"`
	KernelID                *string  `json:"kernelId"`
	PendingTime             string   `json:"pendingTime"`
	PrivateIP               string   `json:"privateIp"`
	RamdiskID               *string  `json:"ramdiskId"`
	Region                  string   `json:"region"`
	Version                 string   `json:"version"`
}

// identity is the directory dynamic/instance-identity. A signature costs a
// millisecond or two, so each instance's is made once.
func (s *Signer) identity(i Instance, account string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.known[i.ID]; ok {
		return known, nil
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	text, err := json.MarshalIndent(document{
		AccountID: account, Architecture: arch, AvailabilityZone: i.Zone, ImageID: i.ImageID, InstanceID: i.ID,
		InstanceType: i.Type, PendingTime: i.LaunchTime.UTC().Format(time.RFC3339), PrivateIP: i.IP.String(),
		Region: i.Region(), Version: "2017-09-30",
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("make identity document: %w", err)
	}
	signed, err := s.signPKCS7(text)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign identity document: %w", err)
	}
	all := map[string]string{
		"document": string(text), "rsa2048": base64Lines(signed), "pkcs7": base64Lines(signed), "signature": base64Lines(signature),
	}
	s.known[i.ID] = all
	return all, nil
}

// signPKCS7 wraps the document as signed data that contains it.
func (s *Signer) signPKCS7(text []byte) ([]byte, error) {
	data, err := pkcs7.NewSignedData(text)
	if err != nil {
		return nil, fmt.Errorf("sign identity document: %w", err)
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := data.AddSigner(s.certificate, s.key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("sign identity document: %w", err)
	}
	der, err := data.Finish()
	if err != nil {
		return nil, fmt.Errorf("sign identity document: %w", err)
	}
	return der, nil
}

// base64Lines is base64 in lines of 64 characters, as EC2 writes it.
func base64Lines(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	var lines []string
	for len(text) > 64 {
		lines, text = append(lines, text[:64]), text[64:]
	}
	return strings.Join(append(lines, text), "\n")
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:17]
}
