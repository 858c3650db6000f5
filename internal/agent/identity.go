package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kickoff/internal/agent/collect"
	"kickoff/internal/config"
	"kickoff/internal/value"
)

// Certname decides under which name the node is known: the setting; else what an earlier run decided; else the
// instance's id if kickoff_identity says so; else the fully qualified host name. What was decided is kept, so that a
// node does not change its name because its configuration was rewritten without it.
func Certname(ctx context.Context, conf *config.Puppet) (string, error) {
	if name := conf.Get("certname"); name != "" {
		return name, nil
	}
	kept := filepath.Join(conf.Get("ssldir"), "certname")
	text, err := readIfExists(kept)
	if err != nil {
		return "", fmt.Errorf("read certname: %w", err)
	}
	if name := strings.TrimSpace(string(text)); name != "" {
		return name, nil
	}
	name, err := decideCertname(ctx, conf)
	if err != nil {
		return "", err
	}
	if os.Geteuid() != 0 && conf.Get("kickoff_identity") == "fqdn" {
		return name, nil
	}
	return name, writeFile(kept, []byte(name+"\n"), 0o644)
}

func decideCertname(ctx context.Context, conf *config.Puppet) (string, error) {
	if conf.Get("kickoff_identity") == "imds" {
		id, err := collect.NewMetadata(conf.Get("kickoff_metadata")).Get(ctx, "instance-id")
		if err != nil {
			return "", fmt.Errorf("ask the metadata service for the instance id: %w", err)
		}
		return strings.ToLower(strings.TrimSpace(id)), nil
	}
	facts := collect.Collect(ctx, collect.Options{ExternalDirs: []string{}})
	fqdn, _ := facts.Dig("networking", "fqdn")
	if value.IsUndef(fqdn) || fqdn.String() == "" {
		return "", fmt.Errorf("this machine has no host name; set certname in %s", conf.Path())
	}
	return strings.ToLower(fqdn.String()), nil
}
