package types

import "strings"

// Resource is a resource type or reference: File (Kind "file"), File['/a'] (with Title), Resource (no Kind).
type Resource struct {
	typeValue
	// Kind is lower case, segments joined by "::"; empty for Resource itself.
	Kind     string
	Title    string
	HasTitle bool
}

// NewResource is the type of all resources of a type.
func NewResource(typeName string) *Resource {
	return &Resource{Kind: strings.ToLower(strings.TrimPrefix(typeName, "::"))}
}

// NewReference is the reference to one resource.
func NewReference(typeName, title string) *Resource {
	r := NewResource(typeName)
	r.Title, r.HasTitle = title, true
	return r
}

// Name implements Type.
func (*Resource) Name() string { return "Resource" }

// Class is Class, or Class[name].
type Class struct {
	typeValue
	// Class is the class's name, lower case, without a leading "::"; empty for Class itself.
	Class string
}

// NewClass is Class[name].
func NewClass(name string) *Class {
	return &Class{Class: strings.ToLower(strings.TrimPrefix(name, "::"))}
}

// Name implements Type.
func (*Class) Name() string { return "Class" }

// Capitalize gives the name of a resource type as it is written in references: foo::bar becomes Foo::Bar.
func Capitalize(name string) string {
	parts := strings.Split(name, "::")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "::")
}
