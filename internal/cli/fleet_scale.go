package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
)

func newFleetScaleCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output, reason string
	var auto bool
	cmd := &cobra.Command{
		Use:   "scale GROUP N",
		Short: "Set the size of a group",
		Long: `Set the size of a group. The size outranks the one in fleet.yaml until it is given back with --auto; the group's limits
and its floor outrank it. Instances that are too many are drained, deregistered and terminated; nothing is cut off.`,
		Example: "  kickoff fleet scale backend-production 4\n  kickoff fleet scale backend-production --auto",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := api.ScaleRequest{Reason: reason}
			if auto != (len(args) == 1) {
				return fmt.Errorf("give either a size or --auto")
			}
			if !auto {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 0 {
					return fmt.Errorf("size %q is not a whole number from 0", args[1])
				}
				req.Size = &n
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			a, err := c.Scale(cmd.Context(), args[0], req)
			if err != nil {
				return err
			}
			return printSize(sio.Out, output, a)
		},
	}
	addOutputFlag(cmd, &output)
	cmd.Flags().BoolVar(&auto, "auto", false, "give the size back to fleet.yaml")
	cmd.Flags().StringVar(&reason, "reason", "", "kept with the decision")
	return cmd
}

func newFleetLaunchCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "launch GROUP N",
		Short: "Launch N more instances of a group than are wanted now",
		Long: `Launch N more instances of a group than are wanted now: the group's size becomes that much larger, as with scale. A
group that had stopped launching after failures launches again.`,
		Example: "  kickoff fleet launch backend-production 2",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 1 {
				return fmt.Errorf("%q is not a whole number from 1", args[1])
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			a, err := c.Launch(cmd.Context(), args[0], n)
			if err != nil {
				return err
			}
			return printSize(sio.Out, output, a)
		},
	}
	addOutputFlag(cmd, &output)
	return cmd
}

func printSize(w io.Writer, output string, a api.SizeAnswer) error {
	if output == "json" {
		return writeJSON(w, a)
	}
	if a.Before == a.Size {
		fmt.Fprintf(w, "%s: %d wanted, as before (%s)\n", a.Group, a.Size, a.Why)
	} else {
		fmt.Fprintf(w, "%s: %d wanted, was %d (%s)\n", a.Group, a.Size, a.Before, a.Why)
	}
	return nil
}

func newFleetResumeCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "resume GROUP",
		Short:   "Let a group launch again that stopped after failures",
		Long:    "Let a group launch again that stopped after three failed launches in a row. See why first: kickoff fleet status.",
		Example: "  kickoff fleet resume backend-production",
		Args:    cobra.ExactArgs(1),
		RunE: f.oneCall(sio, &output, func(ctx context.Context, c *api.Client, name string) (api.Done, error) {
			return c.Resume(ctx, name)
		}),
	}
	addOutputFlag(cmd, &output)
	return cmd
}

// oneCall makes the RunE of a command that asks the server for one thing, named by its argument, and prints the answer.
func (f *clientFlags) oneCall(sio *IO, output *string, ask func(ctx context.Context, c *api.Client, name string) (api.Done, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := f.client()
		if err != nil {
			return err
		}
		defer c.Close()
		d, err := ask(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		return printDone(sio.Out, *output, d)
	}
}

func printDone(w io.Writer, output string, d api.Done) error {
	if output == "json" {
		return writeJSON(w, d)
	}
	_, err := fmt.Fprintln(w, d.Message)
	return err
}
