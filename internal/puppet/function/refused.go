package function

import (
	"context"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// refusedTable: functions of Puppet that kickoff knows and does not have, with what to do instead.
func refusedTable() []eval.Function {
	refuse := func(name, why string) eval.Function {
		return fn(name, sigBlock(func(_ context.Context, c *eval.Call) (value.Value, error) {
			return nil, c.Errorf("function %s() is not supported: %s", name, why)
		}, maybeAny, eval.Rest("args", "Any")))
	}
	return []eval.Function{
		refuse("generate", "it would run a command on the server; give the value by a fact, Hiera or the classifier"),
		refuse("eyaml_lookup_key", "encrypted YAML is not read yet"),
		refuse("hocon_data", "HOCON is not read"),
		refuse("import", "files are found by the autoloader"),
		refuse("annotate", "annotations of types are not supported yet"),
	}
}
