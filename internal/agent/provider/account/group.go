package account

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/value"
)

// Groups manages groups.
type Groups struct{ m *system.Machine }

var (
	_ provider.Provider   = (*Groups)(nil)
	_ provider.Serializer = (*Groups)(nil)
	_ provider.Named      = (*Groups)(nil)
)

// NewGroups makes a provider of groups.
func NewGroups(m *system.Machine) *Groups { return &Groups{m} }

// Name implements provider.Named.
func (p *Groups) Name() string { return "groupadd" }

// Lock implements provider.Serializer.
func (p *Groups) Lock() string { return lockName }

// Check implements provider.Provider.
func (p *Groups) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	if err := supportedGroup(r); err != nil {
		return nil, err
	}
	name, want := r.Text("name"), r.Text("ensure")
	g, err := p.m.Accounts.Group(ctx, name)
	if err != nil {
		return nil, err
	}
	if g != nil && g.Name != name {
		g = nil // a number
	}
	switch {
	case g == nil && want != "present":
		return nil, nil
	case want == "absent":
		return []provider.Change{{
			Property: "ensure", Previous: value.String("present"), Desired: value.String("absent"), Message: "removed",
			Apply: func(ctx context.Context) error { return p.tool(ctx, "groupdel", name) },
		}}, nil
	case g == nil:
		return []provider.Change{{
			Property: "ensure", Previous: value.String("absent"), Desired: value.String("present"), Message: "created",
			Apply: func(ctx context.Context) error { return p.create(ctx, r, name) },
		}}, nil
	}
	return p.properties(r, g), nil
}

func supportedGroup(r *provider.Resource) error {
	if name := r.Text("provider"); name != "" && name != "groupadd" {
		return fmt.Errorf("provider '%s' is not supported: this agent manages groups with groupadd", name)
	}
	for _, name := range []string{"attributes", "ia_load_module"} {
		if r.Has(name) {
			return fmt.Errorf("attribute '%s' is not supported by provider groupadd", name)
		}
	}
	if name := r.Text("name"); !validName(name) {
		return fmt.Errorf("'%s' is not a name that a group can have", name)
	}
	return nil
}

func (p *Groups) tool(ctx context.Context, args ...string) error {
	_, err := system.Must(ctx, p.m.Run, system.Command{Args: args, Timeout: time.Minute})
	return err
}

func (p *Groups) create(ctx context.Context, r *provider.Resource, name string) error {
	args := []string{"groupadd"}
	if r.Has("gid") {
		args = append(args, "-g", r.Text("gid"))
	}
	if r.Text("allowdupe") == "true" {
		args = append(args, "-o")
	}
	if r.Text("system") == "true" {
		args = append(args, "-r")
	}
	if err := p.tool(ctx, append(args, name)...); err != nil {
		return err
	}
	if members := texts(r, "members"); len(members) > 0 {
		return p.tool(ctx, "gpasswd", "-M", strings.Join(members, ","), name)
	}
	return nil
}

func (p *Groups) properties(r *provider.Resource, g *system.Group) []provider.Change {
	var out []provider.Change
	if r.Has("gid") && r.Text("gid") != strconv.Itoa(g.GID) {
		args := []string{"groupmod", "-g", r.Text("gid"), g.Name}
		if r.Text("allowdupe") == "true" {
			args = []string{"groupmod", "-o", "-g", r.Text("gid"), g.Name}
		}
		out = append(out, provider.Change{Property: "gid", Previous: value.Int(g.GID), Desired: r.Params["gid"],
			Apply: func(ctx context.Context) error { return p.tool(ctx, args...) }})
	}
	if !r.Has("members") {
		return out
	}
	have := slices.Sorted(slices.Values(g.Members))
	want := slices.Clone(texts(r, "members"))
	if r.Text("auth_membership") != "true" {
		want = append(want, have...)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if slices.Equal(have, want) {
		return out
	}
	return append(out, provider.Change{
		Property: "members", Previous: value.Strings(have...), Desired: value.Strings(want...),
		Apply: func(ctx context.Context) error { return p.tool(ctx, "gpasswd", "-M", strings.Join(want, ","), g.Name) },
	})
}
