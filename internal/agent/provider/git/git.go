// Package git manages working copies and bare repositories of git (the type vcsrepo).
//
// git runs as the resource's user, never asks for a password, and takes nothing of the environment's configuration for
// granted. A clone that was interrupted is completed.
package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/value"
)

// Provider manages repositories.
type Provider struct{ m *system.Machine }

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Named    = (*Provider)(nil)
)

// New makes a provider.
func New(m *system.Machine) *Provider { return &Provider{m} }

// Name implements provider.Named.
func (p *Provider) Name() string { return "git" }

// timeout ends a call of git that talks to another machine.
const timeout = 15 * time.Minute

// repo is a resource, ready to be worked on.
type repo struct {
	p                            *Provider
	r                            *provider.Resource
	path, source, remote, ensure string
	revision                     string
	as                           *system.Identity
	env                          []string
}

// The states of a path.
const (
	stateAbsent  = "absent"
	statePresent = "present"
	stateBare    = "bare"
	// statePartial is a clone that was interrupted.
	statePartial = "partial"
	// stateOther is something that is no repository.
	stateOther = "other"
)

// Check implements provider.Provider.
func (p *Provider) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	if err := supported(r); err != nil {
		return nil, err
	}
	g, err := p.repo(ctx, r)
	if err != nil {
		return nil, err
	}
	state, err := g.state(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case g.ensure == "", g.ensure == "absent" && state == stateAbsent:
		return nil, nil
	case g.ensure == "absent":
		return []provider.Change{g.change("ensure", statePresent, stateAbsent, "removed", g.remove)}, nil
	case state == stateOther && !g.force() && !g.empty():
		return nil, fmt.Errorf("path %s exists and is not the desired repository", g.path)
	case g.ensure == stateBare && state != stateBare, g.ensure != stateBare && state != statePresent:
		if state == statePresent || state == stateBare {
			return []provider.Change{g.change("ensure", state, g.ensure, "", g.recreate)}, nil
		}
		return []provider.Change{g.change("ensure", stateAbsent, g.ensure, "created", g.create)}, nil
	case state == stateBare:
		return nil, nil
	}
	return g.properties(ctx)
}

func supported(r *provider.Resource) error {
	if name := r.Text("provider"); name != "" && name != "git" {
		return fmt.Errorf("provider '%s' is not supported: this agent manages repositories of git", name)
	}
	for _, name := range []string{"fstype", "excludes", "compression", "basic_auth_username", "basic_auth_password", "identity",
		"module", "configuration", "cvs_rsh", "p4config", "conflict", "trust_server_cert", "keep_local_changes", "mirror", "branch",
		"http_proxy"} {
		if r.Has(name) {
			return fmt.Errorf("attribute '%s' is not supported by provider git", name)
		}
	}
	if r.Text("ensure") == "mirror" {
		return errors.New("ensure => 'mirror' is not supported by provider git")
	}
	if _, ok := r.Params["source"].(*value.Hash); ok {
		return errors.New("several sources are not supported by provider git: give one")
	}
	for _, name := range []string{"source", "revision", "remote"} {
		if strings.HasPrefix(r.Text(name), "-") {
			return fmt.Errorf("%s '%s' begins with a dash", name, r.Text(name))
		}
	}
	if strings.HasPrefix(r.Text("source"), "ext::") {
		return errors.New("sources of the kind ext:: are not supported: they run commands")
	}
	return nil
}

func (p *Provider) repo(ctx context.Context, r *provider.Resource) (*repo, error) {
	g := &repo{p: p, r: r, path: filepath.Clean(r.Text("path")), source: r.Text("source"), remote: r.Text("remote"),
		ensure: r.Text("ensure"), revision: r.Text("revision"),
		env: []string{"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false", "GIT_ADVICE=0"}}
	if g.path == "/" {
		return nil, errors.New("the root directory cannot be a repository")
	}
	home := "/root"
	if user := r.Text("user"); user != "" {
		id, u, err := p.m.Accounts.Identity(ctx, user, "")
		if err != nil {
			if r.Noop {
				return g, nil
			}
			return nil, err
		}
		g.as, home = id, u.Home
	}
	g.env = append(g.env, "HOME="+home)
	return g, nil
}

func (g *repo) force() bool { return g.r.Text("force") == "true" }

// empty reports whether the path is a directory that holds nothing.
func (g *repo) empty() bool {
	entries, err := os.ReadDir(g.p.m.Path(g.path))
	return err == nil && len(entries) == 0
}

