package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"kickoff/internal/api"
	"kickoff/internal/config"
	webconsole "kickoff/internal/console"
	"kickoff/internal/fleet"
	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/cloud/local"
	"kickoff/internal/localcloud"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server"
	"kickoff/internal/server/channel"
	"kickoff/internal/server/control"
	"kickoff/internal/server/enc"
	"kickoff/internal/server/enroll"
	"kickoff/internal/server/node"
	"kickoff/internal/server/pki"
	"kickoff/internal/store"
	"kickoff/internal/wire"
)

// runningServer is the whole program that kickoff server runs. openServer makes it, with its listeners open; Run serves
// until its context ends; Close gives back what openServer took.
type runningServer struct {
	flags  serverFlags
	log    *slog.Logger
	config *config.Fleet
	stamp  string // of the file that config was read from

	store      *store.Store
	authority  *pki.Authority
	revocation chan struct{}
	hub        *channel.Hub
	fleet      *fleet.Controller
	library    *module.Library
	classifier *enc.Classifier
	registrar  *enroll.Registrar
	server     *server.Server
	control    *control.Control
	console    *webconsole.Console
	consoleAPI *api.Client
	tls        *tls.Config

	agents, operators, consoles net.Listener
	closers                     []func() error
	pack                        func() error
	out                         *IO
}

// recheck is for how long code on disk is taken to be unchanged.
const recheck = 300 * time.Millisecond

// openServer puts the server together.
func openServer(ctx context.Context, f serverFlags, sio *IO) (_ *runningServer, err error) {
	s := &runningServer{flags: f, log: f.logger(sio), out: sio, revocation: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.stamp = stampOf(f.fleet) // before the file is read: a change meanwhile is seen
	if s.config, err = config.LoadFleet(f.fleet); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{s.openStore, s.openAuthority, s.openCode, s.openFleet, s.openAPI, s.listen} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *runningServer) openStore(ctx context.Context) (err error) {
	if s.store, err = store.Open(ctx, filepath.Join(s.flags.data, "kickoff.db")); err != nil {
		return err
	}
	s.closers = append(s.closers, s.store.Close)
	s.store.OnRevoked(func() { // never blocks: one pending trigger is enough
		select {
		case s.revocation <- struct{}{}:
		default:
		}
	})
	return nil
}

func (s *runningServer) openAuthority(ctx context.Context) (err error) {
	s.authority, err = pki.Open(ctx, pki.Config{
		Dir: filepath.Join(s.flags.data, "ca"), KeyType: pki.KeyType(s.flags.keyType), Ledger: s.store, Now: time.Now, Log: s.log,
		OnRevoked: func() {
			if s.server != nil {
				s.server.DropRevoked()
			}
		},
	})
	if err != nil {
		return err
	}
	names, err := serverNames(s.config, s.flags)
	if err != nil {
		return err
	}
	cert, err := s.authority.ServerCertificate(ctx, names)
	if err != nil {
		return err
	}
	s.tls = s.authority.TLSConfig(cert)
	s.registrar = enroll.New(enroll.Config{
		Store: s.store, Issuer: s.authority, Now: time.Now, Log: s.log,
		OnDecision: func(_ enroll.Record, issued bool) {
			if issued && s.fleet != nil {
				s.fleet.Trigger()
			}
		},
	})
	return nil
}

func (s *runningServer) openCode(context.Context) error {
	s.library = module.NewLibrary(module.Options{
		EnvironmentPath: []string{s.config.EnvironmentPath}, Recheck: recheck, Logger: s.log,
	})
	s.classifier = enc.New(s.config.NodeGroups, storedInventory{s.store})
	if err := s.classifier.Check(); err != nil {
		// The fleet goes on; nodes are refused catalogs, with this message, until the file is mended.
		s.log.Error("node groups are wrong", "err", err)
	}
	return nil
}

func (s *runningServer) openFleet(ctx context.Context) error {
	minter, err := enroll.OpenMinter(filepath.Join(s.flags.data, "secret"))
	if err != nil {
		return err
	}
	binaries, err := server.NewBinaryStore(filepath.Join(s.flags.data, "binaries"))
	if err != nil {
		return err
	}
	program := s.flags.binary
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	digest, err := binaries.Add(program)
	if err != nil {
		return err
	}
	s.pack = func() error { return binaries.Pack(digest) }
	clouds := map[string]cloud.Cloud{}
	for name, c := range s.config.Clouds {
		driver := local.New(cmp.Or(c.Socket, localcloud.DefaultSocket))
		s.closers = append(s.closers, driver.Close)
		clouds[name] = driver
	}
	s.hub = channel.New(time.Now, s.onNodeEvent)
	s.fleet, err = fleet.New(fleet.Options{
		Config: s.config, Store: s.store, Clouds: clouds, Hub: s.hub,
		Code:   wantedCode{s.library, s.classifier},
		Tokens: minter, HashToken: enroll.HashToken,
		Binaries: map[string]string{runtime.GOARCH: digest}, CA: s.authority.Bundle(), Log: s.log, CrashAt: s.flags.crashAt,
	})
	if err != nil {
		return err
	}
	return s.openHTTP(binaries)
}

func (s *runningServer) onNodeEvent(certname string, e wire.Event) {
	s.log.Info("node", "certname", certname, "event", e.Kind, "message", e.Message)
	if e.Kind == wire.EventRunFinished {
		s.fleet.RunFinished(certname)
	}
}

func (s *runningServer) openHTTP(binaries server.Binaries) error {
	comp, err := newCompiler(s.library, storedExports{s.store}, s.log, time.Now)
	if err != nil {
		return err
	}
	s.control = control.New(control.Options{
		Fleet: s.fleet, Tokens: s.store, Log: s.log, UIDs: socketUsers(s.flags.socketUsers),
		Nodes: control.Nodes{Registrar: s.registrar, Classifier: s.classifier, LoginLink: s.loginLink},
	})
	s.server = server.New(server.Config{
		Authority: s.authority, Registrar: s.registrar, Store: s.store, Environments: s.library,
		Compiler: serverCompiler{comp}, Classifier: s.classifier, Hub: s.hub, Binaries: binaries, Operator: s.control,
		Observer: fleetObserver{s.fleet}, Compiles: cmp.Or(s.flags.compiles, runtime.GOMAXPROCS(0)), Now: time.Now, Log: s.log,
	})
	return nil
}

func socketUsers(ids []uint) []uint32 {
	out := make([]uint32, len(ids))
	for i, id := range ids {
		out[i] = uint32(id)
	}
	return out
}

func (s *runningServer) openAPI(context.Context) (err error) {
	if s.flags.console == "" {
		return nil
	}
	if s.consoleAPI, err = api.NewClient(api.ClientOptions{Socket: s.flags.socket}); err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { s.consoleAPI.Close(); return nil })
	s.console = webconsole.New(webconsole.Options{Fleet: s.consoleAPI, Logger: s.log, Version: Version})
	return nil
}

