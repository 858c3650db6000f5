package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/fleet/instance"
)

// ClientOptions say how to reach a server. Socket wins over URL.
type ClientOptions struct {
	// Socket is the path of the server's unix socket.
	Socket string
	// URL is the server's base, https://host:8140, with CAFile the PEM file
	// that must have signed its certificate and Token the bearer token.
	URL    string
	CAFile string
	Token  string
}

// Client speaks the operator API. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// maxAnswer bounds what a client reads of one answer.
const maxAnswer = 64 << 20

// NewClient makes a client; it does not connect yet.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Socket != "" {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", o.Socket)
			if err != nil {
				return nil, fmt.Errorf("%w (is kickoff server running here? another socket: --socket or $KICKOFF_SOCKET)", err)
			}
			return conn, nil
		}
		return &Client{base: "http://kickoff", http: &http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
	}
	if o.URL == "" {
		return nil, errors.New("neither a socket nor a server URL is given")
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("server URL: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("server URL %q: must be https://host[:port]", o.URL)
	}
	if o.Token == "" {
		return nil, errors.New("a server URL needs a token (kickoff token create)")
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read CA file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA file %s holds no certificate", o.CAFile)
		}
	}
	return &Client{
		base: strings.TrimSuffix(u.Scheme+"://"+u.Host+u.Path, "/"), token: o.Token,
		http: &http.Client{Transport: &http.Transport{TLSClientConfig: conf, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true}},
	}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// open sends a request and returns the answer if its status is 2xx; else the
// server's Error.
func (c *Client) open(ctx context.Context, method, path string, in any, accept string) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", accept)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, readError(res)
}

func readError(res *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var b ErrorBody
	if err := json.Unmarshal(raw, &b); err == nil && b.Error != nil && b.Error.Message != "" {
		b.Error.Status = res.StatusCode
		return b.Error
	}
	return &Error{Code: CodeInternal, Status: res.StatusCode,
		Message: fmt.Sprintf("the server answered %s: %s", res.Status, strings.TrimSpace(string(raw)))}
}

func call[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T
	res, err := c.open(ctx, method, path, in, "application/json")
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&out); err != nil {
		return out, fmt.Errorf("read the server's answer: %w", err)
	}
	return out, nil
}

// fill puts values into the {wildcards} of a path, in order.
func fill(path string, values ...string) string {
	for _, v := range values {
		i, j := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		if i < 0 || j < i {
			break
		}
		path = path[:i] + url.PathEscape(v) + path[j+1:]
	}
	return path
}

// Fleet gives the state of all groups, or of one. With all, also instances
// that are gone.
func (c *Client) Fleet(ctx context.Context, group string, all bool) (Fleet, error) {
	q := url.Values{}
	if group != "" {
		q.Set("group", group)
	}
	if all {
		q.Set("all", "true")
	}
	return call[Fleet](ctx, c, "GET", PathFleet+"?"+q.Encode(), nil)
}

// Instance gives one instance.
func (c *Client) Instance(ctx context.Context, name string) (Instance, error) {
	return call[Instance](ctx, c, "GET", fill(PathInstance, name), nil)
}

// Console gives what an instance wrote to its console.
func (c *Client) Console(ctx context.Context, name string) (ConsoleOutput, error) {
	return call[ConsoleOutput](ctx, c, "GET", fill(PathConsole, name), nil)
}

// Scale sets or clears the operator's size of a group.
func (c *Client) Scale(ctx context.Context, group string, r ScaleRequest) (SizeAnswer, error) {
	return call[SizeAnswer](ctx, c, "POST", fill(PathScale, group), r)
}

// Launch asks for count more instances.
func (c *Client) Launch(ctx context.Context, group string, count int) (SizeAnswer, error) {
	return call[SizeAnswer](ctx, c, "POST", fill(PathLaunch, group), LaunchRequest{Count: count})
}

// Resume lets a stopped group launch again.
func (c *Client) Resume(ctx context.Context, group string) (Done, error) {
	return call[Done](ctx, c, "POST", fill(PathResume, group), struct{}{})
}

// UserData gives the bootstrap script of a group.
func (c *Client) UserData(ctx context.Context, group string) (UserData, error) {
	return call[UserData](ctx, c, "GET", fill(PathUserData, group), nil)
}

// Terminate ends instances.
func (c *Client) Terminate(ctx context.Context, r TerminateRequest) (Done, error) {
	return call[Done](ctx, c, "POST", PathTerminate, r)
}

// Drain keeps an instance out of its balancer.
func (c *Client) Drain(ctx context.Context, name string, r DrainRequest) (Done, error) {
	return call[Done](ctx, c, "POST", fill(PathDrain, name), r)
}

// Undrain lets a drained instance back.
func (c *Client) Undrain(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, "POST", fill(PathUndrain, name), struct{}{})
}

// StartRun starts a rolling run.
func (c *Client) StartRun(ctx context.Context, r RunRequest) (Run, error) {
	return call[Run](ctx, c, "POST", PathRuns, r)
}

// Run gives the state of a rolling run.
func (c *Client) Run(ctx context.Context, id string) (Run, error) {
	return call[Run](ctx, c, "GET", fill(PathRun, id), nil)
}

// CreateToken makes an API token.
func (c *Client) CreateToken(ctx context.Context, r TokenRequest) (Token, error) {
	return call[Token](ctx, c, "POST", PathTokens, r)
}

// Tokens lists the API tokens, without secrets.
func (c *Client) Tokens(ctx context.Context) (Tokens, error) {
	return call[Tokens](ctx, c, "GET", PathTokens, nil)
}

// RevokeToken ends an API token.
func (c *Client) RevokeToken(ctx context.Context, id string) (Done, error) {
	return call[Done](ctx, c, "DELETE", fill(PathToken, id), nil)
}

// Events gives up to limit events after seq; with seq < 0 the newest limit.
func (c *Client) Events(ctx context.Context, after int64, limit int) (Events, error) {
	q := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	return call[Events](ctx, c, "GET", PathEvents+"?"+q.Encode(), nil)
}

// FollowEvents calls f for every event after seq, until ctx ends or f fails.
// A broken connection is an error: call again with the last sequence seen.
func (c *Client) FollowEvents(ctx context.Context, after int64, f func(instance.Event) error) error {
	q := url.Values{"after": {strconv.FormatInt(after, 10)}}
	return stream(ctx, c, PathEvents+"?"+q.Encode(), f)
}

// FollowRun calls f for every event of a rolling run after seq, and returns
// nil after its end.
func (c *Client) FollowRun(ctx context.Context, id string, after int, f func(RunEvent) error) error {
	q := url.Values{"after": {strconv.Itoa(after)}}
	ended := false
	err := stream(ctx, c, fill(PathRunEvents, id)+"?"+q.Encode(), func(e RunEvent) error {
		ended = ended || e.Step == RunEnd
		return f(e)
	})
	if err == nil && !ended {
		return io.ErrUnexpectedEOF
	}
	return err
}
