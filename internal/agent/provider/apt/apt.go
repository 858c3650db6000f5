// Package apt manages packages on Debian and what is made of it.
//
// It reads dpkg's status once, installs many packages in one call, waits for other programs that hold apt's locks and
// says for whom, and updates the package lists at most once in a run, when a package is not known. Configuration files
// that were changed are kept unless configfiles => replace is set. A dpkg that was interrupted is repaired first.
package apt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/value"
)

// Options are what the provider needs.
type Options struct {
	Machine *system.Machine
	// LockWait is how long to wait for other programs that hold apt's locks; 0 is 15 minutes.
	LockWait time.Duration
	// Timeout ends a single call of apt-get; 0 is one hour.
	Timeout time.Duration
	// Holder finds who holds a lock; nil asks the kernel.
	Holder func(path string) (Holder, bool, error)
}

// Provider manages packages with apt.
type Provider struct {
	m        *system.Machine
	lockWait time.Duration
	timeout  time.Duration
	holder   func(path string) (Holder, bool, error)

	mu         sync.Mutex
	packages   map[string]*pkg
	provides   map[string]string
	candidates map[string]string
	updated    bool
}

var (
	_ provider.Provider   = (*Provider)(nil)
	_ provider.Prefetcher = (*Provider)(nil)
	_ provider.Batcher    = (*Provider)(nil)
	_ provider.Serializer = (*Provider)(nil)
	_ provider.Named      = (*Provider)(nil)
)

// New makes a provider for one run.
func New(opt Options) *Provider {
	p := &Provider{m: opt.Machine, lockWait: opt.LockWait, timeout: opt.Timeout, holder: opt.Holder,
		candidates: map[string]string{}}
	if p.lockWait == 0 {
		p.lockWait = 15 * time.Minute
	}
	if p.timeout == 0 {
		p.timeout = time.Hour
	}
	if p.holder == nil {
		p.holder = lockHolder
	}
	return p
}

// Name implements provider.Named.
func (p *Provider) Name() string { return "apt" }

// Lock implements provider.Serializer: dpkg has one lock.
func (p *Provider) Lock() string { return "apt" }

// Prefetch implements provider.Prefetcher.
func (p *Provider) Prefetch(ctx context.Context, rs []*provider.Resource) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(ctx); err != nil {
		return err
	}
	var latest []string
	for _, r := range rs {
		if r.Text("ensure") == "latest" {
			latest = append(latest, r.Text("name"))
		}
	}
	if len(latest) == 0 {
		return nil
	}
	return p.loadCandidates(ctx, latest)
}

// Check implements provider.Provider.
func (p *Provider) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	if err := supported(r); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.packages == nil {
		if err := p.load(ctx); err != nil {
			return nil, err
		}
	}
	name, want := r.Text("name"), r.Text("ensure")
	have := p.find(name)
	changes, err := p.checkEnsure(ctx, r, name, want, have)
	if err != nil || len(changes) > 0 {
		return changes, err
	}
	return p.checkMark(r, name, have), nil
}

func (p *Provider) checkEnsure(ctx context.Context, r *provider.Resource, name, want string, have *pkg) ([]provider.Change, error) {
	state := have.state()
	switch want {
	case "present":
		if have.installed() || r.Text("allow_virtual") != "false" && p.provides[name] != "" {
			return nil, nil
		}
		return p.install(r, state, "present", "created"), nil
	case "absent":
		if !have.installed() {
			return nil, nil
		}
		return p.remove(r, name, have, false), nil
	case "purged":
		if have == nil || state == "purged" {
			return nil, nil
		}
		return p.remove(r, name, have, true), nil
	case "latest":
		candidate, err := p.candidate(ctx, name)
		if err != nil {
			return nil, err
		}
		switch {
		case have.installed() && (candidate == "" || candidate == have.version):
			return nil, nil
		case !have.installed() && candidate == "":
			return p.install(r, state, "latest", "created"), nil
		}
		return p.install(r, state, candidate, created(have)), nil
	}
	if have.installed() && have.version == want {
		return nil, nil
	}
	return p.install(r, state, want, created(have)), nil
}

// created is the text of an event in which a package comes to a version.
func created(have *pkg) string {
	if have.installed() {
		return ""
	}
	return "created"
}

func (p *Provider) install(r *provider.Resource, from, to, message string) []provider.Change {
	return []provider.Change{{
		Property: "ensure", Previous: value.String(from), Desired: value.String(to), Message: message,
		Apply: func(ctx context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if err := p.respond(ctx, r); err != nil {
				return err
			}
			if err := p.aptGet(ctx, r, installArgs(r, []string{target(r)})); err != nil {
				return err
			}
			if err := p.load(ctx); err != nil {
				return err
			}
			return p.confirm(ctx, r)
		},
	}}
}

// confirm makes sure that the status after an installation is as wanted.
func (p *Provider) confirm(ctx context.Context, r *provider.Resource) error {
	if r.Text("mark") == "hold" {
		if err := p.mark(ctx, r.Text("name"), "hold"); err != nil {
			return err
		}
	}
	name := r.Text("name")
	if have := p.find(name); have.installed() || p.provides[name] != "" || r.Has("source") {
		return nil
	}
	return fmt.Errorf("apt-get ended without an error, but %s is not installed", name)
}

func (p *Provider) remove(r *provider.Resource, name string, have *pkg, purge bool) []provider.Change {
	c := provider.Change{Property: "ensure", Previous: value.String(have.state()), Desired: value.String("absent"), Message: "removed"}
	args := []string{"remove"}
	if purge {
		c.Desired, c.Message = value.String("purged"), "purged"
		args = []string{"remove", "--purge"}
	}
	args = append(args, options(r, "uninstall_options")...)
	c.Apply = func(ctx context.Context) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err := p.aptGet(ctx, r, append(args, name)); err != nil {
			return err
		}
		return p.load(ctx)
	}
	return []provider.Change{c}
}

