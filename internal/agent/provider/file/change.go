package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
)

// clear takes away what is there in another kind than wanted, after a backup.
func (p *Provider) clear(ctx context.Context, r *provider.Resource, w *want, cur *current) error {
	path := p.m.Path(w.path)
	switch cur.kind {
	case "absent":
		return nil
	case "directory":
		if !w.force {
			r.Report(provider.Line{Level: provider.Notice, Message: "Not removing directory; use 'force' to override"})
			return fmt.Errorf("%s is a directory, which is not removed without 'force'", w.path)
		}
		if w.path == "/" {
			return errors.New("the root directory is not removed")
		}
		return os.RemoveAll(path)
	case "file":
		if err := p.backup(ctx, r, w, cur); err != nil {
			return err
		}
		if w.kind == "file" {
			return nil
		}
	}
	if w.kind == "file" || w.kind == "link" {
		return nil // the rename takes its place
	}
	return os.Remove(path)
}

// create makes what is wanted at a path that holds nothing, or something that a rename replaces.
func (p *Provider) create(ctx context.Context, r *provider.Resource, w *want) error {
	switch w.kind {
	case "absent":
		return nil
	case "directory":
		return p.mkdir(ctx, w)
	case "link":
		return p.link(w)
	}
	return p.write(ctx, r, w, nil)
}

// attrs are the owner and mode that a new or replaced file gets: what is wanted, else what was there, else defaults.
func (p *Provider) attrs(ctx context.Context, w *want, cur *current, mode uint32, dir bool) (system.Attrs, error) {
	a := system.Attrs{UID: -1, GID: -1}
	if cur != nil && cur.info != nil {
		a.UID, a.GID = cur.uid, cur.gid
		mode = system.UnixMode(cur.info.Mode())
	}
	var err error
	if w.owner != "" {
		if a.UID, err = p.uid(ctx, w.owner); err != nil {
			return a, err
		}
	}
	if w.group != "" {
		if a.GID, err = p.gid(ctx, w.group); err != nil {
			return a, err
		}
	}
	if w.mode != "" {
		if mode, err = parseMode(w.mode, mode, dir); err != nil {
			return a, err
		}
	}
	a.Mode = system.FileMode(mode)
	return a, nil
}

func (p *Provider) write(ctx context.Context, r *provider.Resource, w *want, cur *current) error {
	a, err := p.attrs(ctx, w, cur, 0o644, false)
	if err != nil {
		return err
	}
	path := p.m.Path(w.path)
	if w.inPlace(r) {
		// links => follow: the file that the link points to is replaced, not the link.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	err = system.Replace(path, a, func(to io.Writer) error { return p.verified(ctx, w, to) }, p.validator(ctx, r))
	if errors.Is(err, os.ErrNotExist) {
		return &noParent{w.path}
	}
	return err
}

// noParent says that the directory of a file does not exist.
type noParent struct{ path string }

// Error is nearly Puppet's text.
func (e *noParent) Error() string {
	return "No such file or directory - A directory component in " + e.path + " does not exist or is a dangling symbolic link"
}

func (w *want) inPlace(r *provider.Resource) bool { return r.Text("links") == "follow" }

// verified writes the content and makes sure that it is the one that was announced: a file server may have got a new
// version between its metadata and its content.
func (p *Provider) verified(ctx context.Context, w *want, to io.Writer) error {
	if w.inline || !w.hasContent() || strings.HasSuffix(w.algorithm, "lite") {
		return p.copyTo(ctx, w, to)
	}
	want, err := p.wantedSum(ctx, w)
	if err != nil {
		return err
	}
	h, err := newHash(w.algorithm)
	if err != nil {
		return err
	}
	if err := p.copyTo(ctx, w, io.MultiWriter(to, h)); err != nil {
		return err
	}
	if got := fmt.Sprintf("{%s}%x", w.algorithm, h.Sum(nil)); got != want {
		return fmt.Errorf("content of %s has the checksum %s, and %s was announced", w.source.uri, got, want)
	}
	return nil
}

// validator runs validate_cmd on the temporary file; nil if there is none.
func (p *Provider) validator(ctx context.Context, r *provider.Resource) func(string) error {
	template := r.Text("validate_cmd")
	if template == "" {
		return nil
	}
	return func(tmp string) error {
		line := strings.ReplaceAll(template, r.Text("validate_replacement"), shellQuote(strings.TrimPrefix(tmp, p.m.Root)))
		cmd := system.Command{Args: []string{"/bin/sh", "-c", line}, Combined: true}
		res, err := p.m.Run.Run(ctx, cmd)
		if err != nil {
			return err
		}
		if res.Code != 0 {
			return &system.ExitError{Command: system.Command{Args: []string{line}}, Code: res.Code, Message: res.Message()}
		}
		return nil
	}
}

// shellQuote protects a path for sh, if it needs it.
func shellQuote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '/' || r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (p *Provider) mkdir(ctx context.Context, w *want) error {
	a, err := p.attrs(ctx, w, nil, 0o755, true)
	if err != nil {
		return err
	}
	path := p.m.Path(w.path)
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return &noParent{w.path}
		}
		return err
	}
	if a.UID >= 0 || a.GID >= 0 {
		if err := os.Lchown(path, a.UID, a.GID); err != nil {
			return err
		}
	}
	return syscall.Chmod(path, system.UnixMode(a.Mode))
}

// link makes a link under a temporary name and puts it into place.
func (p *Provider) link(w *want) error {
	path := p.m.Path(w.path)
	tmp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.kickoff%d", filepath.Base(path), os.Getpid()))
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(w.target, tmp); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return &noParent{w.path}
		}
		return err
	}
	if w.owner != "" || w.group != "" {
		if err := p.chownLink(w, tmp); err != nil {
			return errors.Join(err, os.Remove(tmp))
		}
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

func (p *Provider) chownLink(w *want, tmp string) error {
	uid, gid := -1, -1
	var err error
	if w.owner != "" {
		if uid, err = p.uid(context.Background(), w.owner); err != nil {
			return err
		}
	}
	if w.group != "" {
		if gid, err = p.gid(context.Background(), w.group); err != nil {
			return err
		}
	}
	return os.Lchown(tmp, uid, gid)
}
