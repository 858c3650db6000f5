package function

import (
	"context"
	"path"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdPathTable: stdlib's functions on paths.
func stdPathTable() []eval.Function {
	return []eval.Function{
		fn("dirname", sig(dirname, eval.Req("path", "String"))),
		fn("basename", sig(basename, eval.Req("path", "String"), eval.Opt("extension", "String"))),
		fn("stdlib::extname", sig(text(extname), eval.Req("filename", "String"))),
		fn("is_a", sig(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return value.Bool(types.Instance(c.Arg(1).(types.Type), c.Arg(0))), nil
		}, eval.Req("value", "Any"), eval.Req("type", "Type"))),
	}
}

func dirname(_ context.Context, c *eval.Call) (value.Value, error) {
	s := c.Str(0)
	if s == "" {
		return nil, c.Errorf("dirname(): Requires either an absolute path or a file name")
	}
	trimmed := strings.TrimRight(s, "/")
	if trimmed == "" {
		return value.String("/"), nil
	}
	i := strings.LastIndexByte(trimmed, '/')
	switch {
	case i < 0:
		return value.String("."), nil
	case strings.TrimRight(trimmed[:i], "/") == "":
		return value.String("/"), nil
	}
	return value.String(strings.TrimRight(trimmed[:i], "/")), nil
}

func basename(_ context.Context, c *eval.Call) (value.Value, error) {
	if c.Str(0) == "" {
		return value.String(""), nil
	}
	base, ext := path.Base(c.Str(0)), c.Str(1)
	switch {
	case ext == ".*":
		base = strings.TrimSuffix(base, extname(base))
	case ext != base:
		base = strings.TrimSuffix(base, ext)
	}
	return value.String(base), nil
}

// extname is the last extension of a file's name; a dot at its start begins none.
func extname(s string) string {
	base := strings.TrimLeft(path.Base(s), ".")
	if i := strings.LastIndexByte(base, '.'); i > 0 && i+1 < len(base) {
		return base[i:]
	}
	return ""
}
