// Package cli holds kickoff's commands, one file each. It is the only place that wires the parts together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// commands is the table of all commands, in the order of the help text.
var commands = []func(*IO) *cobra.Command{
	newAgentCommand,
	newApplyCommand,
	newFactsCommand,
	newCatalogCommand,
	newLookupCommand,
	newParserCommand,
	newEPPCommand,
	newLocalCloudCommand,
	newFleetCommand,
	newUserDataCommand,
	newTokenCommand,
	newServerCommand,
	newCACommand,
	newENCCommand,
	newConsoleCommand,
	newVersionCommand,
}

// Main runs the command line and gives the exit status.
func Main(args []string, sio *IO) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := NewRoot(sio)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintln(sio.Err, "Error:", exit.Err)
		}
		return exit.Code
	}
	fmt.Fprintln(sio.Err, "Error:", err)
	return 1
}

// NewRoot builds the command tree.
func NewRoot(sio *IO) *cobra.Command {
	root := &cobra.Command{
		Use:   "kickoff",
		Short: "blank cloud servers into working ones, in time for the match",
		Long: `kickoff turns blank cloud servers into working ones and keeps exactly as many of them in service as the
next match needs: a Puppet-compatible server, an agent, a fleet controller and a console in one binary.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(sio.In)
	root.SetOut(sio.Out)
	root.SetErr(sio.Err)
	for _, c := range commands {
		root.AddCommand(c(sio))
	}
	refuseUnknown(root)
	return root
}

// refuseUnknown makes a command that only holds others refuse words that are none of them; without a word it prints its
// help.
func refuseUnknown(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		refuseUnknown(sub)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.Args, cmd.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = " (did you mean " + near[0] + "?)"
		}
		return fmt.Errorf("%s has no command %q%s; see %s --help", cmd.CommandPath(), args[0], hint, cmd.CommandPath())
	}
}
