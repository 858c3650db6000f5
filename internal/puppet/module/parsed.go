package module

import (
	"crypto/sha256"
	"strings"
	"sync"

	"kickoff/internal/puppet/syntax"
)

// parseCache keeps trees by path and content. Trees are immutable, so goroutines share them.
type parseCache struct {
	mu sync.Mutex
	m  map[string]*parsed
}

// parsed is one tree or its errors, made by the first who asks.
type parsed struct {
	sum  [sha256.Size]byte
	once sync.Once
	prog *syntax.Program
	err  error
}

func newParseCache() *parseCache { return &parseCache{m: map[string]*parsed{}} }

func (c *parseCache) parse(path string, sum [sha256.Size]byte, text []byte) (*syntax.Program, error) {
	c.mu.Lock()
	p := c.m[path]
	if p == nil || p.sum != sum {
		p = &parsed{sum: sum}
		c.m[path] = p
	}
	c.mu.Unlock()
	p.once.Do(func() {
		prog, list := syntax.Parse(path, text, syntax.Options{EPP: strings.HasSuffix(path, ".epp")})
		p.prog, p.err = prog, list.Err()
	})
	return p.prog, p.err
}

// sweep drops the trees of files that the environment had and no longer has.
func (c *parseCache) sweep(env *Environment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for path := range c.m {
		if strings.HasPrefix(path, env.Dir+"/") && env.files[path] == nil {
			delete(c.m, path)
		}
	}
}
