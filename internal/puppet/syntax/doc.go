// Package syntax turns Puppet source text into a tree: lexer, parser (manifests and EPP templates), static validation,
// and the tree itself.
//
// The tree holds everything the language knows, with the exact place of each construct in bytes, and the comments:
//
//	Program            a whole file: statements, and a flat list of the definitions in it
//	Expr               anything that can stand where a value is expected; in Puppet that is almost everything
//	  literals         IntegerLiteral FloatLiteral StringLiteral BooleanLiteral UndefLiteral DefaultLiteral RegexpLiteral
//	                   ListLiteral HashLiteral
//	  strings          InterpolatedString Interpolation Heredoc
//	  names            Name TypeName ReservedWord Variable
//	  access, calls    Access NamedAccess Call MethodCall Lambda
//	  operators        Binary Not Minus Splat Paren Assign Relationship
//	  control          If Unless Case Selector Block Nop
//	  resources        Resource ResourceDefaults ResourceOverride Collector
//	  definitions      ClassDef DefineDef NodeDef FunctionDef PlanDef TypeAliasDef TypeDef TypeMappingDef
//	  templates        EPP RenderText RenderExpr
//
// Parse never evaluates. It reports as many errors as it can, resynchronising at statements, and returns no Program when
// there was a syntax error. Validate is the second pass: what is grammatical, but can be refused without evaluating.
package syntax
