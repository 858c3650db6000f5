// Package file manages files, directories and links.
//
// A file is always replaced as a whole: the new content goes to a temporary file beside it, gets its owner and mode, is
// synced and validated, and takes the place of the old one by a rename. What was there before goes to the backup.
//
//	file.go     Check: which properties differ
//	want.go     what a resource asks for, sources resolved
//	change.go   making files, directories, links; removing them
//	content.go  checksums, local and remote content
//	mode.go     modes in numbers and symbols
//	diff.go     differences as people read them
//	recurse.go  what is below a directory: Generate
//	backup.go   where old contents go
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/value"
)

// Options are what the provider needs.
type Options struct {
	Machine *system.Machine
	// Sources fetches puppet:/// and http(s):// files; nil: such sources are refused.
	Sources provider.Sources
	// Backups keeps what is replaced if a resource does not say otherwise; nil keeps nothing.
	Backups *Bucket
}

// Provider manages files.
type Provider struct {
	m       *system.Machine
	sources provider.Sources
	backups *Bucket
}

var (
	_ provider.Provider  = (*Provider)(nil)
	_ provider.Generator = (*Provider)(nil)
	_ provider.Named     = (*Provider)(nil)
)

// New makes a provider.
func New(opt Options) *Provider {
	return &Provider{m: opt.Machine, sources: opt.Sources, backups: opt.Backups}
}

// Name implements provider.Named.
func (p *Provider) Name() string { return "posix" }

// current is what is at a path.
type current struct {
	info fs.FileInfo
	// kind is absent, file, directory, link, or other.
	kind     string
	uid, gid int
}

func (p *Provider) look(path string, follow bool) (*current, error) {
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	st, err := stat(p.m.Path(path))
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return &current{kind: "absent", uid: -1, gid: -1}, nil
	}
	if err != nil {
		return nil, err
	}
	cur := &current{info: st, kind: "other"}
	cur.uid, cur.gid = system.Owner(st)
	switch m := st.Mode(); {
	case m.IsRegular():
		cur.kind = "file"
	case m.IsDir():
		cur.kind = "directory"
	case m&fs.ModeSymlink != 0:
		cur.kind = "link"
	}
	return cur, nil
}

// Check implements provider.Provider.
func (p *Provider) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	w, err := p.want(ctx, r)
	if err != nil {
		return nil, err
	}
	cur, err := p.look(w.path, r.Text("links") == "follow")
	if err != nil {
		return nil, err
	}
	switch {
	case cur.kind == "absent" && (w.kind == "" || w.kind == "absent"):
		return nil, nil
	case w.kind == "present" && cur.kind != "absent", w.kind == "":
		if w.hasContent() && cur.kind != "file" {
			w.kind = "file"
			return p.checkKind(ctx, r, w, cur)
		}
	case w.kind == "present":
		w.kind = "file"
		return p.checkKind(ctx, r, w, cur)
	case w.kind != cur.kind:
		return p.checkKind(ctx, r, w, cur)
	}
	return p.checkProperties(ctx, r, w, cur)
}

// checkKind makes the change of ensure.
func (p *Provider) checkKind(ctx context.Context, r *provider.Resource, w *want, cur *current) ([]provider.Change, error) {
	c := provider.Change{Property: "ensure", Previous: value.String(cur.kind), Desired: value.String(w.kind)}
	switch {
	case w.kind == "absent":
		if cur.kind == "directory" && !w.force {
			r.Report(provider.Line{Level: provider.Notice, Message: "Not removing directory; use 'force' to override"})
			return nil, nil
		}
		c.Message = "removed"
	case w.kind == "file" && w.hasContent():
		sum, err := p.wantedSum(ctx, w)
		if err != nil {
			return nil, err
		}
		c.Message, c.Sensitive = fmt.Sprintf("defined content as '%s'", sum), w.secret
	case cur.kind == "absent":
		c.Message = "created"
	}
	c.Apply = func(ctx context.Context) error {
		if err := p.clear(ctx, r, w, cur); err != nil {
			return err
		}
		return p.create(ctx, r, w)
	}
	return []provider.Change{c}, nil
}

