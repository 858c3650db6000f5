package syntax

import (
	"strings"
)

// definition checks where a definition stands, its name and its parameters.
func (v *validator) definition(n Definition, where place) {
	switch d := n.(type) {
	case *ClassDef:
		v.placed(d, where != inside)
		v.containerName(d.Name, d.NameSpan, "class")
		v.containerParams(d.Params, "a class")
		v.bodyEnd(d.Body, "a class")
	case *DefineDef:
		v.placed(d, where != inside)
		v.containerName(d.Name, d.NameSpan, "defined type")
		v.containerParams(d.Params, "a defined type")
		v.bodyEnd(d.Body, "a defined type")
	case *NodeDef:
		v.placed(d, where != inside)
		v.node(d)
		v.bodyEnd(d.Body, "a node")
	case *FunctionDef:
		v.placed(d, where == atTop)
		v.functionName(d.Name, d.NameSpan, "function")
		v.params(d.Params, "a function")
	case *PlanDef:
		v.placed(d, where == atTop)
		v.functionName(d.Name, d.NameSpan, "plan")
		v.params(d.Params, "a plan")
	case *TypeAliasDef:
		v.placed(d, where == atTop)
		v.typeName(d.Name, d.NameSpan)
		if list, ok := d.Type.(*ListLiteral); ok {
			v.r.error(list.Src, "bad-type-alias", "an Array is not a type")
		}
	case *TypeDef:
		d2 := v.r.error(d.Src, "unsupported-type-definition", "this form of a type definition is not supported")
		d2.Hint = "write type " + d.Name + " = Object[{ … }]"
	case *TypeMappingDef:
		v.placed(d, where == atTop)
		v.typeMapping(d)
	}
}

func (v *validator) placed(d Definition, ok bool) {
	if ok {
		return
	}
	what := describe(d)
	switch d.(type) {
	case *ClassDef, *DefineDef, *NodeDef:
		v.r.error(d.Span(), "misplaced-definition", "%s can only stand at the top level of a file or directly in a class", what)
	default:
		v.r.error(d.Span(), "misplaced-definition", "%s can only stand at the top level of a file", what)
	}
}

// containerName checks the name of a class or define.
func (v *validator) containerName(name string, at Span, what string) {
	if !validQualified(name) {
		d := v.r.error(at, "bad-name", "'%s' is not a valid name of a %s", name, what)
		d.Hint = nameHint(name)
		return
	}
	if reservedTypeNames[name] {
		v.r.error(at, "reserved-name", "the name '%s' is already taken by Puppet's data type", name)
	}
}

func nameHint(name string) string {
	if fixed := strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(name, "-", "_")), "::"); validQualified(fixed) {
		return "a valid name would be " + fixed
	}
	return "each part of a name is a lower-case letter, then letters, digits and underscores"
}

// reservedTypeNames are names that no class or define may have.
var reservedTypeNames = map[string]bool{
	"any": true, "array": true, "boolean": true, "collection": true, "default": true, "enum": true, "float": true, "hash": true,
	"init": true, "integer": true, "numeric": true, "object": true, "optional": true, "pattern": true, "regexp": true,
	"runtime": true, "scalar": true, "semver": true, "semverrange": true, "sensitive": true, "string": true, "struct": true,
	"timespan": true, "timestamp": true, "tuple": true, "type": true, "typeset": true, "undef": true, "variant": true,
}

// validQualified tells whether a name is made of segments that start with a lower-case letter.
func validQualified(name string) bool {
	for s := range strings.SplitSeq(name, "::") {
		if !validSegment(s) {
			return false
		}
	}
	return true
}

func (v *validator) functionName(name string, at Span, what string) {
	if !validQualified(name) {
		v.r.error(at, "bad-name", "'%s' is not a valid name of a %s", name, what).Hint = nameHint(name)
	}
}

func (v *validator) typeName(name string, at Span) {
	for s := range strings.SplitSeq(name, "::") {
		if s == "" || s[0] < 'A' || s[0] > 'Z' || !allWord(s) {
			v.r.error(at, "bad-name", "'%s' is not a valid name of a type alias", name)
			return
		}
	}
}

// containerParams checks the parameters of a class or define.
func (v *validator) containerParams(params []*Parameter, what string) {
	v.params(params, what)
	for _, p := range params {
		if p.Rest {
			v.r.error(p.Src, "rest-parameter", "%s cannot have a parameter that takes all remaining arguments ($%s)", what, p.Name)
		}
		if p.Name == "name" || p.Name == "title" {
			v.r.error(p.NameSpan, "reserved-parameter", "$%s is already set in %s and cannot be a parameter", p.Name, what)
		}
	}
}

// params checks parameters. Without a name of what they belong to (a lambda) the same one may occur twice, as in Puppet.
func (v *validator) params(params []*Parameter, what string) {
	seen := make(map[string]bool, len(params))
	for _, p := range params {
		switch {
		case !validParameter(p.Name):
			v.r.error(p.NameSpan, "bad-parameter", "'$%s' is not a valid parameter name", p.Name)
		case what != "" && seen[p.Name]:
			v.r.error(p.NameSpan, "duplicate-parameter", "the parameter $%s is declared more than once", p.Name)
		}
		seen[p.Name] = true
		if p.Default != nil {
			v.noAssign(p.Default)
		}
	}
}

// noAssign refuses assignments in a parameter's default; a lambda in it has a scope of its own.
func (v *validator) noAssign(n Node) {
	Walk(n, func(n Node) bool {
		switch n := n.(type) {
		case *Lambda:
			return false
		case *Assign:
			v.r.error(n.Src, "illegal-assignment", "the default of a parameter cannot assign a variable")
		}
		return true
	})
}

func (v *validator) node(d *NodeDef) {
	for _, m := range d.Matches {
		s, ok := m.(*StringLiteral)
		if !ok {
			continue
		}
		for _, r := range s.Value {
			if r >= 128 || !isWordByte(byte(r)) && r != '-' && r != '.' {
				d := v.r.error(s.Src, "bad-node-name", "the node name '%s' has the character %q", s.Value, r)
				d.Hint = "letters, digits, '_', '-' and '.' are allowed; use a regular expression for patterns"
				break
			}
		}
	}
	if d.Parent != nil {
		v.r.error(d.Parent.Span(), "node-inheritance", "nodes cannot inherit from each other")
	}
}

// typeMapping checks `type Runtime[ruby, …] = …`.
func (v *validator) typeMapping(d *TypeMappingDef) {
	a, ok := d.Type.(*Access)
	var name *TypeName
	if ok {
		name, ok = a.Left.(*TypeName)
	}
	if !ok || name.Name != "Runtime" {
		v.r.error(d.Type.Span(), "unsupported-type-mapping", "only Runtime types can be mapped")
		return
	}
	pattern, target := false, false
	for _, k := range a.Keys {
		if _, ok := k.(*ListLiteral); ok {
			pattern = true
		}
	}
	if _, ok := d.Mapping.(*ListLiteral); ok {
		target = true
	}
	if pattern != target {
		v.r.error(d.Mapping.Span(), "bad-type-mapping", "a type is mapped to a type, a pattern with replacement to the same")
	}
}
