package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PuppetOptions say where puppet.conf is and what outranks it.
type PuppetOptions struct {
	// Path of puppet.conf; empty: the first of the usual places that exists. A named file must exist.
	Path string
	// Section is the run mode whose settings outrank those of main: agent, server or user.
	Section string
	// Overrides are settings from the command line.
	Overrides map[string]string
	// Root is put before the usual places; for tests.
	Root string
}

// Puppet is the validated content of puppet.conf together with Puppet's defaults.
type Puppet struct {
	path     string
	values   map[string]string
	explicit map[string]bool
	warnings []string
}

// layout is where a family of packages keeps its files.
type layout struct{ conf, code, vardir, ssl, log, run, public string }

// layouts are tried in this order; the first whose puppet.conf exists is used, and the first one else.
var layouts = []layout{
	{"/etc/puppetlabs/puppet", "/etc/puppetlabs/code", "/opt/puppetlabs/puppet/cache", "/etc/puppetlabs/puppet/ssl",
		"/var/log/puppetlabs/puppet", "/var/run/puppetlabs", "/opt/puppetlabs/puppet/public"},
	{"/etc/puppet", "/etc/puppet/code", "/var/cache/puppet", "/var/lib/puppet/ssl", "/var/log/puppet", "/run/puppet",
		"/var/cache/puppet/public"},
}

// LoadPuppet reads puppet.conf. A missing file is an error only if it was named.
func LoadPuppet(opt PuppetOptions) (*Puppet, error) {
	where, path := findLayout(opt)
	text, err := os.ReadFile(path)
	if err != nil && (opt.Path != "" || !errors.Is(err, fs.ErrNotExist)) {
		return nil, fmt.Errorf("read puppet.conf: %w", err)
	}
	sections, err := parsePuppetConf(path, text)
	if err != nil {
		return nil, err
	}
	p := &Puppet{path: path, values: where.values(), explicit: map[string]bool{}}
	for _, s := range puppetSettings {
		if _, ok := p.values[s.name]; !ok {
			p.values[s.name] = s.def
		}
	}
	for _, section := range []string{"main", opt.Section} {
		for _, e := range sections[section] {
			p.values[e.name] = e.value
			p.explicit[e.name] = true
			p.noteUnused(path, e)
		}
	}
	for name, v := range opt.Overrides {
		if !isPuppetSetting(name) {
			return nil, fmt.Errorf("setting %q is not known%s", name, suggestSetting(name))
		}
		p.values[name] = v
		p.explicit[name] = true
	}
	return p, p.resolve()
}

func findLayout(opt PuppetOptions) (layout, string) {
	if opt.Path != "" {
		for _, l := range layouts {
			if strings.HasPrefix(opt.Path, l.conf+"/") {
				return l, opt.Path
			}
		}
		return layouts[0], opt.Path
	}
	for _, l := range layouts {
		if _, err := os.Stat(opt.Root + l.conf + "/puppet.conf"); err == nil {
			return l, opt.Root + l.conf + "/puppet.conf"
		}
	}
	return layouts[0], opt.Root + layouts[0].conf + "/puppet.conf"
}

func (l layout) values() map[string]string {
	return map[string]string{
		"confdir": l.conf, "codedir": l.code, "vardir": l.vardir, "ssldir": l.ssl, "logdir": l.log, "rundir": l.run,
		"publicdir": l.public,
	}
}

type confEntry struct {
	name, value string
	line        int
}

// parsePuppetConf reads sections of "name = value" lines. A value may end in {owner = x, mode = y}, which only says how
// the file that it names is to be made, and is dropped.
func parsePuppetConf(path string, text []byte) (map[string][]confEntry, error) {
	sections := map[string][]confEntry{}
	section := "main"
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(scanner.Text(), "\ufeff"))
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			name, ok := strings.CutSuffix(line, "]")
			if !ok {
				return nil, fmt.Errorf("%s:%d: section %q has no closing bracket", path, n, line)
			}
			if section = strings.TrimSpace(name[1:]); section == "master" {
				section = "server"
			}
			if section == "" {
				return nil, fmt.Errorf("%s:%d: the section has no name", path, n)
			}
		default:
			name, v, ok := strings.Cut(line, "=")
			if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("%s:%d: %q is neither a section nor name = value", path, n, line)
			}
			sections[section] = append(sections[section], confEntry{name, stripFileOptions(strings.TrimSpace(v)), n})
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return sections, nil
}

