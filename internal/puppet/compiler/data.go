package compiler

import (
	"sync"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/hiera"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// dataCache keeps the hierarchies of the latest snapshot of each environment, and all parsed data files. Safe for
// concurrent use.
type dataCache struct {
	mu    *sync.Mutex
	files *hiera.Cache
	envs  map[string]envData
}

type envData struct {
	env   *module.Environment
	hiera *hiera.Hiera
}

func newDataCache() dataCache {
	return dataCache{mu: new(sync.Mutex), files: hiera.NewCache(), envs: map[string]envData{}}
}

// session starts the lookups of one compilation.
func (c *Compiler) session(env *module.Environment, comp *compilation) eval.Binder {
	c.data.mu.Lock()
	have := c.data.envs[env.Name]
	if have.env != env {
		have = envData{env, hiera.New(hiera.Options{Environment: env, GlobalConfig: c.opt.HieraConfig, Cache: c.data.files})}
		c.data.envs[env.Name] = have
	}
	c.data.mu.Unlock()
	s := have.hiera.Session(func(scope *eval.Scope, name string) (value.Value, bool) {
		return comp.eval.Variable(scope, name)
	})
	s.StrictVariables = !c.opt.LooseVariables
	return s
}
