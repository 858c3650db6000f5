package compiler

import (
	"context"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/resource"
)

// loader finds the definitions of an environment for one compilation.
type loader struct {
	compiler *Compiler
	env      *module.Environment
	loaded   map[string]bool
	classes  map[string]*syntax.ClassDef
	defines  map[string]*syntax.DefineDef
	funcs    map[string]*syntax.FunctionDef
	aliases  map[string]*syntax.TypeAliasDef
	nodes    []*syntax.NodeDef
	// missing are names that were looked for and not found.
	missing map[string]bool
}

var _ eval.Loader = (*loader)(nil)

func newLoader(c *Compiler, env *module.Environment) *loader {
	return &loader{
		compiler: c, env: env, loaded: map[string]bool{}, classes: map[string]*syntax.ClassDef{},
		defines: map[string]*syntax.DefineDef{}, funcs: map[string]*syntax.FunctionDef{},
		aliases: map[string]*syntax.TypeAliasDef{}, missing: map[string]bool{},
	}
}

// lowerName is the form in which definitions are kept.
func lowerName(name string) string { return strings.ToLower(strings.TrimPrefix(name, "::")) }

// load parses a file and takes in its definitions.
func (l *loader) load(path string) (*syntax.Program, error) {
	prog, err := l.env.Parse(path)
	if err != nil || l.loaded[path] {
		return prog, err
	}
	l.loaded[path] = true
	for _, def := range prog.Definitions {
		if err := l.define(path, def); err != nil {
			return nil, err
		}
	}
	return prog, nil
}

func (l *loader) define(path string, def syntax.Definition) error {
	name := lowerName(def.DefinedName())
	var old syntax.Definition
	switch d := def.(type) {
	case *syntax.ClassDef:
		if err := checkParams(name, d.Params); err != nil {
			return err
		}
		if o := l.classes[name]; o != nil {
			old = o
		}
		l.classes[name] = d
	case *syntax.DefineDef:
		if err := checkParams(name, d.Params); err != nil {
			return err
		}
		if o := l.defines[name]; o != nil {
			old = o
		}
		l.defines[name] = d
	case *syntax.FunctionDef:
		l.funcs[name] = d
	case *syntax.TypeAliasDef:
		l.aliases[name] = d
	case *syntax.NodeDef:
		l.nodes = append(l.nodes, d)
	case *syntax.PlanDef, *syntax.TypeMappingDef, *syntax.TypeDef:
		return diag.New("unsupported", eval.Place(def), "a definition of this kind is not supported in %s", path)
	}
	return duplicate(name, def, old)
}

// checkParams refuses parameters that would hide a metaparameter.
func checkParams(name string, params []*syntax.Parameter) error {
	for _, p := range params {
		if _, ok := resource.Metaparameter(p.Name); ok {
			return diag.New("metaparameter", eval.Place(p), "%s is a metaparameter; please choose another parameter name in the %s definition", p.Name, name)
		}
	}
	return nil
}

// duplicate refuses two defines of one name. Two classes of a name are merged by Puppet; that is refused as well,
// naming both.
func duplicate(name string, def, old syntax.Definition) error {
	if old == nil || old == def {
		return nil
	}
	what := "Definition"
	if _, ok := def.(*syntax.ClassDef); ok {
		what = "Class"
	}
	return diag.New("duplicate-definition", eval.Place(def), "%s '%s' is already defined at %s; cannot redefine", what, name, eval.Place(old))
}

// find loads the files in which a class or define of this name may be, until known says that it is there.
func (l *loader) find(ctx context.Context, name string, known func() bool) error {
	if known() || l.missing[name] {
		return nil
	}
	for _, path := range l.env.ManifestFiles(name) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.loaded[path] {
			continue
		}
		if _, err := l.load(path); err != nil {
			return err
		}
		if err := l.checkNames(path); err != nil {
			return err
		}
		if known() {
			return nil
		}
	}
	return nil
}

