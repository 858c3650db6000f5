// Package system is how providers touch the operating system: commands with a deadline and another identity, accounts,
// files below a root that are replaced atomically. Everything goes through a Runner and a root, so that providers can be
// tested without privileges.
package system
