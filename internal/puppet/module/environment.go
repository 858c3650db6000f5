package module

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"kickoff/internal/puppet/syntax"
)

// Environment is one state of an environment's code and data. It is immutable and safe for concurrent use.
type Environment struct {
	Name string
	// Dir is the directory of the environment, absolute.
	Dir string
	// ModulePath are the directories of modules in order of precedence.
	ModulePath []string
	// ConfigVersion is the command of environment.conf that prints the version, or "".
	ConfigVersion string

	manifest string
	codeID   string
	files    map[string]*file
	modules  map[string]*Module
	order    []*Module
	trees    *parseCache
}

// Module is one module of an environment.
type Module struct {
	Name string
	// Dir is the module's directory, absolute.
	Dir string
	env *Environment
}

// CodeID is the hash of everything in the snapshot: names and contents.
func (e *Environment) CodeID() string { return e.codeID }

// Module finds a module, or gives nil.
func (e *Environment) Module(name string) *Module { return e.modules[name] }

// Modules lists the modules, ordered by name.
func (e *Environment) Modules() []*Module { return e.order }

// readConf reads environment.conf.
func (e *Environment) readConf(base []string) error {
	conf, err := readSettings(filepath.Join(e.Dir, "environment.conf"))
	if err != nil {
		return err
	}
	e.ConfigVersion = conf["config_version"]
	modulepath := "modules:$basemodulepath"
	if mp, ok := conf["modulepath"]; ok {
		modulepath = mp
	}
	for part := range strings.SplitSeq(modulepath, ":") {
		if part == "$basemodulepath" || part == "${basemodulepath}" {
			e.ModulePath = append(e.ModulePath, base...)
			continue
		}
		if part = e.expand(part); part != "" {
			e.ModulePath = append(e.ModulePath, part)
		}
	}
	e.manifest = filepath.Join(e.Dir, "manifests")
	if m, ok := conf["manifest"]; ok && m != "" {
		e.manifest = e.expand(m)
	}
	return nil
}

func (e *Environment) expand(path string) string {
	path = strings.NewReplacer("$environment", e.Name, "${environment}", e.Name).Replace(path)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.Dir, path)
}

// readSettings reads `key = value` lines; a missing file is empty.
func readSettings(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil
		}
		return nil, err
	}
	out := map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, val, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s:%d: 'setting = value' is wanted", path, i+1)
		}
		out[strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(val), `"'`)
	}
	return out, nil
}

// skipRoot leaves out hidden files, and the module directories, which are read as modules.
func (e *Environment) skipRoot(path, _ string) bool {
	return strings.HasPrefix(filepath.Base(path), ".") || slices.Contains(e.ModulePath, path)
}

// hash covers every file under the name that does not depend on where the environment lies on disk.
func (e *Environment) hash() string {
	names := make([]string, 0, len(e.files))
	for path := range e.files {
		names = append(names, path)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, path := range names {
		fmt.Fprintf(h, "%s\x00%x\n", e.relative(path), e.files[path].sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (e *Environment) relative(path string) string {
	if rest, ok := strings.CutPrefix(path, e.Dir+"/"); ok {
		return rest
	}
	for i, mp := range e.ModulePath {
		if rest, ok := strings.CutPrefix(path, mp+"/"); ok {
			return fmt.Sprintf("modulepath-%d/%s", i, rest)
		}
	}
	return path
}

// Exists reports whether the snapshot has a file of this absolute path.
func (e *Environment) Exists(path string) bool { return e.files[path] != nil }

// ReadFile gives the content of a file of the snapshot by absolute path. A file that is not kept in memory and was
// changed since the snapshot is an error, never other content. The result must not be changed.
func (e *Environment) ReadFile(path string) ([]byte, error) {
	f := e.files[path]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if f.text != nil {
		return f.text, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s of environment %s: %w", path, e.Name, err)
	}
	if sha256.Sum256(text) != f.sum {
		return nil, fmt.Errorf("read %s: it was changed while environment %s was in use", path, e.Name)
	}
	return text, nil
}

// Glob lists the files of the snapshot below dir whose path relative to dir matches the pattern ("**" crosses
// directories), sorted.
func (e *Environment) Glob(dir, pattern string) []string {
	var out []string
	for path := range e.files {
		rel, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/")
		if ok && globMatch(pattern, rel) {
			out = append(out, path)
		}
	}
	sort.Strings(out)
	return out
}

// globMatch matches path segments; "**" stands for any number of them.
func globMatch(pattern, path string) bool {
	pat, rest, more := strings.Cut(pattern, "/")
	if pat == "**" {
		if !more {
			return true
		}
		for {
			if globMatch(rest, path) {
				return true
			}
			_, below, ok := strings.Cut(path, "/")
			if !ok {
				return false
			}
			path = below
		}
	}
	head, below, deeper := strings.Cut(path, "/")
	if ok, err := filepath.Match(pat, head); err != nil || !ok || more != deeper {
		return false
	}
	return !more || globMatch(rest, below)
}

// Manifests are the paths of the site's manifest files in the order in which they are evaluated.
func (e *Environment) Manifests() []string {
	if e.files[e.manifest] != nil {
		return []string{e.manifest}
	}
	return e.Glob(e.manifest, "**/*.pp")
}

// Parse gives the tree of a manifest or template of the snapshot by absolute path.
func (e *Environment) Parse(path string) (*syntax.Program, error) {
	text, err := e.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return e.trees.parse(path, e.files[path].sum, text)
}

// FindFile finds `module/name` below a directory of modules ("templates", "files", "scripts"), or gives "". An absolute
// path is not looked for.
func (e *Environment) FindFile(kind, name string) string {
	modname, rest, ok := strings.Cut(name, "/")
	if !ok {
		return ""
	}
	m := e.modules[modname]
	if m == nil {
		return ""
	}
	path := filepath.Join(m.Dir, kind, filepath.Clean("/"+rest))
	if e.files[path] == nil {
		return ""
	}
	return path
}
