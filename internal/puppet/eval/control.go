package eval

import (
	"context"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// ifElse is if (want true) and unless (want false). Matches of the test are visible in the branches only.
func (e *Evaluator) ifElse(ctx context.Context, s *Scope, test, then, otherwise syntax.Expr, want bool) (value.Value, error) {
	saved := s.match
	defer func() { s.match = saved }()
	v, err := e.eval(ctx, s, test)
	if err != nil {
		return nil, err
	}
	switch {
	case value.Truthy(v) == want:
		return e.eval(ctx, s, then)
	case otherwise != nil:
		return e.eval(ctx, s, otherwise)
	}
	return value.Undef{}, nil
}

func (e *Evaluator) caseOf(ctx context.Context, s *Scope, x *syntax.Case) (value.Value, error) {
	saved := s.match
	defer func() { s.match = saved }()
	test, err := e.eval(ctx, s, x.Test)
	if err != nil {
		return nil, err
	}
	var fallback *syntax.CaseOption
	for _, opt := range x.Options {
		for _, candidate := range opt.Values {
			if _, ok := candidate.(*syntax.DefaultLiteral); ok {
				fallback = opt
				if !value.Equal(test, value.Default{}) {
					continue
				}
			}
			hit, err := e.matchesOption(ctx, s, test, candidate)
			if err != nil {
				return nil, err
			}
			if hit {
				return e.eval(ctx, s, opt.Then)
			}
		}
	}
	if fallback != nil {
		return e.eval(ctx, s, fallback.Then)
	}
	return value.Undef{}, nil
}

func (e *Evaluator) selector(ctx context.Context, s *Scope, x *syntax.Selector) (value.Value, error) {
	saved := s.match
	defer func() { s.match = saved }()
	test, err := e.eval(ctx, s, x.Left)
	if err != nil {
		return nil, err
	}
	var fallback *syntax.SelectorEntry
	for _, entry := range x.Entries {
		if _, ok := entry.Match.(*syntax.DefaultLiteral); ok {
			fallback = entry
			continue
		}
		hit, err := e.matchesOption(ctx, s, test, entry.Match)
		if err != nil {
			return nil, err
		}
		if hit {
			return e.eval(ctx, s, entry.Value)
		}
	}
	if fallback != nil {
		return e.eval(ctx, s, fallback.Value)
	}
	return nil, e.fail("no-selector-match", x, "No matching entry for selector parameter with value '%s'", test)
}

// matchesOption evaluates one option of a case or selector; a splat is as many options as it has elements.
func (e *Evaluator) matchesOption(ctx context.Context, s *Scope, test value.Value, x syntax.Expr) (bool, error) {
	if splat, ok := x.(*syntax.Splat); ok {
		v, err := e.eval(ctx, s, splat.Operand)
		if err != nil {
			return false, err
		}
		for _, candidate := range splatted(v) {
			hit, err := e.optionMatches(s, test, candidate, x)
			if hit || err != nil {
				return hit, err
			}
		}
		return false, nil
	}
	candidate, err := e.eval(ctx, s, x)
	if err != nil {
		return false, err
	}
	return e.optionMatches(s, test, candidate, x)
}