// state looks at what is at the path.
func (g *repo) state(ctx context.Context) (string, error) {
	st, err := os.Stat(g.p.m.Path(g.path))
	if errors.Is(err, fs.ErrNotExist) {
		return stateAbsent, nil
	}
	if err != nil {
		return "", err
	}
	if !st.IsDir() {
		return stateOther, nil
	}
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(g.p.m.Path(g.path), name))
		return err == nil
	}
	switch {
	case exists(".git"):
		if _, err := g.head(ctx); err != nil && g.source != "" {
			return statePartial, nil
		}
		return statePresent, nil
	case exists("HEAD") && exists("objects") && exists("refs"):
		return stateBare, nil
	}
	return stateOther, nil
}

// git runs git in the repository. safe.directory lets us look into a repository that is another user's.
func (g *repo) git(ctx context.Context, args ...string) (string, error) {
	full := append([]string{"git", "-c", "safe.directory=" + g.path, "-c", "advice.detachedHead=false", "-C", g.p.m.Path(g.path)}, args...)
	res, err := system.Must(ctx, g.p.m.Run, system.Command{Args: full, As: g.as, Env: g.env, Timeout: timeout, Umask: g.r.Text("umask")})
	return res.Text(), err
}

// head is the commit that is checked out.
func (g *repo) head(ctx context.Context) (string, error) {
	return g.git(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
}

// commit is the commit of a name that the repository knows; "" if it knows none. A branch of the remote comes before a
// local branch of the same name, which is only our copy of it.
func (g *repo) commit(ctx context.Context, name string) string {
	for _, ref := range []string{"refs/remotes/" + g.remote + "/" + name, "refs/tags/" + name, name} {
		if id, err := g.git(ctx, "rev-parse", "--verify", "--quiet", ref+"^{commit}"); err == nil {
			return id
		}
	}
	return ""
}

// latest asks the source for the commit of a branch or tag; "" if it has none.
func (g *repo) latest(ctx context.Context, name string) (string, error) {
	text, err := g.git(ctx, "ls-remote", g.remote, name, "refs/heads/"+name, "refs/tags/"+name, "refs/tags/"+name+"^{}")
	if err != nil {
		return "", err
	}
	found := map[string]string{}
	for line := range strings.Lines(text) {
		id, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		found[ref] = id
	}
	for _, ref := range []string{"refs/heads/" + name, "refs/tags/" + name + "^{}", "refs/tags/" + name, "HEAD"} {
		if id := found[ref]; id != "" && (ref != "HEAD" || name == "HEAD") {
			return id, nil
		}
	}
	return "", nil
}

// properties compares a working copy with what is wanted.
func (g *repo) properties(ctx context.Context) ([]provider.Change, error) {
	var out []provider.Change
	if g.source != "" {
		have, err := g.git(ctx, "config", "--get", "remote."+g.remote+".url")
		if err != nil {
			have = "absent"
		}
		if have != g.source {
			out = append(out, g.change("source", have, g.source, "", func(ctx context.Context) error { return g.setSource(ctx, have) }))
		}
	}
	head, err := g.head(ctx)
	if err != nil {
		return out, nil // a new repository without commits
	}
	name := g.revision
	if g.ensure == "latest" && len(out) == 0 {
		return g.checkLatest(ctx, head)
	}
	if name == "" || strings.HasPrefix(head, name) && len(name) >= 7 {
		return out, nil
	}
	if want := g.commit(ctx, name); want != head {
		shown := want
		if shown == "" {
			shown = name
		}
		out = append(out, g.change("revision", head, shown, "", g.update))
	}
	return out, nil
}

func (g *repo) checkLatest(ctx context.Context, head string) ([]provider.Change, error) {
	name := g.revision
	if name == "" {
		branch, err := g.git(ctx, "symbolic-ref", "--quiet", "--short", "HEAD")
		if err != nil {
			return nil, errors.New("ensure => latest needs a revision: no branch is checked out")
		}
		name = branch
	}
	want, err := g.latest(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its newest revision: %w", g.source, err)
	}
	if want == "" && strings.HasPrefix(head, name) && len(name) >= 7 || want == head {
		return nil, nil
	}
	if want == "" {
		return nil, fmt.Errorf("%s has no branch or tag '%s'", g.source, name)
	}
	g.revision = name
	return []provider.Change{g.change("revision", head, want, "", g.update)}, nil
}

func (g *repo) change(property, have, want, message string, apply func(context.Context) error) provider.Change {
	return provider.Change{Property: property, Previous: value.String(have), Desired: value.String(want), Message: message,
		Apply: func(ctx context.Context) error {
			if err := apply(ctx); err != nil {
				return err
			}
			return g.chown(ctx)
		}}
}
