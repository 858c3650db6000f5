package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/puppet/hiera"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// lookupFlags are the flags of lookup.
type lookupFlags struct {
	environmentPath, basePath, environment    string
	node, facts, trusted, hieraConfig         string
	merge, typ, fallback, knockout            string
	explain, sortArrays, hashArrays, hasValue bool
	output                                    string
}

func newLookupCommand(sio *IO) *cobra.Command {
	var opt lookupFlags
	cmd := &cobra.Command{
		Use:   "lookup KEY [KEY...]",
		Short: "Find a key in Hiera's data as a node would",
		Long: `Looks a key up in the global layer, the environment and its modules, with the facts of a node, and prints the value
as YAML. Of several keys the first that is found counts. With --explain it prints what was searched instead.`,
		Example: `  kickoff lookup profile::backend::port --node web01 --facts web01.json
  kickoff lookup role::classes --merge unique --explain --environmentpath code/environments`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			opt.hasValue = c.Flags().Changed("default")
			return runLookup(c.Context(), sio, opt, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.environmentPath, "environmentpath", "/etc/puppetlabs/code/environments", "directories of environments, separated by colons")
	f.StringVar(&opt.basePath, "basemodulepath", "", "directories of modules for all environments, separated by colons")
	f.StringVarP(&opt.environment, "environment", "E", "production", "the environment")
	f.StringVar(&opt.node, "node", "", "the node's name, for trusted.certname")
	f.StringVar(&opt.facts, "facts", "", "a JSON file of facts: a plain hash, or {\"name\", \"values\"}")
	f.StringVar(&opt.trusted, "trusted", "", "a JSON file of trusted facts")
	f.StringVar(&opt.hieraConfig, "hiera-config", "", "the global hiera.yaml")
	f.StringVar(&opt.merge, "merge", "", "first, unique, hash or deep; what the data's lookup_options say if not given")
	f.StringVar(&opt.knockout, "knock-out-prefix", "", "with --merge deep: the prefix that removes a value")
	f.BoolVar(&opt.sortArrays, "sort-merged-arrays", false, "with --merge deep: sort merged arrays")
	f.BoolVar(&opt.hashArrays, "merge-hash-arrays", false, "with --merge deep: merge hashes in arrays by position")
	f.StringVar(&opt.typ, "type", "", "the data type that the value must have")
	f.StringVar(&opt.fallback, "default", "", "the value if the key is not found")
	f.BoolVar(&opt.explain, "explain", false, "print how the value was searched")
	f.StringVarP(&opt.output, "output", "o", "yaml", "output format: yaml or json")
	_ = cmd.MarkFlagDirname("environmentpath")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("merge", cobra.FixedCompletions([]string{"first", "unique", "hash", "deep"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runLookup(ctx context.Context, sio *IO, opt lookupFlags, keys []string) error {
	if opt.output != "yaml" && opt.output != "json" {
		return fmt.Errorf("output format %q is unknown: use yaml or json", opt.output)
	}
	session, scope, err := lookupSession(ctx, opt)
	if err != nil {
		return err
	}
	for _, key := range keys {
		v, found, ex, err := session.Explain(ctx, scope, key, opt.strategy())
		if opt.explain {
			fmt.Fprint(sio.Out, ex)
		}
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if opt.explain {
			return nil
		}
		return opt.print(sio, v)
	}
	if opt.hasValue && !opt.explain {
		return opt.print(sio, value.String(opt.fallback))
	}
	return &ExitError{Code: 1}
}

// strategy is the merge that the flags ask for, undef for none.
func (o lookupFlags) strategy() value.Value {
	switch {
	case o.merge == "":
		return value.Undef{}
	case o.merge != "deep":
		return value.String(o.merge)
	}
	h := value.HashOf("strategy", "deep", "sort_merged_arrays", o.sortArrays, "merge_hash_arrays", o.hashArrays)
	if o.knockout != "" {
		h.SetString("knockout_prefix", value.String(o.knockout))
	}
	return h
}

func (o lookupFlags) print(sio *IO, v value.Value) error {
	if o.typ != "" {
		t, err := types.Parse(o.typ)
		if err != nil {
			return err
		}
		if err := types.Assert("found value", t, v); err != nil {
			return err
		}
	}
	if o.output == "json" {
		_, err := fmt.Fprintf(sio.Out, "%s\n", value.AppendJSON(nil, value.Redact(v)))
		return err
	}
	_, err := fmt.Fprint(sio.Out, function.YAML(v))
	return err
}

// lookupSession makes the session of one lookup: variables are facts, trusted, and facts by their names.
func lookupSession(ctx context.Context, opt lookupFlags) (*hiera.Session, *eval.Scope, error) {
	facts, err := readFacts(opt.facts)
	if err != nil {
		return nil, nil, err
	}
	trusted := value.HashOf("authenticated", "remote", "certname", opt.node, "domain", value.Undef{},
		"extensions", value.NewHash(0), "hostname", opt.node)
	if opt.trusted != "" {
		if trusted, err = readFacts(opt.trusted); err != nil {
			return nil, nil, err
		}
	}
	env, err := module.NewLibrary(module.Options{
		EnvironmentPath: filepath.SplitList(opt.environmentPath), BaseModulePath: filepath.SplitList(opt.basePath),
	}).Environment(ctx, opt.environment)
	if err != nil {
		return nil, nil, err
	}
	top := eval.NewTop(nil)
	for k, v := range facts.All() {
		top.Define(k.String(), v)
	}
	top.Define("facts", facts)
	top.Define("trusted", trusted)
	top.Define("environment", value.String(opt.environment))
	e := eval.New(top, eval.Options{Environment: env})
	h := hiera.New(hiera.Options{Environment: env, GlobalConfig: opt.hieraConfig})
	return h.Session(e.Variable), top, nil
}
