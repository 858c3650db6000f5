package localcloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/aptproxy"
	"kickoff/internal/localcloud/image"
	"kickoff/internal/localcloud/machine"
	"kickoff/internal/localcloud/metadata"
	"kickoff/internal/localcloud/network"
)

// aptProxyPort is where the image's apt finds its proxy.
const aptProxyPort = 3142

// Run runs a local cloud until ctx ends, then ends all its machines and
// returns when no process, link, cgroup or mount of it is left. The API
// answers from the moment when everything is ready.
func Run(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := preflight(o); err != nil {
		return fmt.Errorf("this host cannot run a local cloud: %w", err)
	}
	unlock, err := lockState(o.StateDir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := raiseInotify(o); err != nil {
		return err
	}
	e, err := newEngine(o)
	if err != nil {
		return err
	}
	if err := e.reap(); err != nil {
		return err
	}
	if err := e.buildImages(ctx); err != nil {
		return err
	}
	return e.run(ctx)
}

// lockState takes the state directory for this process.
func lockState(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		err = fmt.Errorf("another local cloud runs on %s: choose another one with --state-dir: %w", dir, err)
		return nil, errors.Join(err, file.Close())
	}
	return func() { file.Close() }, nil
}

func newEngine(o Options) (*Engine, error) {
	hierarchy, err := machine.FindHierarchy()
	if err != nil {
		return nil, err
	}
	signer, err := metadata.LoadSigner(o.StateDir, time.Now())
	if err != nil {
		return nil, err
	}
	return &Engine{
		options: o, signer: signer, group: hierarchy.Group(o.groupName()),
		images:    image.Builder{Dir: o.ImageCache, Progress: lineWriter(o.Progress)},
		instances: map[string]*instance{}, tokens: map[string]*instance{}, addresses: map[netip.Addr]*instance{},
	}, nil
}

// lineWriter adapts a function to io.Writer; the builder writes whole lines.
type lineWriter func(string)

func (w lineWriter) Write(p []byte) (int, error) {
	w(string(p[:max(0, len(p)-1)]))
	return len(p), nil
}

// reap removes what a killed process on the same state directory left: its
// machines' processes (with them go their mounts and links), cgroups and
// disks. Their records stay, as terminated.
func (e *Engine) reap() error {
	stale, err := e.group.Subgroups()
	if err != nil {
		return err
	}
	if err := e.group.Kill(); err != nil {
		return fmt.Errorf("reap machines of an earlier process: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.group.Remove(ctx); err != nil {
		return fmt.Errorf("reap machines of an earlier process: %w", err)
	}
	if len(stale) > 0 {
		e.options.Log.Warn("ended machines that an earlier process left running", "machines", stale)
	}
	records, err := loadRecords(e.instancesDir(), e.options.Log)
	if err != nil {
		return err
	}
	for _, i := range records {
		if i.State != api.Terminated {
			i.State, i.EndTime, i.PID, i.UserData = api.Terminated, time.Now().UTC(), 0, nil
			i.StateReason = "Server.InternalError: the local cloud was killed"
			if err := i.save(); err != nil {
				return err
			}
		}
		if err := i.removeFiles(); err != nil {
			return fmt.Errorf("remove disk of %s: %w", i.ID, err)
		}
		e.instances[i.ID], e.tokens[i.Token] = i, i
	}
	return nil
}

// buildImages builds the images that are wanted at the start.
func (e *Engine) buildImages(ctx context.Context) error {
	recipes := image.Recipes(e.options.Mirrors)
	for _, name := range e.options.Images {
		recipe, ok := recipes[name]
		if !ok {
			return fmt.Errorf("there is no image %q: there are %v", name, image.Names())
		}
		if _, err := e.images.Ensure(ctx, recipe); err != nil {
			return err
		}
	}
	return nil
}

// run serves until ctx ends, and cleans up in the reverse order.
func (e *Engine) run(ctx context.Context) (err error) {
	o := e.options
	if e.router, err = network.New(network.Options{Subnet: o.Subnet, HostLink: o.hostLink()}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.router.Close()) }()
	hosts, err := e.aptHosts()
	if err != nil {
		return err
	}
	proxy, err := aptproxy.New(aptproxy.Options{Dir: o.AptCache, Hosts: hosts, Log: o.Log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proxy.Close()) }()
	if err := e.group.Make(); err != nil {
		return err
	}
	s := &servers{log: o.Log, failed: make(chan error, 3)}
	defer s.close()
	if err := e.serve(ctx, s, proxy); err != nil {
		return errors.Join(err, e.close())
	}
	o.Log.Info("local cloud is ready", "socket", o.Socket, "subnet", o.Subnet.Masked().String(), "host", e.router.HostAddress().String())
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	o.Log.Info("local cloud stops: ending its machines")
	return errors.Join(err, e.close())
}

// serve opens the metadata service and the apt proxy inside the router, and
// the API on its socket, in this order: who reaches the API may launch.
func (e *Engine) serve(ctx context.Context, s *servers, proxy http.Handler) error {
	o := e.options
	service := metadata.New(metadata.Options{
		Lookup: e.lookup, Signer: e.signer, AccountID: AccountID, Subnet: o.Subnet.Masked(), Log: o.Log,
	})
	for port, handler := range map[uint16]http.Handler{80: service, aptProxyPort: proxy} {
		// Hop limit 1, as EC2's default: not for what is behind the instance.
		listener, err := e.router.Listen(ctx, netip.AddrPortFrom(network.ServiceAddress, port).String(), 1)
		if err != nil {
			return err
		}
		s.serve(listener, handler)
	}
	listener, err := listenSocket(o.Socket, o.SocketOwner)
	if err != nil {
		return err
	}
	s.serve(listener, onlyPeers(o.SocketOwner, e.handler()))
	return nil
}

func (e *Engine) aptHosts() ([]string, error) {
	for _, recipe := range image.Recipes(e.options.Mirrors) {
		return recipe.AptHosts() // all have the same mirrors
	}
	return nil, nil
}

// servers are the HTTP servers of one run.
type servers struct {
	log    *slog.Logger
	failed chan error
	wait   sync.WaitGroup
	all    []*http.Server
}

func (s *servers) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ConnContext: notePeer, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.all = append(s.all, server)
	s.wait.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", listener.Addr(), err)
		}
	})
}

func (s *servers) close() {
	for _, server := range s.all {
		_ = server.Close()
	}
	s.wait.Wait()
}

// BuildImage builds one image by name, if it is not in the cache, and says
// where it is.
func BuildImage(ctx context.Context, o Options, name string) (image.Image, error) {
	o, err := o.withDefaults()
	if err != nil {
		return image.Image{}, err
	}
	recipe, ok := image.Recipes(o.Mirrors)[name]
	if !ok {
		return image.Image{}, fmt.Errorf("there is no image %q: there are %v", name, image.Names())
	}
	return image.Builder{Dir: o.ImageCache, Progress: lineWriter(o.Progress)}.Ensure(ctx, recipe)
}
