// Package debian is the table of the resource types that kickoff manages on Debian and what is made of it.
package debian

import (
	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/account"
	"kickoff/internal/agent/provider/apt"
	"kickoff/internal/agent/provider/authorizedkey"
	"kickoff/internal/agent/provider/exec"
	"kickoff/internal/agent/provider/file"
	"kickoff/internal/agent/provider/git"
	"kickoff/internal/agent/provider/notify"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/agent/provider/systemd"
)

// Options are what the providers need.
type Options struct {
	// Machine is what they work on; nil is this machine.
	Machine *system.Machine
	// Sources fetches files of the server; nil: such sources are refused.
	Sources provider.Sources
	// Backups is the directory in which replaced contents are kept; "" keeps none.
	Backups string
}

// Providers gives providers for one run, by type.
func Providers(opt Options) map[string]provider.Provider {
	m := opt.Machine
	if m == nil {
		m = system.NewMachine("", system.Host{})
	}
	var backups *file.Bucket
	if opt.Backups != "" {
		backups = file.NewBucket(opt.Backups)
	}
	return map[string]provider.Provider{
		"exec":               exec.New(m),
		"file":               file.New(file.Options{Machine: m, Sources: opt.Sources, Backups: backups}),
		"group":              account.NewGroups(m),
		"notify":             notify.New(),
		"package":            apt.New(apt.Options{Machine: m}),
		"service":            systemd.New(systemd.Options{Machine: m}),
		"ssh_authorized_key": authorizedkey.New(m),
		"user":               account.NewUsers(m),
		"vcsrepo":            git.New(m),
	}
}
