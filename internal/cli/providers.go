package cli

import (
	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/debian"
	"kickoff/internal/config"
)

// providers gives the function that makes the providers of a run. What a provider has learned is good for one run.
func providers(conf *config.Puppet) func(provider.Sources) map[string]provider.Provider {
	return func(sources provider.Sources) map[string]provider.Provider {
		return debian.Providers(debian.Options{Sources: sources, Backups: conf.Get("clientbucketdir")})
	}
}
