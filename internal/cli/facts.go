package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"kickoff/internal/agent"
	"kickoff/internal/agent/collect"
	"kickoff/internal/config"
	"kickoff/internal/value"
)

func newFactsCommand(sio *IO) *cobra.Command {
	var output string
	var legacy bool
	cmd := &cobra.Command{
		Use:     "facts [NAME...]",
		Short:   "Print what this machine knows about itself",
		Long:    "Prints the facts that an agent run would send, all of them or those that are named (os.family, networking.ip).",
		Example: "  kickoff facts\n  kickoff facts os.family networking.ip\n  kickoff facts -o yaml memory",
		RunE: func(cmd *cobra.Command, names []string) error {
			conf, err := config.LoadPuppet(config.PuppetOptions{Section: "user"})
			if err != nil {
				return err
			}
			opt := agent.FactOptions(conf, Version, nil)
			opt.Legacy = opt.Legacy || legacy
			return printFacts(sio, collect.Collect(cmd.Context(), opt), names, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "output format: text, json or yaml")
	cmd.Flags().BoolVar(&legacy, "show-legacy", false, "also the flat facts of old")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func printFacts(sio *IO, facts *value.Hash, names []string, output string) error {
	chosen := facts
	if len(names) > 0 {
		chosen = value.NewHash(len(names))
		for _, name := range names {
			v, ok := facts.Dig(strings.Split(name, ".")...)
			if !ok {
				v = value.Undef{}
			}
			chosen.SetString(name, v)
		}
	}
	switch output {
	case "json":
		return writeJSON(sio.Out, value.ToGo(chosen))
	case "yaml":
		text, err := yaml.Marshal(value.ToGo(chosen))
		if err != nil {
			return fmt.Errorf("encode facts: %w", err)
		}
		_, err = sio.Out.Write(text)
		return err
	case "text":
	default:
		return fmt.Errorf("output format %q is unknown: use text, json or yaml", output)
	}
	if len(names) == 1 {
		v, _ := chosen.GetString(names[0])
		_, err := fmt.Fprintln(sio.Out, factText(v, ""))
		return err
	}
	for name, v := range chosen.All() {
		if _, err := fmt.Fprintf(sio.Out, "%s => %s\n", name, factText(v, "")); err != nil {
			return err
		}
	}
	return nil
}

// factText shows a structured fact over several lines.
func factText(v value.Value, indent string) string {
	var b strings.Builder
	switch v := v.(type) {
	case *value.Hash:
		b.WriteString("{\n")
		for name, e := range v.All() {
			fmt.Fprintf(&b, "%s  %s => %s\n", indent, name, inner(e, indent+"  "))
		}
		b.WriteString(indent + "}")
	case *value.Array:
		b.WriteString("[\n")
		for _, e := range v.Elems() {
			fmt.Fprintf(&b, "%s  %s\n", indent, inner(e, indent+"  "))
		}
		b.WriteString(indent + "]")
	default:
		return v.String()
	}
	return b.String()
}

func inner(v value.Value, indent string) string {
	if s, ok := v.(value.String); ok {
		return fmt.Sprintf("%q", string(s))
	}
	return factText(v, indent)
}
