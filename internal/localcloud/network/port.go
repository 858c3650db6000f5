package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Port is what Attach gives a machine.
type Port struct {
	// Name is the link's name inside the router, at most 15 characters.
	Name string
	// Address is the machine's address in the router's subnet.
	Address netip.Addr
	// MAC is the hardware address of the machine's eth0.
	MAC net.HardwareAddr
}

// MACFor derives a stable, locally administered hardware address from an
// IPv4 address.
func MACFor(address netip.Addr) net.HardwareAddr {
	b := address.As4()
	return net.HardwareAddr{0x02, 0x6b, b[0], b[1], b[2], b[3]}
}

// Attach makes eth0 in the network namespace of process pid, configures it
// completely, and connects it to a new port of the router. The process must
// not be reaped while Attach runs.
func (r *Router) Attach(pid int, port Port) error {
	if !r.options.Subnet.Contains(port.Address) {
		return fmt.Errorf("attach %s: address %s is outside %s", port.Name, port.Address, r.options.Subnet)
	}
	err := r.inside.LinkAdd(&netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: port.Name},
		PeerName:         "eth0",
		PeerHardwareAddr: port.MAC,
		PeerNamespace:    netlink.NsPid(pid),
	})
	if err != nil {
		return fmt.Errorf("add port %s: %w", port.Name, err)
	}
	if err := r.attachPort(port.Name, port.Address); err != nil {
		return err
	}
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("open network namespace of %s: %w", port.Name, err)
	}
	defer ns.Close()
	machine, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink in %s: %w", port.Name, err)
	}
	defer machine.Close()
	return r.configureMachine(machine, port)
}

func (r *Router) configureMachine(machine *netlink.Handle, port Port) error {
	lo, err := machine.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback of %s: %w", port.Name, err)
	}
	if err := machine.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set loopback of %s up: %w", port.Name, err)
	}
	eth0, err := machine.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0 of %s: %w", port.Name, err)
	}
	// The address shows the subnet's mask, as on EC2, but nothing of the
	// subnet is on the link: everything goes through the gateway.
	mask := &net.IPNet{IP: port.Address.AsSlice(), Mask: net.CIDRMask(r.options.Subnet.Bits(), 32)}
	return configure(machine, eth0, port.Address, mask, r.Gateway(), netip.PrefixFrom(netip.IPv4Unspecified(), 0))
}

// Detach removes a machine's port, if it is still there.
func (r *Router) Detach(name string) error {
	link, err := r.inside.LinkByName(name)
	if _, none := errors.AsType[netlink.LinkNotFoundError](err); none {
		return nil
	}
	if err == nil {
		err = r.inside.LinkDel(link)
	}
	// The machine's end may go at the same moment and take the port with it.
	if errors.Is(err, unix.ENODEV) {
		return nil
	}
	return wrap("remove port "+name, err)
}

// configure sets up the far end of a port: its address, and the route to a
// destination through the gateway.
func configure(h *netlink.Handle, link netlink.Link, self netip.Addr, mask *net.IPNet, gateway netip.Addr, to netip.Prefix) error {
	name := link.Attrs().Name
	if err := h.AddrAdd(link, &netlink.Addr{IPNet: mask, Flags: unix.IFA_F_NOPREFIXROUTE}); err != nil {
		return fmt.Errorf("address %s: %w", name, err)
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	index := link.Attrs().Index
	onLink := &netlink.Route{LinkIndex: index, Dst: single(gateway), Scope: netlink.SCOPE_LINK, Src: self.AsSlice()}
	if err := h.RouteAdd(onLink); err != nil {
		return fmt.Errorf("route %s to the gateway: %w", name, err)
	}
	destination := &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), 32)}
	through := &netlink.Route{LinkIndex: index, Dst: destination, Gw: gateway.AsSlice(), Src: self.AsSlice()}
	return wrap(fmt.Sprintf("route %s to %s", name, to), h.RouteAdd(through))
}