// checkNames refuses in a module's manifest whatever is no definition, and names that do not fit the file's path.
func (l *loader) checkNames(path string) error {
	m := l.env.ModuleOf(path)
	if m == nil {
		return nil
	}
	rel := strings.TrimSuffix(strings.TrimPrefix(path, m.Dir+"/manifests/"), ".pp")
	space := m.Name
	if rel != "init" {
		space += "::" + strings.ReplaceAll(rel, "/", "::")
	}
	prog, err := l.env.Parse(path)
	if err != nil {
		return err
	}
	for _, stmt := range statements(prog) {
		switch stmt.(type) {
		case *syntax.ClassDef, *syntax.DefineDef, *syntax.FunctionDef, *syntax.TypeAliasDef:
		default:
			return diag.New("illegal-top-construct", eval.Place(stmt),
				"This construct is unacceptable at the top level of a module's file, which may only hold definitions of classes, defines, functions and types")
		}
	}
	for _, def := range prog.Definitions {
		name := lowerName(def.DefinedName())
		if name != space && !strings.HasPrefix(name, space+"::") {
			return diag.New("illegal-definition", eval.Place(def),
				"Illegal definition: '%s' does not belong into this file, whose names start with '%s'", name, space)
		}
	}
	return nil
}

// statements are what stands at the top level of a file.
func statements(prog *syntax.Program) []syntax.Expr {
	switch body := prog.Body.(type) {
	case *syntax.Block:
		return body.Statements
	case *syntax.Nop:
		return nil
	}
	return []syntax.Expr{prog.Body}
}

// loadSingle loads a file that must define one function or type and nothing else; fits says whether it is the right one.
func (l *loader) loadSingle(path, kind, name string, fits func(syntax.Expr) bool) error {
	prog, err := l.env.Parse(path)
	if err != nil {
		return err
	}
	stmts := statements(prog)
	for _, stmt := range stmts {
		if !fits(stmt) {
			return diag.New("illegal-definition", eval.Place(stmt), "This file may only define the %s '%s'", kind, name)
		}
	}
	if len(stmts) != 1 {
		return diag.New("illegal-definition", eval.RangeOf(prog.Span()), "This file must define the %s '%s', once", kind, name)
	}
	_, err = l.load(path)
	return err
}

// Class implements eval.Loader.
func (l *loader) Class(ctx context.Context, name string) (*syntax.ClassDef, error) {
	err := l.find(ctx, name, func() bool { return l.classes[name] != nil })
	return l.classes[name], err
}

// Define implements eval.Loader.
func (l *loader) Define(ctx context.Context, name string) (*syntax.DefineDef, error) {
	err := l.find(ctx, name, func() bool { return l.defines[name] != nil })
	return l.defines[name], err
}

// Function implements eval.Loader.
func (l *loader) Function(_ context.Context, name string) (*syntax.FunctionDef, error) {
	if def := l.funcs[name]; def != nil {
		return def, nil
	}
	path := l.env.FunctionFile(name)
	if path == "" || l.loaded[path] {
		return nil, nil
	}
	err := l.loadSingle(path, "function", name, func(x syntax.Expr) bool {
		def, ok := x.(*syntax.FunctionDef)
		return ok && lowerName(def.Name) == name
	})
	return l.funcs[name], err
}

// TypeAlias implements eval.Loader.
func (l *loader) TypeAlias(_ context.Context, name string) (*syntax.TypeAliasDef, error) {
	if def := l.aliases[name]; def != nil {
		return def, nil
	}
	path := l.env.TypeFile(name)
	if path == "" || l.loaded[path] {
		return nil, nil
	}
	err := l.loadSingle(path, "type", types.Capitalize(name), func(x syntax.Expr) bool {
		def, ok := x.(*syntax.TypeAliasDef)
		return ok && lowerName(def.Name) == name
	})
	return l.aliases[name], err
}

// ResourceType implements eval.Loader.
func (l *loader) ResourceType(name string) bool {
	return l.schema(name) != nil
}

// FunctionNames implements eval.Loader.
func (l *loader) FunctionNames() []string {
	var names []string
	for n := range l.funcs {
		names = append(names, n)
	}
	return names
}
