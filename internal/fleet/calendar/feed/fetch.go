package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"kickoff/internal/fleet/calendar"
)

// Fetcher asks calendar servers. The zero value is good.
type Fetcher struct {
	// Client makes the requests; its redirects and body are bounded here.
	Client *http.Client
	// Timeout bounds a fetch with its body; 30 seconds when 0.
	Timeout time.Duration
}

// Fetched is an answer.
type Fetched struct {
	Body               []byte
	ETag, LastModified string
	// NotModified means that the copy with the given ETag is still good.
	NotModified bool
}

const maxRedirects = 5

// Fetch asks for a URL, unless it is what the validators name.
func (f Fetcher) Fetch(ctx context.Context, address, etag, modified string) (Fetched, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Fetched{}, fmt.Errorf("%q is not an http or https address", address)
	}
	timeout := f.Timeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Fetched{}, err
	}
	req.Header.Set("Accept", "text/calendar, text/plain;q=0.5, */*;q=0.1")
	req.Header.Set("User-Agent", "kickoff")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	} else if modified != "" {
		req.Header.Set("If-Modified-Since", modified)
	}
	resp, err := f.client().Do(req)
	if err != nil {
		return Fetched{}, fmt.Errorf("fetch: %w", err)
	}
	defer resp.Body.Close()
	return answer(resp, etag, modified)
}

func (f Fetcher) client() *http.Client {
	c := http.Client{}
	if f.Client != nil {
		c = *f.Client
	}
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		for _, v := range via {
			if v.URL.String() == req.URL.String() {
				return fmt.Errorf("the server redirects %s to itself", req.URL.Redacted())
			}
		}
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return errors.New("the server redirects from https to " + req.URL.Scheme)
		}
		return nil
	}
	return &c
}

func answer(resp *http.Response, etag, modified string) (Fetched, error) {
	switch {
	case resp.StatusCode == http.StatusNotModified && (etag != "" || modified != ""):
		return Fetched{NotModified: true}, nil
	case resp.StatusCode != http.StatusOK:
		return Fetched{}, fmt.Errorf("fetch: the server answers %s", resp.Status)
	case resp.ContentLength > calendar.MaxBytes:
		return Fetched{}, fmt.Errorf("fetch: the calendar is too large: %d bytes, at most %d are read", resp.ContentLength, calendar.MaxBytes)
	}
	body, err := bounded(resp.Body)
	if err != nil {
		return Fetched{}, fmt.Errorf("fetch: %w", err)
	}
	return Fetched{Body: body, ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified")}, nil
}

func bounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, calendar.MaxBytes+1))
	if err == nil && len(body) > calendar.MaxBytes {
		err = fmt.Errorf("the calendar is too large: more than %d bytes", calendar.MaxBytes)
	}
	return body, err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f)
}
