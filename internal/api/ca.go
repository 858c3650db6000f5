package api

import (
	"context"
	"net/url"
	"time"
)

// Paths of the certificate authority and of classification.
const (
	PathCertificates    = Prefix + "/ca/certificates"
	PathCertificate     = Prefix + "/ca/certificates/{name}"
	PathCertificateSign = Prefix + "/ca/certificates/{name}/sign"
	PathCertificateEnd  = Prefix + "/ca/certificates/{name}/revoke"
	PathLoginLink       = Prefix + "/console/link"
	PathClassification  = Prefix + "/nodes/{name}/classification"
)

// Certificate is one name in the authority's list.
type Certificate struct {
	Name string `json:"name"`
	// State is requested, signed, revoked or refused.
	State       string     `json:"state"`
	Fingerprint string     `json:"fingerprint,omitempty"`
	Serial      string     `json:"serial,omitempty"`
	NotBefore   time.Time  `json:"not_before,omitzero"`
	NotAfter    time.Time  `json:"not_after,omitzero"`
	Decisions   []Decision `json:"decisions,omitempty"`
}

// Decision is what was decided about a certificate request, and why. Count is how often the same came in a row.
type Decision struct {
	At      time.Time `json:"at"`
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason"`
	Detail  string    `json:"detail,omitempty"`
	Remote  string    `json:"remote,omitempty"`
	Count   int       `json:"count"`
}

// Certificates is the authority's list.
type Certificates struct {
	Certificates []Certificate `json:"certificates"`
}

// Classification is what the classifier says about a node.
type Classification struct {
	Node string `json:"node"`
	// YAML is the answer of Puppet's external_nodes protocol.
	YAML string `json:"yaml"`
	// Explanation says for people where each part comes from.
	Explanation string `json:"explanation"`
}

// Certificates lists the certificates that wait for a signature; with all, also the others.
func (c *Client) Certificates(ctx context.Context, all bool) (Certificates, error) {
	q := url.Values{}
	if all {
		q.Set("all", "true")
	}
	return call[Certificates](ctx, c, "GET", PathCertificates+"?"+q.Encode(), nil)
}

// SignCertificate signs the request that waits under a name.
func (c *Client) SignCertificate(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, "POST", fill(PathCertificateSign, name), struct{}{})
}

// RevokeCertificate revokes the certificate of a name.
func (c *Client) RevokeCertificate(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, "POST", fill(PathCertificateEnd, name), struct{}{})
}

// CleanCertificate revokes and forgets certificate and request of a name.
func (c *Client) CleanCertificate(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, "DELETE", fill(PathCertificate, name), nil)
}

// Classification gives the classification of a node.
func (c *Client) Classification(ctx context.Context, name string) (Classification, error) {
	return call[Classification](ctx, c, "GET", fill(PathClassification, name), nil)
}

// LoginLink is a link that opens one session of the console.
type LoginLink struct {
	URL string `json:"url"`
}

// LoginLink makes a login link of the console.
func (c *Client) LoginLink(ctx context.Context) (LoginLink, error) {
	return call[LoginLink](ctx, c, "POST", PathLoginLink, struct{}{})
}
