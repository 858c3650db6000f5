package syntax

// Node is a part of the tree.
type Node interface {
	// Span is the place in the source, from the first to behind the last character of the construct.
	Span() Span
}

// Expr is a node that can stand where a statement or a value can. Only pointers to this package's types are Exprs.
type Expr interface {
	Node
	expr()
}

// Definition is a named thing that a file defines for others: class, define, node, function, plan, type.
type Definition interface {
	Expr
	// DefinedName is the name as written in the source; a node has none.
	DefinedName() string
	definition()
}

// base is the place that every node carries.
type base struct{ Src Span }

// Span is the place of the node in the source.
func (b *base) Span() Span { return b.Src }

// exprBase makes a node an Expr.
type exprBase struct{ base }

func (*exprBase) expr() {}

// Program is a whole file: a manifest or a template.
type Program struct {
	base
	// File is the source that all spans point into.
	File *File
	// Body is a *Block (also when it has only one statement), *Nop for a file without statements, or an *EPP.
	Body Expr
	// Definitions are all definitions of the file in source order, also those inside of classes.
	Definitions []Definition
	// Comments are all comments in source order.
	Comments []Comment
}

// Nop is the absence of a statement: an empty file, an empty class body.
type Nop struct{ exprBase }

// IntegerLiteral is 42, 0x2A or 052. A leading minus is a Minus around it, unless the parser could fold it.
type IntegerLiteral struct {
	exprBase
	Value int64
	// Radix is 8, 10 or 16, as written.
	Radix int
}

// FloatLiteral is 1.5 or 1e3.
type FloatLiteral struct {
	exprBase
	Value float64
}

// StringLiteral is a string without interpolation; also the text between two interpolations of an InterpolatedString.
type StringLiteral struct {
	exprBase
	// Value has all escapes replaced.
	Value string
}

// BooleanLiteral is true or false.
type BooleanLiteral struct {
	exprBase
	Value bool
}

// UndefLiteral is undef.
type UndefLiteral struct{ exprBase }

// DefaultLiteral is the word default.
type DefaultLiteral struct{ exprBase }

// RegexpLiteral is /…/. Its syntax is Ruby's.
type RegexpLiteral struct {
	exprBase
	// Pattern is the text between the slashes, with `\/` replaced by `/`.
	Pattern string
}

// ListLiteral is [a, b].
type ListLiteral struct {
	exprBase
	Elements []Expr
}

// HashLiteral is {a => 1}. It is also what `f(a => 1)` and `[a => 1]` mean; those have no braces of their own.
type HashLiteral struct {
	exprBase
	Entries []*HashEntry
}

// HashEntry is one `key => value`.
type HashEntry struct {
	base
	Key, Value Expr
}

// InterpolatedString is a "…" or a heredoc text that has at least one interpolation.
type InterpolatedString struct {
	exprBase
	// Segments are *StringLiteral and *Interpolation, in order.
	Segments []Expr
}

// Interpolation is `${expr}` or `$name` inside a string. A leading bare name was already turned into a Variable.
type Interpolation struct {
	exprBase
	Expr Expr
}

// Heredoc is @("TAG":syntax/escapes) with its text.
type Heredoc struct {
	exprBase
	// Syntax names the language of the text, lower case; empty if none was given.
	Syntax string
	// Text is a *StringLiteral or an *InterpolatedString, with margin and escapes done.
	Text Expr
}

// Name is a bare word: foo, foo::bar, ::foo. As a value it is a string; at other places it names a function, a resource
// type, an attribute.
type Name struct {
	exprBase
	// Value is as written, with a leading `::` if there was one.
	Value string
}

// TypeName is a bare word with capital letters: String, Apt::Source, ::Foo.
type TypeName struct {
	exprBase
	// Name is as written, with a leading `::` if there was one.
	Name string
}

// ReservedWord is a reserved word that stands where a value is expected. Validate refuses those with Future set unless
// the word is used as a plain name; see there.
type ReservedWord struct {
	exprBase
	Word string
	// Future tells that the word is only set aside (`application`, `component`, `site` …) and has no meaning now.
	Future bool
}

// Variable is $x, $::x, $a::b, $0.
type Variable struct {
	exprBase
	// Name is as written without the `$`; `::` at its start asks for the top scope.
	Name string
}

// IsMatch reports whether the variable is one of $0, $1 …, set by the last match.
func (v *Variable) IsMatch() bool {
	return v.Name != "" && v.Name[0] >= '0' && v.Name[0] <= '9'
}

// Access is left[keys].
type Access struct {
	exprBase
	Left Expr
	Keys []Expr
}

// NamedAccess is left.name without arguments or lambda. It is evaluated as a call of the function `name` with left as
// its argument; the parser makes a MethodCall of it, so this form only stays where a name is not on the right.
type NamedAccess struct {
	exprBase
	Left, Right Expr
}

