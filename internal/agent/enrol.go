package agent

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/wire"
)

// enroller brings a node to the point where it has a certificate. Every step leaves a file and is skipped if that file
// is there, so it goes on where a killed one stopped.
type enroller struct {
	conf     *config.Puppet
	certname string
	log      *slog.Logger
	say      func(level, message string)
	// fresh is set when the certificate was fetched by this process.
	fresh bool
}

// firstPoll is how soon a certificate is asked for again at first; the pause grows up to the setting waitforcert.
const firstPoll = 250 * time.Millisecond

func (e *enroller) path(dir, suffix string) string {
	return filepath.Join(e.conf.Get(dir), e.certname+suffix)
}

func (e *enroller) keyPath() string  { return e.path("privatekeydir", ".pem") }
func (e *enroller) certPath() string { return e.path("certdir", ".pem") }

// credentials gives what is needed to speak to the server, enrolling the node if need be.
func (e *enroller) credentials(ctx context.Context) (*credentials, error) {
	pool, err := e.authorities(ctx)
	if err != nil {
		return nil, err
	}
	creds := &credentials{roots: pool, revocation: e.conf.Get("certificate_revocation")}
	key, err := e.key()
	if err != nil {
		return nil, err
	}
	if creds.crls, err = e.revocations(ctx, creds); err != nil {
		return nil, err
	}
	chain, err := e.certificate(ctx, creds, key)
	if err != nil {
		return nil, err
	}
	creds.certificate = &tls.Certificate{Certificate: chain, PrivateKey: key}
	if creds.certificate.Leaf, err = x509.ParseCertificate(chain[0]); err != nil {
		return nil, fmt.Errorf("read %s: %w", e.certPath(), err)
	}
	if !samePublicKey(key.Public(), creds.certificate.Leaf.PublicKey) {
		return nil, fmt.Errorf("the certificate %s does not belong to the key %s: remove both the certificate here and on the server ('kickoff ca clean %s'), then run again",
			e.certPath(), e.keyPath(), e.certname)
	}
	return creds, nil
}

func samePublicKey(a, b any) bool {
	c, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && c.Equal(b)
}

// authorities gives the CA certificates. They are pinned: those in ssldir, or those that bootstrap left. Without
// either, the server is trusted at first sight only if the settings say so.
func (e *enroller) authorities(ctx context.Context) (*x509.CertPool, error) {
	path := e.conf.Get("localcacert")
	text, err := readIfExists(path)
	if err != nil {
		return nil, fmt.Errorf("read CA certificates: %w", err)
	}
	if text != nil {
		return parsePool(path, text)
	}
	creds := &credentials{insecure: true}
	pinned, err := readIfExists(e.conf.Get("kickoff_ca"))
	if err != nil {
		return nil, fmt.Errorf("read CA certificates: %w", err)
	}
	switch {
	case pinned != nil:
		if creds.roots, err = parsePool(e.conf.Get("kickoff_ca"), pinned); err != nil {
			return nil, err
		}
		creds.insecure = false
	case !e.conf.Bool("kickoff_trust_first_use"):
		return nil, fmt.Errorf("no CA certificate in %s or %s: put it there, or set kickoff_trust_first_use to trust whoever answers as %s",
			path, e.conf.Get("kickoff_ca"), e.conf.Get("ca_server"))
	default:
		e.say("warning", "Trusting the CA of "+e.conf.Get("ca_server")+" at first sight")
	}
	text, err = e.fetch(ctx, creds, wire.PathCACertificate)
	if err != nil {
		return nil, fmt.Errorf("fetch CA certificates: %w", err)
	}
	pool, err := parsePool("the server's answer", text)
	if err != nil {
		return nil, err
	}
	return pool, writeFile(path, text, 0o644)
}

func parsePool(from string, text []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no CA certificate", from)
	}
	return pool, nil
}

