// Package local drives the local cloud: it translates the contract of package
// cloud into calls of the local cloud's API, and knows nothing of its engine.
package local

import (
	"context"
	"errors"
	"net"
	"os"

	"kickoff/internal/fleet/cloud"
	"kickoff/internal/localcloud/api"
)

// Cloud is a driver for one local cloud.
type Cloud struct{ client *api.Client }

var _ cloud.Cloud = (*Cloud)(nil)

// New makes a driver for the local cloud behind a unix socket. Nothing is
// connected before the first call, and a local cloud that restarts is found
// again.
func New(socket string) *Cloud { return &Cloud{client: api.NewClient(socket)} }

// Close closes idle connections.
func (c *Cloud) Close() error {
	c.client.Close()
	return nil
}

// Launch starts one machine.
func (c *Cloud) Launch(ctx context.Context, r cloud.LaunchRequest) (cloud.Instance, error) {
	if err := r.Validate(); err != nil {
		return cloud.Instance{}, err
	}
	i, err := c.client.Launch(ctx, api.LaunchRequest{
		Token: r.Token, Image: r.Image, Type: r.Type, Zone: r.Zone, SecurityGroups: r.SecurityGroups,
		Tags: r.AllTags(), UserData: r.UserData, KeyName: r.KeyName,
	})
	if err != nil {
		return cloud.Instance{}, translate("launch", err)
	}
	return instance(i), nil
}

// Describe lists the machines that carry cloud.FleetTag.
func (c *Cloud) Describe(ctx context.Context) ([]cloud.Instance, error) {
	list, err := c.client.Instances(ctx, "")
	if err != nil {
		return nil, translate("describe", err)
	}
	ours := []cloud.Instance{}
	for _, i := range list {
		if _, ok := i.Tags[cloud.FleetTag]; ok {
			ours = append(ours, instance(i))
		}
	}
	return ours, nil
}

// FindByToken returns the machine that was launched with a token.
func (c *Cloud) FindByToken(ctx context.Context, token string) (cloud.Instance, error) {
	op := "find token " + token
	if token == "" {
		return cloud.Instance{}, &cloud.Error{Kind: cloud.KindInvalid, Op: op, Message: "empty token"}
	}
	list, err := c.client.Instances(ctx, token)
	if err != nil {
		return cloud.Instance{}, translate(op, err)
	}
	if len(list) == 0 {
		return cloud.Instance{}, &cloud.Error{Kind: cloud.KindNotFound, Op: op, Code: api.CodeNotFound}
	}
	return instance(list[0]), nil
}

// Terminate ends a machine.
func (c *Cloud) Terminate(ctx context.Context, id string) error {
	return translate("terminate "+id, c.client.Terminate(ctx, id))
}

// ConsoleOutput returns what a machine printed last.
func (c *Cloud) ConsoleOutput(ctx context.Context, id string) ([]byte, error) {
	text, err := c.client.Console(ctx, id)
	if err != nil {
		return nil, translate("console of "+id, err)
	}
	return text, nil
}

// IdentityCertificate is the PEM certificate that this cloud signs identity
// documents with.
func (c *Cloud) IdentityCertificate(ctx context.Context) ([]byte, error) {
	text, err := c.client.IdentityCertificate(ctx)
	if err != nil {
		return nil, translate("identity certificate", err)
	}
	return text, nil
}

// instance translates a machine; the states have EC2's names on both sides.
func instance(i api.Instance) cloud.Instance {
	return cloud.Instance{
		ID: i.ID, Token: i.Token, State: cloud.State(i.State), PrivateIP: i.PrivateIP, PrivateDNSName: i.PrivateDNSName,
		Type: i.Type, Zone: i.Zone, Image: i.Image, SecurityGroups: i.SecurityGroups, Tags: i.Tags,
		LaunchTime: i.LaunchTime, StateReason: i.StateReason,
	}
}

var kinds = map[string]cloud.Kind{
	api.CodeInvalid: cloud.KindInvalid, api.CodeNoImage: cloud.KindInvalid, api.CodeNotFound: cloud.KindNotFound,
	api.CodeMismatch: cloud.KindParameterMismatch, api.CodeLimit: cloud.KindLimit, api.CodeNoAddress: cloud.KindNoCapacity,
	api.CodeState: cloud.KindInvalid, api.CodeUnauthorized: cloud.KindAuth, api.CodeStopping: cloud.KindOther,
}

// translate makes an error of the API one of the contract.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	e := &cloud.Error{Kind: cloud.KindOther, Op: op}
	if refusal, ok := errors.AsType[*api.Error](err); ok {
		e.Kind, e.Code, e.Message = kinds[refusal.Code], refusal.Code, refusal.Message
		if refusal.Hint != "" {
			e.Message += " (" + refusal.Hint + ")"
		}
		return e
	}
	// The socket is there, but not for us.
	if _, ok := errors.AsType[*net.OpError](err); ok && errors.Is(err, os.ErrPermission) {
		e.Kind = cloud.KindAuth
	}
	e.Err = err
	return e
}
