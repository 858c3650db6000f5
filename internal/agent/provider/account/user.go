// Package account manages local users and groups with the tools of the shadow suite.
//
// Passwords never stand on a command line: they go to chpasswd's standard input.
package account

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// lockName keeps tools apart that lock passwd and group.
const lockName = "accounts"

// Users manages users.
type Users struct{ m *system.Machine }

var (
	_ provider.Provider   = (*Users)(nil)
	_ provider.Serializer = (*Users)(nil)
	_ provider.Named      = (*Users)(nil)
)

// NewUsers makes a provider of users.
func NewUsers(m *system.Machine) *Users { return &Users{m} }

// Name implements provider.Named.
func (p *Users) Name() string { return "useradd" }

// Lock implements provider.Serializer.
func (p *Users) Lock() string { return lockName }

// Check implements provider.Provider.
func (p *Users) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	if err := supportedUser(r); err != nil {
		return nil, err
	}
	name, want := r.Text("name"), r.Text("ensure")
	u, err := p.find(ctx, name)
	if err != nil {
		return nil, err
	}
	switch {
	case want == "absent" && u == nil, want == "" && u == nil:
		return nil, nil
	case want == "absent":
		return []provider.Change{{
			Property: "ensure", Previous: value.String("present"), Desired: value.String("absent"), Message: "removed",
			Apply: func(ctx context.Context) error { return p.remove(ctx, r, name) },
		}}, nil
	case u == nil:
		return []provider.Change{{
			Property: "ensure", Previous: value.String("absent"), Desired: value.String("present"), Message: "created",
			Apply: func(ctx context.Context) error { return p.create(ctx, r, name) },
		}}, nil
	}
	return p.properties(ctx, r, u)
}

// find gives a user by name; a number that happens to be somebody's is no name.
func (p *Users) find(ctx context.Context, name string) (*system.User, error) {
	u, err := p.m.Accounts.User(ctx, name)
	if err != nil || u == nil || u.Name != name {
		return nil, err
	}
	return u, nil
}

func supportedUser(r *provider.Resource) error {
	if name := r.Text("provider"); name != "" && name != "useradd" {
		return fmt.Errorf("provider '%s' is not supported: this agent manages users with useradd", name)
	}
	if r.Text("ensure") == "role" {
		return errors.New("ensure => 'role' is not supported by provider useradd")
	}
	for _, name := range []string{"roles", "auths", "profiles", "keys", "project", "attributes", "salt", "iterations",
		"loginclass", "ia_load_module"} {
		if r.Has(name) {
			return fmt.Errorf("attribute '%s' is not supported by provider useradd", name)
		}
	}
	if v := r.Text("purge_ssh_keys"); v != "" && v != "false" {
		return errors.New("attribute 'purge_ssh_keys' is not supported by provider useradd")
	}
	if name := r.Text("name"); !validName(name) {
		return fmt.Errorf("'%s' is not a name that a user can have", name)
	}
	return nil
}

// validName keeps text from the tools that they would take as an option or that would break their files.
func validName(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsAny(s, ":,\n\t /") && len(s) <= 64
}

