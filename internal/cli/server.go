package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"kickoff/internal/config"
	"kickoff/internal/server/pki"
)

// serverFlags are the flags of kickoff server.
type serverFlags struct {
	fleet, data, listen, console, binary, socket string
	names                                        []string
	keyType, crashAt                             string
	allowRoot, debug                             bool
	socketUsers                                  []uint
	compiles                                     int
}

func newServerCommand(sio *IO) *cobra.Command {
	var f serverFlags
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the server: certificates, catalogs, files, fleet and console",
		Long: `Runs the server: certificate authority, catalogs, files and reports for agents on one TLS port, the fleet
controller, the operator API on a unix socket, and the console on loopback.

It needs no root and refuses to run as root. All that it must not forget is below --data. It can be killed at any time:
the next start goes on where it was.`,
		Example: `  kickoff server --fleet fleet.yaml --data /var/lib/kickoff
  # on another address, with a further name in its certificate
  kickoff server --fleet fleet.yaml --listen 10.0.0.5:8140 --name puppet.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, err := openServer(cmd.Context(), f, sio)
			if err != nil {
				return err
			}
			return errors.Join(s.Run(cmd.Context()), s.Close())
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.fleet, "fleet", "fleet.yaml", "the fleet's configuration; it is read again when it changes")
	fs.StringVar(&f.data, "data", "/var/lib/kickoff", "directory of database, certificates and binaries")
	fs.StringVar(&f.listen, "listen", "0.0.0.0:8140", "address for agents (TLS)")
	fs.StringVar(&f.console, "console", "127.0.0.1:8141", "address of the console, on loopback; empty for none")
	fs.StringVar(&f.binary, "binary", "", "the kickoff binary that machines fetch (default this program)")
	fs.StringVar(&f.socket, "socket", "", "unix socket of the operator API (default kickoff.sock below --data)")
	fs.StringSliceVar(&f.names, "name", nil, "further DNS names and addresses for the server's certificate")
	fs.StringVar(&f.keyType, "key-type", "ecdsa", "type of new keys of authority and server: ecdsa, or rsa for old agents")
	fs.IntVar(&f.compiles, "compiles", 0, "catalogs compiled at the same time (default one per CPU)")
	fs.UintSliceVar(&f.socketUsers, "socket-user", nil, "user ids that may use the operator API besides root and the server's own")
	fs.BoolVar(&f.allowRoot, "allow-root", false, "run although this is root")
	fs.BoolVar(&f.debug, "debug", false, "log more")
	fs.StringVar(&f.crashAt, "crash-at", "", "end like a power cut at this point; for tests")
	_ = fs.MarkHidden("crash-at")
	return cmd
}

func (f *serverFlags) check() error {
	if os.Geteuid() == 0 && !f.allowRoot {
		return errors.New("the server does not need root and does not run as root; " +
			"start it as a user of its own (runuser -u USER -- kickoff server …), or insist with --allow-root")
	}
	if f.keyType != string(pki.ECDSA) && f.keyType != string(pki.RSA) {
		return fmt.Errorf("--key-type %q: ecdsa or rsa is wanted", f.keyType)
	}
	if f.console != "" {
		host, _, err := net.SplitHostPort(f.console)
		if err != nil {
			return fmt.Errorf("--console %q: %w", f.console, err)
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return fmt.Errorf("--console %q: the console is not encrypted and listens on loopback only", f.console)
		}
	}
	if f.socket == "" {
		f.socket = filepath.Join(f.data, "kickoff.sock")
	}
	return nil
}

// logger writes to the error output; with systemd's journal, which adds the time, without it.
func (f *serverFlags) logger(sio *IO) *slog.Logger {
	opt := &slog.HandlerOptions{Level: slog.LevelInfo}
	if f.debug {
		opt.Level = slog.LevelDebug
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		opt.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(sio.Err, opt))
}

// serverNames are those under which machines may reach the server: the one of fleet.yaml first.
func serverNames(fleet *config.Fleet, f serverFlags) (pki.ServerNames, error) {
	u, err := url.Parse(fleet.Server)
	if err != nil || u.Hostname() == "" {
		return pki.ServerNames{}, fmt.Errorf("server %q of %s is no URL with a host", fleet.Server, fleet.File)
	}
	names := pki.ServerNames{Certname: u.Hostname()}
	add := func(name string) {
		if ip, err := netip.ParseAddr(name); err == nil {
			if !ip.IsUnspecified() && !slices.Contains(names.Addresses, ip.Unmap()) {
				names.Addresses = append(names.Addresses, ip.Unmap())
			}
		} else if name != "" && name != names.Certname && !slices.Contains(names.DNS, name) {
			names.DNS = append(names.DNS, name)
		}
	}
	add(u.Hostname())
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return names, fmt.Errorf("--listen %q: %w", f.listen, err)
	}
	for _, n := range append([]string{host, "localhost", "127.0.0.1"}, f.names...) {
		add(n)
	}
	return names, nil
}
