package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	metadataConnect = 200 * time.Millisecond
	metadataTotal   = 2 * time.Second
	metadataCache   = 10 * time.Minute
	metadataMax     = 200 // requests
)

// ec2 asks the metadata service, on machines that look like instances. What it says hardly changes, so it is kept for
// a while.
func (c *collector) ec2(ctx context.Context) facts {
	if c.MetadataURL == "" || !c.looksLikeInstance() {
		return nil
	}
	cache := filepath.Join(c.CacheDir, "ec2_metadata.json")
	if m := readCache(cache); m != nil && c.CacheDir != "" {
		return facts{"ec2_metadata": m}
	}
	ctx, cancel := context.WithTimeout(ctx, metadataTotal)
	defer cancel()
	m := NewMetadata(c.MetadataURL)
	tree, err := m.Tree(ctx)
	if err != nil {
		c.log.Debug("metadata service not asked", "error", err)
		return nil
	}
	if c.CacheDir != "" {
		writeCache(cache, tree)
	}
	return facts{"ec2_metadata": tree}
}

func (c *collector) looksLikeInstance() bool {
	vendor := c.readQuietly("/sys/class/dmi/id/sys_vendor") + c.readQuietly("/sys/class/dmi/id/bios_vendor")
	return strings.Contains(vendor, "Amazon EC2") || c.exists("/etc/kickoff") || c.exists("/var/lib/cloud/data/instance-id")
}

func readCache(path string) map[string]any {
	st, err := os.Stat(path)
	if err != nil || time.Since(st.ModTime()) > metadataCache {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var m map[string]any
	if json.Unmarshal(text, &m) != nil {
		return nil
	}
	return m
}

// writeCache is best effort: without the cache, the service is asked again.
func writeCache(path string, m map[string]any) {
	text, err := json.Marshal(m)
	if err != nil {
		return
	}
	tmp := path + ".new"
	if os.WriteFile(tmp, text, 0o600) == nil {
		_ = os.Rename(tmp, path)
	}
}

// Metadata is a client of the instance metadata service, version 2.
type Metadata struct {
	base   string
	client *http.Client
	token  string
	asked  int
}

// NewMetadata makes a client; base is the service's URL without path.
func NewMetadata(base string) *Metadata {
	dialer := &net.Dialer{Timeout: metadataConnect}
	return &Metadata{base: strings.TrimSuffix(base, "/"), client: &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, Proxy: nil}, Timeout: metadataTotal,
	}}
}

// Get gives one leaf below meta-data, e.g. "instance-id".
func (m *Metadata) Get(ctx context.Context, path string) (string, error) {
	if m.token == "" {
		token, err := m.request(ctx, http.MethodPut, "/latest/api/token")
		if err != nil {
			return "", fmt.Errorf("ask metadata service for a session: %w", err)
		}
		m.token = token
	}
	return m.request(ctx, http.MethodGet, "/latest/meta-data/"+path)
}

func (m *Metadata) request(ctx context.Context, method, path string) (string, error) {
	if m.asked++; m.asked > metadataMax {
		return "", fmt.Errorf("more than %d requests", metadataMax)
	}
	req, err := http.NewRequestWithContext(ctx, method, m.base+path, nil)
	if err != nil {
		return "", err
	}
	if method == http.MethodPut {
		req.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "300")
	} else {
		req.Header.Set("X-aws-ec2-metadata-token", m.token)
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(body), nil
}

// Tree gives everything below meta-data but credentials.
func (m *Metadata) Tree(ctx context.Context) (map[string]any, error) { return m.dir(ctx, "", 0) }

func (m *Metadata) dir(ctx context.Context, path string, depth int) (map[string]any, error) {
	listing, err := m.Get(ctx, path)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name := range strings.FieldsSeq(listing) {
		if strings.HasPrefix(name, "iam") || strings.HasPrefix(name, "identity-credentials") || depth > 8 {
			continue
		}
		key, isDir := strings.CutSuffix(name, "/")
		if index, label, ok := strings.Cut(name, "="); ok && path == "public-keys/" {
			key, name, isDir = label, index+"/", true
		}
		var v any
		if isDir {
			v, err = m.dir(ctx, path+name, depth+1)
		} else {
			v, err = m.Get(ctx, path+name)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			continue
		}
		out[key] = v
	}
	return out, nil
}
