package syntax

// describe names the kind of an expression in a message, with an article.
func describe(e Node) string {
	switch e := e.(type) {
	case *Nop:
		return "an empty expression"
	case *IntegerLiteral:
		return "a literal Integer"
	case *FloatLiteral:
		return "a literal Float"
	case *StringLiteral, *InterpolatedString:
		return "a String"
	case *BooleanLiteral:
		return "a Boolean"
	case *UndefLiteral:
		return "an 'undef' expression"
	case *DefaultLiteral:
		return "a 'default' expression"
	case *RegexpLiteral:
		return "a regular expression"
	case *ListLiteral:
		return "an Array expression"
	case *HashLiteral:
		return "a Hash expression"
	case *Heredoc:
		return "a heredoc"
	case *Name:
		return "a name"
	case *TypeName:
		return "a type name"
	case *ReservedWord:
		return "a reserved word"
	case *Variable:
		return "a variable"
	case *Access:
		return "a '[]' expression"
	case *Call:
		return "a function call"
	case *MethodCall, *NamedAccess:
		return "a method call"
	case *Lambda:
		return "a lambda"
	case *Binary:
		return "a '" + string(e.Op) + "' expression"
	case *Assign:
		return "an assignment"
	case *Relationship:
		return "a '" + string(e.Op) + "' expression"
	case *Not:
		return "a '!' expression"
	case *Minus:
		return "a unary minus"
	case *Splat:
		return "a '*' expression"
	case *Paren:
		return "a parenthesized expression"
	}
	return describeStatement(e)
}

func describeStatement(e Node) string {
	switch e := e.(type) {
	case *If:
		return "an 'if' statement"
	case *Unless:
		return "an 'unless' statement"
	case *Case:
		return "a 'case' statement"
	case *Selector:
		return "a selector"
	case *Block:
		return "a block"
	case *Resource:
		if e.IsClass() {
			return "a class declaration"
		}
		return "a resource"
	case *ResourceDefaults:
		return "resource defaults"
	case *ResourceOverride:
		return "a resource override"
	case *Collector:
		return "a collector"
	case *ClassDef:
		return "a class definition"
	case *DefineDef:
		return "a 'define' expression"
	case *NodeDef:
		return "a node definition"
	case *FunctionDef:
		return "a function definition"
	case *PlanDef:
		return "a plan definition"
	case *TypeAliasDef, *TypeDef:
		return "a type alias"
	case *TypeMappingDef:
		return "a type mapping"
	case *EPP, *RenderText, *RenderExpr:
		return "a template expression"
	}
	return "an expression"
}
