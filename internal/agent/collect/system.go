package collect

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// families are Facter's os.family by the id in /etc/os-release.
var families = map[string]struct{ name, family string }{
	"debian": {"Debian", "Debian"}, "ubuntu": {"Ubuntu", "Debian"}, "raspbian": {"Raspbian", "Debian"},
	"linuxmint": {"LinuxMint", "Debian"}, "devuan": {"Devuan", "Debian"}, "rhel": {"RedHat", "RedHat"},
	"centos": {"CentOS", "RedHat"}, "rocky": {"Rocky", "RedHat"}, "almalinux": {"AlmaLinux", "RedHat"},
	"fedora": {"Fedora", "RedHat"}, "ol": {"OracleLinux", "RedHat"}, "amzn": {"Amazon", "RedHat"},
	"sles": {"SLES", "Suse"}, "opensuse-leap": {"OpenSuSE", "Suse"}, "arch": {"Archlinux", "Archlinux"},
	"alpine": {"Alpine", "Alpine"}, "gentoo": {"Gentoo", "Gentoo"},
}

// debianMachines are dpkg's names of architectures by those of the kernel.
var debianMachines = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386"}

func (c *collector) operatingSystem(context.Context) facts {
	rel := osRelease(c.read("/etc/os-release"))
	id := rel["ID"]
	known, ok := families[id]
	if !ok {
		known.name, known.family = firstUpper(id), "Linux"
		for like := range strings.FieldsSeq(rel["ID_LIKE"]) {
			if f, ok := families[like]; ok {
				known.family = f.family
				break
			}
		}
	}
	full := rel["VERSION_ID"]
	if id == "debian" || id == "raspbian" || id == "devuan" {
		if v := strings.TrimSpace(c.read("/etc/debian_version")); v != "" && v[0] >= '0' && v[0] <= '9' {
			full = v
		}
	}
	hardware, architecture := uname().machine, uname().machine
	if known.family == "Debian" {
		if name, ok := debianMachines[hardware]; ok {
			architecture = name
		}
	}
	release := releaseFact(id, full)
	return facts{"os": facts{
		"name": known.name, "family": known.family, "hardware": hardware, "architecture": architecture, "release": release,
		"selinux": facts{"enabled": c.exists("/sys/fs/selinux/enforce")},
		"distro": facts{
			"id": distroID(id, known.name), "codename": rel["VERSION_CODENAME"], "description": rel["PRETTY_NAME"], "release": release,
		},
	}}
}

func distroID(id, name string) string {
	if id == "rhel" {
		return "RedHatEnterprise"
	}
	return name
}

// releaseFact splits a version. Ubuntu's major version is all of it.
func releaseFact(id, full string) facts {
	f := facts{"full": full, "major": full}
	if id == "ubuntu" {
		return f
	}
	parts := strings.SplitN(full, ".", 3)
	f["major"] = parts[0]
	if len(parts) > 1 {
		f["minor"] = parts[1]
	}
	return f
}

// osRelease reads NAME="value" lines.
func osRelease(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, v, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if unquoted, err := strconv.Unquote(v); err == nil {
			v = unquoted
		}
		out[name] = strings.Trim(v, "'")
	}
	return out
}

func firstUpper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (c *collector) exists(p string) bool {
	_, err := os.Stat(c.path(p))
	return err == nil
}

type utsname struct{ machine, release string }

func uname() utsname {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return utsname{}
	}
	return utsname{unix.ByteSliceToString(u.Machine[:]), unix.ByteSliceToString(u.Release[:])}
}

func (c *collector) kernel(context.Context) facts {
	release := uname().release
	version, _, _ := strings.Cut(release, "-")
	version = strings.TrimRight(version, "+")
	parts := strings.SplitN(version, ".", 3)
	major := parts[0]
	if len(parts) > 1 {
		major += "." + parts[1]
	}
	return facts{
		"kernel": "Linux", "kernelrelease": release, "kernelversion": version, "kernelmajversion": major,
		"path": os.Getenv("PATH"), "fips_enabled": strings.TrimSpace(c.read("/proc/sys/crypto/fips_enabled")) == "1",
	}
}

