// Package faults kills the real server binary at every point of death that the
// fleet controller lists, starts it again, and checks that it finishes what it
// began: no instance, certificate or balancer entry is left over or doubled.
//
// The cloud is a stand-in that speaks the local cloud's API on a unix socket
// and outlives the server; its machines run the real agent, in this process,
// with directories of their own. Only their HAProxy is made up. No root needed.
package faults
