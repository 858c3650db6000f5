package module

import (
	"path/filepath"
	"strings"
)

// ManifestFiles are the files in which a class or define of this name may be defined, the most specific one first:
// a::b::c may be in manifests/b/c.pp, manifests/b.pp or manifests/init.pp of module a.
func (e *Environment) ManifestFiles(name string) []string {
	parts := strings.Split(name, "::")
	m := e.modules[parts[0]]
	if m == nil {
		return nil
	}
	var out []string
	for n := len(parts); n >= 2; n-- {
		out = e.appendExisting(out, filepath.Join(m.Dir, "manifests", filepath.Join(parts[1:n]...))+".pp")
	}
	return e.appendExisting(out, filepath.Join(m.Dir, "manifests", "init.pp"))
}

// FunctionFile is the file of a function in Puppet code: environment::f is functions/f.pp of the environment, a::f that
// of module a, a itself is functions/init.pp of module a. It is "" if there is none.
func (e *Environment) FunctionFile(name string) string { return e.definitionFile("functions", name) }

// TypeFile is the file of a type alias, named like functions (a::b for A::B), or "".
func (e *Environment) TypeFile(name string) string { return e.definitionFile("types", name) }

func (e *Environment) definitionFile(kind, name string) string {
	parts := strings.Split(name, "::")
	dir := ""
	if parts[0] == "environment" {
		dir = e.Dir
	} else if m := e.modules[parts[0]]; m != nil {
		dir = m.Dir
	}
	if dir == "" {
		return ""
	}
	rel := "init"
	if len(parts) > 1 {
		rel = filepath.Join(parts[1:]...)
	}
	path := filepath.Join(dir, kind, rel+".pp")
	if e.files[path] == nil {
		return ""
	}
	return path
}

func (e *Environment) appendExisting(out []string, path string) []string {
	if e.files[path] != nil {
		out = append(out, path)
	}
	return out
}

// ModuleOf is the module that a file belongs to, or nil.
func (e *Environment) ModuleOf(path string) *Module {
	for _, mp := range e.ModulePath {
		rest, ok := strings.CutPrefix(path, mp+"/")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, "/")
		if m := e.modules[name]; m != nil && m.Dir == filepath.Join(mp, name) {
			return m
		}
	}
	return nil
}
