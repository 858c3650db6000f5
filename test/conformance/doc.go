// Package conformance compares kickoff with the real Puppet on the same input. Its tests install Debian's puppet-agent and
// modules, and so only run as root with KICKOFF_CONFORMANCE=1 set; otherwise they skip and say so.
package conformance