func (c *collector) memory(context.Context) facts {
	kib := map[string]int64{}
	for line := range strings.Lines(c.read("/proc/meminfo")) {
		name, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); len(fields) > 0 {
			kib[name], _ = strconv.ParseInt(fields[0], 10, 64)
		}
	}
	m := facts{}
	if total := kib["MemTotal"] * 1024; total > 0 {
		m["system"] = amounts(total, kib["MemAvailable"]*1024, "total")
	}
	if total := kib["SwapTotal"] * 1024; total > 0 {
		m["swap"] = amounts(total, kib["SwapFree"]*1024, "total")
	}
	return facts{"memory": m}
}

// amounts gives size, available and used in bytes and for people.
func amounts(size, available int64, sizeName string) facts {
	used := size - available
	return facts{
		sizeName: human(size), sizeName + "_bytes": size, "available": human(available), "available_bytes": available,
		"used": human(used), "used_bytes": used, "capacity": capacity(used, size),
	}
}

func capacity(used, size int64) string {
	switch {
	case used == 0 && size > 0:
		return "0%"
	case size <= 0 || used >= size:
		return "100%"
	}
	return fmt.Sprintf("%.2f%%", float64(used)*100/float64(size))
}

// human writes a number of bytes as Facter does.
func human(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if f /= 1024; f < 1023.995 {
			return fmt.Sprintf("%.2f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.2f EiB", f/1024)
}

func (c *collector) processors(context.Context) facts {
	var models []any
	sockets, cores, siblings, mhz := map[string]bool{}, 0, 0, 0.0
	scanner := bufio.NewScanner(strings.NewReader(c.read("/proc/cpuinfo")))
	for scanner.Scan() {
		name, v, _ := strings.Cut(scanner.Text(), ":")
		v = strings.TrimSpace(v)
		switch strings.TrimSpace(name) {
		case "model name":
			models = append(models, v)
		case "physical id":
			sockets[v] = true
		case "cpu cores":
			cores, _ = strconv.Atoi(v)
		case "siblings":
			siblings, _ = strconv.Atoi(v)
		case "cpu MHz":
			if mhz == 0 {
				mhz, _ = strconv.ParseFloat(v, 64)
			}
		}
	}
	count := len(c.glob("/sys/devices/system/cpu/cpu[0-9]*"))
	if count == 0 {
		count = len(models)
	}
	p := facts{"isa": "unknown", "count": count, "models": models, "physicalcount": max(len(sockets), 1), "cores": max(cores, 1),
		"threads": max(siblings/max(cores, 1), 1)}
	if mhz > 0 {
		p["speed"] = speed(mhz)
	}
	return facts{"processors": p}
}

func speed(mhz float64) string {
	if mhz >= 1000 {
		return fmt.Sprintf("%.2f GHz", mhz/1000)
	}
	return fmt.Sprintf("%.2f MHz", mhz)
}

func (c *collector) uptime(context.Context) facts {
	fields := strings.Fields(c.read("/proc/uptime"))
	if len(fields) == 0 {
		return nil
	}
	f, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return nil
	}
	seconds := int64(f)
	hours, days := seconds/3600, seconds/86400
	text := fmt.Sprintf("%d:%02d hours", hours, seconds/60%60)
	switch {
	case days == 1:
		text = "1 day"
	case days > 1:
		text = fmt.Sprintf("%d days", days)
	}
	return facts{"system_uptime": facts{"seconds": seconds, "hours": hours, "days": days, "uptime": text}}
}

func (c *collector) load(context.Context) facts {
	fields := strings.Fields(c.read("/proc/loadavg"))
	if len(fields) < 3 {
		return nil
	}
	averages := facts{}
	for i, name := range []string{"1m", "5m", "15m"} {
		averages[name], _ = strconv.ParseFloat(fields[i], 64)
	}
	return facts{"load_averages": averages}
}

func (c *collector) identity(context.Context) facts {
	id := facts{"uid": os.Geteuid(), "gid": os.Getegid(), "privileged": os.Geteuid() == 0}
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		id["user"] = u.Username
	}
	if g, err := user.LookupGroupId(strconv.Itoa(os.Getegid())); err == nil {
		id["group"] = g.Name
	}
	return facts{"identity": id}
}

func (c *collector) timezone(context.Context) facts {
	zone, _ := time.Now().Zone()
	return facts{"timezone": zone}
}
