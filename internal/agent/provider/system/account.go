package system

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// User is a line of passwd.
type User struct {
	Name                 string
	UID, GID             int
	Comment, Home, Shell string
}

// Group is a line of group.
type Group struct {
	Name    string
	GID     int
	Members []string
}

// Accounts knows the users and groups of a machine: from its files, and what they do not hold from getent (LDAP, SSSD,
// systemd's dynamic users). It keeps what it read until the files change; it is safe for concurrent use.
type Accounts struct {
	root string
	run  Runner

	mu     sync.Mutex
	users  table[User]
	groups table[Group]
}

type table[T any] struct {
	stamp  fs.FileInfo
	byName map[string]*T
	byID   map[int]*T
	list   []*T
}

// NewAccounts gives the accounts below root ("" is /). Without a runner only the files are asked.
func NewAccounts(root string, run Runner) *Accounts { return &Accounts{root: root, run: run} }

// fresh reads a file again if it is another one than before.
func fresh[T any](t *table[T], path string, parse func([]string) (*T, string, int, bool)) error {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		*t = table[T]{}
		return nil
	}
	if err != nil {
		return err
	}
	if t.stamp != nil && os.SameFile(st, t.stamp) && st.ModTime().Equal(t.stamp.ModTime()) && st.Size() == t.stamp.Size() {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	*t = table[T]{stamp: st, byName: map[string]*T{}, byID: map[int]*T{}}
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		item, name, id, ok := parse(strings.Split(sc.Text(), ":"))
		if !ok {
			continue
		}
		if _, dup := t.byName[name]; !dup {
			t.byName[name] = item
		}
		if _, dup := t.byID[id]; !dup {
			t.byID[id] = item
		}
		t.list = append(t.list, item)
	}
	return nil
}

func parseUser(f []string) (*User, string, int, bool) {
	if len(f) < 7 || f[0] == "" || strings.ContainsAny(f[0][:1], "+-#") {
		return nil, "", 0, false
	}
	uid, ok1 := ID(f[2])
	gid, ok2 := ID(f[3])
	return &User{f[0], uid, gid, f[4], f[5], f[6]}, f[0], uid, ok1 && ok2
}

func parseGroup(f []string) (*Group, string, int, bool) {
	if len(f) < 4 || f[0] == "" || strings.ContainsAny(f[0][:1], "+-#") {
		return nil, "", 0, false
	}
	gid, ok := ID(f[2])
	g := &Group{Name: f[0], GID: gid}
	for m := range strings.SplitSeq(f[3], ",") {
		if m != "" {
			g.Members = append(g.Members, m)
		}
	}
	return g, f[0], gid, ok
}

// User finds a user by name or number; nil if there is none.
func (a *Accounts) User(ctx context.Context, name string) (*User, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := fresh(&a.users, a.root+"/etc/passwd", parseUser); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	if u, ok := a.users.byName[name]; ok {
		return u, nil
	}
	if id, ok := ID(name); ok {
		if u, ok := a.users.byID[id]; ok {
			return u, nil
		}
	}
	fields := a.getent(ctx, "passwd", name)
	u, _, _, ok := parseUser(fields)
	if !ok {
		return nil, nil
	}
	return u, nil
}

// Group finds a group by name or number; nil if there is none.
func (a *Accounts) Group(ctx context.Context, name string) (*Group, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := fresh(&a.groups, a.root+"/etc/group", parseGroup); err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	if g, ok := a.groups.byName[name]; ok {
		return g, nil
	}
	if id, ok := ID(name); ok {
		if g, ok := a.groups.byID[id]; ok {
			return g, nil
		}
	}
	g, _, _, ok := parseGroup(a.getent(ctx, "group", name))
	if !ok {
		return nil, nil
	}
	return g, nil
}

// GroupsOf gives the groups that list a user as a member, sorted by name.
func (a *Accounts) GroupsOf(user string) ([]*Group, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := fresh(&a.groups, a.root+"/etc/group", parseGroup); err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	var out []*Group
	for _, g := range a.groups.list {
		if slices.Contains(g.Members, user) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(x, y *Group) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// Identity is the full identity of a user (by name or number), and of a group instead of the user's own if one is named.
func (a *Accounts) Identity(ctx context.Context, user, group string) (*Identity, *User, error) {
	id := &Identity{UID: os.Getuid(), GID: os.Getgid()}
	var u *User
	if user != "" {
		var err error
		if u, err = a.User(ctx, user); err != nil {
			return nil, nil, err
		}
		if u == nil {
			return nil, nil, fmt.Errorf("could not find user %s", user)
		}
		id.UID, id.GID = u.UID, u.GID
		groups, err := a.GroupsOf(u.Name)
		if err != nil {
			return nil, nil, err
		}
		for _, g := range groups {
			id.Groups = append(id.Groups, g.GID)
		}
	}
	if group != "" {
		g, err := a.Group(ctx, group)
		if err != nil {
			return nil, nil, err
		}
		if g == nil {
			return nil, nil, fmt.Errorf("could not find group %s", group)
		}
		id.GID = g.GID
	}
	return id, u, nil
}

// getent asks the machine's other sources; nil if it does not know.
func (a *Accounts) getent(ctx context.Context, database, key string) []string {
	if a.run == nil || key == "" || strings.HasPrefix(key, "-") || strings.ContainsAny(key, ":\n") {
		return nil
	}
	res, err := a.run.Run(ctx, Command{Args: []string{"getent", database, key}})
	if err != nil || res.Code != 0 {
		return nil
	}
	return strings.Split(res.Text(), ":")
}
