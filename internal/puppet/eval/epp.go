package eval

import (
	"context"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// write adds text to the output of the template that is rendered.
func (s *Scope) write(text string) {
	if s.out != nil {
		s.out.WriteString(text)
	}
}

// render is <%= x %>.
func (e *Evaluator) render(ctx context.Context, s *Scope, x *syntax.RenderExpr) (value.Value, error) {
	v, err := e.eval(ctx, s, x.Expr)
	if err != nil {
		return nil, err
	}
	s.write(v.String())
	return value.Undef{}, nil
}

// Render gives the text of a template. name is what it is called in messages. params are its arguments by name, or nil.
// A template that declares parameters, or is given arguments and is no inline one, sees only these and the top scope's
// variables; another one sees those of scope.
func (e *Evaluator) Render(ctx context.Context, scope *Scope, name string, prog *syntax.Program, params *value.Hash, inline bool) (string, error) {
	epp, ok := prog.Body.(*syntax.EPP)
	if !ok {
		return "", diag.New("not-a-template", RangeOf(prog.Span()), "%s is no EPP template", name)
	}
	if err := e.Enter(name, RangeOf(prog.Span())); err != nil {
		return "", err
	}
	defer e.Leave()
	inner := scope.block()
	if !inline {
		inner = scope.sealed(e.top)
		if !epp.HasParams && params.Len() == 0 {
			inner = scope.block()
		}
	}
	if err := e.bindNamed(ctx, inner, name, epp, params); err != nil {
		return "", err
	}
	inner.out = &strings.Builder{}
	if _, err := e.Body(ctx, inner, "template", epp.Body); err != nil {
		return "", err
	}
	return inner.out.String(), nil
}

// bindNamed sets the parameters of a template by name.
func (e *Evaluator) bindNamed(ctx context.Context, inner *Scope, name string, epp *syntax.EPP, params *value.Hash) error {
	declared := map[string]bool{}
	for _, p := range epp.Params {
		declared[p.Name] = true
	}
	for k, v := range params.All() {
		if epp.HasParams && !declared[k.String()] {
			var names []string
			for n := range declared {
				names = append(names, n)
			}
			d := e.fail("unknown-parameter", epp, "%s: has no parameter named '%s'", name, k)
			if hint := nearest(k.String(), names); hint != "" {
				d.Hint = "did you mean '" + hint + "'?"
			}
			return d
		}
		if !epp.HasParams {
			inner.Define(k.String(), v)
		}
	}
	for _, p := range epp.Params {
		t, err := e.Type(ctx, inner, p.Type)
		if err != nil {
			return err
		}
		v, given := params.GetString(p.Name)
		switch {
		case given:
		case p.Default != nil:
			if v, err = e.eval(ctx, inner, p.Default); err != nil {
				return err
			}
		default:
			return e.fail("missing-parameter", epp, "%s: expects a value for parameter '%s'", name, p.Name)
		}
		if err := types.Assert(name+": parameter '"+p.Name+"'", t, v); err != nil {
			return e.fail("argument-type", epp, "%s", err)
		}
		inner.Define(p.Name, v)
	}
	return nil
}
