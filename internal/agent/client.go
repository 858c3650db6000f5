package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/wire"
)

// maxAnswer bounds the answers that are held in memory.
const maxAnswer = 256 << 20

// credentials are what a node needs to speak to its server.
type credentials struct {
	roots       *x509.CertPool
	crls        []*x509.RevocationList
	certificate *tls.Certificate
	// revocation is the setting certificate_revocation.
	revocation string
	// insecure skips the check of the server, for trust at first sight.
	insecure bool
}

// config gives the TLS settings. HTTP/2 is not negotiated: an abandoned poll of the channel has to end its connection.
func (c *credentials) config() *tls.Config {
	t := &tls.Config{RootCAs: c.roots, InsecureSkipVerify: c.insecure, MinVersion: tls.VersionTLS12}
	if c.certificate != nil {
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.certificate, nil }
	}
	if !c.insecure {
		t.VerifyConnection = func(cs tls.ConnectionState) error { return c.checkRevocation(cs.VerifiedChains) }
	}
	return t
}

// checkRevocation refuses a server whose certificates were revoked. A chain is good if none of its links were.
func (c *credentials) checkRevocation(chains [][]*x509.Certificate) error {
	if c.revocation == "false" || len(c.crls) == 0 {
		return nil
	}
	err := errors.New("the server has no verified chain")
	for _, chain := range chains {
		if err = c.checkChain(chain); err == nil {
			return nil
		}
	}
	return err
}

func (c *credentials) checkChain(chain []*x509.Certificate) error {
	last := len(chain) - 1
	if c.revocation == "leaf" {
		last = min(last, 1)
	}
	for i := range last {
		for _, list := range c.crls {
			if !bytes.Equal(list.RawIssuer, chain[i].RawIssuer) || list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			for _, r := range list.RevokedCertificateEntries {
				if r.SerialNumber.Cmp(chain[i].SerialNumber) == 0 {
					return fmt.Errorf("the server's certificate %s was revoked", chain[i].Subject.CommonName)
				}
			}
		}
	}
	return nil
}

// client speaks HTTP to one server. It is safe for concurrent use.
type client struct {
	address string
	http    *http.Client
	log     *slog.Logger
}

func newClient(address string, creds *credentials, conf *config.Puppet, log *slog.Logger) *client {
	dialer := &net.Dialer{Timeout: conf.Duration("http_connect_timeout")}
	return &client{address: address, log: log, http: &http.Client{
		Timeout: conf.Duration("http_read_timeout"),
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: creds.config(), TLSHandshakeTimeout: dialer.Timeout,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, Proxy: nil,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         []byte
	contentType  string
	accept       string
	// to takes the body of a good answer instead of memory.
	to io.Writer
}

// statusError is an answer that is no success.
type statusError struct {
	url, status, body string
	code              int
	// after is when a busy server wants to be asked again; 0 if it did not say.
	after time.Duration
}

// Error shows the server's own words.
func (e *statusError) Error() string {
	return fmt.Sprintf("%s answered %s: %s", e.url, e.status, e.message())
}

// message is the message of a JSON error body, or the body.
func (e *statusError) message() string {
	var body wire.Error
	if json.Unmarshal([]byte(e.body), &body) == nil && body.Message != "" {
		return body.Message
	}
	return strings.TrimSpace(e.body)
}

func isStatus(err error, code int) bool {
	status, ok := errors.AsType[*statusError](err)
	return ok && status.code == code
}

// busyRetries bounds how often a request is made again because the server was busy, busyPause how long it may ask to wait.
const (
	busyRetries = 20
	busyPause   = time.Minute
)

// do makes a request and gives the body of the answer, which must be a success. A server that is busy, and says when to
// come back, is asked again.
func (c *client) do(ctx context.Context, r call) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		body, err := c.once(ctx, r)
		status, ok := errors.AsType[*statusError](err)
		if !ok || status.after <= 0 || attempt >= busyRetries {
			return body, err
		}
		c.log.Debug("server is busy", "path", r.path, "again_in", status.after)
		select {
		case <-time.After(min(status.after, busyPause)):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// retryAfter reads the header of a busy server's answer.
func retryAfter(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusTooManyRequests {
		return 0
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return max(time.Duration(seconds)*time.Second, 100*time.Millisecond)
}

// once makes a request.
func (c *client) once(ctx context.Context, r call) ([]byte, error) {
	u := url.URL{Scheme: "https", Host: c.address, Path: r.path, RawQuery: r.query.Encode()}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", r.accept)
	req.Header.Set(wire.HeaderPuppetVersion, wire.PuppetVersion)
	req.Header.Set("User-Agent", "kickoff Puppet/"+wire.PuppetVersion)
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	started := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("request to https://%s%s failed after %.3f seconds: %w", c.address, r.path, time.Since(started).Seconds(), bareError(err))
	}
	defer resp.Body.Close()
	c.log.Debug("request", "method", r.method, "path", r.path, "status", resp.StatusCode, "seconds", time.Since(started).Seconds())
	if resp.StatusCode == http.StatusOK && r.to != nil {
		_, err := io.Copy(r.to, resp.Body)
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", r.path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{"https://" + c.address + r.path, resp.Status, string(body[:min(len(body), 64<<10)]), resp.StatusCode, retryAfter(resp)}
	}
	return body, nil
}

// bareError takes method and URL off: the message has them already.
func bareError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
