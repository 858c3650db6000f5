package syntax

// Form tells how a resource is declared.
type Form int

// The forms of a resource expression.
const (
	Regular  Form = iota
	Virtual       // @type { … }
	Exported      // @@type { … }
)

// String is the name of the form: regular, virtual, exported.
func (f Form) String() string {
	switch f {
	case Virtual:
		return "virtual"
	case Exported:
		return "exported"
	}
	return "regular"
}

// Resource is type { title: attr => value; title2: … }.
type Resource struct {
	exprBase
	Form Form
	// Type is a *Name (`file`, `class`), or a *TypeName or *Access (`File`, `Resource[File]`), or any expression that
	// evaluates to a resource type or its name.
	Type   Expr
	Bodies []*ResourceBody
}

// IsClass reports whether the resource declares classes (`class { 'x': }`).
func (r *Resource) IsClass() bool {
	n, ok := r.Type.(*Name)
	return ok && n.Value == "class"
}

// ResourceBody is one `title: attributes` of a Resource.
type ResourceBody struct {
	base
	// Title is an expression that gives a title or a list of them; a *DefaultLiteral gives defaults for the other bodies
	// of the same Resource.
	Title      Expr
	Operations []AttributeOp
}

// AttributeOp is an *AttributeOperation or an *AttributesOperation.
type AttributeOp interface {
	Node
	attributeOp()
}

// AttributeOperation is `name => value` or `name +> value`.
type AttributeOperation struct {
	base
	Name     string
	NameSpan Span
	Op       Operator // OpSetAttribute or OpAddAttribute
	Value    Expr
}

// AttributesOperation is `* => hash`.
type AttributesOperation struct {
	base
	Value Expr
}

func (*AttributeOperation) attributeOp()  {}
func (*AttributesOperation) attributeOp() {}

// ResourceDefaults is Type { attr => value }.
type ResourceDefaults struct {
	exprBase
	// Form is Regular in all valid programs; Validate refuses the others.
	Form Form
	// Type is a *TypeName.
	Type       Expr
	Operations []AttributeOp
}

// ResourceOverride is Type['title'] { attr => value }.
type ResourceOverride struct {
	exprBase
	// Form is Regular in all valid programs; Validate refuses the others.
	Form Form
	// Resources is an *Access, or any expression that evaluates to resource references.
	Resources  Expr
	Operations []AttributeOp
}

// Collector is Type <| query |> { attr => value }, or with <<| |>> for exported resources.
type Collector struct {
	exprBase
	// Type is a *TypeName.
	Type     Expr
	Exported bool
	// Query is nil when it is empty. It is made of *Binary (== != and or), *Paren, and operands.
	Query Expr
	// Operations are the overrides; nil when there are none.
	Operations []AttributeOp
}

// ClassDef is class name(params) inherits parent { body }.
type ClassDef struct {
	exprBase
	// Name is as written, completed with the names of the classes around it (`a::b` for b inside a), without leading `::`.
	Name     string
	NameSpan Span
	Params   []*Parameter
	// Parent is the name after inherits as written, or "".
	Parent string
	// ParentSpan is the place of that name.
	ParentSpan Span
	Body       Expr // *Block or *Nop
}

// DefineDef is define name(params) { body }.
type DefineDef struct {
	exprBase
	// Name is completed like a ClassDef's.
	Name     string
	NameSpan Span
	Params   []*Parameter
	Body     Expr // *Block or *Nop
}

// NodeDef is node matches { body }.
type NodeDef struct {
	exprBase
	// Matches are *StringLiteral (also for bare names), *RegexpLiteral, *DefaultLiteral.
	Matches []Expr
	// Parent is the match after inherits, or nil. Validate refuses it: no longer supported.
	Parent Expr
	Body   Expr // *Block or *Nop
}

// FunctionDef is function name(params) >> Return { body }.
type FunctionDef struct {
	exprBase
	Name     string
	NameSpan Span
	Params   []*Parameter
	Return   Expr // the return type, or nil
	Body     Expr // *Block or *Nop
}

// PlanDef is plan name(params) >> Return { body }. It only exists when Options.Tasks is set.
type PlanDef struct {
	exprBase
	Name     string
	NameSpan Span
	Params   []*Parameter
	Return   Expr // the return type, or nil
	Body     Expr // *Block or *Nop
}

// TypeAliasDef is type Name = Type, or type Name inherits Parent { … } and type Name { … } (Object and TypeSet).
type TypeAliasDef struct {
	exprBase
	// Name is as written.
	Name     string
	NameSpan Span
	// Params is always empty in valid programs: `type Name[x] = …` is refused.
	Params []Expr
	// Type is the right side. For the forms with braces it is an *Access of the TypeName `Object`, with the hash as key.
	Type Expr
}

// TypeDef is type Name inherits Parent { … } as the grammar has it before it becomes a TypeAliasDef.
type TypeDef struct {
	exprBase
	Name     string
	NameSpan Span
	Parent   string
	Body     Expr
}

// TypeMappingDef is type Runtime[…] = Type.
type TypeMappingDef struct {
	exprBase
	Type    Expr
	Mapping Expr
}

// DefinedName is the name of the class.
func (d *ClassDef) DefinedName() string { return d.Name }

// DefinedName is the name of the define.
func (d *DefineDef) DefinedName() string { return d.Name }

// DefinedName is empty: a node is not referred to by name.
func (d *NodeDef) DefinedName() string { return "" }

// DefinedName is the name of the function.
func (d *FunctionDef) DefinedName() string { return d.Name }

// DefinedName is the name of the plan.
func (d *PlanDef) DefinedName() string { return d.Name }

// DefinedName is the name of the type.
func (d *TypeAliasDef) DefinedName() string { return d.Name }

// DefinedName is the name of the type.
func (d *TypeDef) DefinedName() string { return d.Name }

// DefinedName is empty: a mapping has no name.
func (d *TypeMappingDef) DefinedName() string { return "" }

func (*ClassDef) definition()       {}
func (*DefineDef) definition()      {}
func (*NodeDef) definition()        {}
func (*FunctionDef) definition()    {}
func (*PlanDef) definition()        {}
func (*TypeAliasDef) definition()   {}
func (*TypeDef) definition()        {}
func (*TypeMappingDef) definition() {}

// EPP is the body of a template.
type EPP struct {
	exprBase
	// HasParams tells that the template declares parameters (`<%- | | -%>` also does, with none); then it does not see the
	// variables of its caller's scope.
	HasParams bool
	Params    []*Parameter
	Body      Expr // *Block or *Nop
}

// RenderText is the text of a template between its tags. Its value is undef; its effect is output.
type RenderText struct {
	exprBase
	Text string
}

// RenderExpr is <%= expr %>.
type RenderExpr struct {
	exprBase
	Expr Expr
}
