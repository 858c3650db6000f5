// Package authorizedkey manages keys in authorized_keys files.
//
// A key is known by its comment. Lines that are no keys, and keys that are not managed, stay as they are. Files in a
// home directory are read and written with the rights of its user: the user may have put links there.
package authorizedkey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// Provider manages keys.
type Provider struct {
	m  *system.Machine
	mu sync.Mutex
}

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Named    = (*Provider)(nil)
)

// New makes a provider.
func New(m *system.Machine) *Provider { return &Provider{m: m} }

// Name implements provider.Named.
func (p *Provider) Name() string { return "parsed" }

// target is the file of a key, and whose rights are taken for it.
type target struct {
	path string
	as   *system.Identity
	// uid and gid own a file that is made; -1 is whoever makes it.
	uid, gid int
}

// noUser says that the user of a key does not exist.
type noUser struct{ name string }

// Error is Puppet's text.
func (e *noUser) Error() string { return "User '" + e.name + "' does not exist" }

func (p *Provider) target(ctx context.Context, r *provider.Resource) (*target, error) {
	t := &target{path: r.Text("target"), uid: -1, gid: -1}
	name := r.Text("user")
	if name == "" {
		return t, nil
	}
	id, u, err := p.identity(ctx, name)
	if err != nil {
		return nil, err
	}
	t.uid, t.gid = u.UID, u.GID
	if t.path == "" {
		if !strings.HasPrefix(u.Home, "/") {
			return nil, fmt.Errorf("user %s has no home directory", name)
		}
		t.path = filepath.Join(u.Home, ".ssh", "authorized_keys")
	}
	if r.Text("drop_privileges") != "false" {
		t.as, t.uid, t.gid = id, -1, -1
	}
	return t, nil
}

func (p *Provider) identity(ctx context.Context, name string) (*system.Identity, *system.User, error) {
	u, err := p.m.Accounts.User(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if u == nil {
		return nil, nil, &noUser{name}
	}
	return p.m.Accounts.Identity(ctx, name, "")
}

// Check implements provider.Provider.
func (p *Provider) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	want := r.Text("ensure")
	if want == "" || want == "absent" && !r.Has("user") && !r.Has("target") {
		return nil, nil
	}
	t, err := p.target(ctx, r)
	if missing, ok := errors.AsType[*noUser](err); ok {
		if want == "absent" {
			return nil, nil
		}
		if r.Noop {
			return []provider.Change{p.change(r, "ensure", value.String("absent"), value.String("present"), "created")}, nil
		}
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, err := p.read(t)
	if err != nil {
		return nil, err
	}
	i := find(lines, r.Text("name"))
	switch {
	case want == "absent" && i < 0:
		return nil, nil
	case want == "absent":
		return []provider.Change{p.change(r, "ensure", value.String("present"), value.String("absent"), "removed")}, nil
	case i < 0 && (!r.Has("key") || !r.Has("type")):
		return nil, errors.New("a key that is to be made needs the attributes 'key' and 'type'")
	case i < 0:
		return []provider.Change{p.change(r, "ensure", value.String("absent"), value.String("present"), "created")}, nil
	}
	return p.differences(r, lines[i]), nil
}

func (p *Provider) differences(r *provider.Resource, have line) []provider.Change {
	var out []provider.Change
	if want := r.Text("type"); want != "" && want != have.keyType {
		out = append(out, p.change(r, "type", value.String(have.keyType), value.String(want), ""))
	}
	if want := r.Text("key"); want != "" && want != have.key {
		out = append(out, p.change(r, "key", value.String(have.key), value.String(want), ""))
	}
	if want := options(r); !slices.Equal(want, have.options) {
		out = append(out, p.change(r, "options", listOrAbsent(have.options), listOrAbsent(want), ""))
	}
	return out
}

// options are those that are wanted; none if the attribute is not set.
func options(r *provider.Resource) []string {
	list := resource.Params(r.Params).Texts("options")
	if len(list) == 1 && list[0] == "absent" {
		return nil
	}
	return list
}

func listOrAbsent(list []string) value.Value {
	if len(list) == 0 {
		return value.String("absent")
	}
	return value.Strings(list...)
}

// change makes a change that brings the whole key to what is wanted, whichever property it was found by.
func (p *Provider) change(r *provider.Resource, property string, have, want value.Value, message string) provider.Change {
	return provider.Change{Property: property, Previous: have, Desired: want, Message: message,
		Apply: func(ctx context.Context) error { return p.apply(ctx, r) }}
}

func (p *Provider) apply(ctx context.Context, r *provider.Resource) error {
	t, err := p.target(ctx, r)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, err := p.read(t)
	if err != nil {
		return err
	}
	name := r.Text("name")
	i := find(lines, name)
	if r.Text("ensure") == "absent" {
		lines = slices.DeleteFunc(lines, func(l line) bool { return l.key != "" && l.label == name })
		return p.write(t, lines)
	}
	l := line{keyType: r.Text("type"), key: r.Text("key"), label: name, options: options(r)}
	if i < 0 {
		l.text = l.format()
		return p.write(t, append(lines, l))
	}
	if l.keyType == "" {
		l.keyType = lines[i].keyType
	}
	if l.key == "" {
		l.key = lines[i].key
	}
	l.text = l.format()
	lines[i] = l
	return p.write(t, lines)
}

// maxFile bounds what is read: the file is under a user's control.
const maxFile = 4 << 20

func (p *Provider) read(t *target) ([]line, error) {
	var data []byte
	err := system.AsUser(t.as, func() error {
		f, err := os.OpenFile(p.m.Path(t.path), os.O_RDONLY|nonBlocking, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if !st.Mode().IsRegular() || st.Size() > maxFile {
			return fmt.Errorf("%s is not a file of keys", t.path)
		}
		data, err = io.ReadAll(io.LimitReader(f, maxFile))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return parse(string(data)), nil
}

func (p *Provider) write(t *target, lines []line) error {
	err := system.AsUser(t.as, func() error {
		path := p.m.Path(t.path)
		if err := p.directory(t, filepath.Dir(path)); err != nil {
			return err
		}
		a := system.Attrs{UID: t.uid, GID: t.gid, Mode: 0o600}
		// A link to a file elsewhere is followed, with the user's own rights.
		if real, err := filepath.EvalSymlinks(path); err == nil && t.as != nil {
			path = real
		}
		if st, err := os.Stat(path); err == nil {
			a.Mode = st.Mode() &^ 0o022
			if t.as == nil {
				a.UID, a.GID = system.Owner(st)
			}
		}
		return system.Replace(path, a, func(w io.Writer) error {
			_, err := io.WriteString(w, join(lines))
			return err
		}, nil)
	})
	if err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

// directory makes the directory of the file, as sshd wants it: nobody else may enter it.
func (p *Provider) directory(t *target, dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil || t.uid < 0 {
		return err
	}
	return os.Lchown(dir, t.uid, t.gid)
}
