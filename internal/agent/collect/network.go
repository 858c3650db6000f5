package collect

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

func (c *collector) networking(ctx context.Context) facts {
	hostname, domain := c.hostname(ctx)
	n := facts{"hostname": hostname, "fqdn": hostname}
	if domain != "" {
		n["domain"], n["fqdn"] = domain, hostname+"."+domain
	}
	interfaces := facts{}
	list, err := net.Interfaces()
	if err != nil {
		c.log.Warn("network interfaces not read", "error", err)
	}
	flags6 := c.flags6()
	for _, i := range list {
		interfaces[i.Name] = c.networkInterface(i, flags6)
	}
	n["interfaces"] = interfaces
	if primary := c.primary(interfaces); primary != "" {
		n["primary"] = primary
		for _, name := range []string{"ip", "ip6", "mac", "mtu", "netmask", "netmask6", "network", "network6", "scope6"} {
			if v, ok := interfaces[primary].(facts)[name]; ok {
				n[name] = v
			}
		}
	}
	return facts{"networking": n}
}

// hostname gives the host's name and its domain: from the name itself, from /etc/hosts, or from resolv.conf.
func (c *collector) hostname(context.Context) (name, domain string) {
	full, err := os.Hostname()
	if err != nil {
		c.log.Warn("host name not read", "error", err)
	}
	name, domain, _ = strings.Cut(full, ".")
	if domain == "" {
		domain = domainFromHosts(c.read("/etc/hosts"), name)
	}
	if domain == "" {
		domain = domainFromResolver(c.read("/etc/resolv.conf"))
	}
	return name, strings.TrimSuffix(domain, ".")
}

// domainFromHosts looks for a line that has the name with and without domain.
func domainFromHosts(text, name string) string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if domain, ok := strings.CutPrefix(fields[1], name+"."); ok && domain != "localdomain" {
			return domain
		}
	}
	return ""
}

func domainFromResolver(text string) string {
	search := ""
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "domain":
			return fields[1]
		case "search":
			search = fields[1]
		}
	}
	return search
}

func (c *collector) networkInterface(i net.Interface, flags6 map[string][]any) facts {
	f := facts{"mtu": i.MTU}
	if len(i.HardwareAddr) > 0 {
		f["mac"] = i.HardwareAddr.String()
	}
	if state := strings.TrimSpace(c.read("/sys/class/net/" + i.Name + "/operstate")); state != "" {
		f["operational_state"] = state
		f["physical"] = c.exists("/sys/class/net/" + i.Name + "/device")
	}
	var v4, v6 []facts
	addresses, err := i.Addrs()
	if err != nil {
		c.log.Debug("addresses not read", "interface", i.Name, "error", err)
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		b := binding(prefix)
		if prefix.Addr().Is4() {
			v4 = append(v4, b)
			continue
		}
		b["scope6"] = scope6(prefix.Addr())
		b["flags"] = append([]any{}, flags6[prefix.Addr().String()+"%"+i.Name]...)
		v6 = append(v6, b)
	}
	if len(v4) > 0 {
		f["bindings"] = v4
		f["ip"], f["netmask"], f["network"] = v4[0]["address"], v4[0]["netmask"], v4[0]["network"]
	}
	if len(v6) > 0 {
		f["bindings6"] = v6
		best := best6(v6)
		f["ip6"], f["netmask6"], f["network6"], f["scope6"] = best["address"], best["netmask"], best["network"], best["scope6"]
	}
	return f
}

// best6 prefers an address that others can reach.
func best6(list []facts) facts {
	for _, b := range list {
		if b["scope6"] == "global" {
			return b
		}
	}
	return list[0]
}

func binding(p netip.Prefix) facts {
	mask := net.IP(net.CIDRMask(p.Bits(), p.Addr().BitLen()))
	return facts{"address": p.Addr().String(), "netmask": mask.String(), "network": p.Masked().Addr().String()}
}

func scope6(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "host"
	case a.IsLinkLocalUnicast():
		return "link"
	case strings.HasPrefix(a.String(), "fec0:"):
		return "site"
	}
	return "global"
}

// flagNames6 are the bits of an address in /proc/net/if_inet6.
var flagNames6 = []struct {
	bit  int64
	name string
}{{0x01, "temporary"}, {0x02, "noad"}, {0x04, "optimistic"}, {0x08, "dadfailed"}, {0x10, "homeaddress"},
	{0x20, "deprecated"}, {0x40, "tentative"}, {0x80, "permanent"}}

// flags6 gives the flags of every IPv6 address, by address%interface.
func (c *collector) flags6() map[string][]any {
	out := map[string][]any{}
	for line := range strings.Lines(c.read("/proc/net/if_inet6")) {
		fields := strings.Fields(line)
		if len(fields) != 6 || len(fields[0]) != 32 {
			continue
		}
		var b [16]byte
		for i := range b {
			n, err := strconv.ParseUint(fields[0][2*i:2*i+2], 16, 8)
			if err != nil {
				continue
			}
			b[i] = byte(n)
		}
		bits, _ := strconv.ParseInt(fields[4], 16, 64)
		key := netip.AddrFrom16(b).String() + "%" + fields[5]
		for _, f := range flagNames6 {
			if bits&f.bit != 0 {
				out[key] = append(out[key], f.name)
			}
		}
	}
	return out
}

// primary is the interface of the default route, or the first with an address that others can reach.
func (c *collector) primary(interfaces facts) string {
	for line := range strings.Lines(c.read("/proc/net/route")) {
		fields := strings.Fields(line)
		if len(fields) > 7 && fields[1] == "00000000" && fields[7] == "00000000" {
			if _, ok := interfaces[fields[0]]; ok {
				return fields[0]
			}
		}
	}
	list, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range list {
		f, ok := interfaces[i.Name].(facts)
		if ip, _ := f["ip"].(string); ok && ip != "" && i.Flags&net.FlagLoopback == 0 && !strings.HasPrefix(ip, "169.254.") {
			return i.Name
		}
	}
	return ""
}
