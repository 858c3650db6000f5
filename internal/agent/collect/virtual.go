package collect

import (
	"bytes"
	"context"
	"os"
	"strings"
)

// dmiFiles are where the kernel shows what the firmware says, by the fact's place.
var dmiFiles = []struct {
	file string
	path []string
}{
	{"bios_vendor", []string{"bios", "vendor"}}, {"bios_version", []string{"bios", "version"}},
	{"bios_date", []string{"bios", "release_date"}}, {"board_vendor", []string{"board", "manufacturer"}},
	{"board_name", []string{"board", "product"}}, {"board_serial", []string{"board", "serial_number"}},
	{"board_asset_tag", []string{"board", "asset_tag"}}, {"chassis_asset_tag", []string{"chassis", "asset_tag"}},
	{"sys_vendor", []string{"manufacturer"}}, {"product_name", []string{"product", "name"}},
	{"product_serial", []string{"product", "serial_number"}}, {"product_uuid", []string{"product", "uuid"}},
	{"product_version", []string{"product", "version"}},
}

// hypervisors are words in the firmware's names of vendor and product, and the fact virtual that follows.
var hypervisors = []struct{ word, virtual string }{
	{"VirtualBox", "virtualbox"}, {"VMware", "vmware"}, {"Google", "gce"}, {"Microsoft", "hyperv"}, {"Parallels", "parallels"},
	{"Xen", "xenhvm"}, {"Amazon EC2", "kvm"}, {"KVM", "kvm"}, {"QEMU", "kvm"}, {"OpenStack", "openstack"}, {"RHEV", "rhev"},
	{"oVirt", "ovirt"}, {"Bochs", "bochs"},
}

// containers are Facter's names by the word that systemd and the container's engine agree on.
var containers = map[string]string{"systemd-nspawn": "systemd_nspawn", "lxc": "lxc", "docker": "docker", "podman": "podman"}

func (c *collector) virtual(context.Context) facts {
	out := facts{}
	dmi, names := c.dmi()
	if len(dmi) > 0 {
		out["dmi"] = dmi
	}
	kind := c.container()
	if kind == "" {
		kind = c.hypervisor(names)
	}
	out["virtual"], out["is_virtual"] = kind, kind != "physical"
	return out
}

// dmi gives the fact, and the names of vendor and product as one text.
func (c *collector) dmi() (facts, string) {
	dmi := facts{}
	var names []string
	for _, d := range dmiFiles {
		raw, err := os.ReadFile(c.path("/sys/class/dmi/id/" + d.file))
		v := strings.TrimSpace(string(raw))
		if err != nil || v == "" {
			continue
		}
		at := dmi
		for _, p := range d.path[:len(d.path)-1] {
			if _, ok := at[p]; !ok {
				at[p] = facts{}
			}
			at = at[p].(facts)
		}
		at[d.path[len(d.path)-1]] = v
		names = append(names, v)
	}
	return dmi, strings.Join(names, "\n")
}

// container names the kind of container that the machine is, "" if it is none.
func (c *collector) container() string {
	word := strings.TrimSpace(c.readQuietly("/run/systemd/container"))
	if word == "" {
		for entry := range bytes.SplitSeq([]byte(c.readQuietly("/proc/1/environ")), []byte{0}) {
			if v, ok := bytes.CutPrefix(entry, []byte("container=")); ok {
				word = string(v)
			}
		}
	}
	switch {
	case containers[word] != "":
		return containers[word]
	case word != "":
		return "container_other"
	case c.exists("/.dockerenv"):
		return "docker"
	case c.exists("/run/.containerenv"):
		return "podman"
	}
	return ""
}

func (c *collector) readQuietly(p string) string {
	text, err := os.ReadFile(c.path(p))
	if err != nil {
		return ""
	}
	return string(text)
}

func (c *collector) hypervisor(names string) string {
	for _, h := range hypervisors {
		if strings.Contains(names, h.word) {
			return h.virtual
		}
	}
	if strings.TrimSpace(c.readQuietly("/sys/hypervisor/type")) == "xen" {
		return "xenu"
	}
	for line := range strings.Lines(c.readQuietly("/proc/cpuinfo")) {
		if strings.HasPrefix(line, "flags") {
			if strings.Contains(line+" ", " hypervisor ") {
				return "kvm"
			}
			break
		}
	}
	return "physical"
}
