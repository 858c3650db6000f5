// Package userdata makes the script that turns a blank machine into a node: it
// fetches this release's binary by digest, trusting only the CA certificate it
// carries, writes the most basic configuration and starts the agent. It
// installs and upgrades nothing else. The same bytes run under cloud-init and
// under the local cloud's own bootstrap.
package userdata

import (
	"bytes"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// Params are everything a script is made from: equal parameters give equal
// bytes.
type Params struct {
	// Server is the URL of the server, https://host[:port].
	Server string
	// CA is the PEM of the certificates that the server's must chain to.
	CA []byte
	// Binaries are SHA-256 digests by Go's name of the architecture.
	Binaries map[string]string
	// LaunchID lets the server tell whose machine asks for the binary.
	LaunchID string
	// Token is the one-time enrolment token.
	Token string
}

// MaxSize is the largest script in bytes that clouds accept.
const MaxSize = 16 << 10

//go:embed bootstrap.sh.tmpl
var scriptText string

var script = template.Must(template.New("bootstrap").Parse(scriptText))

var (
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	wordForm   = regexp.MustCompile(`^[A-Za-z0-9_@.-]+$`)
)

// machines are the words of `uname -m` for Go's names of architectures.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "arm": "armv7l", "386": "i686", "riscv64": "riscv64"}

type machine struct{ Uname, Digest string }

// Render makes the script.
func Render(p Params) ([]byte, error) {
	u, err := url.Parse(p.Server)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(p.Server, "'\"$`\\ \n") {
		return nil, fmt.Errorf("server %q is not https://host[:port]", p.Server)
	}
	if err := checkCA(p.CA); err != nil {
		return nil, err
	}
	for what, word := range map[string]string{"launch id": p.LaunchID, "token": p.Token} {
		if !wordForm.MatchString(word) {
			return nil, fmt.Errorf("%s %q has characters that do not belong there", what, word)
		}
	}
	list, err := listMachines(p.Binaries)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	var out bytes.Buffer
	err = script.Execute(&out, map[string]any{
		"Server": strings.TrimSuffix(p.Server, "/"), "Host": u.Hostname(), "Port": port, "CA": strings.TrimSpace(string(p.CA)),
		"Machines": list, "LaunchID": p.LaunchID, "Token": p.Token,
	})
	if err != nil {
		return nil, err
	}
	if out.Len() > MaxSize {
		return nil, fmt.Errorf("user-data has %d bytes, clouds accept %d", out.Len(), MaxSize)
	}
	return out.Bytes(), nil
}

func listMachines(binaries map[string]string) ([]machine, error) {
	var list []machine
	for _, arch := range slices.Sorted(maps.Keys(binaries)) {
		uname, ok := machines[arch]
		if !ok {
			return nil, fmt.Errorf("architecture %q is not known", arch)
		}
		if !digestForm.MatchString(binaries[arch]) {
			return nil, fmt.Errorf("binary for %s: %q is not a SHA-256 digest", arch, binaries[arch])
		}
		list = append(list, machine{uname, binaries[arch]})
	}
	if len(list) == 0 {
		return nil, errors.New("no binary to fetch")
	}
	return list, nil
}

// checkCA accepts PEM certificates and nothing else: the text ends up in a
// script.
func checkCA(text []byte) error {
	rest, n := bytes.TrimSpace(text), 0
	for len(rest) > 0 {
		block, tail := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || !bytes.HasPrefix(rest, []byte("-----BEGIN")) {
			return errors.New("the CA file holds something that is not a PEM certificate")
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("CA certificate: %w", err)
		}
		rest, n = bytes.TrimSpace(tail), n+1
	}
	if n == 0 {
		return errors.New("the CA file holds no certificate")
	}
	return nil
}
