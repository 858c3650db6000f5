package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
)

type fleetRunOptions struct {
	output string
	noop   bool
	target string
}

func newFleetRunCommand(sio *IO, f *clientFlags) *cobra.Command {
	var o fleetRunOptions
	cmd := &cobra.Command{
		Use:   "run GROUP|INSTANCE",
		Short: "Run agents one instance at a time, each out of its balancer while it runs",
		Long: `Run the agents of a group, one instance at a time: drain it, run its agent, wait until it has converged with the
current code and its health check answers, put it back, go on with the next. A failed run stops the rollout; the
instance that failed stays out of its balancer and is named.

With --noop nothing is drained and nothing changes: the runs only report what would change.
With -o json every step is one JSON object per line.

Exit status: 0 when all runs succeeded, 1 when the rollout stopped or could not begin.`,
		Example: "  kickoff fleet run backend-production\n  kickoff fleet run backend-production --noop\n  kickoff fleet run i-0123456789abcdef0",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.target = args[0]
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			return runFleet(cmd.Context(), sio.Out, c, o)
		},
	}
	addOutputFlag(cmd, &o.output)
	cmd.Flags().BoolVar(&o.noop, "noop", false, "only report what would change")
	return cmd
}

// startRun takes the target for a group first, then for an instance.
func startRun(ctx context.Context, c *api.Client, o fleetRunOptions) (api.Run, error) {
	run, err := c.StartRun(ctx, api.RunRequest{Group: o.target, Noop: o.noop})
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.CodeNotFound {
		return run, err
	}
	run, again := c.StartRun(ctx, api.RunRequest{Instance: o.target, Noop: o.noop})
	if errors.As(again, &e) && e.Code == api.CodeNotFound {
		return run, fmt.Errorf("there is neither a group nor an instance %s (%w)", o.target, err)
	}
	return run, again
}

func runFleet(ctx context.Context, w io.Writer, c *api.Client, o fleetRunOptions) error {
	run, err := startRun(ctx, c, o)
	if err != nil {
		return err
	}
	var last api.Run
	seq := 0
	show := func(e api.RunEvent) error {
		seq = e.Seq
		if e.Run != nil {
			last = *e.Run
		}
		if o.output == "json" {
			return json.NewEncoder(w).Encode(e)
		}
		return printRunEvent(w, e)
	}
	for attempt := 0; ; attempt++ {
		before := seq
		err = c.FollowRun(ctx, run.ID, seq, show)
		var e *api.Error
		if err == nil || ctx.Err() != nil || errors.As(err, &e) {
			break
		}
		if seq > before {
			attempt = 0
		}
		if attempt >= 10 { // the connection broke; what was missed comes again
			break
		}
		time.Sleep(time.Second)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("no longer watching; rolling run %s goes on", run.ID)
	case err != nil:
		return err
	case last.Error != "":
		return &ExitError{Code: 1, Err: fmt.Errorf("rolling run %s stopped at %s: %s", run.ID, last.Failed, last.Error)}
	}
	return nil
}

func printRunEvent(w io.Writer, e api.RunEvent) error {
	message := e.Message
	if r := e.Result; r != nil {
		message = fmt.Sprintf("%s: %s (%.1fs)", r.Instance, r.Status, r.Seconds)
		for _, list := range []struct {
			word  string
			names []string
		}{{"changed", r.Changed}, {"FAILED", r.Failed}} {
			for _, name := range list.names {
				message += "\n            " + list.word + " " + name
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s  %s\n", e.At.Local().Format("15:04:05"), strings.TrimRight(message, "\n"))
	return err
}
