package types

import (
	"fmt"
	"net/url"

	"kickoff/internal/value"
)

// URI is a parsed URI.
type URI struct {
	u *url.URL
}

// ParseURI reads a URI.
func ParseURI(s string) (*URI, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("bad URI(is not URI?): %q", s)
	}
	return &URI{u}, nil
}

// URL gives the parsed form, not to be changed.
func (u *URI) URL() *url.URL { return u.u }

// TypeName implements value.Value.
func (*URI) TypeName() string { return "URI" }

// String implements value.Value.
func (u *URI) String() string { return u.u.String() }

// Key implements value.Keyer.
func (u *URI) Key() string { return u.String() }

// Rich implements value.Richer.
func (u *URI) Rich() (string, value.Value) { return "URI", value.String(u.String()) }

// Resolve gives the URI of a reference relative to u.
func (u *URI) Resolve(ref *URI) *URI { return &URI{u.u.ResolveReference(ref.u)} }

// parts are the components as URI[{...}] names them.
func (u *URI) parts() *value.Hash {
	h := value.NewHash(6)
	set := func(k, v string) {
		if v != "" {
			h.SetString(k, value.String(v))
		}
	}
	set("scheme", u.u.Scheme)
	if u.u.User != nil {
		set("userinfo", u.u.User.String())
	}
	set("host", u.u.Hostname())
	if p := u.u.Port(); p != "" {
		h.SetString("port", value.Int(atoi(p)))
	}
	set("path", u.u.Path)
	set("query", u.u.RawQuery)
	set("fragment", u.u.Fragment)
	set("opaque", u.u.Opaque)
	return h
}