// listen opens all listeners, so that a port in use is an error at the start.
func (s *runningServer) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if s.agents, err = lc.Listen(ctx, "tcp", s.flags.listen); err != nil {
		return fmt.Errorf("listen for agents: %w", err)
	}
	s.closers = append(s.closers, closeQuietly(s.agents))
	if s.operators, err = control.ListenUnix(s.flags.socket); err != nil {
		return err
	}
	s.closers = append(s.closers, closeQuietly(s.operators))
	if s.console == nil {
		return nil
	}
	if s.consoles, err = lc.Listen(ctx, "tcp", s.flags.console); err != nil {
		return fmt.Errorf("listen for the console: %w", err)
	}
	s.closers = append(s.closers, closeQuietly(s.consoles))
	return nil
}

// closeQuietly closes a listener that its server may have closed already.
func closeQuietly(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// Run serves until ctx ends or a part fails; then all parts end.
func (s *runningServer) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.server.Serve(ctx, s.agents, s.tls) })
	g.Go(func() error { return s.control.ServeUnix(ctx, s.operators) })
	g.Go(func() error { s.authority.Maintain(ctx, 15*time.Second, s.revocation); return nil })
	g.Go(func() error { return s.fleet.Run(ctx) })
	g.Go(func() error { return s.watchConfig(ctx) })
	g.Go(s.pack)
	if s.console != nil {
		g.Go(func() error { return s.console.Run(ctx) })
		g.Go(func() error { return s.serveConsole(ctx) })
	}
	s.announce()
	err := g.Wait()
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// announce says where the server is, for people and for systemd.
func (s *runningServer) announce() {
	s.log.Info("serving", "version", Version, "agents", s.agents.Addr().String(), "socket", s.flags.socket, "data", s.flags.data)
	if link, err := s.loginLink(); err == nil {
		fmt.Fprintln(s.out.Out, "console (the link opens one session, within 15 minutes):", link)
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		s.log.Warn("systemd was not told", "err", err)
	}
}

func (s *runningServer) loginLink() (string, error) {
	if s.console == nil {
		return "", errors.New("the server runs without console (--console)")
	}
	return s.console.NewLoginLink("http://" + s.consoles.Addr().String()), nil
}

func (s *runningServer) serveConsole(ctx context.Context) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler: s.console.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, BaseContext: func(net.Listener) context.Context { return base },
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(s.consoles) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve console: %w", err)
	case <-ctx.Done():
	}
	cancel() // live pages end with it
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	err := srv.Shutdown(grace)
	if err != nil {
		err = srv.Close()
	}
	<-failed
	return err
}

// watchConfig reads fleet.yaml again when it changes. A file that is wrong changes nothing.
func (s *runningServer) watchConfig(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	last := s.stamp
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		stamp := stampOf(s.config.File)
		if stamp == last {
			continue
		}
		last = stamp
		next, err := config.LoadFleet(s.config.File)
		if err == nil {
			err = s.fleet.SetConfig(next)
		}
		if err != nil {
			s.log.Error("fleet configuration not taken over; the old one stays in force", "err", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		s.log.Info("fleet configuration taken over", "file", next.File)
	}
}

func stampOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// Close gives back everything, the last taken first.
func (s *runningServer) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// fleetObserver tells the controller what happened at the server.
type fleetObserver struct{ fleet *fleet.Controller }

var _ server.Observer = fleetObserver{}

// BinaryRequested implements server.Observer.
func (o fleetObserver) BinaryRequested(ctx context.Context, launchID string) {
	o.fleet.BinaryRequested(ctx, launchID)
}

// Reported implements server.Observer.
func (o fleetObserver) Reported(context.Context, node.Report) { o.fleet.Trigger() }
