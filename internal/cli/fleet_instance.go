package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
)

type fleetTerminateOptions struct {
	output, reason string
	yes, shrink    bool
}

func newFleetTerminateCommand(sio *IO, f *clientFlags) *cobra.Command {
	var o fleetTerminateOptions
	cmd := &cobra.Command{
		Use:   "terminate INSTANCE...",
		Short: "End instances: drain, deregister, revoke, terminate",
		Long: `End instances. Each is drained, leaves its balancer, loses its certificate, its exports and its node data, and then its
machine is terminated. A replacement is launched while the group's size asks for it; --shrink lowers the size instead.`,
		Example: "  kickoff fleet terminate i-0123456789abcdef0\n  kickoff fleet terminate --shrink --yes i-0123456789abcdef0",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			if !o.yes {
				if err := confirmTerminate(cmd.Context(), sio, c, args); err != nil {
					return err
				}
			}
			d, err := c.Terminate(cmd.Context(), api.TerminateRequest{Instances: args, Shrink: o.shrink, Reason: o.reason})
			if err != nil {
				return err
			}
			return printDone(sio.Out, o.output, d)
		},
	}
	addOutputFlag(cmd, &o.output)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&o.shrink, "shrink", false, "lower the group's size, so that no replacement comes")
	cmd.Flags().StringVar(&o.reason, "reason", "", "kept with the instance")
	return cmd
}

// confirmTerminate shows what is about to end and asks.
func confirmTerminate(ctx context.Context, sio *IO, c *api.Client, names []string) error {
	for _, name := range names {
		i, err := c.Instance(ctx, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sio.Err, "  %s  %s  %s  %s\n", i.Name, i.Group, stageWord(i), i.Address)
	}
	fmt.Fprintf(sio.Err, "Terminate %d? [y/N] ", len(names))
	answer, err := bufio.NewReader(sio.In).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return &ExitError{Code: 1, Err: fmt.Errorf("nothing was terminated (answer y, or give --yes)")}
	}
	return nil
}

func newFleetDrainCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output, reason string
	cmd := &cobra.Command{
		Use:   "drain INSTANCE",
		Short: "Keep an instance out of its balancer until undrain",
		Long: `Keep an instance out of its balancer: it finishes what it has and gets nothing new. Its machine stays, and it still
counts against the size of its group. kickoff fleet undrain lets it back.`,
		Example: "  kickoff fleet drain i-0123456789abcdef0 --reason 'looking at a memory leak'",
		Args:    cobra.ExactArgs(1),
		RunE: f.oneCall(sio, &output, func(ctx context.Context, c *api.Client, name string) (api.Done, error) {
			return c.Drain(ctx, name, api.DrainRequest{Reason: reason})
		}),
	}
	addOutputFlag(cmd, &output)
	cmd.Flags().StringVar(&reason, "reason", "", "shown in the status")
	return cmd
}

func newFleetUndrainCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "undrain INSTANCE",
		Short:   "Let a drained instance back, when it is converged, current and healthy",
		Example: "  kickoff fleet undrain i-0123456789abcdef0",
		Long:    "Let a drained instance back into its balancer. It enters through the gate, as a new one: converged, current, healthy.",
		Args:    cobra.ExactArgs(1),
		RunE: f.oneCall(sio, &output, func(ctx context.Context, c *api.Client, name string) (api.Done, error) {
			return c.Undrain(ctx, name)
		}),
	}
	addOutputFlag(cmd, &output)
	return cmd
}

func newFleetConsoleCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "console INSTANCE",
		Short:   "Show what an instance wrote to its console",
		Long:    "Show the last part of what an instance wrote to its console, as the cloud keeps it: the place to look when it never enrolled.",
		Example: "  kickoff fleet console i-0123456789abcdef0",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			o, err := c.Console(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(sio.Out, o)
			}
			_, err = io.WriteString(sio.Out, o.Text)
			return err
		},
	}
	addOutputFlag(cmd, &output)
	return cmd
}