// revocations gives the lists of revoked certificates, fetching them if they are older than a day. A server without
// any is no error.
func (e *enroller) revocations(ctx context.Context, creds *credentials) ([]*x509.RevocationList, error) {
	path := e.conf.Get("hostcrl")
	text, err := readIfExists(path)
	if err != nil {
		return nil, fmt.Errorf("read revocation lists: %w", err)
	}
	st, statErr := os.Stat(path)
	if text == nil || statErr == nil && time.Since(st.ModTime()) > e.conf.Duration("crl_refresh_interval") {
		fetched, err := e.fetch(ctx, creds, wire.PathCRL)
		switch {
		case isStatus(err, http.StatusNotFound):
		case err != nil && text == nil:
			return nil, fmt.Errorf("fetch revocation lists: %w", err)
		case err != nil:
			e.log.Warn("revocation lists not refreshed", "error", err)
		default:
			text = fetched
			if err := writeFile(path, text, 0o644); err != nil {
				return nil, err
			}
		}
	}
	return parseCRLs(path, text)
}

func parseCRLs(path string, text []byte) ([]*x509.RevocationList, error) {
	var out []*x509.RevocationList
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return out, nil
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		out = append(out, list)
	}
}

// key gives the node's private key, making it if there is none.
func (e *enroller) key() (crypto.Signer, error) {
	text, err := readIfExists(e.keyPath())
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	if text != nil {
		key, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", e.keyPath(), err)
		}
		return key, nil
	}
	key, text, err := e.makeKey()
	if err != nil {
		return nil, fmt.Errorf("make private key: %w", err)
	}
	if err := os.MkdirAll(e.conf.Get("privatekeydir"), 0o750); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	return key, writeFile(e.keyPath(), text, 0o600)
}

func (e *enroller) makeKey() (crypto.Signer, []byte, error) {
	if e.conf.Get("key_type") == "rsa" {
		e.say("info", "Creating a new RSA SSL key for "+e.certname)
		key, err := rsa.GenerateKey(rand.Reader, e.conf.Int("keylength"))
		if err != nil {
			return nil, nil, err
		}
		return key, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
	}
	e.say("info", "Creating a new EC SSL key for "+e.certname+" using curve "+e.conf.Get("named_curve"))
	curves := map[string]elliptic.Curve{"prime256v1": elliptic.P256(), "secp384r1": elliptic.P384(), "secp521r1": elliptic.P521()}
	key, err := ecdsa.GenerateKey(curves[e.conf.Get("named_curve")], rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

func parseKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errors.New("it holds no private key that can be read (encrypted keys are not supported)")
		}
		switch block.Type {
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if signer, ok := key.(crypto.Signer); ok {
				return signer, err
			}
			return nil, err
		}
	}
}

// certificate gives the node's certificate, asking for one and waiting until it is signed.
func (e *enroller) certificate(ctx context.Context, creds *credentials, key crypto.Signer) ([][]byte, error) {
	text, err := readIfExists(e.certPath())
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	if text == nil {
		if text, err = e.waitForCertificate(ctx, creds, key); err != nil {
			return nil, err
		}
		if err := writeFile(e.certPath(), text, 0o644); err != nil {
			return nil, err
		}
		e.fresh = true
		e.say("info", "Downloaded certificate for "+e.certname+" from https://"+e.caAddress()+"/puppet-ca/v1")
	}
	chain, err := parseChain(e.certPath(), text)
	if err != nil {
		return nil, err
	}
	// From here on the token is worth nothing; a machine keeps no secrets that it does not need.
	if err := os.Remove(e.conf.Get("kickoff_token")); err != nil && !os.IsNotExist(err) {
		e.log.Warn("used enrolment token not removed", "error", err)
	}
	return chain, nil
}

func parseChain(from string, text []byte) ([][]byte, error) {
	var chain [][]byte
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", from)
	}
	return chain, nil
}

