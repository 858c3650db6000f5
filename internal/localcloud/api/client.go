package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client talks to a local cloud. It may be used concurrently.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient makes a client for the local cloud behind a unix socket. Nothing
// is connected before the first call.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{
		Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute},
		Timeout:   time.Minute,
	}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Info describes the local cloud.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	return info, c.call(ctx, http.MethodGet, "/v1/info", nil, &info)
}

// Launch starts a machine, or returns the one with the same token.
func (c *Client) Launch(ctx context.Context, request LaunchRequest) (Instance, error) {
	var instance Instance
	return instance, c.call(ctx, http.MethodPost, "/v1/instances", request, &instance)
}

// Instances lists all machines; with a token only the one that has it.
func (c *Client) Instances(ctx context.Context, token string) ([]Instance, error) {
	path := "/v1/instances"
	if token != "" {
		path += "?" + url.Values{"token": {token}}.Encode()
	}
	var list []Instance
	return list, c.call(ctx, http.MethodGet, path, nil, &list)
}

// Instance describes one machine.
func (c *Client) Instance(ctx context.Context, id string) (Instance, error) {
	var instance Instance
	return instance, c.call(ctx, http.MethodGet, instancePath(id, ""), nil, &instance)
}

// Terminate asks a machine to end.
func (c *Client) Terminate(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, instancePath(id, ""), nil, nil)
}

// Fail ends a machine abruptly, as a failing host or a reclaimed spot
// instance would end.
func (c *Client) Fail(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, instancePath(id, "/fail"), nil, nil)
}

// Reboot restarts a machine on the same disk.
func (c *Client) Reboot(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, instancePath(id, "/reboot"), nil, nil)
}

// Console returns what a machine printed last.
func (c *Client) Console(ctx context.Context, id string) ([]byte, error) {
	var text []byte
	return text, c.call(ctx, http.MethodGet, instancePath(id, "/console"), nil, &text)
}

// IdentityCertificate is the PEM certificate that identity documents verify
// against.
func (c *Client) IdentityCertificate(ctx context.Context) ([]byte, error) {
	var text []byte
	return text, c.call(ctx, http.MethodGet, "/v1/identity-certificate", nil, &text)
}

func instancePath(id, rest string) string { return "/v1/instances/" + url.PathEscape(id) + rest }

// maxAnswer is more than the longest list of instances.
const maxAnswer = 16 << 20

// call does one request. A *[]byte receives the body as it is, anything else
// is decoded from JSON.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://local-cloud"+path, body)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call the local cloud at %s: %w", c.socket, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the local cloud's answer: %w", err)
	}
	if response.StatusCode >= 400 {
		var e ErrorBody
		if json.Unmarshal(text, &e) != nil || e.Error == nil {
			return fmt.Errorf("the local cloud answered %s", response.Status)
		}
		return e.Error
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = text
		return nil
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return errors.New("the local cloud answered something that is not JSON: " + err.Error())
	}
	return nil
}
