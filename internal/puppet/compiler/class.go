package compiler

import (
	"context"
	"errors"
	"slices"
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// Include implements eval.Builder.
func (c *compilation) Include(ctx context.Context, scope *eval.Scope, at diag.Range, mode eval.IncludeMode, classes []value.Value) ([]value.Value, error) {
	names := make([]string, len(classes))
	refs := make([]value.Value, len(classes))
	for i, v := range classes {
		name, err := c.className(v, at)
		if err != nil {
			return nil, err
		}
		names[i], refs[i] = name, types.NewClass(name)
	}
	all, err := c.includeClasses(ctx, scope, at, names)
	if err != nil {
		return nil, err
	}
	container, _ := scope.Container().(*res)
	for i, r := range all {
		switch {
		case container == nil || mode == eval.Include:
		case mode == eval.Contain:
			if container != r {
				r.containedBy(container)
			}
		case mode == eval.Require:
			container.add("require", value.NewArray(refs[i]), at)
		}
	}
	return refs, nil
}

// className reads what include() and its sisters are given.
func (c *compilation) className(v value.Value, at diag.Range) (string, error) {
	switch v := v.(type) {
	case value.String:
		if v == "" {
			return "", c.fail("bad-class-name", at, "Cannot use an empty string as the name of a class")
		}
		return lowerName(string(v)), nil
	case *types.Class:
		if v.Class != "" {
			return v.Class, nil
		}
		return "", c.fail("bad-class-name", at, "Cannot use an unspecific Class[] Type")
	case *types.Resource:
		if v.Kind == "class" && v.HasTitle {
			return lowerName(v.Title), nil
		}
		if v.HasTitle || v.Kind == "" {
			return "", c.fail("bad-class-name", at, "Cannot use a Resource[%s] where a Class is wanted", v)
		}
		return "", c.fail("bad-class-name", at, "Cannot use %s where a Class is wanted", v)
	case nil, value.Undef:
		return "", c.fail("bad-class-name", at, "Cannot use undef as a class name")
	}
	return "", c.fail("bad-class-name", at, "Cannot use %s as a class name", types.FormatValue(v))
}

func (c *compilation) unknownClass(name string, at diag.Range) error {
	d := c.fail("unknown-class", at, "Could not find class ::%s for %s", name, c.req.Node)
	if hint := eval.Nearest(name, c.knownClasses(name)); hint != "" {
		d.Hint = "did you mean '" + hint + "'?"
	}
	return d
}

// knownClasses are the names that a misspelt class may have meant: those that are loaded, and those that files of
// modules stand for.
func (c *compilation) knownClasses(string) []string {
	var names []string
	for n := range c.loader.classes {
		names = append(names, n)
	}
	for _, m := range c.env.Modules() {
		for _, path := range c.env.Glob(m.Dir+"/manifests", "**/*.pp") {
			rel := strings.TrimSuffix(strings.TrimPrefix(path, m.Dir+"/manifests/"), ".pp")
			if rel == "init" {
				names = append(names, m.Name)
				continue
			}
			names = append(names, m.Name+"::"+strings.ReplaceAll(rel, "/", "::"))
		}
	}
	return names
}

// includeClasses adds classes without parameters of their own, unless they are there already, and then evaluates them.
func (c *compilation) includeClasses(ctx context.Context, scope *eval.Scope, at diag.Range, names []string) ([]*res, error) {
	all := make([]*res, len(names))
	for i, name := range names {
		def, err := c.loader.Class(ctx, name)
		if err != nil {
			return nil, err
		}
		if def == nil && c.classes[name] == nil {
			return nil, c.unknownClass(name, at)
		}
		if all[i], err = c.ensureClass(ctx, scope, at, name, def); err != nil {
			return nil, err
		}
	}
	for _, r := range all {
		if err := c.evaluateClass(ctx, r, at); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ensureClass adds the resource of a class and, before it, those of the classes that it inherits.
func (c *compilation) ensureClass(ctx context.Context, scope *eval.Scope, at diag.Range, name string, def *syntax.ClassDef) (*res, error) {
	if r := c.classes[name]; r != nil {
		return r, nil
	}
	if err := c.ensureParent(ctx, scope, at, def, nil); err != nil {
		return nil, err
	}
	if r := c.classes[name]; r != nil {
		return r, nil
	}
	r := c.newResource("class", name, scope)
	r.class = def
	c.tagDeclared(r)
	return r, c.addClass(r, nil)
}

// ensureParent adds the inherited class. seen are the names on the way, to find circles.
func (c *compilation) ensureParent(ctx context.Context, scope *eval.Scope, at diag.Range, def *syntax.ClassDef, seen []string) error {
	if def.Parent == "" {
		return nil
	}
	parent := lowerName(def.Parent)
	if slices.Contains(append(seen, lowerName(def.Name)), parent) {
		return c.fail("class-circle", eval.RangeOf(def.ParentSpan), "class '%s' inherits itself", parent)
	}
	pdef, err := c.loader.Class(ctx, parent)
	if err != nil {
		return err
	}
	if pdef == nil {
		d := c.fail("unknown-class", eval.RangeOf(def.ParentSpan), "Could not find parent class '%s' of class '%s'", parent, lowerName(def.Name))
		if hint := eval.Nearest(parent, c.knownClasses(parent)); hint != "" {
			d.Hint = "did you mean '" + hint + "'?"
		}
		return d
	}
	if err := c.ensureParent(ctx, scope, at, pdef, append(seen, lowerName(def.Name))); err != nil {
		return err
	}
	if c.classes[parent] != nil {
		return nil
	}
	r := c.newResource("class", parent, scope)
	r.class = pdef
	c.tagDeclared(r)
	return c.addClass(r, nil)
}

// addClass puts a class into the catalog and into its stage: the given one, else that of the class that declares it.
func (c *compilation) addClass(r *res, at *diag.Range) error {
	c.classes[strings.ToLower(r.ref.Title)] = r
	c.add(r)
	main := c.byRef[catalog.Ref{Type: "Stage", Title: "main"}]
	stage := main
	if v, ok := r.get("stage"); ok && !value.IsUndef(v) {
		name := v.String()
		if ref, ok := v.(*types.Resource); ok {
			name = ref.Title
		}
		if stage = c.byRef[catalog.Ref{Type: "Stage", Title: name}]; stage == nil {
			return c.fail("unknown-stage", r.at, "Could not find stage %s specified by %s", name, r)
		}
	} else if outer := c.stageAround(r); outer != nil && outer != main {
		stage = outer
		r.set("stage", value.String(outer.ref.Title), r.at)
	}
	r.containedBy(stage)
	return nil
}

// stageAround is the stage of the class in whose scope r was declared.
func (c *compilation) stageAround(r *res) *res {
	if r.scope == nil {
		return nil
	}
	outer, _ := r.scope.Container().(*res)
	for outer != nil {
		if v, ok := outer.get("stage"); ok && outer.typ == "class" && !value.IsUndef(v) {
			name := v.String()
			if ref, ok := v.(*types.Resource); ok {
				name = ref.Title
			}
			return c.byRef[catalog.Ref{Type: "Stage", Title: name}]
		}
		if outer.typ == "class" || outer.scope == nil {
			return nil
		}
		next, _ := outer.scope.Container().(*res)
		if next == outer {
			return nil
		}
		outer = next
	}
	return nil
}

// evaluateClass runs the body of a class, that of the inherited class first.
func (c *compilation) evaluateClass(ctx context.Context, r *res, at diag.Range) error {
	if r.evaluated || r.class == nil {
		return nil
	}
	r.evaluated = true
	def := r.class
	name := lowerName(def.Name)
	if err := c.eval.Enter(r.String(), at); err != nil {
		return err
	}
	defer c.eval.Leave()
	spec := eval.Spec{Name: r.String(), Container: r, Module: c.moduleOf(def), Enclosing: c.enclosing(r.scope)}
	if def.Parent != "" {
		parent := c.classes[lowerName(def.Parent)]
		if err := c.evaluateClass(ctx, parent, at); err != nil {
			return err
		}
		spec.Inherited = c.eval.ClassScope(lowerName(def.Parent))
	}
	c.classNames = append(c.classNames, name)
	scope := r.scope.Named(spec)
	scope.Define("title", value.String(name))
	scope.Define("name", value.String(name))
	c.setModuleNames(scope, r.scope, def)
	c.eval.SetClass(name, scope.Owner())
	if err := c.bindClassParams(ctx, scope, r, def, at); err != nil {
		return err
	}
	_, err := c.eval.Body(ctx, scope, "class", def.Body)
	return err
}

// enclosing is where unqualified names that a class or define does not have itself are looked up: the node's scope if
// it was declared from there, else the top scope.
func (c *compilation) enclosing(from *eval.Scope) *eval.Owner {
	if c.node == nil {
		return c.top.Owner()
	}
	for o := from.Owner(); o != nil; o = o.Dynamic() {
		if o == c.node.Owner() {
			return o
		}
	}
	return c.top.Owner()
}

func (c *compilation) moduleOf(def syntax.Definition) string {
	if m := c.env.ModuleOf(def.Span().Filename()); m != nil {
		return m.Name
	}
	return ""
}

func (c *compilation) setModuleNames(scope, from *eval.Scope, def syntax.Definition) {
	if m := c.moduleOf(def); m != "" {
		scope.Define("module_name", value.String(m))
	}
	if m := from.Module(); m != "" {
		scope.Define("caller_module_name", value.String(m))
	}
}

// bindClassParams sets the parameters of a class: given values, else bound data, else defaults from left to right.
func (c *compilation) bindClassParams(ctx context.Context, scope *eval.Scope, r *res, def *syntax.ClassDef, at diag.Range) error {
	if err := c.checkParamNames(r, def.Params); err != nil {
		return err
	}
	var bound map[string]value.Value
	if binder := c.eval.Binder(); binder != nil {
		bound = map[string]value.Value{}
		for _, p := range def.Params {
			if v, ok := r.get(p.Name); ok && !value.IsUndef(v) {
				continue
			}
			v, found, err := binder.Lookup(ctx, c.lookupScope(r), lowerName(def.Name)+"::"+p.Name, value.Undef{})
			if err != nil {
				return c.during(err, r)
			}
			if found && !(value.IsUndef(v) && p.Default != nil) {
				bound[p.Name] = v
			}
		}
	}
	return c.bindParams(ctx, scope, r, def.Params, bound, at)
}

// lookupScope is the scope whose variables the hierarchy interpolates for class parameters.
func (c *compilation) lookupScope(r *res) *eval.Scope {
	if c.node != nil && r.scope != nil && c.enclosing(r.scope) == c.node.Owner() {
		return c.node
	}
	return c.top
}

// during adds the resource to an error that names no place.
func (c *compilation) during(err error, r *res) error {
	if _, ok := errors.AsType[*diag.Diagnostic](err); ok {
		return err
	}
	d := c.fail("data-binding", r.at, "%s: %s", r, err)
	d.Cause = err
	return d
}
