package faults

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"kickoff/internal/agent"
	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/notify"
	"kickoff/internal/config"
	lc "kickoff/internal/localcloud/api"
	"kickoff/internal/wire"
)

// machine is one machine of the cloud: the real agent, and a HAProxy that is
// made up.
type machine struct {
	lc.Instance
	cloud    *cloud
	userData []byte
	dir      string
	cancel   context.CancelFunc

	mu       sync.Mutex
	balanced []wire.BalancerServer
}

func (m *machine) stop() { m.cancel() }

// What the bootstrap script carries, as the script has it.
var (
	serverLine = regexp.MustCompile(`(?m)^SERVER='([^']+)'$`)
	launchLine = regexp.MustCompile(`(?m)^LAUNCH='([^']+)'$`)
	digestLine = regexp.MustCompile(`(?m)DIGEST=([0-9a-f]{64}) ;;$`)
	tokenLine  = regexp.MustCompile(`printf '%s\\n' '([^']+)'`)
	caText     = regexp.MustCompile(`(?s)-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----\n`)
)

// live does what the bootstrap script does, below the machine's own directory,
// and then runs the agent until the machine ends.
func (m *machine) live(ctx context.Context) {
	script := string(m.userData)
	first := func(re *regexp.Regexp) string {
		if f := re.FindStringSubmatch(script); f != nil {
			return f[len(f)-1]
		}
		m.cloud.t.Errorf("%s: user-data has no %s", m.ID, re)
		return ""
	}
	ca := caText.FindString(script)
	server, err := url.Parse(first(serverLine))
	if err != nil {
		m.cloud.t.Error(err)
		return
	}
	binary := fmt.Sprintf("%s%s%s?launch=%s", server, wire.PathBinary, first(digestLine), first(launchLine))
	for ctx.Err() == nil {
		if err := m.fetch(ctx, binary, ca, first(digestLine)); err == nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	conf := fmt.Sprintf("[main]\nserver = %s\nserverport = %s\ncertname = %s\nssldir = %[4]s/ssl\nvardir = %[4]s/var\nlogdir = %[4]s/log\nrundir = %[4]s/run\npublicdir = %[4]s/public\nkickoff_token = %[4]s/token\n[agent]\nwaitforcert = 1s\n",
		server.Hostname(), server.Port(), m.ID, m.dir)
	m.write("ssl/certs/ca.pem", ca)
	m.write("token", first(tokenLine)+"\n")
	m.write("puppet.conf", conf)
	for ctx.Err() == nil {
		a := agent.New(agent.Options{
			Load: func() (*config.Puppet, error) {
				return config.LoadPuppet(config.PuppetOptions{Path: filepath.Join(m.dir, "puppet.conf"), Section: "agent"})
			},
			Providers: func(provider.Sources) map[string]provider.Provider {
				return map[string]provider.Provider{"notify": notify.New()}
			},
			Balancer: func(*config.Puppet) agent.Balancer { return m },
			Version:  "test",
		})
		if err := a.Run(ctx); err != nil && ctx.Err() == nil {
			m.cloud.t.Logf("%s: agent: %v", m.ID, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second): // as systemd does
		}
	}
}

func (m *machine) write(name, text string) {
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.cloud.t.Error(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.cloud.t.Error(err)
	}
}

// fetch gets the binary and checks its digest.
func (m *machine) fetch(ctx context.Context, url, ca, digest string) error {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(ca))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}, Timeout: time.Minute}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s, %w", res.Status, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != digest {
		m.cloud.t.Errorf("%s: the binary's digest is %s, user-data says %s", m.ID, got, digest)
	}
	return nil
}

// Sync implements agent.Balancer: everybody is healthy, nobody has sessions.
func (m *machine) Sync(_ context.Context, want wire.BalancerSync) (*wire.BalancerStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.balanced = want.Servers
	out := &wire.BalancerStatus{Backend: want.Backend}
	for _, s := range want.Servers {
		if !strings.HasPrefix(s.Name, "i-") {
			return nil, fmt.Errorf("server %q is no instance", s.Name)
		}
		out.Servers = append(out.Servers, wire.BalancerServerStatus{Name: s.Name, State: s.State, CheckStatus: "L7OK", Up: true})
	}
	return out, nil
}
