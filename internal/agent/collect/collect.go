// Package collect finds out the facts of the machine that it runs on: natively, in parallel, under the structured names
// that Facter gives them, so that Puppet code finds what it expects. External facts (files and programs in facts.d)
// are added as Facter does.
//
//	collect.go    the table of facts, run in parallel
//	system.go     os, kernel, memory, processors, uptime, identity
//	network.go    networking
//	storage.go    mountpoints, disks, filesystems
//	virtual.go    virtual, is_virtual, dmi
//	ssh.go        ssh
//	ec2.go        ec2_metadata
//	external.go   facts.d and FACTER_ variables
//	legacy.go     the flat names of old, on request
package collect

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kickoff/internal/value"
)

// Options say what is collected and where it is read.
type Options struct {
	// Root is put before every path of the system; "" is the real one.
	Root string
	// Versions are facts that the caller knows: puppetversion, kickoffversion.
	Versions map[string]string
	// ExternalDirs are directories of external facts; nil means DefaultExternalDirs.
	ExternalDirs []string
	// MetadataURL is the instance metadata service, asked only on machines that look like instances; "" is never.
	MetadataURL string
	// CacheDir keeps what is expensive to find out; "" keeps nothing.
	CacheDir string
	// Legacy adds the flat facts that Puppet 8 no longer sends by default.
	Legacy bool
	// Environ gives FACTER_ variables; nil means the process's own.
	Environ []string
	Logger  *slog.Logger
}

// DefaultExternalDirs are where Facter looks for external facts, the one that wins last.
var DefaultExternalDirs = []string{"/etc/facter/facts.d", "/opt/puppetlabs/facter/facts.d", "/etc/puppetlabs/facter/facts.d"}

// facterVersion is the release of Facter whose names and forms these facts have; modules ask for it.
const facterVersion = "4.10.0"

// externalTimeout bounds one program in facts.d.
const externalTimeout = 10 * time.Second

// facts is a set of facts, as plain Go data.
type facts map[string]any

// collector is one collection.
type collector struct {
	Options
	log *slog.Logger
}

// Collect finds out the facts. It does not fail: what cannot be found out is missing, and logged.
func Collect(ctx context.Context, opt Options) *value.Hash {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.ExternalDirs == nil {
		opt.ExternalDirs = DefaultExternalDirs
	}
	if opt.Environ == nil {
		opt.Environ = os.Environ()
	}
	c := &collector{Options: opt, log: opt.Logger}
	all := c.parallel(ctx, []func(context.Context) facts{
		c.operatingSystem, c.kernel, c.memory, c.processors, c.uptime, c.load, c.identity, c.networking, c.mountpoints,
		c.disks, c.virtual, c.ssh, c.timezone, c.ec2, c.external,
	})
	all["facterversion"] = facterVersion
	for name, v := range opt.Versions {
		all[name] = v
	}
	if opt.Legacy {
		for name, v := range legacy(all) {
			if _, taken := all[name]; !taken {
				all[name] = v
			}
		}
	}
	maps.Copy(all, c.environment())
	out := value.NewHash(len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out.SetString(name, value.FromGo(plain(all[name])))
	}
	return out
}

// parallel runs the sources side by side; later ones win where names clash.
func (c *collector) parallel(ctx context.Context, sources []func(context.Context) facts) facts {
	results := make([]facts, len(sources))
	var wg sync.WaitGroup
	for i, source := range sources {
		wg.Go(func() { results[i] = source(ctx) })
	}
	wg.Wait()
	all := facts{}
	for _, r := range results {
		maps.Copy(all, r)
	}
	return all
}

// plain turns the named map type into the one that value.FromGo knows.
func plain(x any) any {
	switch x := x.(type) {
	case facts:
		out := make(map[string]any, len(x))
		for k, v := range x {
			out[k] = plain(v)
		}
		return out
	case []facts:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = plain(v)
		}
		return out
	}
	return x
}

// path gives a path of the system.
func (c *collector) path(p string) string { return filepath.Join("/", c.Root, p) }

// read gives a file's text, "" if it cannot be read.
func (c *collector) read(p string) string {
	text, err := os.ReadFile(c.path(p))
	if err != nil {
		c.log.Debug("fact source not read", "path", p, "error", err)
		return ""
	}
	return string(text)
}
