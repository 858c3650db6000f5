// Package network is the private network of a local cloud: a router in a
// network namespace of its own, one link to the host and one to each machine.
//
// There is no bridge: every machine hangs on its own port of the router, and
// the router forwards between them. A machine reaches the others and the host
// by address, but shares no Ethernet segment with anybody, and the router's
// strict reverse path filter drops whatever a port sends under an address that
// is not the one assigned to it. So a source address that arrives at a service
// in the router proves which machine is calling.
//
// The host is left as it was: no forwarding, no firewall rule, no link-local
// address; it gets one veth link with one address and a route to the subnet.
// The namespace has no name, so it vanishes with the process and its machines.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ServiceAddress is where a machine finds its metadata, as on EC2.
var ServiceAddress = netip.MustParseAddr("169.254.169.254")

// Options say what network to make.
type Options struct {
	// Subnet is the private IPv4 network, /16 to /28. The router has its first
	// address, the host the second; machines start at the tenth.
	Subnet netip.Prefix
	// HostLink is the name of the host's link: at most 15 characters and
	// unique on this host. A link of that name that is there already is taken
	// for the leftover of a crash and removed.
	HostLink string
}

// Router is the private network. Its methods may be called concurrently.
type Router struct {
	options Options
	ns      netns.NsHandle
	inside  *netlink.Handle // works in the router's namespace
	outside *netlink.Handle // works in the host's namespace
}

// Gateway is the router's own address in a subnet.
func Gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// HostAddress is the host's address in a subnet.
func HostAddress(subnet netip.Prefix) netip.Addr { return Gateway(subnet).Next() }

// New makes the router and its link to the host. It needs CAP_SYS_ADMIN and
// CAP_NET_ADMIN.
func New(options Options) (*Router, error) {
	if !options.Subnet.Addr().Is4() || options.Subnet.Bits() < 16 || options.Subnet.Bits() > 28 {
		return nil, fmt.Errorf("subnet %s: want an IPv4 network between /16 and /28", options.Subnet)
	}
	options.Subnet = options.Subnet.Masked()
	if n := len(options.HostLink); n == 0 || n > 15 {
		return nil, fmt.Errorf("link name %q: want 1 to 15 characters", options.HostLink)
	}
	outside, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	r := &Router{options: options, outside: outside, ns: netns.None()}
	for _, step := range []func() error{r.removeHostLink, r.checkFree, r.makeNamespace, r.makeHostLink} {
		if err := step(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// Close removes the host's link and gives up the namespace. Machines that are
// still attached lose their network.
func (r *Router) Close() error {
	err := r.removeHostLink()
	if r.inside != nil {
		r.inside.Close()
	}
	if r.ns.IsOpen() {
		err = errors.Join(err, r.ns.Close())
	}
	r.outside.Close()
	return err
}

// Gateway is the router's address.
func (r *Router) Gateway() netip.Addr { return Gateway(r.options.Subnet) }

// HostAddress is the host's address on the network.
func (r *Router) HostAddress() netip.Addr { return HostAddress(r.options.Subnet) }

// Listen opens a TCP listener inside the router. Connections are accepted by
// ordinary goroutines of this process. With ttl > 0 answers carry that hop
// limit.
func (r *Router) Listen(ctx context.Context, address string, ttl int) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if ttl <= 0 {
			return nil
		}
		var inner error
		err := c.Control(func(fd uintptr) {
			inner = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, ttl)
		})
		return errors.Join(err, inner)
	}}
	var listener net.Listener
	err := within(r.ns, func() (err error) {
		listener, err = config.Listen(ctx, "tcp4", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s in the router: %w", address, err)
	}
	return listener, nil
}

// makeNamespace makes the router's namespace, with its settings, before any
// link exists in it.
func (r *Router) makeNamespace() error {
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		ns, err := netns.Get()
		if err != nil {
			return err
		}
		r.ns = ns
		return writeSettings(map[string]string{
			"net/ipv4/ip_forward":                  "1",
			"net/ipv4/conf/all/rp_filter":          "1",
			"net/ipv4/conf/default/rp_filter":      "1",
			"net/ipv4/conf/all/accept_redirects":   "0",
			"net/ipv4/conf/all/send_redirects":     "0",
			"net/ipv4/conf/default/send_redirects": "0",
		}, map[string]string{
			"net/ipv6/conf/all/disable_ipv6":     "1",
			"net/ipv6/conf/default/disable_ipv6": "1",
		})
	})
	if err != nil {
		return fmt.Errorf("make the router's network namespace: %w", err)
	}
	if r.inside, err = netlink.NewHandleAt(r.ns, unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink in the router: %w", err)
	}
	lo, err := r.inside.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the router's loopback: %w", err)
	}
	for _, address := range []netip.Addr{r.Gateway(), ServiceAddress} {
		if err := r.inside.AddrAdd(lo, &netlink.Addr{IPNet: single(address)}); err != nil {
			return fmt.Errorf("add %s to the router: %w", address, err)
		}
	}
	return wrap("set the router's loopback up", r.inside.LinkSetUp(lo))
}

