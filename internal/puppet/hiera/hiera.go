// Package hiera finds data for keys: Hiera 5.
//
//	Hiera     an environment's hierarchies: the global one, the environment's, each module's; shared by compilations
//	Session   the lookups of one compilation: its variables, what it has read, the keys under way
//	Explain   why a lookup gave what it gave
//
// A key is looked for in the global layer, the environment, then the module that its name begins with. The levels of a
// layer are files of YAML or JSON; their values may refer to variables and other keys (interpolate.go), and may be
// merged over all levels (merge.go) as lookup_options say.
package hiera

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// Options make a Hiera.
type Options struct {
	// Environment is the code and data; nil has only the global layer.
	Environment *module.Environment
	// GlobalConfig is the path of the global hiera.yaml; a file that does not exist is no error.
	GlobalConfig string
	// Cache holds parsed data files. Several Hieras may share one; nil makes a new one.
	Cache *Cache
}

// Hiera knows the hierarchies of one environment. It is safe for concurrent use.
type Hiera struct {
	opt       Options
	env       slot
	mu        sync.Mutex
	mods      map[string]*slot
	global    slot
	globalSum [sha256.Size]byte
}

// slot is a configuration that is read when it is first needed.
type slot struct {
	once sync.Once
	cfg  *config
	err  error
}

// New makes the Hiera of an environment.
func New(opt Options) *Hiera {
	if opt.Cache == nil {
		opt.Cache = NewCache()
	}
	return &Hiera{opt: opt, mods: map[string]*slot{}}
}

// files is where a layer's files come from.
type files interface {
	ReadFile(path string) ([]byte, error)
	Glob(dir, pattern string) []string
}

// disk reads files that belong to no environment.
type disk struct{}

func (disk) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

func (disk) Glob(dir, pattern string) []string {
	if !strings.Contains(pattern, "**") {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		return found
	}
	root, rest, _ := strings.Cut(pattern, "**")
	var out []string
	_ = filepath.WalkDir(filepath.Join(dir, root), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if ok, _ := filepath.Match(strings.TrimPrefix(rest, "/"), filepath.Base(path)); ok {
			out = append(out, path)
		}
		return nil
	})
	return out
}

// globalConfig gives the configuration of the global layer, nil if there is none. The file belongs to no snapshot, so
// it is read for every session, and parsed when its content is new.
func (h *Hiera) globalConfig() (*config, error) {
	if h.opt.GlobalConfig == "" {
		return h.global.cfg, nil
	}
	text, err := os.ReadFile(h.opt.GlobalConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the global hierarchy: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if sum := sha256.Sum256(text); h.global.cfg == nil && h.global.err == nil || h.globalSum != sum {
		h.globalSum = sum
		h.global.cfg, h.global.err = readConfig(disk{}, h.opt.GlobalConfig, layerGlobal)
	}
	return h.global.cfg, h.global.err
}

func (h *Hiera) envConfig() (*config, error) {
	h.env.once.Do(func() {
		if env := h.opt.Environment; env != nil {
			h.env.cfg, h.env.err = readConfig(env, filepath.Join(env.Dir, "hiera.yaml"), layerEnvironment)
		}
	})
	return h.env.cfg, h.env.err
}

func (h *Hiera) moduleConfig(name string) (*config, error) {
	env := h.opt.Environment
	if env == nil || name == "" {
		return nil, nil
	}
	m := env.Module(name)
	if m == nil {
		return nil, nil
	}
	h.mu.Lock()
	s := h.mods[name]
	if s == nil {
		s = &slot{}
		h.mods[name] = s
	}
	h.mu.Unlock()
	s.once.Do(func() { s.cfg, s.err = readConfig(env, filepath.Join(m.Dir, "hiera.yaml"), layerModule) })
	return s.cfg, s.err
}

// Cache holds parsed data files by path and content. It is safe for concurrent use.
type Cache struct {
	mu sync.Mutex
	m  map[string]*cached
}

type cached struct {
	sum  [sha256.Size]byte
	data *value.Hash
	err  error
}

// NewCache makes an empty Cache.
func NewCache() *Cache { return &Cache{m: map[string]*cached{}} }

// load gives the data of a file, parsing it only if its content is new.
func (c *Cache) load(path string, text []byte, parse func(path string, text []byte) (*value.Hash, error)) (*value.Hash, error) {
	sum := sha256.Sum256(text)
	c.mu.Lock()
	have := c.m[path]
	c.mu.Unlock()
	if have != nil && have.sum == sum {
		return have.data, have.err
	}
	data, err := parse(path, text)
	c.mu.Lock()
	c.m[path] = &cached{sum, data, err}
	c.mu.Unlock()
	return data, err
}

// errorAt is an error at a place of a data or configuration file.
func errorAt(file string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", file, line, fmt.Sprintf(format, args...))
}
