package function

import (
	"context"
	"strings"

	"kickoff/internal/puppet/erb"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/template"
	"kickoff/internal/value"
)

// templateTable: EPP and ERB.
func templateTable() []eval.Function {
	params := eval.Opt("parameters", `Hash[Pattern[/^\w+$/], Any]`)
	return []eval.Function{
		fn("epp", sig(epp, eval.Req("path", "String"), params)),
		fn("template", sig(erbFiles, eval.Rest1("paths", "String"))),
		fn("inline_template", sig(erbInline, eval.Rest1("templates", "String"))),
		fn("inline_epp", sig(inlineEPP, eval.Req("template", "String"), params)),
	}
}

func epp(ctx context.Context, c *eval.Call) (value.Value, error) {
	params, _ := c.Arg(1).(*value.Hash)
	return template.File(ctx, c, c.Str(0), params)
}

func inlineEPP(ctx context.Context, c *eval.Call) (value.Value, error) {
	params, _ := c.Arg(1).(*value.Hash)
	return template.Inline(ctx, c, c.Str(0), params)
}

// erbFiles renders the files one after the other.
func erbFiles(ctx context.Context, c *eval.Call) (value.Value, error) {
	return erbAll(ctx, c, erb.File)
}

func erbInline(ctx context.Context, c *eval.Call) (value.Value, error) {
	return erbAll(ctx, c, erb.Inline)
}

func erbAll(ctx context.Context, c *eval.Call, render func(context.Context, *eval.Call, erb.Writers, string) (string, error)) (value.Value, error) {
	w := erb.Writers{Format: formatRuby, YAML: YAML}
	var b strings.Builder
	for i := range c.Args {
		text, err := render(ctx, c, w, c.Str(i))
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return value.String(b.String()), nil
}

// formatRuby is sprintf as templates call it.
func formatRuby(format string, args []value.Value) (string, error) {
	p := printer{format: format, args: args}
	if err := p.run(); err != nil {
		return "", err
	}
	return p.b.String(), nil
}
