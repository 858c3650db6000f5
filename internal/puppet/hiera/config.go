package hiera

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"kickoff/internal/value"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

// layer is one of the three places where hierarchies are.
type layer int

const (
	layerGlobal layer = iota
	layerEnvironment
	layerModule
)

// String is the name that explanations use.
func (l layer) String() string {
	switch l {
	case layerGlobal:
		return "Global Data Provider"
	case layerEnvironment:
		return "Environment Data Provider"
	}
	return "Module Data Provider"
}

// config is a hiera.yaml, checked.
type config struct {
	path     string
	layer    layer
	files    files
	levels   []level
	defaults []level // default_hierarchy
}

// level is one entry of a hierarchy.
type level struct {
	name    string
	datadir string // absolute up to its interpolations
	// kind is path, paths, glob, globs or mapped_paths; places are its values.
	kind   string
	places []string
	parse  func(path string, text []byte) (*value.Hash, error)
}

// readConfig reads a hiera.yaml; nil without an error means that there is none.
func readConfig(f files, path string, l layer) (*config, error) {
	text, err := f.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	v, err := ParseYAML(path, text)
	if err != nil {
		return nil, err
	}
	h, ok := v.(*value.Hash)
	if !ok {
		return nil, fmt.Errorf("%s: a hash with 'version' and 'hierarchy' is wanted", path)
	}
	c := &config{path: path, layer: l, files: f}
	if err := c.read(h); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *config) read(h *value.Hash) error {
	version, _ := h.GetString("version")
	switch {
	case version == nil:
		return fmt.Errorf("it has no 'version: 5'; older configurations are not supported")
	case version.String() != "5":
		return fmt.Errorf("version %s of the configuration is not supported; write it as version 5", version)
	}
	defaults := value.HashOf("datadir", "data", "data_hash", "yaml_data")
	for k, v := range h.All() {
		switch k.String() {
		case "version", "hierarchy":
		case "defaults":
			d, ok := v.(*value.Hash)
			if !ok {
				return fmt.Errorf("'defaults' must be a hash")
			}
			if _, other := d.GetString("lookup_key"); other {
				defaults = defaults.Without(value.String("data_hash"))
			}
			if _, other := d.GetString("data_dig"); other {
				defaults = defaults.Without(value.String("data_hash"))
			}
			defaults = defaults.Merge(d)
		case "default_hierarchy":
			if c.layer != layerModule {
				return fmt.Errorf("'default_hierarchy' is only allowed in the module layer")
			}
		default:
			return fmt.Errorf("unrecognized key '%s'", k)
		}
	}
	var err error
	if hierarchy, ok := h.GetString("hierarchy"); ok {
		c.levels, err = c.hierarchy("hierarchy", hierarchy, defaults)
	} else {
		c.levels, err = c.hierarchy("hierarchy", value.NewArray(value.HashOf("name", "Common", "path", "common.yaml")), defaults)
	}
	if err != nil {
		return err
	}
	if hierarchy, ok := h.GetString("default_hierarchy"); ok {
		c.defaults, err = c.hierarchy("default_hierarchy", hierarchy, defaults)
	}
	return err
}

func (c *config) hierarchy(what string, v value.Value, defaults *value.Hash) ([]level, error) {
	list, ok := v.(*value.Array)
	if !ok {
		return nil, fmt.Errorf("'%s' must be an array", what)
	}
	seen := map[string]bool{}
	var out []level
	for i, e := range list.Elems() {
		h, ok := e.(*value.Hash)
		if !ok {
			return nil, fmt.Errorf("entry %d of '%s' must be a hash", i+1, what)
		}
		lv, err := c.level(h, defaults)
		if err != nil {
			return nil, fmt.Errorf("'%s' entry %d ('%s'): %w", what, i+1, lv.name, err)
		}
		if seen[lv.name] {
			return nil, fmt.Errorf("Hierarchy name '%s' defined more than once", lv.name)
		}
		seen[lv.name] = true
		out = append(out, lv)
	}
	return out, nil
}

