package cli

import (
	"github.com/spf13/cobra"
)

func newEPPCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "epp",
		Short: "Check and look at EPP templates",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(newEPPValidateCommand(sio), newEPPDumpCommand(sio))
	return cmd
}

func newEPPValidateCommand(sio *IO) *cobra.Command {
	opt := sourceOptions{suffix: ".epp", epp: true}
	cmd := &cobra.Command{
		Use:   "validate [FILE|DIRECTORY|-]...",
		Short: "Check the syntax of EPP templates",
		Long: `Checks templates without rendering them. All errors are reported, with their source lines.

In a directory every file whose name ends in .epp is checked. Without arguments, or with -, the text comes from standard
input. The exit status is 1 if there was an error.`,
		Example: "  kickoff epp validate templates/\n  kickoff epp validate -o json motd.epp",
		RunE:    func(c *cobra.Command, args []string) error { return runValidate(c.Context(), sio, opt, args) },
	}
	addOutputFlag(cmd, &opt.output)
	return cmd
}

func newEPPDumpCommand(sio *IO) *cobra.Command {
	opt := sourceOptions{suffix: ".epp", epp: true}
	cmd := &cobra.Command{
		Use:     "dump [FILE|DIRECTORY|-]...",
		Short:   "Print the syntax tree of EPP templates",
		Example: "  kickoff epp dump motd.epp",
		RunE:    func(c *cobra.Command, args []string) error { return runDump(c.Context(), sio, opt, args) },
	}
	addOutputFlag(cmd, &opt.output)
	return cmd
}
