// Package localcloud is a cloud on one Linux host: blank Debian machines made
// of namespaces that boot systemd, ask 169.254.169.254 who they are, and run
// their user-data, as an instance on EC2 does.
//
// It is one process, run as root and apart from the server: an Engine (what
// machines there are, and what becomes of them) between an API on a unix socket
// (package api) and its parts: machine (namespaces), network (the router),
// metadata, aptproxy and image. A machine belongs to the process that started
// it: when the process ends, all its machines end, and when it was killed the
// next one on the same state directory removes what is left.
//
// It is a tool for tests, demos and laptops, not a security boundary.
package localcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"regexp"
	"time"

	"kickoff/internal/localcloud/image"
)

// Options configure a local cloud. The zero value of a field means its
// default.
type Options struct {
	// StateDir keeps machines' files and records; one local cloud per
	// directory. Default /var/lib/kickoff-local-cloud.
	StateDir string
	// Socket is the API's unix socket. Default /run/kickoff/local-cloud.sock.
	Socket string
	// SocketOwner is the user, beside root, who may use the socket; negative
	// means nobody else.
	SocketOwner int
	// Subnet is the machines' network. Default 10.77.0.0/24.
	Subnet netip.Prefix
	// HostName is what machines call the host. Default kickoff.internal.
	HostName string
	// ImageCache holds the built images. Default /var/cache/kickoff/images.
	ImageCache string
	// AptCache holds what apt downloaded. Default /var/cache/kickoff/apt.
	AptCache string
	// Images are built at the start if they are missing. Default debian-12.
	Images []string
	// Mirrors are the archives images use. Default Debian's own.
	Mirrors image.Mirrors
	// MaxInstances bounds the live machines. Default 50.
	MaxInstances int
	// StopTimeout is how long a machine may take to halt. Default 20 s.
	StopTimeout time.Duration
	// InitCommand is this program's command that calls machine.Init. Default
	// /proc/self/exe local-cloud machine-init.
	InitCommand []string
	// Version is shown by the API.
	Version string
	Log     *slog.Logger
	// Progress shows the building of images to people.
	Progress func(line string)
}

// Defaults of Options, for help texts too.
const (
	DefaultStateDir   = "/var/lib/kickoff-local-cloud"
	DefaultSocket     = "/run/kickoff/local-cloud.sock"
	DefaultSubnet     = "10.77.0.0/24"
	DefaultHostName   = "kickoff.internal"
	DefaultImageCache = "/var/cache/kickoff/images"
	DefaultAptCache   = "/var/cache/kickoff/apt"
)

var hostNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// withDefaults fills in defaults and checks the rest.
func (o Options) withDefaults() (Options, error) {
	setDefault(&o.StateDir, DefaultStateDir)
	setDefault(&o.Socket, DefaultSocket)
	setDefault(&o.HostName, DefaultHostName)
	setDefault(&o.ImageCache, DefaultImageCache)
	setDefault(&o.AptCache, DefaultAptCache)
	setDefault(&o.Subnet, netip.MustParsePrefix(DefaultSubnet))
	setDefault(&o.Mirrors, image.DebianMirrors())
	setDefault(&o.MaxInstances, 50)
	setDefault(&o.StopTimeout, 20*time.Second)
	setDefault(&o.Version, "dev")
	if o.Images == nil {
		o.Images = []string{image.Default}
	}
	if o.InitCommand == nil {
		o.InitCommand = []string{"/proc/self/exe", "local-cloud", "machine-init"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	for _, path := range []*string{&o.StateDir, &o.ImageCache, &o.AptCache, &o.Socket} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return o, fmt.Errorf("resolve %s: %w", *path, err)
		}
		*path = absolute
	}
	if o.MaxInstances < 1 {
		return o, errors.New("the limit of instances must be at least 1")
	}
	if len(o.HostName) > 253 || !hostNamePattern.MatchString(o.HostName) {
		return o, fmt.Errorf("host name %q is not a DNS name in lower case", o.HostName)
	}
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// mark is what makes this local cloud's link and cgroup unique on the host:
// the same for the same state directory.
func (o Options) mark() string {
	sum := sha256.Sum256([]byte(o.StateDir))
	return hex.EncodeToString(sum[:])[:8]
}

// hostLink is the name of the host's link.
func (o Options) hostLink() string { return "kc-" + o.mark() }

// groupName is the name of the cgroup above all machines.
func (o Options) groupName() string { return "kickoff-local-" + o.mark() }
