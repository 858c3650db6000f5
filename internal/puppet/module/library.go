// Package module finds Puppet code on disk: environments, modules, and the files in which a class, define, function or
// type alias of a given name is defined.
//
// A Library is shared by all goroutines. It gives an Environment, an immutable snapshot: whoever compiles with it sees
// one state of the code from the first to the last file, however the disk changes meanwhile. Texts are read and parsed
// once per content. The snapshot's CodeID is a hash of all code and data in it.
package module

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say where code is.
type Options struct {
	// EnvironmentPath are directories that have one directory per environment. The first that has a name wins.
	EnvironmentPath []string
	// BaseModulePath are the directories of modules that all environments share ($basemodulepath).
	BaseModulePath []string
	// Recheck is for how long the disk is not looked at again after a snapshot was taken; zero looks every time.
	Recheck time.Duration
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Library reads environments. It is safe for concurrent use.
type Library struct {
	opt   Options
	log   *slog.Logger
	files *fileCache
	trees *parseCache

	mu   sync.Mutex
	envs map[string]*envSlot
}

// envSlot holds the latest snapshot of one environment; its lock makes concurrent requests share one look at the disk.
type envSlot struct {
	mu      sync.Mutex
	current *Environment
	checked time.Time
}

// NewLibrary gives a Library. Nothing is read yet.
func NewLibrary(opt Options) *Library {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	log := opt.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Library{
		opt: opt, log: log, files: newFileCache(), trees: newParseCache(), envs: map[string]*envSlot{},
	}
}

// environmentName is what Puppet accepts as the name of an environment.
var environmentName = regexp.MustCompile(`\A\w+\z`)

// UnknownError says that there is no environment of this name.
type UnknownError struct {
	Name string
	// Path are the directories that were searched.
	Path []string
}

// Error names the environment and the directories.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("environment '%s' was not found in %s", e.Name, strings.Join(e.Path, ":"))
}

// Names lists the environments.
func (l *Library) Names() ([]string, error) {
	var names []string
	for _, dir := range l.opt.EnvironmentPath {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if os.IsNotExist(err) {
				continue
			}
			return nil, fmt.Errorf("list environments: %w", err)
		}
		for _, e := range entries {
			info, err := os.Stat(filepath.Join(dir, e.Name()))
			if err == nil && info.IsDir() && environmentName.MatchString(e.Name()) {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Environment gives the present state of an environment. While nothing changed on disk it gives the same snapshot.
func (l *Library) Environment(ctx context.Context, name string) (*Environment, error) {
	if !environmentName.MatchString(name) {
		return nil, &UnknownError{name, l.opt.EnvironmentPath}
	}
	l.mu.Lock()
	slot := l.envs[name]
	if slot == nil {
		slot = &envSlot{}
		l.envs[name] = slot
	}
	l.mu.Unlock()

	slot.mu.Lock()
	defer slot.mu.Unlock()
	now := l.opt.Now()
	if slot.current != nil && l.opt.Recheck > 0 && now.Sub(slot.checked) < l.opt.Recheck {
		return slot.current, nil
	}
	dir, err := l.directory(name)
	if err != nil {
		l.forget(name, slot)
		return nil, err
	}
	env, err := l.snapshot(ctx, name, dir)
	if err != nil {
		return nil, fmt.Errorf("read environment %s: %w", name, err)
	}
	slot.checked = now
	if slot.current != nil && slot.current.codeID == env.codeID && slot.current.Dir == env.Dir {
		return slot.current, nil
	}
	if slot.current != nil {
		l.trees.sweep(env)
		l.files.sweep(env)
	}
	l.log.Debug("environment read", "environment", name, "code_id", env.codeID, "files", len(env.files))
	slot.current = env
	return env, nil
}

// Refresh makes the next use of each environment look at the disk, whatever Recheck says.
func (l *Library) Refresh() {
	l.mu.Lock()
	slots := slices.Collect(maps.Values(l.envs))
	l.mu.Unlock()
	for _, slot := range slots {
		slot.mu.Lock()
		slot.checked = time.Time{}
		slot.mu.Unlock()
	}
}

// forget drops what is kept for an environment that is gone, so that asked-for names do not pile up.
func (l *Library) forget(name string, slot *envSlot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.envs[name] == slot {
		delete(l.envs, name)
	}
}

func (l *Library) directory(name string) (string, error) {
	for _, base := range l.opt.EnvironmentPath {
		dir := filepath.Join(base, name)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return filepath.Abs(dir)
		}
	}
	return "", &UnknownError{name, l.opt.EnvironmentPath}
}

// attempts is how often a snapshot is taken anew because the environment's link was switched meanwhile.
const attempts = 3

// snapshot reads the environment. When its directory is a link that is switched while it is read, it starts again, so
// that no snapshot mixes two states.
func (l *Library) snapshot(ctx context.Context, name, dir string) (*Environment, error) {
	for range attempts {
		before, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, err
		}
		env, err := l.read(ctx, name, dir)
		if err == nil {
			if after, err := filepath.EvalSymlinks(dir); err == nil && after == before {
				return env, nil
			}
			continue
		}
		if ctx.Err() != nil || !os.IsNotExist(err) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s changes faster than it can be read", dir)
}

func (l *Library) read(ctx context.Context, name, dir string) (*Environment, error) {
	env := &Environment{Name: name, Dir: dir, files: map[string]*file{}, modules: map[string]*Module{}, trees: l.trees}
	if err := env.readConf(l.opt.BaseModulePath); err != nil {
		return nil, err
	}
	w := &walker{cache: l.files, out: env.files, now: l.opt.Now()}
	if err := w.walk(ctx, dir, env.skipRoot, 0); err != nil {
		return nil, err
	}
	if m := env.manifest; m != "" && !strings.HasPrefix(m, dir+"/") {
		if err := w.add(ctx, m); err != nil {
			return nil, err
		}
	}
	for _, mp := range env.ModulePath {
		if err := l.readModules(ctx, env, w, mp); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(env.order, func(a, b *Module) int { return strings.Compare(a.Name, b.Name) })
	env.codeID = env.hash()
	return env, nil
}

// moduleName is what Puppet accepts as the directory name of a module; others are passed over.
var moduleName = regexp.MustCompile(`\A[a-z][a-z0-9_]*\z`)

func (l *Library) readModules(ctx context.Context, env *Environment, w *walker, mp string) error {
	entries, err := os.ReadDir(mp)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if !moduleName.MatchString(name) || env.modules[name] != nil {
			continue
		}
		dir := filepath.Join(mp, name)
		if !isDir(dir, e) {
			continue
		}
		if err := w.walk(ctx, dir, skipInModule, 0); err != nil {
			return err
		}
		m := &Module{Name: name, Dir: dir, env: env}
		env.modules[name] = m
		env.order = append(env.order, m)
	}
	return nil
}

func isDir(path string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// skipInModule are directories of a module that no catalog depends on.
func skipInModule(path, rel string) bool {
	switch rel {
	case "spec", "examples", "tests", "locales", "doc", "docs", "tasks", "plans", "vendor", "acceptance", "benchmarks":
		return true
	}
	return strings.HasPrefix(filepath.Base(path), ".")
}
