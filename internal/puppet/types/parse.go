package types

import (
	"errors"
	"fmt"
	"strings"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// Finder gives the type that a name stands for which is none of Puppet's own; nil means that there is none.
type Finder func(name string) (Type, error)

// Parse reads the text of a type: "Hash[String, Integer[0]]". Names of resource types become references to them.
func Parse(text string) (Type, error) { return ParseWith(text, nil) }

// ParseWith is Parse with a finder for the names of aliases.
func ParseWith(text string, find Finder) (Type, error) {
	prog, diags := syntax.Parse("", []byte(text), syntax.Options{SkipValidation: true})
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("parse type %q: %w", text, err)
	}
	x := prog.Body
	if b, ok := x.(*syntax.Block); ok && len(b.Statements) == 1 {
		x = b.Statements[0]
	}
	v, err := literal(x, find, 0)
	if err != nil {
		return nil, fmt.Errorf("parse type %q: %w", text, err)
	}
	t, ok := v.(Type)
	if !ok {
		return nil, fmt.Errorf("parse type %q: The expression <%s> is not a valid type specification.", text, text)
	}
	return t, nil
}

// maxNesting bounds the depth of a type's text.
const maxNesting = 200

var errNotLiteral = errors.New("only types and literals may stand in the text of a type")

// literal evaluates the expressions that can be parameters of a type.
func literal(x syntax.Expr, find Finder, depth int) (value.Value, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested deeper than %d", maxNesting)
	}
	switch x := x.(type) {
	case *syntax.TypeName:
		return namedType(x.Name, find)
	case *syntax.Access:
		return literalAccess(x, find, depth)
	case *syntax.IntegerLiteral:
		return value.Int(x.Value), nil
	case *syntax.FloatLiteral:
		return value.Float(x.Value), nil
	case *syntax.StringLiteral:
		return value.String(x.Value), nil
	case *syntax.Name:
		return value.String(x.Value), nil
	case *syntax.BooleanLiteral:
		return value.Bool(x.Value), nil
	case *syntax.UndefLiteral:
		return value.Undef{}, nil
	case *syntax.DefaultLiteral:
		return value.Default{}, nil
	case *syntax.RegexpLiteral:
		return value.NewRegexp(x.Pattern)
	case *syntax.Paren:
		return literal(x.Inner, find, depth+1)
	case *syntax.ListLiteral:
		elems, err := literals(x.Elements, find, depth)
		return value.NewArray(elems...), err
	case *syntax.HashLiteral:
		return literalHash(x, find, depth)
	case *syntax.Minus:
		return literalMinus(x, find, depth)
	}
	return nil, errNotLiteral
}

func namedType(name string, find Finder) (value.Value, error) {
	if t, ok := Builtin(strings.ToLower(strings.TrimPrefix(name, "::"))); ok {
		return t, nil
	}
	if find != nil {
		t, err := find(name)
		if t != nil || err != nil {
			return t, err
		}
	}
	return NewResource(name), nil
}

func literals(xs []syntax.Expr, find Finder, depth int) ([]value.Value, error) {
	out := make([]value.Value, len(xs))
	for i, x := range xs {
		v, err := literal(x, find, depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func literalAccess(x *syntax.Access, find Finder, depth int) (value.Value, error) {
	left, err := literal(x.Left, find, depth+1)
	if err != nil {
		return nil, err
	}
	t, ok := left.(Type)
	if !ok {
		return nil, errNotLiteral
	}
	params, err := literals(x.Keys, find, depth)
	if err != nil {
		return nil, err
	}
	return Access(t, params)
}

func literalHash(x *syntax.HashLiteral, find Finder, depth int) (value.Value, error) {
	h := value.NewHash(len(x.Entries))
	for _, e := range x.Entries {
		k, err := literal(e.Key, find, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := literal(e.Value, find, depth+1)
		if err != nil {
			return nil, err
		}
		h.Set(k, v)
	}
	return h, nil
}

func literalMinus(x *syntax.Minus, find Finder, depth int) (value.Value, error) {
	v, err := literal(x.Operand, find, depth+1)
	if err != nil {
		return nil, err
	}
	switch n := v.(type) {
	case value.Int:
		return -n, nil
	case value.Float:
		return -n, nil
	}
	return nil, errNotLiteral
}
