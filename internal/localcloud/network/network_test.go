package network

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	subnet := netip.MustParsePrefix("10.77.3.9/24")
	if got := Gateway(subnet).String(); got != "10.77.3.1" {
		t.Errorf("gateway = %s", got)
	}
	if got := HostAddress(subnet).String(); got != "10.77.3.2" {
		t.Errorf("host = %s", got)
	}
	mac := MACFor(netip.MustParseAddr("10.77.3.200"))
	if mac.String() != "02:6b:0a:4d:03:c8" {
		t.Errorf("mac = %s", mac)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"IPv6":      {Subnet: netip.MustParsePrefix("fd00::/64"), HostLink: "x"},
		"too small": {Subnet: netip.MustParsePrefix("10.0.0.0/29"), HostLink: "x"},
		"too large": {Subnet: netip.MustParsePrefix("10.0.0.0/8"), HostLink: "x"},
		"no subnet": {HostLink: "x"},
		"no link":   {Subnet: netip.MustParsePrefix("10.0.0.0/24")},
		"long link": {Subnet: netip.MustParsePrefix("10.0.0.0/24"), HostLink: strings.Repeat("x", 16)},
	} {
		if r, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
			_ = r.Close()
		}
	}
}

func TestSettingsStayBelowProcSys(t *testing.T) {
	if err := writeSetting("net/../../../tmp/x", "1"); err == nil {
		t.Error("a setting outside /proc/sys was written")
	}
}
