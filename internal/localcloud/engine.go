package localcloud

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/image"
	"kickoff/internal/localcloud/machine"
	"kickoff/internal/localcloud/metadata"
	"kickoff/internal/localcloud/network"
)

// How long a terminated instance is listed, and how long its token is known.
const (
	listedFor = time.Hour
	knownFor  = 24 * time.Hour
)

// AccountID is the owner of all instances of every local cloud.
const AccountID = "000000000000"

// Engine keeps the machines. Its methods may be called concurrently.
type Engine struct {
	options Options
	images  image.Builder
	router  *network.Router
	signer  *metadata.Signer
	group   machine.Group

	mu        sync.Mutex
	instances map[string]*instance
	tokens    map[string]*instance
	addresses map[netip.Addr]*instance // of live instances
	last      netip.Addr               // address given last
	closing   bool
	wait      sync.WaitGroup // one supervisor per live instance
}

// instancesDir holds one directory per instance.
func (e *Engine) instancesDir() string { return filepath.Join(e.options.StateDir, "instances") }

// launch starts one machine, idempotently by token.
func (e *Engine) launch(r api.LaunchRequest) (api.Instance, error) {
	print, err := fingerprint(r)
	if err != nil {
		return api.Instance{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.purge(time.Now())
	if known, ok := e.tokens[r.Token]; ok {
		if known.Fingerprint != print {
			return api.Instance{}, &api.Error{Code: api.CodeMismatch,
				Message: fmt.Sprintf("token %s was used with other parameters, for %s", r.Token, known.ID)}
		}
		return known.Instance, nil
	}
	if err := checkRequest(r); err != nil {
		return api.Instance{}, err
	}
	built, err := e.findImage(r.Image)
	if err != nil {
		return api.Instance{}, err
	}
	address, err := e.freeAddress()
	if err != nil {
		return api.Instance{}, err
	}
	i := e.newInstance(r, print, built, address)
	if err := e.prepare(i); err != nil {
		return api.Instance{}, errors.Join(err, os.RemoveAll(i.dir))
	}
	e.instances[i.ID], e.tokens[i.Token], e.addresses[address] = i, i, i
	e.last = address
	answer := i.Instance
	e.wait.Go(func() { e.supervise(i, built) })
	return answer, nil
}

func checkRequest(r api.LaunchRequest) error {
	invalid := func(format string, args ...any) error {
		return &api.Error{Code: api.CodeInvalid, Message: fmt.Sprintf(format, args...)}
	}
	if n := len(r.Token); n == 0 || n > 64 {
		return invalid("client token must have 1 to 64 characters, has %d", n)
	}
	if len(r.UserData) > api.MaxUserData {
		return invalid("user-data has %d bytes, the limit is %d", len(r.UserData), api.MaxUserData)
	}
	if len(r.Tags) > 50 {
		return invalid("%d tags, the limit is 50", len(r.Tags))
	}
	if _, ok := r.Tags[""]; ok {
		return invalid("a tag has no name")
	}
	if slices.Contains(r.SecurityGroups, "") {
		return invalid("a security group has no name")
	}
	return nil
}

// findImage finds a built image by its name or by its AMI id.
func (e *Engine) findImage(name string) (image.Image, error) {
	for _, recipe := range image.Recipes(e.options.Mirrors) {
		if recipe.Name != name && recipe.AMI() != name {
			continue
		}
		built, ok := e.images.Find(recipe)
		if !ok {
			return built, &api.Error{Code: api.CodeNoImage, Message: fmt.Sprintf("image %s has not been built", recipe.Name),
				Hint: "kickoff local-cloud image " + recipe.Name}
		}
		return built, nil
	}
	return image.Image{}, &api.Error{Code: api.CodeNoImage, Message: fmt.Sprintf("there is no image %q", name),
		Hint: fmt.Sprintf("there are %v", image.Names())}
}

// freeAddress finds the next free address after the one given last, so that
// an address is used again as late as possible.
func (e *Engine) freeAddress() (netip.Addr, error) {
	if e.closing {
		return netip.Addr{}, &api.Error{Code: api.CodeStopping, Message: "the local cloud is stopping"}
	}
	if len(e.addresses) >= e.options.MaxInstances {
		return netip.Addr{}, &api.Error{Code: api.CodeLimit,
			Message: fmt.Sprintf("%d instances are alive, which is the limit", len(e.addresses)), Hint: "--max-instances"}
	}
	subnet := e.options.Subnet.Masked()
	first := subnet.Addr()
	for range 10 {
		first = first.Next()
	}
	candidate := e.last
	for range 1 << (32 - subnet.Bits()) {
		candidate = candidate.Next()
		// The last address of the subnet is its broadcast address.
		if !candidate.IsValid() || !subnet.Contains(candidate.Next()) {
			candidate = first
		}
		if e.addresses[candidate] == nil {
			return candidate, nil
		}
	}
	return netip.Addr{}, &api.Error{Code: api.CodeNoAddress, Message: "no address is free in " + subnet.String()}
}

func (e *Engine) newInstance(r api.LaunchRequest, print string, built image.Image, address netip.Addr) *instance {
	id := newID()
	i := &instance{
		Instance: api.Instance{
			ID: id, Token: r.Token, State: api.Pending, PrivateIP: address.String(),
			MAC: network.MACFor(address).String(), Type: r.Type, Zone: r.Zone, Image: r.Image, ImageID: built.AMI(),
			SecurityGroups: slices.Clone(r.SecurityGroups), Tags: r.Tags, KeyName: r.KeyName, LaunchTime: time.Now().UTC(),
		},
		Fingerprint: print, UserData: r.UserData, TokensOptional: built.CloudInit, address: address,
		dir: filepath.Join(e.instancesDir(), id), control: make(chan order, 1),
	}
	setDefault(&i.Type, "local.small")
	setDefault(&i.Zone, "local-1a")
	if i.Tags == nil {
		i.Tags = map[string]string{}
	}
	if i.SecurityGroups == nil {
		i.SecurityGroups = []string{}
	}
	b := address.As4()
	i.PrivateDNSName = fmt.Sprintf("ip-%d-%d-%d-%d.%s.compute.internal", b[0], b[1], b[2], b[3], i.metadata().Region())
	return i
}

// prepare makes the instance's directory, disk and record.
func (e *Engine) prepare(i *instance) error {
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		return fmt.Errorf("make instance directory: %w", err)
	}
	if err := i.prepareDisk(e.options.HostName, e.router.HostAddress()); err != nil {
		return err
	}
	var err error
	if i.console, err = openConsole(filepath.Join(i.dir, "console.log")); err != nil {
		return err
	}
	return i.save()
}

// list returns the instances that are listed, in the order of their launch;
// with a token only the one that has it.
func (e *Engine) list(token string) []api.Instance {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.purge(now)
	all := []api.Instance{}
	for _, i := range e.instances {
		if !i.forgotten(now, listedFor) && (token == "" || i.Token == token) {
			all = append(all, i.Instance)
		}
	}
	slices.SortFunc(all, func(a, b api.Instance) int { return a.LaunchTime.Compare(b.LaunchTime) })
	return all
}

// find returns a listed instance. The caller holds the lock.
func (e *Engine) find(id string) (*instance, error) {
	i, ok := e.instances[id]
	if !ok || i.forgotten(time.Now(), listedFor) {
		return nil, &api.Error{Code: api.CodeNotFound, Message: fmt.Sprintf("there is no instance %q", id)}
	}
	return i, nil
}

// get returns one instance.
func (e *Engine) get(id string) (api.Instance, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.find(id)
	if err != nil {
		return api.Instance{}, err
	}
	return i.Instance, nil
}

// consoleOf returns what an instance printed last.
func (e *Engine) consoleOf(id string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.find(id)
	if err != nil {
		return nil, err
	}
	if i.console != nil {
		return i.console.bytes(), nil
	}
	text, err := readConsole(filepath.Join(i.dir, "console.log"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// command gives a live instance an order. Ending an instance that is ending
// is no error.
func (e *Engine) command(id string, o order) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.find(id)
	if err != nil {
		return err
	}
	ends := o.kind != orderReboot
	switch {
	case i.State == api.Terminated || i.ordered:
		if ends {
			return nil
		}
		return &api.Error{Code: api.CodeState, Message: fmt.Sprintf("instance %s is %s", id, i.State)}
	case ends:
		i.ordered, i.State, i.StateReason = true, api.ShuttingDown, o.reason
		select { // an end overtakes a reboot that has not begun
		case <-i.control:
		default:
		}
		i.control <- o
		return i.save()
	}
	select {
	case i.control <- o:
	default: // a reboot is pending already
	}
	return nil
}

// lookup finds the live instance that has an address.
func (e *Engine) lookup(address netip.Addr) (metadata.Instance, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, ok := e.addresses[address]
	if !ok {
		return metadata.Instance{}, false
	}
	return i.metadata(), true
}

// purge forgets instances that ended long ago. The caller holds the lock.
func (e *Engine) purge(now time.Time) {
	for id, i := range e.instances {
		if !i.forgotten(now, knownFor) {
			continue
		}
		if err := os.RemoveAll(i.dir); err != nil {
			e.options.Log.Warn("record cannot be removed", "instance", i, "error", err)
			continue
		}
		delete(e.instances, id)
		delete(e.tokens, i.Token)
	}
}

// close ends all machines and waits until nothing of them is left.
func (e *Engine) close() error {
	e.mu.Lock()
	e.closing = true
	var live []string
	for _, i := range e.addresses {
		live = append(live, i.ID)
	}
	e.mu.Unlock()
	var all error
	for _, id := range live {
		all = errors.Join(all, e.command(id, order{orderStop, "Server.InternalError: the local cloud stopped"}))
	}
	e.wait.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(all, e.group.Remove(ctx))
}