// waitForCertificate asks until there is a certificate: often at first, because a new instance is to be in service
// soon, and then as often as waitforcert says.
func (e *enroller) waitForCertificate(ctx context.Context, creds *credentials, key crypto.Signer) ([]byte, error) {
	pause, limit := firstPoll, e.conf.Duration("waitforcert")
	started := time.Now()
	told := ""
	for {
		text, err := e.askForCertificate(ctx, creds, key)
		if err == nil {
			return text, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if message := err.Error(); message != told {
			e.say("warning", "Could not get a certificate yet: "+message)
			told = message
		}
		if limit == 0 {
			return nil, fmt.Errorf("get a certificate: %w (not waiting, because waitforcert is 0)", err)
		}
		if most := e.conf.Duration("maxwaitforcert"); most >= 0 && time.Since(started) > most {
			return nil, fmt.Errorf("get a certificate: %w (waited for maxwaitforcert, %s)", err, most)
		}
		jittered := pause/2 + mrand.N(pause)
		e.log.Debug("waiting for certificate", "pause", jittered, "error", err)
		select {
		case <-time.After(jittered):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if pause = pause * 3 / 2; limit > 0 && pause > limit {
			pause = limit
		}
	}
}

// askForCertificate makes one round: a certificate that is there already, or a request and another look.
func (e *enroller) askForCertificate(ctx context.Context, creds *credentials, key crypto.Signer) ([]byte, error) {
	text, err := e.ownCertificate(ctx, creds, key)
	if err == nil || !isStatus(err, http.StatusNotFound) && !errors.Is(err, errOtherKey) {
		return text, err
	}
	token, err := readIfExists(e.conf.Get("kickoff_token"))
	if err != nil {
		return nil, fmt.Errorf("read enrolment token: %w", err)
	}
	request, err := wire.NewCertificateRequest(key, e.certname, strings.TrimSpace(string(token)))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(e.path("requestdir", ".pem")); err != nil {
		block, _ := pem.Decode(request)
		e.say("info", "Creating a new SSL certificate request for "+e.certname)
		e.say("info", "Certificate Request fingerprint (SHA256): "+fingerprint(block.Bytes))
	}
	if err := writeFile(e.path("requestdir", ".pem"), request, 0o600); err != nil {
		return nil, err
	}
	c := e.client(creds)
	defer c.close()
	_, err = c.do(ctx, call{method: http.MethodPut, path: wire.PathCertificateRequest + e.certname, body: request,
		contentType: wire.MediaText, accept: wire.MediaText})
	if err != nil && !isKnownRequest(err) {
		return nil, err
	}
	text, err = e.ownCertificate(ctx, creds, key)
	if isStatus(err, http.StatusNotFound) {
		return nil, fmt.Errorf("certificate for %s has not been signed yet", e.certname)
	}
	return text, err
}

// errOtherKey says that the server has a certificate under our name that is not for our key.
var errOtherKey = errors.New("the server has a certificate of this name for another key")

// ownCertificate fetches the node's certificate, which must belong to its key: what does not is never kept.
func (e *enroller) ownCertificate(ctx context.Context, creds *credentials, key crypto.Signer) ([]byte, error) {
	text, err := e.fetch(ctx, creds, wire.PathCertificate+e.certname)
	if err != nil {
		return nil, err
	}
	chain, err := parseChain("the server's answer", text)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	if !samePublicKey(key.Public(), leaf.PublicKey) {
		return nil, fmt.Errorf("%w: %s; if it is an old one of this machine, remove it there ('kickoff ca clean %s')", errOtherKey, e.certname, e.certname)
	}
	return text, nil
}

// isKnownRequest recognises the answer to a request that the server has already; it is no error.
func isKnownRequest(err error) bool {
	status, ok := errors.AsType[*statusError](err)
	return ok && status.code == http.StatusBadRequest && strings.Contains(status.body, "already has a")
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func (e *enroller) caAddress() string {
	return e.conf.Get("ca_server") + ":" + e.conf.Get("ca_port")
}

func (e *enroller) client(creds *credentials) *client {
	return newClient(e.caAddress(), creds, e.conf, e.log)
}

func (e *enroller) fetch(ctx context.Context, creds *credentials, path string) ([]byte, error) {
	c := e.client(creds)
	defer c.close()
	return c.do(ctx, call{method: http.MethodGet, path: path, accept: wire.MediaText})
}
