// Package function holds Puppet's built-in functions and the most used ones of the module puppetlabs-stdlib, as tables:
// one file per family, no registration.
//
//	Builtin  functions of Puppet itself
//	Stdlib   functions of stdlib, for environments that have that module
//
// A function is data: its signatures in Puppet's own type syntax, and the Go code behind each. The evaluator checks
// the arguments, so that an implementation sees only what its signature allows.
package function

import (
	"context"
	"slices"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// impl is the Go code behind one signature.
type impl = func(ctx context.Context, c *eval.Call) (value.Value, error)

// Builtin gives the functions of Puppet.
func Builtin() []eval.Function {
	return slices.Concat(logTable(), catalogTable(), controlTable(), iterateTable(), searchTable(), stringTable(), caseTable(),
		collectionTable(), digTable(), dataTable(), typeTable(), fileTable(), templateTable(), digestTable(), mathTable(), timeTable(),
		refusedTable())
}

// Stdlib gives the functions of puppetlabs-stdlib that are written in Go here, without those that Puppet has itself.
func Stdlib() []eval.Function {
	return slices.Concat(stdResourceTable(), stdHashTable(), stdArrayTable(), stdStringTable(), stdPathTable(),
		stdFormatTable(), stdValidateTable(), stdRandomTable(), stdMoreTable())
}

// fn is a function with its signatures.
func fn(name string, ds ...eval.Dispatch) eval.Function {
	return eval.Function{Name: name, Dispatches: ds}
}

// sig is a signature without a lambda.
func sig(call impl, params ...eval.Param) eval.Dispatch {
	return eval.Dispatch{Params: params, Call: call}
}

// sigBlock is a signature with a lambda of type block.
func sigBlock(call impl, block string, params ...eval.Param) eval.Dispatch {
	return eval.Dispatch{Params: params, Block: block, Call: call}
}

// The types of lambdas.
const (
	block1   = "Callable[1, 1]"
	block2   = "Callable[2, 2]"
	anyBlock = "Callable"
	maybeAny = "Optional[Callable]"
	maybe1   = "Optional[Callable[1, 1]]"
	maybe2   = "Optional[Callable[2, 2]]"
	noBlock  = "Callable[0, 0]"
)

// undef is the result of functions that have none.
func undef() (value.Value, error) { return value.Undef{}, nil }

// text wraps a function from text to text as an implementation over the first argument.
func text(f func(string) string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) { return value.String(f(c.Str(0))), nil }
}

// number makes a Value of an int.
func number(n int) value.Value { return value.Int(n) }

// elements are what iteration over v gives; the signature said that v is iterable.
func elements(c *eval.Call, v value.Value) ([]value.Value, error) {
	elems, ok := types.Elements(v)
	if !ok {
		return nil, c.Errorf("%s(): cannot iterate over %s", c.Name, types.Generalize(types.Infer(v)))
	}
	return elems, nil
}

// flat spreads nested arrays.
func flat(vs []value.Value) []value.Value {
	var out []value.Value
	for _, v := range vs {
		if a, ok := v.(*value.Array); ok {
			out = append(out, flat(a.Elems())...)
			continue
		}
		out = append(out, v)
	}
	return out
}
