package function

import (
	"context"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdResourceTable: stdlib's functions on resources and on the caller.
func stdResourceTable() []eval.Function {
	packages := []eval.Param{eval.Req("packages", "Variant[String[1], Array[String[1]], Hash[String[1], Any]]"),
		eval.Opt("default_attributes", "Optional[Hash]")}
	return []eval.Function{
		fn("ensure_resource", sig(ensureResource, eval.Req("type", "Any"), eval.Req("title", "Any"), eval.Opt("params", "Any"))),
		fn("ensure_resources", sig(ensureResources, eval.Req("type", "Any"), eval.Req("resources", "Hash"), eval.Opt("params", "Any"))),
		fn("ensure_packages", sig(ensurePackages, packages...)),
		fn("stdlib::ensure_packages", sig(ensurePackages, packages...)),
		fn("defined_with_params", sig(definedWithParams, eval.Req("reference", "Any"), eval.Opt("params", "Any"))),
		fn("getparam", sig(getparam, eval.Req("reference", "Any"), eval.Req("param", "String"))),
		fn("assert_private", sig(assertPrivate, eval.Opt("message", "Any"))),
		fn("fact", sig(fact, eval.Req("fact_name", "String"))),
		fn("deprecation", sig(deprecation, eval.Req("key", "String"), eval.Req("message", "String"), eval.Opt("use_strict_setting", "Boolean"))),
		fn("get_module_path", sig(modulePath, eval.Req("name", "String"))),
	}
}

// sameParams reports whether a resource of the catalog has all of the given parameters.
func sameParams(ctx context.Context, c *eval.Call, ref value.Value, params *value.Hash) (bool, error) {
	b, err := builder(c)
	if err != nil {
		return false, err
	}
	if !b.Declared(ref) {
		return false, nil
	}
	for k, want := range params.All() {
		got, found, err := b.Param(ctx, c.Scope, ref, k.String())
		if err != nil {
			return false, err
		}
		if !found {
			got = value.Undef{}
		}
		if value.IsUndef(want) || want == value.Value(value.String("")) {
			if !value.IsUndef(got) {
				return false, nil
			}
			continue
		}
		if got.String() != want.String() {
			return false, nil
		}
	}
	return true, nil
}

func reference(kind, title string) value.Value {
	if kind == "class" {
		return types.NewClass(title)
	}
	return types.NewReference(kind, title)
}

// ensure declares a resource unless one with the same parameters is there.
func ensure(ctx context.Context, c *eval.Call, kind string, form syntax.Form, title string, params *value.Hash) error {
	same, err := sameParams(ctx, c, reference(kind, title), params)
	if err != nil || same {
		return err
	}
	return declare(ctx, c, kind, form, title, params)
}

func hashOrNone(c *eval.Call, v value.Value) (*value.Hash, error) {
	if h, ok := v.(*value.Hash); ok {
		return h, nil
	}
	if value.IsUndef(v) || v == value.Value(value.String("")) {
		return value.NewHash(0), nil
	}
	return nil, c.Errorf("%s(): the parameters must be a Hash, got %s", c.Name, types.Generalize(types.Infer(v)))
}

func ensureResource(ctx context.Context, c *eval.Call) (value.Value, error) {
	kind, form, err := resourceForm(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	params, err := hashOrNone(c, c.Arg(2))
	if err != nil {
		return nil, err
	}
	for _, title := range flat([]value.Value{c.Arg(1)}) {
		if err := ensure(ctx, c, kind, form, title.String(), params); err != nil {
			return nil, err
		}
	}
	return undef()
}

func ensureResources(ctx context.Context, c *eval.Call) (value.Value, error) {
	kind, form, err := resourceForm(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	defaults, err := hashOrNone(c, c.Arg(2))
	if err != nil {
		return nil, err
	}
	for title, v := range c.Arg(1).(*value.Hash).All() {
		own, err := hashOrNone(c, v)
		if err != nil {
			return nil, err
		}
		if err := ensure(ctx, c, kind, form, title.String(), defaults.Merge(own)); err != nil {
			return nil, err
		}
	}
	return undef()
}

// ensurePackages declares packages; "present" and "installed" are the same to it.
func ensurePackages(ctx context.Context, c *eval.Call) (value.Value, error) {
	defaults, err := hashOrNone(c, c.Arg(1))
	if err != nil {
		return nil, err
	}
	packages := value.NewHash(1)
	switch p := c.Arg(0).(type) {
	case *value.Hash:
		packages = p
	default:
		for _, title := range flat([]value.Value{p}) {
			packages.Set(title, value.Undef{})
		}
	}
	base := value.HashOf("ensure", "installed").Merge(defaults)
	for title, v := range packages.All() {
		own, err := hashOrNone(c, v)
		if err != nil {
			return nil, err
		}
		if err := ensurePackage(ctx, c, title.String(), base.Merge(own)); err != nil {
			return nil, err
		}
	}
	return undef()
}

func ensurePackage(ctx context.Context, c *eval.Call, title string, params *value.Hash) error {
	if s, _ := params.GetString("ensure"); s != nil && s.String() == "present" {
		params.SetString("ensure", value.String("installed"))
	}
	if s, _ := params.GetString("ensure"); s != nil && s.String() == "installed" {
		// a package that is there as "present" is as good
		alike := params.Copy()
		alike.SetString("ensure", value.String("present"))
		same, err := sameParams(ctx, c, types.NewReference("package", title), alike)
		if err != nil || same {
			return err
		}
	}
	return ensure(ctx, c, "package", syntax.Regular, title, params)
}

// refArg reads a reference: a value, or text like File[/etc/motd].
func refArg(c *eval.Call, v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case *types.Resource, *types.Class:
		return v, nil
	case value.String:
		if kind, rest, ok := strings.Cut(string(v), "["); ok && strings.HasSuffix(rest, "]") {
			title := strings.Trim(strings.TrimSuffix(rest, "]"), `'"`)
			return reference(strings.ToLower(kind), title), nil
		}
	}
	return nil, c.Errorf("%s(): %s is no reference to a resource", c.Name, types.FormatValue(v))
}

func definedWithParams(ctx context.Context, c *eval.Call) (value.Value, error) {
	ref, err := refArg(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	params, err := hashOrNone(c, c.Arg(1))
	if err != nil {
		return nil, err
	}
	same, err := sameParams(ctx, c, ref, params)
	return value.Bool(same), err
}

func getparam(ctx context.Context, c *eval.Call) (value.Value, error) {
	ref, err := refArg(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	b, err := builder(c)
	if err != nil {
		return nil, err
	}
	v, found, err := b.Param(ctx, c.Scope, ref, c.Str(1))
	if err != nil || !found || value.IsUndef(v) {
		return value.String(""), err
	}
	return v, nil
}

// assertPrivate fails when the class or define was not called from its own module.
func assertPrivate(_ context.Context, c *eval.Call) (value.Value, error) {
	caller, own := "", c.Scope.Module()
	if d := c.Scope.Owner().Dynamic(); d != nil {
		caller = d.Scope().Module()
	}
	if v, ok := c.Eval.Variable(c.Scope, "caller_module_name"); ok && !value.IsUndef(v) {
		caller = v.String()
	}
	if caller == own {
		return undef()
	}
	if c.Has(0) && !value.IsUndef(c.Arg(0)) {
		return nil, c.Errorf("%s", c.Str(0))
	}
	kind, name := "Class", ""
	if container := c.Scope.Container(); container != nil {
		if name = container.String(); !strings.HasPrefix(name, "Class[") {
			kind = "Definition"
		}
		_, name, _ = strings.Cut(strings.TrimSuffix(name, "]"), "[")
	}
	return nil, c.Errorf("%s %s is private", kind, strings.ToLower(name))
}

func fact(ctx context.Context, c *eval.Call) (value.Value, error) {
	facts, _ := c.Eval.Variable(c.Scope, "facts")
	path, err := splitDotted(c.Str(0))
	if err != nil {
		return nil, c.Errorf("%v", err)
	}
	return getPath(ctx, c, orUndef(facts), path, value.Undef{})
}

func deprecation(_ context.Context, c *eval.Call) (value.Value, error) {
	if c.Eval.Strict() == eval.StrictError && (!c.Has(2) || value.Truthy(c.Arg(2))) {
		return nil, c.Errorf("deprecation. %s. %s", c.Str(0), c.Str(1))
	}
	if c.Eval.Strict() != eval.StrictOff {
		c.Warn("This method is deprecated: %s", c.Str(1))
	}
	return undef()
}

func modulePath(_ context.Context, c *eval.Call) (value.Value, error) {
	if env := c.Environment(); env != nil {
		if m := env.Module(c.Str(0)); m != nil {
			return value.String(m.Dir), nil
		}
	}
	return nil, c.Errorf("Could not find module %s", c.Str(0))
}
