package compiler

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"kickoff/internal/puppet/module"
	"kickoff/internal/resource"
)

// rubyTypes are resource types that modules define in Ruby. Their files are not run: the names of attributes are read
// from the declarations that nearly all types are made of (newproperty, newparam, ensurable), which is what the compiler
// needs to know. Safe for concurrent use.
type rubyTypes struct {
	mu sync.Mutex
	m  map[string]*rubyType
}

type rubyType struct {
	text string
	typ  *resource.Type
}

func newRubyTypes() *rubyTypes { return &rubyTypes{m: map[string]*rubyType{}} }

var (
	rubyAttribute = regexp.MustCompile(`(?m)^\s*(newproperty|newparam)\s*\(?\s*:(\w+)([^\n]*)\n([^\n]*)`)
	rubyEnsurable = regexp.MustCompile(`(?m)^\s*ensurable\b`)
	apiAttribute  = regexp.MustCompile(`(?m)^\s{2,8}['"]?(\w+)['"]?(?::|\s*=>)\s*\{`)
)

// lookup finds the schema of a type in the lib directories of an environment's modules, or gives nil.
func (t *rubyTypes) lookup(env *module.Environment, name string) *resource.Type {
	if strings.ContainsAny(name, "/.:") {
		return nil
	}
	for _, m := range env.Modules() {
		path := filepath.Join(m.Dir, "lib", "puppet", "type", name+".rb")
		if !env.Exists(path) {
			continue
		}
		text, err := env.ReadFile(path)
		if err != nil {
			return nil
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if old := t.m[path]; old != nil && old.text == string(text) {
			return old.typ
		}
		typ := readRubyType(name, string(text))
		t.m[path] = &rubyType{string(text), typ}
		return typ
	}
	return nil
}

func readRubyType(name, text string) *resource.Type {
	var props, params, nameVars []string
	if rubyEnsurable.MatchString(text) {
		props = append(props, "ensure")
	}
	for _, m := range rubyAttribute.FindAllStringSubmatch(text, -1) {
		if m[1] == "newproperty" {
			props = append(props, m[2])
		} else {
			params = append(params, m[2])
		}
		if m[2] == "name" || strings.Contains(m[3], "namevar") || strings.Contains(m[4], "isnamevar") {
			nameVars = append(nameVars, m[2])
		}
	}
	if strings.Contains(text, "register_type") {
		for _, m := range apiAttribute.FindAllStringSubmatch(text, -1) {
			props = append(props, m[1])
		}
	}
	if len(nameVars) == 0 {
		nameVars = []string{"name"}
	}
	params = append(params, "name", "provider")
	return resource.New(name, nameVars, props, params)
}

// schema gives the schema of a resource type, or nil.
func (l *loader) schema(name string) *resource.Type {
	if t, ok := l.compiler.opt.Types.Lookup(name); ok {
		return t
	}
	return l.compiler.rubyType.lookup(l.env, name)
}