// checkProperties compares what is there in the right kind.
func (p *Provider) checkProperties(ctx context.Context, r *provider.Resource, w *want, cur *current) ([]provider.Change, error) {
	var out []provider.Change
	if cur.kind == "link" && w.kind == "link" {
		return p.checkTarget(r, w)
	}
	if cur.kind == "file" && w.hasContent() && w.replace {
		c, err := p.checkContent(ctx, r, w, cur)
		if err != nil {
			return nil, err
		}
		out = append(out, c...)
	}
	owner, err := p.checkOwner(ctx, r, w, cur)
	if err != nil {
		return nil, err
	}
	out = append(out, owner...)
	if cur.kind == "link" || w.mode == "" {
		return out, nil
	}
	return p.checkMode(w, cur, out)
}

func (p *Provider) checkMode(w *want, cur *current, out []provider.Change) ([]provider.Change, error) {
	have := system.UnixMode(cur.info.Mode())
	bits, err := parseMode(w.mode, have, cur.kind == "directory")
	if err != nil || have == bits {
		return out, err
	}
	message := ""
	if _, err := strconv.ParseUint(w.mode, 8, 32); err != nil {
		message = fmt.Sprintf("mode changed '%s' to '%s' (%s)", octal(have), octal(bits), w.mode)
	}
	return append(out, provider.Change{
		Property: "mode", Previous: value.String(octal(have)), Desired: value.String(octal(bits)), Message: message,
		Apply: func(context.Context) error { return os.Chmod(p.m.Path(w.path), system.FileMode(bits)) },
	}), nil
}

func (p *Provider) checkTarget(r *provider.Resource, w *want) ([]provider.Change, error) {
	have, err := os.Readlink(p.m.Path(w.path))
	if err != nil || have == w.target || !w.replace {
		return nil, err
	}
	return []provider.Change{{
		Property: "target", Previous: value.String(have), Desired: value.String(w.target),
		Apply: func(context.Context) error { return p.link(w) },
	}}, nil
}

func (p *Provider) checkOwner(ctx context.Context, r *provider.Resource, w *want, cur *current) ([]provider.Change, error) {
	var out []provider.Change
	if w.owner != "" {
		uid, err := p.uid(ctx, w.owner)
		if err != nil && !r.Noop {
			return nil, err
		}
		if err != nil || uid != cur.uid {
			out = append(out, provider.Change{
				Property: "owner", Previous: value.String(p.userName(ctx, cur.uid)), Desired: value.String(p.desiredName(ctx, w.owner, uid)),
				Apply: func(context.Context) error { return os.Lchown(p.m.Path(w.path), uid, -1) },
			})
		}
	}
	if w.group != "" {
		gid, err := p.gid(ctx, w.group)
		if err != nil && !r.Noop {
			return nil, err
		}
		if err != nil || gid != cur.gid {
			out = append(out, provider.Change{
				Property: "group", Previous: value.String(p.groupName(ctx, cur.gid)), Desired: value.String(w.group),
				Apply: func(context.Context) error { return os.Lchown(p.m.Path(w.path), -1, gid) },
			})
		}
	}
	return out, nil
}

func (p *Provider) uid(ctx context.Context, name string) (int, error) {
	if id, ok := system.ID(name); ok {
		return id, nil
	}
	u, err := p.m.Accounts.User(ctx, name)
	if err != nil {
		return -1, err
	}
	if u == nil {
		return -1, &missing{"user", name}
	}
	return u.UID, nil
}

func (p *Provider) gid(ctx context.Context, name string) (int, error) {
	if id, ok := system.ID(name); ok {
		return id, nil
	}
	g, err := p.m.Accounts.Group(ctx, name)
	if err != nil {
		return -1, err
	}
	if g == nil {
		return -1, &missing{"group", name}
	}
	return g.GID, nil
}

// missing says that an account does not exist.
type missing struct{ what, name string }

// Error is Puppet's text.
func (e *missing) Error() string { return "Could not find " + e.what + " " + e.name }

func (p *Provider) userName(ctx context.Context, uid int) string {
	if u, err := p.m.Accounts.User(ctx, strconv.Itoa(uid)); err == nil && u != nil {
		return u.Name
	}
	return strconv.Itoa(uid)
}

func (p *Provider) groupName(ctx context.Context, gid int) string {
	if g, err := p.m.Accounts.Group(ctx, strconv.Itoa(gid)); err == nil && g != nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}

// desiredName shows an owner that was given as a number by name.
func (p *Provider) desiredName(ctx context.Context, owner string, uid int) string {
	if _, ok := system.ID(owner); ok {
		return p.userName(ctx, uid)
	}
	return owner
}
