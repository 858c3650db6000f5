package types

import (
	"fmt"
	"strings"

	"kickoff/internal/value"
)

// accessResource reads Resource[type], Resource[type, titles...] and File[titles...].
func accessResource(r *Resource, params []value.Value) (value.Value, error) {
	if r.HasTitle {
		return nil, notApplicable(r)
	}
	params = flat(params)
	if r.Kind == "" {
		if len(params) == 0 {
			return value.NewArray(), nil
		}
		name, err := resourceTypeName(params[0])
		if err != nil {
			return nil, err
		}
		if r, params = NewResource(name), params[1:]; len(params) == 0 {
			return r, nil
		}
	}
	refs := make([]value.Value, len(params))
	for i, p := range params {
		title, ok := p.(value.String)
		if !ok {
			return nil, special(Capitalize(r.Kind), p, "a resource title String")
		}
		refs[i] = NewReference(r.Kind, string(title))
	}
	if len(refs) == 1 {
		return refs[0], nil
	}
	return value.NewArray(refs...), nil
}

func resourceTypeName(v value.Value) (string, error) {
	switch v := v.(type) {
	case value.String:
		if !typeNameText.MatchString(string(v)) {
			return "", fmt.Errorf("Illegal type name in Resource[]: '%s'", v)
		}
		return string(v), nil
	case *Resource:
		if v.Kind != "" && !v.HasTitle {
			return v.Kind, nil
		}
	case *Reference:
		return v.Text, nil
	case *Class:
		return "class", nil
	}
	return "", fmt.Errorf("First argument to Resource-Type[] must be a resource type or a String. Got %s", describeValue(v))
}

func accessClass(params []value.Value) (value.Value, error) {
	params = flat(params)
	refs := make([]value.Value, len(params))
	for i, p := range params {
		s, ok := p.(value.String)
		if !ok {
			return nil, special("Class", p, "String")
		}
		name := strings.ToLower(string(s))
		if !className.MatchString(name) {
			return nil, fmt.Errorf("Illegal name. The given name %s does not conform to the naming rule /%s/", quote(string(s)), `^((::)?[a-z_]\w*)(::[a-z]\w*)*$`)
		}
		refs[i] = NewClass(name)
	}
	if len(refs) == 1 {
		return refs[0], nil
	}
	return value.NewArray(refs...), nil
}

// accessObject reads Object[{name => ..., attributes => {...}}].
func accessObject(params []value.Value) (value.Value, error) {
	if len(params) != 1 {
		return nil, arity("Object", "1 argument", len(params))
	}
	h, ok := params[0].(*value.Hash)
	if !ok {
		return nil, fmt.Errorf("Object-Type[] argument must be a Hash. Got %s", describeValue(params[0]))
	}
	return newObject(h)
}

func newObject(h *value.Hash) (*Object, error) {
	o := &Object{Init: h}
	if name, ok := h.GetString("name"); ok {
		o.ObjectName = name.String()
	}
	if parent, ok := h.GetString("parent"); ok {
		if o.Parent, ok = parent.(Type); !ok {
			return nil, fmt.Errorf("Object-Type[] parent must be a type. Got %s", describeValue(parent))
		}
	}
	for _, k := range h.Keys() {
		switch k.String() {
		case "name", "parent", "attributes", "constants", "equality", "equality_include_type", "annotations":
		default:
			return nil, fmt.Errorf("Object-Type[] with '%s' is not supported by kickoff", k)
		}
	}
	attrs, _ := h.GetString("attributes")
	hash, _ := attrs.(*value.Hash)
	for k, v := range hash.All() {
		a := Attribute{Name: k.String()}
		switch v := v.(type) {
		case Type:
			a.Type = v
		case *value.Hash:
			t, _ := v.GetString("type")
			typ, ok := t.(Type)
			if !ok {
				return nil, fmt.Errorf("Object-Type[] attribute '%s' has no type", k)
			}
			a.Type = typ
			a.Default, _ = v.GetString("value")
			if kind, ok := v.GetString("kind"); ok {
				a.Kind = kind.String()
			}
		default:
			return nil, fmt.Errorf("Object-Type[] attribute '%s' must be a type or a Hash. Got %s", k, describeValue(v))
		}
		o.Attributes = append(o.Attributes, a)
	}
	return o, nil
}
