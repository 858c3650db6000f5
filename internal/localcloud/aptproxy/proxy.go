// Package aptproxy is a caching HTTP proxy for apt that serves machines which
// have no other way out.
//
// It fetches from the hosts of the image's apt sources and from nothing else,
// and never from an address that is loopback, link-local or private, whatever
// the name resolves to at the moment of connecting. Several machines that want
// the same file at the same time share one download, which they receive while
// it runs. The cache on disk outlives the process, and several processes may
// use the same one.
package aptproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options configure a Proxy.
type Options struct {
	// Dir is the cache directory; it is made if missing.
	Dir string
	// Hosts are the hosts (with port, if not 80) that may be fetched from.
	Hosts []string
	// MaxBytes bounds the cache; zero is 8 GiB.
	MaxBytes int64
	// FreshFor is how long an index is served without asking the origin again;
	// zero is a minute. Packages never change and are not asked for again.
	FreshFor time.Duration
	// AllowAddress decides about the addresses to connect to; nil is Public.
	AllowAddress func(netip.AddrPort) bool
	Log          *slog.Logger
}

// Proxy is the HTTP handler.
type Proxy struct {
	options Options
	client  *http.Client
	cache   *cache

	mu      sync.Mutex
	running map[string]*download
	wait    sync.WaitGroup
	ctx     context.Context // ends the downloads; cancelled by Close
	cancel  context.CancelFunc
}

// New makes a proxy. Close it to end its downloads.
func New(o Options) (*Proxy, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 8 << 30
	}
	if o.FreshFor == 0 {
		o.FreshFor = time.Minute
	}
	if o.AllowAddress == nil {
		o.AllowAddress = Public
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c, err := openCache(o.Dir, o.MaxBytes)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 20 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !o.AllowAddress(netip.AddrPortFrom(to.Addr().Unmap(), to.Port())) {
			return fmt.Errorf("address %s is not a public one", address)
		}
		return nil
	}}
	p := &Proxy{options: o, cache: c, running: map[string]*download{}, client: &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableCompression: true, MaxIdleConnsPerHost: 8,
			IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// Close ends all downloads and waits for them.
func (p *Proxy) Close() error {
	p.cancel()
	p.wait.Wait()
	p.client.CloseIdleConnections()
	return nil
}

var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
}

// Public reports whether an address is one of the internet at large: not
// loopback, link-local, private, shared, multicast, reserved, nor an IPv6
// form of an IPv4 address.
func Public(to netip.AddrPort) bool {
	address := to.Addr().Unmap()
	if !address.IsGlobalUnicast() || address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(address) })
}

// ServeHTTP answers one request of a machine.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if reason := p.refuse(r); reason != "" {
		p.options.Log.Warn("apt proxy refused a request", "from", r.RemoteAddr, "method", r.Method, "url", r.URL.String(), "reason", reason)
		http.Error(w, "local cloud: "+reason, http.StatusForbidden)
		return
	}
	origin := "http://" + strings.TrimSuffix(r.URL.Host, ":80") + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		origin += "?" + r.URL.RawQuery
	}
	immutable := strings.Contains(origin, "/pool/") || strings.Contains(origin, "/by-hash/")
	if file, ok := p.cache.open(origin); ok {
		defer file.Close()
		if immutable || time.Since(file.checked) < p.options.FreshFor {
			if immutable {
				p.cache.touch(file, immutable)
			}
			file.serve(w, r)
			return
		}
	}
	d := p.join(origin)
	d.serve(w, r, p.cache)
}

// refuse says why a request is not for this proxy, or "".
func (p *Proxy) refuse(r *http.Request) string {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return "only GET is proxied"
	case r.URL.Scheme != "http" || r.URL.Host == "":
		return "only http:// addresses are proxied"
	case !slices.Contains(p.options.Hosts, strings.TrimSuffix(strings.ToLower(r.URL.Host), ":80")):
		return "host " + r.URL.Host + " is not in the image's apt sources"
	case r.URL.User != nil || path.Clean("/"+r.URL.Path) != "/"+strings.Trim(r.URL.Path, "/"):
		return "malformed address"
	}
	return ""
}

// join returns the running download of an address, or starts one.
func (p *Proxy) join(origin string) *download {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.running[origin]; ok {
		return d
	}
	d := newDownload(origin)
	p.running[origin] = d
	p.wait.Go(func() {
		err := p.fetch(d)
		p.mu.Lock()
		delete(p.running, origin)
		p.mu.Unlock()
		if err != nil {
			p.options.Log.Warn("apt proxy download ended early", "url", origin, "error", err)
		}
		d.finish(err)
	})
	return d
}

// maxSmall bounds the bodies of answers that are not files, e.g. 404.
const maxSmall = 64 << 10

// fetch downloads an address, publishing the answer's head and its growing
// file to everybody who waits.
func (p *Proxy) fetch(d *download) error {
	request, err := http.NewRequestWithContext(p.ctx, http.MethodGet, d.origin, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("User-Agent", "kickoff-apt-proxy")
	old, cached := p.cache.open(d.origin)
	if cached {
		defer old.Close()
		old.condition(request)
	}
	response, err := p.client.Do(request)
	if err != nil && cached {
		p.options.Log.Warn("apt proxy serves an old copy", "url", d.origin, "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && cached:
		p.cache.touch(old, false)
		return nil
	case response.StatusCode != http.StatusOK:
		body, err := io.ReadAll(io.LimitReader(response.Body, maxSmall))
		if err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
		d.answer(response, body)
		return nil
	}
	file, err := p.cache.create(headOf(d.origin, response))
	if err != nil {
		return err
	}
	d.begin(file, response)
	if _, err := io.Copy(d, response.Body); err != nil {
		return errors.Join(fmt.Errorf("fetch: %w", err), file.abandon())
	}
	if n := response.ContentLength; n >= 0 && d.size() != n {
		return errors.Join(io.ErrUnexpectedEOF, file.abandon())
	}
	return file.commit()
}

// Cached reports how many bytes the cache holds.
func (p *Proxy) Cached() int64 { return p.cache.bytes() }

// removeQuietly is for cleaning up where an earlier error is what counts.
func removeQuietly(name string) { _ = os.Remove(name) }
