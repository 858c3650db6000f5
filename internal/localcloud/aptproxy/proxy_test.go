package aptproxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// origin is an archive that tests script.
type origin struct {
	*httptest.Server
	mu     sync.Mutex
	handle http.HandlerFunc
	hits   atomic.Int32
}

func (o *origin) set(h http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handle = h
}

func newOrigin(t *testing.T) *origin {
	o := &origin{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.hits.Add(1)
		o.mu.Lock()
		h := o.handle
		o.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

// newProxy starts a proxy for an origin on loopback, and a client that uses it.
func newProxy(t *testing.T, o *origin, change func(*Options)) (*Proxy, *http.Client) {
	t.Helper()
	options := Options{Dir: t.TempDir(), Hosts: []string{strings.TrimPrefix(o.URL, "http://")},
		AllowAddress: func(netip.AddrPort) bool { return true }}
	if change != nil {
		change(&options)
	}
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(func() { server.Close(); _ = p.Close() })
	at, _ := url.Parse(server.URL)
	return p, &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at), DisableCompression: true}}
}

func get(t *testing.T, c *http.Client, address string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	response, err := c.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func TestPackageIsFetchedOnceAndShared(t *testing.T) {
	o := newOrigin(t)
	content := strings.Repeat("0123456789abcdef", 1<<14)
	half := make(chan struct{})
	o.set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = io.WriteString(w, content[:len(content)/2])
		w.(http.Flusher).Flush()
		<-half
		_, _ = io.WriteString(w, content[len(content)/2:])
	})
	_, c := newProxy(t, o, nil)
	address := o.URL + "/debian/pool/main/t/tree/tree_2_amd64.deb"
	// The first reader has the beginning before the download has ended.
	response, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	early := make([]byte, 1000)
	if _, err := io.ReadFull(response.Body, early); err != nil || string(early) != content[:1000] {
		t.Fatalf("early bytes: %v", err)
	}
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() {
			if status, body := get(t, c, address); status != 200 || body != content {
				t.Errorf("status %d, %d bytes, want 200, %d bytes", status, len(body), len(content))
			}
		})
	}
	wait.Go(func() {
		if status, body := get(t, c, address, "Range", "bytes=10-19"); status != 206 || body != content[10:20] {
			t.Errorf("range: status %d, %q", status, body)
		}
	})
	time.Sleep(20 * time.Millisecond)
	close(half)
	wait.Wait()
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != content[1000:] {
		t.Errorf("the first reader's rest: %d bytes, %v", len(rest), err)
	}
	if status, body := get(t, c, address); status != 200 || body != content {
		t.Errorf("from the cache: status %d, %d bytes", status, len(body))
	}
	if n := o.hits.Load(); n != 1 {
		t.Errorf("the origin was asked %d times, want once", n)
	}
}

func TestIndexIsAskedForAgain(t *testing.T) {
	o := newOrigin(t)
	var version atomic.Int32
	version.Store(1)
	o.set(func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"v%d"`, version.Load())
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", tag)
		fmt.Fprintf(w, "index %d", version.Load())
	})
	p, c := newProxy(t, o, func(o *Options) { o.FreshFor = time.Nanosecond })
	address := o.URL + "/debian/dists/bookworm/InRelease"
	for n, want := range []string{"index 1", "index 1", "index 2", "index 2"} {
		if n == 2 {
			version.Store(2)
		}
		if status, body := get(t, c, address); status != 200 || body != want {
			t.Errorf("request %d: status %d, %q, want %q", n, status, body, want)
		}
	}
	if n := o.hits.Load(); n != 4 {
		t.Errorf("the origin was asked %d times, want 4", n)
	}
	p.options.FreshFor = time.Hour
	get(t, c, address)
	if n := o.hits.Load(); n != 4 {
		t.Errorf("a fresh index was asked for again")
	}
	p.options.FreshFor = time.Nanosecond
	o.Close() // the origin is away: the old copy serves
	if status, body := get(t, c, address); status != 200 || body != "index 2" {
		t.Errorf("without origin: status %d, %q", status, body)
	}
}

func TestCacheSurvivesAndIsBounded(t *testing.T) {
	o := newOrigin(t)
	o.set(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10000)) })
	dir := t.TempDir()
	_, c := newProxy(t, o, func(o *Options) { o.Dir = dir })
	get(t, c, o.URL+"/pool/a")
	second, c := newProxy(t, o, func(o *Options) { o.Dir, o.MaxBytes = dir, 40000 })
	get(t, c, o.URL+"/pool/a")
	if n := o.hits.Load(); n != 1 {
		t.Errorf("the origin was asked %d times, want once", n)
	}
	for n := range 10 {
		get(t, c, fmt.Sprintf("%s/pool/%d", o.URL, n))
	}
	if n := second.Cached(); n > 40000 {
		t.Errorf("the cache holds %d bytes, the limit is 40000", n)
	}
	damaged, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, path := range damaged {
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	if status, body := get(t, c, o.URL+"/pool/9"); status != 200 || len(body) != 10000 {
		t.Errorf("a damaged file was served: status %d, %d bytes", status, len(body))
	}
}

func TestFailuresAreNotCached(t *testing.T) {
	o := newOrigin(t)
	good := []byte("good")
	for name, bad := range map[string]http.HandlerFunc{
		"missing": func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"broken":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) },
		"moved": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/user-data", http.StatusFound)
		},
		"short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("only this"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			o.set(bad)
			_, c := newProxy(t, o, nil)
			c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			address := o.URL + "/pool/" + name
			if status, body := get(t, c, address); status == 200 {
				t.Errorf("first: status %d, %q", status, body)
			}
			o.set(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good) })
			if status, body := get(t, c, address); status != 200 || !bytes.Equal([]byte(body), good) {
				t.Errorf("then: status %d, %q", status, body)
			}
		})
	}
}

func TestProxyRefuses(t *testing.T) {
	o := newOrigin(t)
	o.set(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") })
	p, c := newProxy(t, o, nil)
	for _, address := range []string{"http://example.com/", "http://127.0.0.1:1/", strings.Replace(o.URL, "127.0.0.1", "localhost", 1) + "/"} {
		if status, _ := get(t, c, address); status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", address, status)
		}
	}
	if response, err := c.Post(o.URL+"/x", "text/plain", strings.NewReader("x")); err != nil || response.StatusCode != 403 {
		t.Errorf("post: %v, %v", response, err)
	}
	// Not as a proxy request, and as a tunnel.
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/latest/meta-data", nil),
		{Method: http.MethodConnect, URL: &url.URL{Host: "deb.debian.org:443"}, Host: "deb.debian.org:443"},
	} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s %s: status %d, want 403", r.Method, r.URL, w.Code)
		}
	}
	// The right name at the wrong place.
	_, c = newProxy(t, o, func(o *Options) { o.AllowAddress = nil })
	if status, body := get(t, c, o.URL+"/pool/x"); status != http.StatusBadGateway || strings.Contains(body, "secret") {
		t.Errorf("loopback origin: status %d, %q", status, body)
	}
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"151.101.2.132": true, "2a04:4e42::644": true, "203.0.113.80": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false, "198.18.0.1": false,
		"::1": false, "fe80::1": false, "fd00::1": false, "::ffff:10.0.0.1": false, "::ffff:127.0.0.1": false,
		"64:ff9b::a00:1": false, "2002:a00:1::": false, "::": false,
	} {
		if got := Public(netip.AddrPortFrom(netip.MustParseAddr(address), 80)); got != want {
			t.Errorf("Public(%s) = %v, want %v", address, got, want)
		}
	}
}
