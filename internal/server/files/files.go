// Package files serves the files of modules to agents: what Puppet calls the mounts modules, plugins, pluginfacts and
// locales. Everything below a module is opened through os.Root, so that neither a path of a request nor a symbolic link
// in a module leads out of it.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Module is a directory of an environment that has files to serve.
type Module struct{ Name, Dir string }

// The mounts.
const (
	MountModules     = "modules"
	MountPlugins     = "plugins"
	MountPluginFacts = "pluginfacts"
	MountLocales     = "locales"
)

// subdirs says which directory of a module a mount shows.
var subdirs = map[string]string{
	MountModules: "files", MountPlugins: "lib", MountPluginFacts: "facts.d", MountLocales: "locales",
}

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("file not found")
	ErrMount    = errors.New("no such mount")
	ErrQuery    = errors.New("bad query")
)

// Tree is what can be served of one environment: its modules in order of precedence.
type Tree struct {
	Modules []Module
	// Fallback is a directory that stands for an empty merged view: agents want a root in any case.
	Fallback string
}

// Server serves trees. The zero value is ready; it caches checksums and is safe for concurrent use.
type Server struct{ sums sumCache }

// place is a path within a root directory.
type place struct {
	dir string // of the host
	rel string // slash-separated, "." for dir itself
}

// clean refuses paths that could mean anything but a place below a root.
func clean(p string) (string, error) {
	p = strings.Trim(p, "/")
	if p == "" {
		return ".", nil
	}
	if strings.ContainsRune(p, 0) || slices.Contains(strings.Split(p, "/"), "..") || !filepath.IsLocal(filepath.FromSlash(p)) {
		return "", ErrNotFound
	}
	return path.Clean(p), nil
}

// places lists where a path of a mount may be: one place for modules, one per module that has the subdirectory for the
// merged mounts.
func (t Tree) places(mount, p string) ([]place, error) {
	sub, ok := subdirs[mount]
	if !ok {
		return nil, ErrMount
	}
	rel, err := clean(p)
	if err != nil {
		return nil, err
	}
	if mount != MountModules {
		var all []place
		for _, m := range t.Modules {
			dir := filepath.Join(m.Dir, sub)
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				all = append(all, place{dir, rel})
			}
		}
		return all, nil
	}
	name, rest, _ := strings.Cut(rel, "/")
	if rest == "" {
		rest = "."
	}
	for _, m := range t.Modules {
		if m.Name == name {
			return []place{{filepath.Join(m.Dir, sub), rest}}, nil
		}
	}
	return nil, ErrNotFound
}

// Open opens a file for reading; ErrNotFound also for directories. The caller closes it.
func (s *Server) Open(t Tree, mount, p string) (*os.File, fs.FileInfo, error) {
	places, err := t.places(mount, p)
	if err != nil {
		return nil, nil, err
	}
	for _, pl := range places {
		f, info, err := openFile(pl)
		if err == nil {
			return f, info, nil
		}
		if !absent(err) {
			return nil, nil, err
		}
	}
	return nil, nil, ErrNotFound
}

// staticDirs are the directories of a module that static_file_content serves.
var staticDirs = []string{"files", "lib", "scripts", "tasks"}

// ErrStatic says that a path is outside what static_file_content serves.
var ErrStatic = errors.New("not a static file")

// OpenStatic opens modules/M/files/PATH (and lib, scripts, tasks), as content_uri of a static catalog names it.
func (s *Server) OpenStatic(t Tree, p string) (*os.File, fs.FileInfo, error) {
	rel, err := clean(p)
	if err != nil {
		return nil, nil, ErrStatic
	}
	parts := strings.SplitN(rel, "/", 4)
	if len(parts) < 4 || parts[0] != MountModules || !slices.Contains(staticDirs, parts[2]) {
		return nil, nil, ErrStatic
	}
	for _, m := range t.Modules {
		if m.Name == parts[1] {
			return openFile(place{filepath.Join(m.Dir, parts[2]), parts[3]})
		}
	}
	return nil, nil, ErrNotFound
}

func openFile(pl place) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(pl.dir)
	if err != nil {
		return nil, nil, notFound(err)
	}
	defer root.Close()
	// Look before opening: opening a FIFO would block.
	info, err := root.Stat(pl.rel)
	if err != nil {
		return nil, nil, notFound(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, ErrNotFound
	}
	f, err := root.Open(pl.rel)
	if err != nil {
		return nil, nil, notFound(err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// notFound makes every reason why there is nothing to serve the same one; a path that leaves the root is such a reason.
func notFound(err error) error {
	if err == nil || !absent(err) {
		return err
	}
	return ErrNotFound
}

func absent(err error) bool {
	if errors.Is(err, ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return true
	}
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && (strings.Contains(e.Err.Error(), "escapes from parent") || strings.Contains(e.Err.Error(), "not a directory") ||
		strings.Contains(e.Err.Error(), "too many levels"))
}

// Find describes one file or directory.
func (s *Server) Find(t Tree, mount, p string, q Query) (*Metadata, error) {
	places, err := t.places(mount, p)
	if err != nil {
		return nil, err
	}
	for _, pl := range places {
		md, err := s.find(pl, q)
		if err == nil {
			md.RelativePath = nil
			return md, nil
		}
		if !absent(err) {
			return nil, fmt.Errorf("describe %s/%s: %w", mount, p, err)
		}
	}
	return nil, ErrNotFound
}

func (s *Server) find(pl place, q Query) (*Metadata, error) {
	root, err := os.OpenRoot(pl.dir)
	if err != nil {
		return nil, notFound(err)
	}
	defer root.Close()
	return s.describe(root, pl.rel, filepath.Join(pl.dir, filepath.FromSlash(pl.rel)), q)
}
