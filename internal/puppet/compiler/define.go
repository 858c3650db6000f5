package compiler

import (
	"context"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// evaluateDefine runs the body of one instance of a define.
func (c *compilation) evaluateDefine(ctx context.Context, r *res) error {
	r.evaluated = true
	c.tagFromContainer(r)
	if err := c.eval.Enter(r.String(), r.at); err != nil {
		return err
	}
	defer c.eval.Leave()
	scope := r.scope.Named(eval.Spec{
		Name: r.String(), Container: r, Module: c.moduleOf(r.define), Enclosing: c.enclosing(r.scope),
	})
	scope.Define("title", value.String(r.ref.Title))
	name := value.Value(value.String(r.ref.Title))
	if v, ok := r.get("name"); ok && !value.IsUndef(v) {
		name = v
	}
	scope.Define("name", name)
	c.setModuleNames(scope, r.scope, r.define)
	if err := c.checkParamNames(r, r.define.Params); err != nil {
		return err
	}
	if err := c.bindParams(ctx, scope, r, r.define.Params, nil, r.at); err != nil {
		return err
	}
	_, err := c.eval.Body(ctx, scope, "define", r.define.Body)
	return err
}

// checkParamNames refuses parameters that a class or define does not have.
func (c *compilation) checkParamNames(r *res, params []*syntax.Parameter) error {
	known := map[string]bool{"name": true}
	for _, p := range params {
		known[p.Name] = true
	}
	for _, p := range r.params {
		if known[p.name] {
			continue
		}
		if _, ok := resource.Metaparameter(p.name); ok {
			continue
		}
		var names []string
		for _, p := range params {
			names = append(names, p.Name)
		}
		at := p.at
		if !at.Start.IsValid() {
			at = r.at
		}
		d := c.fail("unknown-parameter", at, "%s: has no parameter named '%s'", r, p.name)
		if hint := eval.Nearest(p.name, names); hint != "" {
			d.Hint = "did you mean '" + hint + "'?"
		}
		return d
	}
	return nil
}

// bindParams sets the variables of the parameters of a class or define, and the values on its resource. bound are
// values of data bindings.
func (c *compilation) bindParams(ctx context.Context, scope *eval.Scope, r *res, params []*syntax.Parameter, bound map[string]value.Value, at diag.Range) error {
	for _, p := range params {
		v, err := c.paramValue(ctx, scope, r, p, bound, at)
		if err != nil {
			return err
		}
		t, err := c.eval.Type(ctx, scope, p.Type)
		if err != nil {
			return err
		}
		if err := types.Assert(r.String()+": parameter '"+p.Name+"'", t, v); err != nil {
			return c.fail("parameter-type", c.paramPlace(r, p, at), "%s", err)
		}
		scope.Define(p.Name, v)
		if !value.IsUndef(v) {
			r.set(p.Name, v, r.at)
		}
	}
	for _, m := range metaVariables {
		if v, ok := r.get(m); ok && !value.IsUndef(v) {
			if _, taken := scope.Owner().Own(m); !taken {
				scope.Define(m, v)
			}
		}
	}
	return nil
}

// paramValue finds the value of a parameter: given, bound, or its default. An undef that was given counts as not given
// where there is a default.
func (c *compilation) paramValue(ctx context.Context, scope *eval.Scope, r *res, p *syntax.Parameter, bound map[string]value.Value, at diag.Range) (value.Value, error) {
	v, given := r.get(p.Name)
	if given && !value.IsUndef(v) {
		return v, nil
	}
	if b, ok := bound[p.Name]; ok {
		return b, nil
	}
	if p.Default != nil {
		return c.eval.Evaluate(ctx, scope, p.Default)
	}
	if given {
		return value.Undef{}, nil
	}
	return nil, c.missingParam(r, p, at)
}

// metaVariables are the metaparameters that are variables in the body of a class or define.
var metaVariables = []string{"alias", "audit", "before", "loglevel", "noop", "notify", "require", "schedule", "stage", "subscribe", "tag"}

func (c *compilation) missingParam(r *res, p *syntax.Parameter, at diag.Range) error {
	if !at.Start.IsValid() {
		at = eval.Place(p)
	}
	d := c.fail("missing-parameter", at, "%s: expects a value for parameter '%s'", r, p.Name)
	d.Detail = "the parameter is declared at " + eval.Place(p).String()
	return d
}

// paramPlace is where a parameter's value was written, else where the resource was.
func (c *compilation) paramPlace(r *res, p *syntax.Parameter, at diag.Range) diag.Range {
	for _, set := range r.params {
		if set.name == p.Name && set.at.Start.IsValid() {
			return set.at
		}
	}
	if at.Start.IsValid() {
		return at
	}
	return eval.Place(p)
}
