package function

import (
	"context"
	"net/netip"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdValidateTable: the validate_* and is_* functions of older stdlib, and validate_legacy.
func stdValidateTable() []eval.Function {
	table := []eval.Function{
		fn("validate_legacy", sig(validateLegacy, eval.Req("target_type", "Variant[Type, String]"),
			eval.Req("function_name", "String"), eval.Req("value", "Any"), eval.Rest("args", "Any"))),
		fn("validate_re", sig(validateRe, eval.Req("value", "Any"), eval.Req("patterns", "Variant[String, Array[String]]"),
			eval.Opt("message", "String"))),
		fn("is_ip_address", sig(isAddress(func(netip.Addr) bool { return true }), eval.Req("value", "Any"))),
		fn("is_ipv4_address", sig(isAddress(netip.Addr.Is4), eval.Req("value", "Any"))),
		fn("is_ipv6_address", sig(isAddress(netip.Addr.Is6), eval.Req("value", "Any"))),
	}
	for name, typ := range map[string]string{
		"string": "String", "bool": "Boolean", "array": "Array", "hash": "Hash",
		"integer": "Variant[Integer, Pattern[/\\A-?\\d+\\z/], Array[Variant[Integer, Pattern[/\\A-?\\d+\\z/]]]]",
		"numeric": "Variant[Numeric, Pattern[/\\A-?\\d+(\\.\\d+)?\\z/]]", "absolute_path": absolutePath,
	} {
		table = append(table, fn("validate_"+name, sig(validateAs(typ), eval.Req("value", "Any"), eval.Rest("args", "Any"))))
	}
	for name, typ := range map[string]string{
		"string": "String", "bool": "Boolean", "array": "Array", "hash": "Hash", "absolute_path": absolutePath,
		"integer": "Variant[Integer, Pattern[/\\A-?\\d+\\z/]]", "float": "Variant[Float, Pattern[/\\A-?\\d+\\.\\d+\\z/]]",
		"numeric":     "Variant[Numeric, Pattern[/\\A-?\\d+(\\.\\d+)?\\z/]]",
		"domain_name": "Pattern[/\\A(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\\-]*[a-zA-Z0-9])\\.)*([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\\-]*[A-Za-z0-9])\\.?\\z/]",
		"mac_address": "Pattern[/\\A([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\\z/]",
	} {
		table = append(table, fn("is_"+name, sig(isOf(typ), eval.Req("value", "Any"))))
	}
	return table
}

const absolutePath = `Variant[Pattern[/\A(([a-zA-Z]:[\\\/])|([\\\/][\\\/][^\\\/]+[\\\/][^\\\/]+)|([\\\/][\\\/]\?[\\\/][^\\\/]+)).*\z/], Pattern[/\A\/([^\n\/\0]+\/*)*\z/]]`

// deprecated are the functions that stdlib itself calls deprecated: an error with strict=error.
var deprecated = map[string]bool{
	"is_absolute_path": true, "is_array": true, "is_bool": true, "is_float": true, "is_ip_address": true,
	"is_ipv4_address": true, "is_ipv6_address": true, "is_numeric": true, "is_string": true,
}

// checkDeprecated does what deprecation() does for the old functions.
func checkDeprecated(c *eval.Call) error {
	if !deprecated[c.Name] && !strings.HasPrefix(c.Name, "validate_") {
		return nil
	}
	text := "This method is deprecated, please use match expressions or typed parameters instead."
	switch c.Eval.Strict() {
	case eval.StrictError:
		return c.Errorf("deprecation. %s. %s", c.Name, text)
	case eval.StrictWarning:
		c.Warn("%s", text)
	}
	return nil
}

func isOf(text string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		if err := checkDeprecated(c); err != nil {
			return nil, err
		}
		t, err := types.Parse(text)
		if err != nil {
			return nil, err
		}
		return value.Bool(types.Instance(t, c.Arg(0))), nil
	}
}

func validateAs(text string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		if err := checkDeprecated(c); err != nil {
			return nil, err
		}
		t, err := types.Parse(text)
		if err != nil {
			return nil, err
		}
		for _, a := range c.Args[:1] {
			if !types.Instance(t, a) {
				return nil, c.Errorf("%s(): %s", c.Name, types.Mismatch(t, a))
			}
		}
		return undef()
	}
}

// validateLegacy checks against the new type only: the old check was stricter nowhere that matters.
func validateLegacy(_ context.Context, c *eval.Call) (value.Value, error) {
	t, err := typeArg(c, c.Arg(0))
	if err != nil {
		return nil, err
	}
	if err := types.Assert("validate_legacy("+c.Str(1)+")", t, c.Arg(2)); err != nil {
		return nil, c.Errorf("%v", err)
	}
	return undef()
}

func validateRe(_ context.Context, c *eval.Call) (value.Value, error) {
	if err := checkDeprecated(c); err != nil {
		return nil, err
	}
	for _, p := range flat([]value.Value{c.Arg(1)}) {
		re, err := pattern(c, p)
		if err != nil {
			return nil, err
		}
		if loc, err := re.Find(c.Str(0)); err == nil && loc != nil {
			return undef()
		}
	}
	if c.Has(2) {
		return nil, c.Errorf("%s", c.Str(2))
	}
	return nil, c.Errorf("validate_re(): %s does not match %s", rubyInspect(c.Arg(0)), rubyInspect(c.Arg(1)))
}

func isAddress(ok func(netip.Addr) bool) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		if err := checkDeprecated(c); err != nil {
			return nil, err
		}
		s, _, _ := strings.Cut(c.Str(0), "/")
		addr, err := netip.ParseAddr(s)
		return value.Bool(err == nil && ok(addr)), nil
	}
}
