package function

import (
	"context"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/template"
	"kickoff/internal/value"
)

// templateTable: EPP.
func templateTable() []eval.Function {
	params := eval.Opt("parameters", `Hash[Pattern[/^\w+$/], Any]`)
	return []eval.Function{
		fn("epp", sig(epp, eval.Req("path", "String"), params)),
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