func (p *Provider) checkMark(r *provider.Resource, name string, have *pkg) []provider.Change {
	want := r.Text("mark")
	if want == "" || !have.installed() || have.mark() == want {
		return nil
	}
	verb := "hold"
	if want == "none" {
		verb = "unhold"
	}
	return []provider.Change{{
		Property: "mark", Previous: value.String(have.mark()), Desired: value.String(want),
		Apply: func(ctx context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if err := p.mark(ctx, name, verb); err != nil {
				return err
			}
			return p.load(ctx)
		},
	}}
}

func (p *Provider) mark(ctx context.Context, name, verb string) error {
	_, err := system.Must(ctx, p.m.Run, system.Command{Args: []string{"apt-mark", verb, name}, Timeout: time.Minute})
	return err
}

// CanBatch implements provider.Batcher: installations with the same options go together.
func (p *Provider) CanBatch(r *provider.Resource, c provider.Change) bool {
	switch r.Text("ensure") {
	case "absent", "purged":
		return false
	}
	return c.Property == "ensure" && !r.Has("responsefile") && !r.Has("source")
}

// Batch implements provider.Batcher. When the common call fails, the packages that it did install are done, and the
// others are left to calls of their own, so that each gets its own error.
func (p *Provider) Batch(ctx context.Context, rs []*provider.Resource, _ []provider.Change) []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := make([]error, len(rs))
	groups := map[string][]int{}
	var order []string
	for i, r := range rs {
		key := strings.Join(installArgs(r, nil), "\x00")
		if _, ok := groups[key]; !ok {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	for _, key := range order {
		p.batch(ctx, rs, groups[key], errs)
	}
	return errs
}

func (p *Provider) batch(ctx context.Context, rs []*provider.Resource, members []int, errs []error) {
	var targets []string
	for _, i := range members {
		targets = append(targets, target(rs[i]))
	}
	runErr := p.aptGet(ctx, rs[members[0]], installArgs(rs[members[0]], targets))
	loadErr := p.load(ctx)
	for _, i := range members {
		name := rs[i].Text("name")
		switch have := p.find(name); {
		case loadErr != nil:
			errs[i] = loadErr
		case runErr == nil:
			errs[i] = p.confirm(ctx, rs[i])
		case have.installed() && slices.Contains([]string{"present", have.version}, rs[i].Text("ensure")):
		default:
			errs[i] = provider.ErrNotBatched
		}
	}
}

// target is what apt-get is given: a name, a name with a version, or a file.
func target(r *provider.Resource) string {
	switch want := r.Text("ensure"); {
	case r.Has("source"):
		return r.Text("source")
	case want == "present" || want == "latest":
		return r.Text("name")
	default:
		return r.Text("name") + "=" + want
	}
}

func installArgs(r *provider.Resource, targets []string) []string {
	args := []string{"install"}
	if r.Text("configfiles") == "replace" {
		args = append(args, "-o", "DPkg::Options::=--force-confnew")
	} else {
		args = append(args, "-o", "DPkg::Options::=--force-confdef", "-o", "DPkg::Options::=--force-confold")
	}
	switch r.Text("ensure") {
	case "present", "latest":
	default:
		args = append(args, "--allow-downgrades", "--allow-change-held-packages")
	}
	return append(append(args, options(r, "install_options")...), targets...)
}

// options gives a list of options: words as they are, a hash as --key=value.
func options(r *provider.Resource, name string) []string {
	v, ok := r.Params[name]
	if !ok {
		return nil
	}
	arr, ok := v.(*value.Array)
	if !ok {
		arr = value.NewArray(v)
	}
	var out []string
	for _, e := range arr.Elems() {
		h, ok := e.(*value.Hash)
		if !ok {
			out = append(out, e.String())
			continue
		}
		for k, v := range h.All() {
			out = append(out, k.String()+"="+v.String())
		}
	}
	return out
}

// supported refuses what this provider does not do, instead of doing something else.
func supported(r *provider.Resource) error {
	if name := r.Text("provider"); name != "" && name != "apt" && name != "dpkg" {
		return fmt.Errorf("provider '%s' is not supported: this agent manages packages with apt", name)
	}
	for _, name := range []string{"package_settings", "flavor", "adminfile", "root", "command"} {
		if r.Has(name) {
			return fmt.Errorf("attribute '%s' is not supported by provider apt", name)
		}
	}
	if r.Text("reinstall_on_refresh") == "true" {
		return fmt.Errorf("attribute 'reinstall_on_refresh' is not supported by provider apt")
	}
	if s := r.Text("source"); s != "" && (!strings.HasPrefix(s, "/") || !strings.HasSuffix(s, ".deb")) {
		return fmt.Errorf("source '%s' is not supported: the absolute path of a .deb file is wanted", s)
	}
	want := r.Text("ensure")
	if want == "disabled" || strings.ContainsAny(want, "<> *|") {
		return fmt.Errorf("ensure => '%s' is not supported by provider apt: give a single version", want)
	}
	if name := r.Text("name"); !validName(name) {
		return fmt.Errorf("'%s' is not the name of a package", name)
	}
	return nil
}

// validName keeps text out of apt-get that it would take as an option, a pattern or a removal (name-).
func validName(s string) bool {
	if s == "" {
		return false
	}
	for i, c := range s {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z':
		case i > 0 && (c == '+' || c == '-' || c == '.' || c == ':' || c == '_'):
		default:
			return false
		}
	}
	return !strings.HasSuffix(s, "-")
}
