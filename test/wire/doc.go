// Package wire holds tests that drive the real server over real TLS with raw requests: the recorded conversations of an
// unmodified Puppet agent with an unmodified Puppet server are replayed and the answers compared, and faults are tried.
package wire