// makeHostLink connects the host to the router.
func (r *Router) makeHostLink() error {
	name := r.options.HostLink
	err := r.outside.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "host", PeerNamespace: netlink.NsFd(r.ns),
	})
	if err != nil {
		return fmt.Errorf("add link %s: %w", name, err)
	}
	link, err := r.outside.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	// Best effort: a host without IPv6 has no such setting.
	_ = writeSetting("net/ipv6/conf/"+name+"/disable_ipv6", "1")
	if err := r.attachPort("host", r.HostAddress()); err != nil {
		return err
	}
	return configure(r.outside, link, r.HostAddress(), single(r.HostAddress()), r.Gateway(), r.options.Subnet)
}

// attachPort gives the router's side of a link its address and the route to
// the one address that lives there.
func (r *Router) attachPort(name string, far netip.Addr) error {
	port, err := r.inside.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find port %s: %w", name, err)
	}
	if err := r.inside.AddrAdd(port, &netlink.Addr{IPNet: single(r.Gateway()), Peer: single(far)}); err != nil {
		return fmt.Errorf("address port %s: %w", name, err)
	}
	return wrap("set port "+name+" up", r.inside.LinkSetUp(port))
}

// removeHostLink removes the host's link if it is there.
func (r *Router) removeHostLink() error {
	link, err := r.outside.LinkByName(r.options.HostLink)
	if _, none := errors.AsType[netlink.LinkNotFoundError](err); none {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for link %s: %w", r.options.HostLink, err)
	}
	return wrap("remove link "+r.options.HostLink, r.outside.LinkDel(link))
}

// checkFree refuses a subnet that this host already uses.
func (r *Router) checkFree() error {
	routes, err := r.outside.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		ones, _ := route.Dst.Mask.Size()
		address, _ := netip.AddrFromSlice(route.Dst.IP.To4())
		used := netip.PrefixFrom(address, ones)
		if ones > 0 && used.Overlaps(r.options.Subnet) {
			return fmt.Errorf("subnet %s overlaps the route to %s of this host (another local cloud?): choose another one with --subnet",
				r.options.Subnet, used)
		}
	}
	return nil
}

// onThread runs f on an operating system thread of its own that ends with it,
// so that whatever f does to the thread's namespaces is gone afterwards.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

// within runs f in a network namespace.
func within(ns netns.NsHandle, f func() error) error {
	return onThread(func() error {
		if err := netns.Set(ns); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// writeSettings writes sysctls of the calling thread's network namespace; a
// missing one of the optional set is skipped.
func writeSettings(needed, optional map[string]string) error {
	for key, value := range needed {
		if err := writeSetting(key, value); err != nil {
			return err
		}
	}
	for key, value := range optional {
		if err := writeSetting(key, value); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func writeSetting(key, value string) error {
	if strings.Contains(key, "..") {
		return fmt.Errorf("bad setting %q", key)
	}
	return os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0)
}

// single is an address as a network of one.
func single(address netip.Addr) *net.IPNet {
	return &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(32, 32)}
}

func wrap(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
