package types

// Callable is Callable[Params..., Min, Max, Block] or Callable[[Params...], Return]. The zero value takes any callable.
type Callable struct {
	typeValue
	// Params is nil for the bare Callable.
	Params *Tuple
	// Block is the type of the lambda: *Callable, *Optional of one, or nil when none is taken.
	Block Type
	// Return is nil when not given.
	Return Type
}

// Name implements Type.
func (*Callable) Name() string { return "Callable" }

// CallableOf is Callable[types...] with exactly these parameters.
func CallableOf(types ...Type) *Callable { return &Callable{Params: TupleOf(types...)} }

// Counted is Callable[Min, Max]: a lambda that takes that many parameters of any type.
func Counted(lo, hi int64) *Callable {
	return &Callable{Params: &Tuple{Types: []Type{Unit}, Size: Size{lo, hi}, Sized: true}}
}

// Signer is implemented by values that can be called: lambdas and functions. Signature is their type.
type Signer interface{ Signature() *Callable }