// Call is f(x), Type(x), or a statement call `include x`.
type Call struct {
	exprBase
	// Func is a *Name, or a *TypeName / *Access (`Integer(x)`, `Optional[Integer](x)`), which means the type's `new`;
	// any other expression is refused by Validate.
	Func Expr
	Args []Expr
	// Lambda is the block, or nil.
	Lambda *Lambda
	// Statement tells that the call was written without parentheses.
	Statement bool
	// NeedsValue tells that the value of the call is used by its surroundings.
	NeedsValue bool
}

// MethodCall is left.name(args) |..| {..}; also left.name alone.
type MethodCall struct {
	exprBase
	Left Expr
	// Name is the function's name.
	Name *Name
	Args []Expr
	// Lambda is the block, or nil.
	Lambda *Lambda
}

// Lambda is |params| >> Return { body }.
type Lambda struct {
	exprBase
	Params []*Parameter
	// Return is the return type, or nil.
	Return Expr
	// Body is a *Block or *Nop.
	Body Expr
}

// Parameter is a parameter of a class, define, function, plan, lambda or template.
type Parameter struct {
	base
	// Name is without the `$`.
	Name string
	// NameSpan is the place of `$name`.
	NameSpan Span
	// Type is the type expression, or nil.
	Type Expr
	// Default is the default's expression, or nil.
	Default Expr
	// Rest tells that the parameter takes all remaining arguments (`*$name`).
	Rest bool
}

// Operator is the operator of a Binary, Assign, Relationship or AttributeOperation.
type Operator string

// The operators, as they are written.
const (
	OpAdd        Operator = "+"
	OpSub        Operator = "-"
	OpMul        Operator = "*"
	OpDiv        Operator = "/"
	OpMod        Operator = "%"
	OpShiftLeft  Operator = "<<"
	OpShiftRight Operator = ">>"
	OpEqual      Operator = "=="
	OpNotEqual   Operator = "!="
	OpLess       Operator = "<"
	OpLessEq     Operator = "<="
	OpGreater    Operator = ">"
	OpGreaterEq  Operator = ">="
	OpMatch      Operator = "=~"
	OpNoMatch    Operator = "!~"
	OpIn         Operator = "in"
	OpAnd        Operator = "and"
	OpOr         Operator = "or"

	OpAssign    Operator = "="
	OpAddAssign Operator = "+=" // Validate refuses it: no longer supported
	OpSubAssign Operator = "-=" // Validate refuses it: no longer supported

	OpBefore       Operator = "->" // left before right
	OpNotify       Operator = "~>" // left before right, and notifies it
	OpBeforeLeft   Operator = "<-" // right before left
	OpNotifyLeft   Operator = "<~" // right before left, and notifies it
	OpSetAttribute Operator = "=>"
	OpAddAttribute Operator = "+>"
)

// Binary is left op right: arithmetic, comparison, match, `in`, `and`, `or`.
type Binary struct {
	exprBase
	Op          Operator
	Left, Right Expr
}

// Not is !x.
type Not struct {
	exprBase
	Operand Expr
}

// Minus is -x.
type Minus struct {
	exprBase
	Operand Expr
}

// Splat is *x: the elements of x, in an argument list, an array, a case or selector option.
type Splat struct {
	exprBase
	Operand Expr
}

// Paren is (x).
type Paren struct {
	exprBase
	Inner Expr
}

// Assign is left = right.
type Assign struct {
	exprBase
	Op Operator // OpAssign; OpAddAssign and OpSubAssign are refused by Validate
	// Left is a *Variable, or a *ListLiteral of targets (destructuring).
	Left, Right Expr
}

// Relationship is left -> right and its three sisters. A chain `a -> b -> c` is ((a -> b) -> c).
type Relationship struct {
	exprBase
	Op          Operator
	Left, Right Expr
}

// If is if/elsif/else. An elsif is an *If in Else.
type If struct {
	exprBase
	Test Expr
	Then Expr // *Block or *Nop
	Else Expr // *Block, *If, *Nop, or nil when there is no else
}

// Unless is unless/else.
type Unless struct {
	exprBase
	Test Expr
	Then Expr // *Block or *Nop
	Else Expr // *Block, *Nop, or nil when there is no else
}

// Case is case test { options }.
type Case struct {
	exprBase
	Test    Expr
	Options []*CaseOption
}

// CaseOption is `value, value: { then }`.
type CaseOption struct {
	base
	Values []Expr // a *DefaultLiteral among them makes it the default
	Then   Expr   // *Block or *Nop
}

// Selector is left ? { match => value }.
type Selector struct {
	exprBase
	Left    Expr
	Entries []*SelectorEntry
}

// SelectorEntry is one `match => value` of a Selector.
type SelectorEntry struct {
	base
	Match, Value Expr
}

// Block is a sequence of statements. Its value is the value of the last one.
type Block struct {
	exprBase
	Statements []Expr
}
