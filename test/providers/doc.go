// Package providers applies the same manifests by the real Puppet and by kickoff, each on a copy of this machine's
// files that is thrown away, and compares what they log and what they leave behind.
package providers