func (p *Users) create(ctx context.Context, r *provider.Resource, name string) error {
	args := []string{"useradd"}
	for _, f := range []struct{ param, flag string }{{"comment", "-c"}, {"gid", "-g"}, {"home", "-d"}, {"shell", "-s"}, {"uid", "-u"}} {
		if r.Has(f.param) {
			args = append(args, f.flag, r.Text(f.param))
		}
	}
	if groups := texts(r, "groups"); len(groups) > 0 {
		args = append(args, "-G", strings.Join(groups, ","))
	}
	if e := r.Text("expiry"); e != "" && e != "absent" {
		args = append(args, "-e", e)
	}
	if r.Text("allowdupe") == "true" {
		args = append(args, "-o")
	}
	if r.Text("managehome") == "true" {
		args = append(args, "-m")
	} else {
		args = append(args, "-M")
	}
	if r.Text("system") == "true" {
		args = append(args, "-r")
	}
	if !r.Has("gid") {
		// As in Puppet: a group of the user's own name that is there already becomes his group.
		if g, err := p.m.Accounts.Group(ctx, name); err == nil && g != nil && g.Name == name {
			args = append(args, "-g", name)
		}
	}
	if err := p.tool(ctx, append(args, name)...); err != nil {
		return err
	}
	for _, prop := range []string{"password", "password_min_age", "password_max_age", "password_warn_days"} {
		if r.Has(prop) {
			if err := p.set(ctx, r, name, prop); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Users) remove(ctx context.Context, r *provider.Resource, name string) error {
	args := []string{"userdel"}
	if r.Text("managehome") == "true" {
		args = append(args, "-r")
	}
	return p.tool(ctx, append(args, name)...)
}

func (p *Users) tool(ctx context.Context, args ...string) error {
	_, err := system.Must(ctx, p.m.Run, system.Command{Args: args, Timeout: 2 * time.Minute})
	return err
}

// properties compares what is there. The order is Puppet's: the home directory first, since usermod moves it.
func (p *Users) properties(ctx context.Context, r *provider.Resource, u *system.User) ([]provider.Change, error) {
	var out []provider.Change
	add := func(prop string, have, want value.Value) {
		out = append(out, provider.Change{Property: prop, Previous: have, Desired: want,
			Apply: func(ctx context.Context) error { return p.set(ctx, r, u.Name, prop) }})
	}
	if r.Has("home") && r.Text("home") != u.Home {
		add("home", value.String(u.Home), r.Params["home"])
	}
	if r.Has("uid") && r.Text("uid") != strconv.Itoa(u.UID) {
		add("uid", value.Int(u.UID), r.Params["uid"])
	}
	if r.Has("gid") {
		g, err := p.m.Accounts.Group(ctx, r.Text("gid"))
		if err != nil {
			return nil, err
		}
		if g == nil || g.GID != u.GID {
			add("gid", value.Int(u.GID), r.Params["gid"])
		}
	}
	if r.Has("comment") && r.Text("comment") != u.Comment {
		add("comment", value.String(u.Comment), r.Params["comment"])
	}
	if r.Has("shell") && r.Text("shell") != u.Shell {
		add("shell", value.String(u.Shell), r.Params["shell"])
	}
	shadow, err := p.shadow(r, u.Name, add)
	if err != nil {
		return nil, err
	}
	groups, err := p.groups(r, u)
	if err != nil {
		return nil, err
	}
	out = append(out, groups...)
	return append(out, shadow...), nil
}

// shadow compares the password and its ages; the expiry comes last, after the groups.
func (p *Users) shadow(r *provider.Resource, name string, add func(string, value.Value, value.Value)) ([]provider.Change, error) {
	entry, err := p.readShadow(r, name)
	if err != nil || entry == nil {
		return nil, err
	}
	if r.Has("password") && r.Text("password") != entry[1] {
		add("password", value.String("[old password]"), value.String("[new password]"))
	}
	for _, age := range ages {
		prop, field := age.property, age.field
		if r.Has(prop) && r.Text(prop) != entry[field] {
			have := value.Value(value.String("absent"))
			if n, err := strconv.Atoi(entry[field]); err == nil {
				have = value.Int(n)
			}
			add(prop, have, r.Params[prop])
		}
	}
	want := r.Text("expiry")
	have := "absent"
	if days, err := strconv.Atoi(entry[7]); err == nil && days >= 0 {
		have = time.Unix(int64(days)*86400, 0).UTC().Format(time.DateOnly)
	}
	if want == "" || want == have {
		return nil, nil
	}
	return []provider.Change{{Property: "expiry", Previous: value.String(have), Desired: value.String(want),
		Apply: func(ctx context.Context) error { return p.set(ctx, r, name, "expiry") }}}, nil
}

// ages are the properties that are fields of shadow.
var ages = []struct {
	property string
	field    int
}{{"password_min_age", 3}, {"password_max_age", 4}, {"password_warn_days", 5}}

// readShadow gives the fields of a user's line; nil if nothing in it is managed.
func (p *Users) readShadow(r *provider.Resource, name string) ([]string, error) {
	if !slices.ContainsFunc([]string{"password", "password_min_age", "password_max_age", "password_warn_days", "expiry"}, r.Has) {
		return nil, nil
	}
	data, err := os.ReadFile(p.m.Path("/etc/shadow"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("this machine has no /etc/shadow")
	}
	if err != nil {
		return nil, err
	}
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		if f := strings.Split(sc.Text(), ":"); f[0] == name && len(f) >= 8 {
			return f, nil
		}
	}
	return []string{name, "", "", "", "", "", "", ""}, nil
}

func (p *Users) groups(r *provider.Resource, u *system.User) ([]provider.Change, error) {
	if !r.Has("groups") {
		return nil, nil
	}
	current, err := p.m.Accounts.GroupsOf(u.Name)
	if err != nil {
		return nil, err
	}
	var have []string
	for _, g := range current {
		have = append(have, g.Name)
	}
	want := wantedGroups(r, have)
	sorted := slices.Sorted(slices.Values(have))
	if slices.Equal(want, sorted) {
		return nil, nil
	}
	return []provider.Change{{
		Property: "groups", Previous: value.String(strings.Join(have, ",")), Desired: value.Strings(want...),
		Message: fmt.Sprintf("groups changed %s to %s", strings.Join(have, ","), quoted(want)),
		Apply: func(ctx context.Context) error {
			return p.tool(ctx, "usermod", "-G", strings.Join(want, ","), u.Name)
		},
	}}, nil
}

func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = "'" + w + "'"
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// wantedGroups is what groups asks for, sorted; with membership => minimum also those that are there.
func wantedGroups(r *provider.Resource, have []string) []string {
	want := slices.Clone(texts(r, "groups"))
	if r.Text("membership") != "inclusive" {
		want = append(want, have...)
	}
	slices.Sort(want)
	return slices.Compact(want)
}

// noGroup says that a group does not exist.
type noGroup struct{ name string }

// Error is Puppet's text.
func (e *noGroup) Error() string { return "Could not find group(s) " + e.name }

// set changes one property of a user.
func (p *Users) set(ctx context.Context, r *provider.Resource, name, prop string) error {
	v := r.Text(prop)
	switch prop {
	case "password":
		_, err := system.Must(ctx, p.m.Run, system.Command{Args: []string{"chpasswd", "-e"}, Timeout: time.Minute,
			Stdin: strings.NewReader(name + ":" + v + "\n")})
		return err
	case "password_min_age":
		return p.tool(ctx, "chage", "-m", v, name)
	case "password_max_age":
		return p.tool(ctx, "chage", "-M", v, name)
	case "password_warn_days":
		return p.tool(ctx, "chage", "-W", v, name)
	case "expiry":
		if v == "absent" {
			v = ""
		}
		return p.tool(ctx, "usermod", "-e", v, name)
	case "home":
		if r.Text("managehome") == "true" {
			return p.tool(ctx, "usermod", "-d", v, "-m", name)
		}
		return p.tool(ctx, "usermod", "-d", v, name)
	case "uid":
		if r.Text("allowdupe") == "true" {
			return p.tool(ctx, "usermod", "-o", "-u", v, name)
		}
		return p.tool(ctx, "usermod", "-u", v, name)
	}
	if prop == "gid" {
		if g, err := p.m.Accounts.Group(ctx, v); err != nil || g == nil {
			return errors.Join(err, &noGroup{v})
		}
	}
	flag := map[string]string{"gid": "-g", "comment": "-c", "shell": "-s"}[prop]
	return p.tool(ctx, "usermod", flag, v, name)
}

func texts(r *provider.Resource, name string) []string { return resource.Params(r.Params).Texts(name) }
