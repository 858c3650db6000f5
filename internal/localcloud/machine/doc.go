// Package machine runs one blank machine: a process tree in namespaces of its
// own (mount, pid, uts, ipc, network, cgroup) over a copy-on-write root, with
// the image's own init as PID 1.
//
// The parent forks this same binary again (Options.Command); the child, still
// the only process of its namespaces, mounts everything, pivots, gives up the
// capabilities that reach the host and becomes init (see Init). Every mount is
// made in the machine's own mount namespace: the host sees none, and when the
// last process of a machine is gone, so are its mounts.
//
// What identifies the processes of a machine on the host is its cgroup, whose
// path is unique and whose members the kernel knows: a machine is ended, also
// one left over by a crash, by killing its cgroup, never by a process id that
// was written down.
//
// It is isolation for tests, demos and laptops, not a security boundary: root
// in a machine is root, without some capabilities.
package machine
