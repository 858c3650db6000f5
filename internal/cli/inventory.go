package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kickoff/internal/fleet/instance"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server/enc"
	"kickoff/internal/store"
)

// storedInventory finds instances in the controller's records.
type storedInventory struct{ store *store.Store }

var _ enc.Inventory = storedInventory{}

// FindInstance implements enc.Inventory. An instance that is gone is no node any more.
func (v storedInventory) FindInstance(ctx context.Context, name string) (enc.Instance, error) {
	i, err := v.store.FleetInstance(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		i, err = v.byPrivateName(ctx, name)
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && i.Stage == instance.Gone {
		return enc.Instance{}, fmt.Errorf("%s: %w", name, enc.ErrUnknownNode)
	}
	if err != nil {
		return enc.Instance{}, err
	}
	return enc.Instance{ID: i.ID, SecurityGroups: i.Intent.SecurityGroups, Tags: i.Intent.Tags}, nil
}

// byPrivateName finds an instance by the name that EC2 gives a private address: ip-10-77-0-5.REGION.compute.internal.
func (v storedInventory) byPrivateName(ctx context.Context, name string) (*instance.Instance, error) {
	host, _, _ := strings.Cut(name, ".")
	digits, ok := strings.CutPrefix(host, "ip-")
	if !ok {
		return nil, store.ErrNotFound
	}
	address := strings.ReplaceAll(digits, "-", ".")
	list, err := v.store.FleetInstances(ctx, false)
	if err != nil {
		return nil, err
	}
	for _, i := range list {
		if i.ID != "" && i.Address == address {
			return i, nil
		}
	}
	return nil, store.ErrNotFound
}

// wantedCode says which code a node should run.
type wantedCode struct {
	library    *module.Library
	classifier *enc.Classifier
}

// CodeID gives the content hash of the node's environment as it is on disk now.
func (w wantedCode) CodeID(ctx context.Context, certname string) (string, error) {
	c, err := w.classifier.Classify(ctx, certname)
	if err != nil {
		return "", err
	}
	name := c.Environment
	if name == "" {
		name = defaultEnvironment
	}
	env, err := w.library.Environment(ctx, name)
	if err != nil {
		return "", err
	}
	return env.CodeID(), nil
}

// Refresh implements fleet.Code.
func (w wantedCode) Refresh() { w.library.Refresh() }

// defaultEnvironment is that of nodes whose groups name none.
const defaultEnvironment = "production"