// dataFormats are the backends of whole files.
var dataFormats = map[string]func(path string, text []byte) (*value.Hash, error){
	"yaml_data": yamlData, "json_data": jsonData,
}

func (c *config) level(h, defaults *value.Hash) (level, error) {
	var lv level
	backend, backendKind := "", ""
	for k, v := range h.All() {
		key := k.String()
		switch key {
		case "name":
			lv.name = v.String()
		case "path", "paths", "glob", "globs", "mapped_paths":
			if lv.kind != "" {
				return lv, fmt.Errorf("only one of '%s' and '%s' can be given", lv.kind, key)
			}
			lv.kind = key
			lv.places = []string{v.String()}
			if list, ok := v.(*value.Array); ok {
				lv.places = nil
				for _, e := range list.Elems() {
					lv.places = append(lv.places, e.String())
				}
			}
		case "uri", "uris":
			return lv, fmt.Errorf("'%s' needs a backend that is not supported", key)
		case "data_hash", "lookup_key", "data_dig", "hiera3_backend":
			backend, backendKind = v.String(), key
		case "datadir", "options":
		default:
			return lv, fmt.Errorf("unrecognized key '%s'", key)
		}
	}
	if lv.name == "" {
		return lv, fmt.Errorf("expects a value for key 'name'")
	}
	if lv.kind == "mapped_paths" && len(lv.places) != 3 {
		return lv, fmt.Errorf("'mapped_paths' must be three texts: variable, name, template")
	}
	return lv, c.finishLevel(&lv, h, defaults, backend, backendKind)
}

// finishLevel fills in what the defaults say.
func (c *config) finishLevel(lv *level, h, defaults *value.Hash, backend, kind string) error {
	if backend == "" {
		for _, k := range []string{"data_hash", "lookup_key", "data_dig"} {
			if v, ok := defaults.GetString(k); ok {
				backend, kind = v.String(), k
			}
		}
	}
	lv.parse = dataFormats[backend]
	if kind != "data_hash" || lv.parse == nil {
		return fmt.Errorf("%s: %s is not supported; kickoff reads data_hash: yaml_data and json_data", kind, backend)
	}
	dir, ok := h.GetString("datadir")
	if !ok {
		dir, _ = defaults.GetString("datadir")
	}
	if lv.datadir = dir.String(); !filepath.IsAbs(lv.datadir) {
		lv.datadir = filepath.Join(filepath.Dir(c.path), lv.datadir)
	}
	if lv.kind == "" {
		return fmt.Errorf("one of path, paths, glob, globs, mapped_paths must be given")
	}
	return nil
}

func yamlData(path string, text []byte) (*value.Hash, error) {
	v, err := ParseYAML(path, text)
	if err != nil {
		return nil, err
	}
	return dataHash(path, v, "yaml")
}

func jsonData(path string, text []byte) (*value.Hash, error) {
	v, err := value.ParseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return dataHash(path, v, "json")
}

// dataHash checks the top of a data file: a hash, or nothing at all.
func dataHash(path string, v value.Value, kind string) (*value.Hash, error) {
	switch v := v.(type) {
	case *value.Hash:
		for _, k := range v.Keys() {
			if _, ok := k.(value.String); !ok {
				return nil, fmt.Errorf("%s: the key %s is a %s; keys at the top of a data file are strings", path, k, k.TypeName())
			}
		}
		return v, nil
	case value.Undef:
		return value.NewHash(0), nil
	case value.Bool:
		if !bool(v) {
			return value.NewHash(0), nil
		}
	}
	return nil, fmt.Errorf("%s: file does not contain a valid %s hash", path, kind)
}

// moduleOf is the module that a key's name begins with.
func moduleOf(key string) string {
	mod, _, ok := strings.Cut(key, "::")
	if !ok {
		return ""
	}
	return mod
}