func stripFileOptions(v string) string {
	if i := strings.LastIndexByte(v, '{'); i > 0 && strings.HasSuffix(v, "}") && v[i-1] != '$' && strings.Contains(v[i:], "=") {
		return strings.TrimSpace(v[:i])
	}
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	return v
}

func (p *Puppet) noteUnused(path string, e confEntry) {
	if isPuppetSetting(e.name) {
		return
	}
	p.warnings = append(p.warnings, fmt.Sprintf("%s:%d: setting %q is not used by kickoff%s", path, e.line, e.name, suggestSetting(e.name)))
}

// resolve interpolates and validates every setting.
func (p *Puppet) resolve() error {
	resolved := map[string]string{}
	for name := range p.values {
		v, err := p.interpolate(name, nil)
		if err != nil {
			return fmt.Errorf("%s: setting %s: %w", p.path, name, err)
		}
		resolved[name] = v
	}
	p.values = resolved
	for _, s := range puppetSettings {
		if err := s.check(resolved[s.name]); err != nil {
			return fmt.Errorf("%s: setting %s = %q: %w", p.path, s.name, resolved[s.name], err)
		}
	}
	return nil
}

// interpolate gives a setting with $name and ${name} replaced.
func (p *Puppet) interpolate(name string, stack []string) (string, error) {
	if slices.Contains(stack, name) {
		return "", fmt.Errorf("refers to itself: %s", strings.Join(append(stack, name), " -> "))
	}
	stack = append(stack, name)
	var missing error
	out := os.Expand(p.values[name], func(other string) string {
		if _, ok := p.values[other]; !ok {
			missing = errors.Join(missing, fmt.Errorf("no setting $%s", other))
			return ""
		}
		v, err := p.interpolate(other, stack)
		missing = errors.Join(missing, err)
		return v
	})
	return out, missing
}

// Path is the file that was read, or would have been.
func (p *Puppet) Path() string { return p.path }

// Warnings are about settings that have no effect; each is meant to be shown once.
func (p *Puppet) Warnings() []string { return p.warnings }

// Get gives a setting as text, "" if it has no value.
func (p *Puppet) Get(name string) string { return p.values[name] }

// Explicit reports whether somebody has set a setting, in the file or on the command line.
func (p *Puppet) Explicit(name string) bool { return p.explicit[name] }

// Names gives the names of all settings, sorted.
func (p *Puppet) Names() []string {
	names := make([]string, 0, len(p.values))
	for name := range p.values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Bool gives a setting as a truth value.
func (p *Puppet) Bool(name string) bool { return p.values[name] == "true" }

// Int gives a setting as a number.
func (p *Puppet) Int(name string) int {
	n, err := strconv.Atoi(p.values[name])
	if err != nil {
		return 0
	}
	return n
}

// Duration gives a setting as a duration; unlimited is negative.
func (p *Puppet) Duration(name string) time.Duration {
	d, err := ParsePuppetDuration(p.values[name])
	if err != nil {
		return 0
	}
	return d
}

// List gives a setting as the parts between commas.
func (p *Puppet) List(name string) []string {
	var out []string
	for part := range strings.SplitSeq(p.values[name], ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// ParsePuppetDuration reads 30, 30s, 30m, 12h, 1d, 1y or unlimited (negative).
func ParsePuppetDuration(s string) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'y': 365 * 24 * time.Hour}
	if s == "unlimited" || s == "-1" {
		return -1, nil
	}
	digits, unit := s, time.Second
	if s != "" {
		if u, ok := units[s[len(s)-1]]; ok {
			digits, unit = s[:len(s)-1], u
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 {
		return 0, errors.New("a number of seconds, or one with s, m, h, d or y is wanted")
	}
	return time.Duration(n) * unit, nil
}
