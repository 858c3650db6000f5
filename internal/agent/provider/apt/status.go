package apt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kickoff/internal/agent/provider/system"
)

// pkg is what dpkg knows of a package. A nil pkg is one that dpkg does not know.
type pkg struct {
	want, status, version string
}

// installed reports whether the package is there in full.
func (p *pkg) installed() bool {
	if p == nil {
		return false
	}
	return p.status == "installed" || p.status == "triggers-pending" || p.status == "triggers-awaited"
}

// state is the value of ensure that Puppet reports: the version, absent (its configuration is left), or purged.
func (p *pkg) state() string {
	switch {
	case p == nil || p.status == "not-installed":
		return "purged"
	case p.installed():
		return p.version
	}
	return "absent"
}

func (p *pkg) mark() string {
	if p != nil && p.want == "hold" {
		return "hold"
	}
	return "none"
}

// queryFormat is one line for each package, with fields in tabs.
const queryFormat = `${db:Status-Want}\t${db:Status-Status}\t${Package}\t${Architecture}\t${Version}\t${Provides}\n`

// load reads dpkg's status; p.mu is held.
func (p *Provider) load(ctx context.Context) error {
	res, err := system.Must(ctx, p.m.Run, system.Command{
		Args: []string{"dpkg-query", "-W", "-f", queryFormat}, Timeout: 2 * time.Minute})
	if err != nil {
		return fmt.Errorf("read the status of packages: %w", err)
	}
	p.packages, p.provides = parseStatus(string(res.Stdout))
	return nil
}

// parseStatus reads dpkg-query's lines: packages by name and by name:architecture, and who provides which name.
func parseStatus(text string) (map[string]*pkg, map[string]string) {
	packages, provides := map[string]*pkg{}, map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 5 || f[2] == "" {
			continue
		}
		item := &pkg{want: f[0], status: f[1], version: f[4]}
		if old, ok := packages[f[2]]; !ok || !old.installed() {
			packages[f[2]] = item
		}
		packages[f[2]+":"+f[3]] = item
		if len(f) < 6 || !item.installed() {
			continue
		}
		for name := range strings.SplitSeq(f[5], ",") {
			if name, _, _ = strings.Cut(strings.TrimSpace(name), " "); name != "" {
				provides[name] = f[2]
			}
		}
	}
	return packages, provides
}

// find gives a package by name, also with an architecture; p.mu is held.
func (p *Provider) find(name string) *pkg { return p.packages[name] }

// candidate is the version that apt would install, "" if there is none; p.mu is held.
func (p *Provider) candidate(ctx context.Context, name string) (string, error) {
	if v, ok := p.candidates[name]; ok {
		return v, nil
	}
	if err := p.loadCandidates(ctx, []string{name}); err != nil {
		return "", err
	}
	return p.candidates[name], nil
}

func (p *Provider) loadCandidates(ctx context.Context, names []string) error {
	res, err := system.Must(ctx, p.m.Run, system.Command{
		Args: append([]string{"apt-cache", "policy", "--"}, names...), Timeout: 2 * time.Minute})
	if err != nil {
		return fmt.Errorf("ask for versions: %w", err)
	}
	found := parsePolicy(string(res.Stdout))
	for _, n := range names {
		p.candidates[n] = found[n]
	}
	return nil
}

// parsePolicy reads apt-cache policy: the candidate of each package that has one.
func parsePolicy(text string) map[string]string {
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line != "" && line[0] != ' ' && strings.HasSuffix(line, ":"):
			name = strings.TrimSuffix(line, ":")
		case strings.HasPrefix(line, "  Candidate: "):
			if v := strings.TrimPrefix(line, "  Candidate: "); v != "(none)" {
				out[name] = v
			}
		}
	}
	return out
}
