package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

func newFleetEventsCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	var follow bool
	var limit int
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Show what happened in the fleet",
		Long:    "Show the newest events of the fleet, oldest first; with --follow, also those to come. With -o json one object per line.",
		Example: "  kickoff fleet events\n  kickoff fleet events -f",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			return showEvents(cmd.Context(), sio, c, output, limit, follow)
		},
	}
	addOutputFlag(cmd, &output)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "wait for more until interrupted")
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "how many of the newest events")
	return cmd
}

func showEvents(ctx context.Context, sio *IO, c *api.Client, output string, limit int, follow bool) error {
	page, err := c.Events(ctx, -1, limit)
	if err != nil {
		return err
	}
	var seq int64
	show := func(e instance.Event) error {
		seq = e.Seq
		if output == "json" {
			return json.NewEncoder(sio.Out).Encode(e)
		}
		return printEvent(sio.Out, e)
	}
	for _, e := range page.Events {
		if err := show(e); err != nil {
			return err
		}
	}
	for follow && ctx.Err() == nil {
		err := c.FollowEvents(ctx, seq, show)
		var e *api.Error
		if errors.As(err, &e) {
			return err
		}
		if ctx.Err() == nil { // the server restarted: go on where we were
			fmt.Fprintln(sio.Err, "connection lost, trying again")
			time.Sleep(time.Second)
		}
	}
	return nil
}

func printEvent(w io.Writer, e instance.Event) error {
	mark := " "
	switch e.Level {
	case instance.Warning:
		mark = "!"
	case instance.Alarm:
		mark = "!!"
	}
	_, err := fmt.Fprintf(w, "%s %-2s %s\n", e.At.Local().Format("2006-01-02 15:04:05"), mark, e.Message)
	return err
}
