package collect

import (
	"slices"
	"strings"
)

// legacyNames are the flat facts of old by the place where the structured ones have them.
var legacyNames = map[string]string{
	"architecture": "os.architecture", "hardwaremodel": "os.hardware", "operatingsystem": "os.name", "osfamily": "os.family",
	"operatingsystemrelease": "os.release.full", "operatingsystemmajrelease": "os.release.major",
	"lsbdistcodename": "os.distro.codename", "lsbdistid": "os.distro.id", "lsbdistdescription": "os.distro.description",
	"lsbdistrelease": "os.distro.release.full", "lsbmajdistrelease": "os.distro.release.major",
	"hostname": "networking.hostname", "domain": "networking.domain", "fqdn": "networking.fqdn", "ipaddress": "networking.ip",
	"ipaddress6": "networking.ip6", "macaddress": "networking.mac", "netmask": "networking.netmask",
	"network": "networking.network", "processorcount": "processors.count", "physicalprocessorcount": "processors.physicalcount",
	"memorysize": "memory.system.total", "memoryfree": "memory.system.available", "swapsize": "memory.swap.total",
	"swapfree": "memory.swap.available", "uptime": "system_uptime.uptime", "uptime_seconds": "system_uptime.seconds",
	"uptime_hours": "system_uptime.hours", "uptime_days": "system_uptime.days", "id": "identity.user", "gid": "identity.group",
	"selinux": "os.selinux.enabled", "manufacturer": "dmi.manufacturer", "productname": "dmi.product.name",
	"serialnumber": "dmi.product.serial_number", "uuid": "dmi.product.uuid",
}

// interfaceNames are flat facts for each interface.
var interfaceNames = map[string]string{
	"ipaddress": "ip", "ipaddress6": "ip6", "macaddress": "mac", "netmask": "netmask", "network": "network", "mtu": "mtu",
}

// legacy makes the flat facts of the structured ones.
func legacy(all facts) facts {
	out := facts{}
	for name, place := range legacyNames {
		if v, ok := dig(all, strings.Split(place, ".")); ok {
			out[name] = v
		}
	}
	for _, m := range [][2]string{{"memorysize_mb", "total_bytes"}, {"memoryfree_mb", "available_bytes"}} {
		if v, ok := dig(all, []string{"memory", "system", m[1]}); ok {
			out[m[0]] = float64(v.(int64)) / (1 << 20)
		}
	}
	interfaces, _ := dig(all, []string{"networking", "interfaces"})
	list, _ := interfaces.(facts)
	var names []string
	for name, i := range list {
		flat := strings.NewReplacer(":", "_", ".", "_", "-", "_").Replace(name)
		names = append(names, flat)
		for old, structured := range interfaceNames {
			if v, ok := i.(facts)[structured]; ok {
				out[old+"_"+flat] = v
			}
		}
	}
	slices.Sort(names)
	out["interfaces"] = strings.Join(names, ",")
	return out
}

func dig(x any, path []string) (any, bool) {
	for _, p := range path {
		f, ok := x.(facts)
		if !ok {
			return nil, false
		}
		if x, ok = f[p]; !ok {
			return nil, false
		}
	}
	return x, true
}
