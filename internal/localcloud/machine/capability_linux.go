package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kept are the capabilities that root in a machine has: what systemd, apt and
// services need. Not among them, because they reach the host: MKNOD,
// SYS_MODULE, SYS_RAWIO, SYS_TIME, SYS_BOOT, SYSLOG, DAC_READ_SEARCH (opens
// files by handle), BPF, PERFMON, WAKE_ALARM, BLOCK_SUSPEND, MAC_ADMIN,
// MAC_OVERRIDE, SYS_PACCT, AUDIT_READ, CHECKPOINT_RESTORE. LINUX_IMMUTABLE would
// make files that we could not remove.
var kept = []uintptr{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
	unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_SETFCAP,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_BROADCAST, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW,
	unix.CAP_IPC_LOCK, unix.CAP_IPC_OWNER, unix.CAP_SYS_CHROOT, unix.CAP_SYS_PTRACE, unix.CAP_SYS_ADMIN,
	unix.CAP_SYS_NICE, unix.CAP_SYS_RESOURCE, unix.CAP_SYS_TTY_CONFIG, unix.CAP_LEASE,
	unix.CAP_AUDIT_WRITE, unix.CAP_AUDIT_CONTROL,
}

// dropCapabilities takes every other capability from the calling thread, and
// from whatever it executes, for good.
func dropCapabilities() error {
	keep := map[uintptr]bool{}
	for _, number := range kept {
		keep[number] = true
	}
	last := lastCapability()
	for number := range last + 1 {
		if keep[number] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, number, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", number, err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for i := range data {
		var mask uint32
		for _, number := range kept {
			if int(number/32) == i {
				mask |= 1 << (number % 32)
			}
		}
		data[i].Effective &= mask
		data[i].Permitted &= mask
		data[i].Inheritable = 0
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// lastCapability is the highest number this kernel knows.
func lastCapability() uintptr {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return unix.CAP_LAST_CAP
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || number < 0 || number > 63 {
		return unix.CAP_LAST_CAP
	}
	return uintptr(number)
}
