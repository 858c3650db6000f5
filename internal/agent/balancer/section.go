package balancer

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"kickoff/internal/wire"
)

// What may stand in a configuration file and in a command: names without anything that separates words or lines.
var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
	pathPattern = regexp.MustCompile(`^/[A-Za-z0-9._~/?&=%+-]{0,512}$`)
	timePattern = regexp.MustCompile(`^[1-9][0-9]{0,8}(us|ms|s|m|h)?$`)
)

// validate refuses whatever could be anything but a name, an address or a number.
func validate(want wire.BalancerSync) error {
	if !namePattern.MatchString(want.Backend) {
		return fmt.Errorf("backend %q is no name", want.Backend)
	}
	if want.Port < 1 || want.Port > 65535 {
		return fmt.Errorf("backend %s: port %d is none", want.Backend, want.Port)
	}
	c := want.Check
	if c.Path != "" && !pathPattern.MatchString(c.Path) {
		return fmt.Errorf("backend %s: health check path %q cannot be used", want.Backend, c.Path)
	}
	if c.Inter != "" && !timePattern.MatchString(c.Inter) {
		return fmt.Errorf("backend %s: health check interval %q is no time", want.Backend, c.Inter)
	}
	if c.Rise < 0 || c.Fall < 0 {
		return fmt.Errorf("backend %s: rise %d and fall %d must not be negative", want.Backend, c.Rise, c.Fall)
	}
	seen := map[string]bool{}
	for _, s := range want.Servers {
		if err := validateServer(s); err != nil {
			return fmt.Errorf("backend %s: %w", want.Backend, err)
		}
		if seen[s.Name] {
			return fmt.Errorf("backend %s: server %s is there twice", want.Backend, s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

func validateServer(s wire.BalancerServer) error {
	if !namePattern.MatchString(s.Name) {
		return fmt.Errorf("server %q is no name", s.Name)
	}
	if _, err := netip.ParseAddr(s.Address); err != nil {
		return fmt.Errorf("server %s: %w", s.Name, err)
	}
	if !slices.Contains([]string{wire.ServerStandby, wire.ServerReady, wire.ServerDrain}, s.State) {
		return fmt.Errorf("server %s: state %q is unknown", s.Name, s.State)
	}
	return nil
}

// section is the backend as text: all that does not change without a reload, and the servers that take traffic.
func section(want wire.BalancerSync) string {
	var b strings.Builder
	b.WriteString("# Written by the kickoff agent from what the fleet's controller wants; changes are lost.\n")
	fmt.Fprintf(&b, "backend %s\n\tmode http\n\tbalance roundrobin\n", want.Backend)
	if want.Check.Path != "" {
		fmt.Fprintf(&b, "\toption httpchk\n\thttp-check send meth GET uri %s ver HTTP/1.1 hdr Host %s hdr User-Agent kickoff-health\n",
			want.Check.Path, want.Backend)
		b.WriteString("\thttp-check expect status 200-399\n")
	}
	servers := slices.Clone(want.Servers)
	slices.SortFunc(servers, func(x, y wire.BalancerServer) int { return strings.Compare(x.Name, y.Name) })
	fmt.Fprintf(&b, "\t# each server:%s, port %d\n", checkArgs(want.Check), want.Port)
	for _, s := range servers {
		if s.State == wire.ServerReady {
			fmt.Fprintf(&b, "\tserver %s %s\n", s.Name, serverArgs(want, s))
		}
	}
	return b.String()
}

// serverArgs are the arguments of a server line, which are those of the command that adds one.
func serverArgs(want wire.BalancerSync, s wire.BalancerServer) string {
	address := s.Address
	if strings.Contains(address, ":") {
		address = "ipv6@[" + address + "]"
	}
	return fmt.Sprintf("%s:%d%s", address, want.Port, checkArgs(want.Check))
}

func checkArgs(c wire.BalancerCheck) string {
	args := " check"
	if c.Inter != "" {
		args += " inter " + c.Inter
	}
	if c.Rise > 0 {
		args += fmt.Sprintf(" rise %d", c.Rise)
	}
	if c.Fall > 0 {
		args += fmt.Sprintf(" fall %d", c.Fall)
	}
	return args
}

// withoutServers is the part of a section that HAProxy takes only by a reload.
func withoutServers(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "\tserver ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

var errNoBackend = errors.New("haproxy does not know the backend")
