#!/bin/sh
# systemd runs this last of all, with halt, poweroff, reboot or kexec. A
# machine has no power switch: the local cloud reads here what to do next.
echo "${1:-halt}" >/var/lib/kickoff-shutdown
