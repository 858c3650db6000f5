package function

import (
	"context"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// catalogTable: functions that change or ask the catalog.
func catalogTable() []eval.Function {
	names := eval.Rest1("names", "Any")
	return []eval.Function{
		fn("include", sig(include(eval.Include), names)),
		fn("contain", sig(include(eval.Contain), names)),
		fn("require", sig(include(eval.Require), names)),
		fn("realize", sig(realize, names)),
		fn("tag", sig(tag, names)),
		fn("tagged", sig(tagged, names)),
		fn("create_resources", sig(createResources, eval.Req("type", "Any"), eval.Req("resources", "Any"),
			eval.Opt("defaults", "Any"))),
		fn("defined", sig(defined, eval.Rest1("vals", "Variant[String, Type[CatalogEntry], Type[Type[CatalogEntry]]]"))),
	}
}

// builder is the catalog under construction, or an error where there is none.
func builder(c *eval.Call) (eval.Builder, error) {
	if b := c.Eval.Builder(); b != nil {
		return b, nil
	}
	return nil, c.Errorf("%s() is not possible here: no catalog is being compiled", c.Name)
}

func include(mode eval.IncludeMode) impl {
	return func(ctx context.Context, c *eval.Call) (value.Value, error) {
		b, err := builder(c)
		if err != nil {
			return nil, err
		}
		refs, err := b.Include(ctx, c.Scope, c.At, mode, flat(c.Args))
		if err != nil {
			return nil, err
		}
		return value.NewArray(refs...), nil
	}
}

func realize(ctx context.Context, c *eval.Call) (value.Value, error) {
	b, err := builder(c)
	if err != nil {
		return nil, err
	}
	if err := b.Realize(ctx, c.Scope, c.At, flat(c.Args)); err != nil {
		return nil, err
	}
	return undef()
}

func texts(vs []value.Value) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = v.String()
	}
	return out
}

func tag(_ context.Context, c *eval.Call) (value.Value, error) {
	b, err := builder(c)
	if err != nil {
		return nil, err
	}
	if err := b.Tag(c.Scope, c.At, texts(flat(c.Args))); err != nil {
		return nil, err
	}
	return undef()
}

func tagged(_ context.Context, c *eval.Call) (value.Value, error) {
	b, err := builder(c)
	if err != nil {
		return nil, err
	}
	return value.Bool(b.Tagged(c.Scope, texts(flat(c.Args)))), nil
}

// resourceForm reads the type of create_resources and ensure_resource: a name, with @ for virtual and @@ for exported
// resources, or a reference to a type.
func resourceForm(c *eval.Call, v value.Value) (string, syntax.Form, error) {
	switch v := v.(type) {
	case value.String:
		name, form := string(v), syntax.Regular
		switch {
		case strings.HasPrefix(name, "@@"):
			name, form = name[2:], syntax.Exported
		case strings.HasPrefix(name, "@"):
			name, form = name[1:], syntax.Virtual
		}
		return strings.ToLower(strings.TrimPrefix(name, "::")), form, nil
	case *types.Resource:
		if v.Kind != "" && !v.HasTitle {
			return v.Kind, syntax.Regular, nil
		}
	case *types.Class:
		if v.Class == "" {
			return "class", syntax.Regular, nil
		}
	}
	return "", 0, c.Errorf("%s(): the type of the resources must be a name, got %s", c.Name, types.FormatValue(v))
}

func createResources(ctx context.Context, c *eval.Call) (value.Value, error) {
	kind, form, err := resourceForm(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	resources, ok := c.Arg(1).(*value.Hash)
	if !ok {
		return nil, c.Errorf("create_resources(): second argument must be a hash")
	}
	defaults, ok := c.Arg(2).(*value.Hash)
	if !ok && !value.IsUndef(c.Arg(2)) {
		return nil, c.Errorf("create_resources(): third argument, if provided, must be a hash")
	}
	for title, attrs := range resources.All() {
		own, ok := attrs.(*value.Hash)
		if !ok && !value.IsUndef(attrs) {
			return nil, c.Errorf("create_resources(): the attributes of %s[%s] must be a hash, got %s",
				types.Capitalize(kind), title, types.Generalize(types.Infer(attrs)))
		}
		if err := declare(ctx, c, kind, form, title.String(), defaults.Merge(own)); err != nil {
			return nil, err
		}
	}
	return undef()
}

// declare adds one resource to the catalog.
func declare(ctx context.Context, c *eval.Call, kind string, form syntax.Form, title string, attrs *value.Hash) error {
	b, err := builder(c)
	if err != nil {
		return err
	}
	d := eval.Declaration{Form: form, Type: kind, Title: title, At: c.At}
	for k, v := range attrs.All() {
		d.Attributes = append(d.Attributes, eval.Attribute{Name: k.String(), Value: v, At: c.At})
	}
	_, err = b.Declare(ctx, c.Scope, []eval.Declaration{d})
	return err
}

// defined reports whether all of its arguments are: variables, classes, types, or resources in the catalog.
func defined(ctx context.Context, c *eval.Call) (value.Value, error) {
	for _, a := range c.Args {
		ok, err := isDefined(ctx, c, a)
		if err != nil {
			return nil, err
		}
		if !ok {
			return value.Bool(false), nil
		}
	}
	return value.Bool(true), nil
}

func isDefined(ctx context.Context, c *eval.Call, v value.Value) (bool, error) {
	switch v := v.(type) {
	case value.String:
		return nameDefined(ctx, c, string(v))
	case *types.Resource:
		if v.Kind == "" {
			return true, nil
		}
		if v.HasTitle {
			return declared(c, v), nil
		}
		return kindKnown(ctx, c, v.Kind)
	case *types.Class:
		if v.Class == "" {
			return true, nil
		}
		return declared(c, v), nil
	case *types.Meta:
		if class, ok := v.T.(*types.Class); ok && class.Class != "" {
			return classKnown(ctx, c, class.Class)
		}
		return isDefined(ctx, c, v.T)
	}
	return false, nil
}

func nameDefined(ctx context.Context, c *eval.Call, name string) (bool, error) {
	if variable, ok := strings.CutPrefix(name, "$"); ok {
		_, found := c.Eval.Variable(c.Scope, variable)
		return found, nil
	}
	switch name {
	case "":
		return false, nil
	case "main":
		return declared(c, types.NewClass("main")), nil
	case "class", "stage", "node":
		return true, nil
	}
	if strings.Contains(name, "[") {
		t, err := types.Parse(name)
		if err != nil {
			return false, nil
		}
		return isDefined(ctx, c, t)
	}
	name = strings.ToLower(strings.TrimPrefix(name, "::"))
	if ok, err := kindKnown(ctx, c, name); ok || err != nil {
		return ok, err
	}
	return classKnown(ctx, c, name)
}

func declared(c *eval.Call, ref value.Value) bool {
	b := c.Eval.Builder()
	return b != nil && b.Declared(ref)
}

func kindKnown(ctx context.Context, c *eval.Call, kind string) (bool, error) {
	l := c.Eval.Loader()
	if l == nil {
		return false, nil
	}
	if l.ResourceType(kind) {
		return true, nil
	}
	def, err := l.Define(ctx, kind)
	return def != nil, err
}

func classKnown(ctx context.Context, c *eval.Call, name string) (bool, error) {
	l := c.Eval.Loader()
	if l == nil {
		return false, nil
	}
	def, err := l.Class(ctx, name)
	return def != nil, err
}
