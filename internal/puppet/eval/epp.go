package eval

import (
	"context"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// output collects the text of a template. It is sensitive as soon as a Sensitive was rendered into it.
type output struct {
	strings.Builder
	sensitive bool
}

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
	if secret, ok := v.(*value.Sensitive); ok && s.out != nil {
		v, s.out.sensitive = secret.Unwrap(), true
	}
	s.write(v.String())
	return value.Undef{}, nil
}

// Render gives the text of a template, as a String, or as a Sensitive when one was rendered into it. name is what the
// template is called in messages. params are its arguments by name, or nil. An inline template sees the variables of
// scope; one from a file sees only its parameters and the top scope's variables.
func (e *Evaluator) Render(ctx context.Context, scope *Scope, name string, prog *syntax.Program, params *value.Hash, inline bool) (value.Value, error) {
	epp, ok := prog.Body.(*syntax.EPP)
	if !ok {
		return nil, diag.New("not-a-template", RangeOf(prog.Span()), "%s is no EPP template", name)
	}
	if err := e.Enter(name, RangeOf(prog.Span())); err != nil {
		return nil, err
	}
	defer e.Leave()
	inner := scope.block()
	if !inline {
		inner = scope.sealed(e.top)
	}
	if err := e.bindNamed(ctx, inner, name, epp, params); err != nil {
		return nil, err
	}
	inner.out = &output{}
	if _, err := e.Body(ctx, inner, "template", epp.Body); err != nil {
		return nil, err
	}
	text := value.String(inner.out.String())
	if inner.out.sensitive {
		return value.NewSensitive(text), nil
	}
	return text, nil
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
