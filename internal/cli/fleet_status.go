package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

type fleetStatusOptions struct {
	output string
	watch  bool
	all    bool
	group  string
}

func newFleetStatusCommand(sio *IO, f *clientFlags) *cobra.Command {
	var o fleetStatusOptions
	cmd := &cobra.Command{
		Use:   "status [GROUP]",
		Short: "Show every instance with its stage, its seconds per stage, and what is wrong",
		Long: `Show every instance with its stage and the seconds it spent in each stage, per group, and below each group what a
person should know: failed instances with their reason, a group that stopped launching, a balancer that does not answer.

Columns: REQ requested until the cloud accepted, PEND until it runs, BOOT until it asked for its binary, ENROL until it
had its certificate, CONV until it was in service, TOTAL all of these. A running stage ends with "…".`,
		Example: "  kickoff fleet status\n  kickoff fleet status backend-production --watch\n  kickoff fleet status -o json | jq '.groups[].serving'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.group = args[0]
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			if o.watch {
				return watchFleet(cmd.Context(), sio.Out, c, o)
			}
			return showFleet(cmd.Context(), sio.Out, c, o)
		},
	}
	addOutputFlag(cmd, &o.output)
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again whenever something happens, until interrupted")
	cmd.Flags().BoolVarP(&o.all, "all", "a", false, "also instances that are gone")
	return cmd
}

func showFleet(ctx context.Context, w io.Writer, c *api.Client, o fleetStatusOptions) error {
	fl, err := c.Fleet(ctx, o.group, o.all)
	if err != nil {
		return err
	}
	if o.output == "json" {
		return writeJSON(w, fl)
	}
	return printFleet(w, fl)
}

// watchFleet shows the fleet again after each burst of events, and every few seconds because times go on.
func watchFleet(ctx context.Context, w io.Writer, c *api.Client, o fleetStatusOptions) error {
	for ctx.Err() == nil {
		if o.output != "json" {
			fmt.Fprint(w, "\x1b[H\x1b[2J") // home, clear
		}
		if err := showFleet(ctx, w, c, o); err != nil && ctx.Err() == nil {
			if o.output == "json" {
				return err
			}
			fmt.Fprintln(w, "Error:", err, "(trying again)")
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// lifeColumns are the stages whose seconds are shown, with their headings.
var lifeColumns = []struct {
	stage instance.Stage
	head  string
}{
	{instance.Requested, "REQ"}, {instance.Pending, "PEND"}, {instance.Booting, "BOOT"}, {instance.Enrolling, "ENROL"}, {instance.Converging, "CONV"},
}

func printFleet(w io.Writer, f api.Fleet) error {
	for n, g := range f.Groups {
		if n > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %d of %d serving%s   (%s)\n", g.Name, g.Serving, g.Size, countWords(g), g.Why)
		for _, p := range g.Problems {
			fmt.Fprintln(w, "  !", p)
		}
		if len(g.Instances) == 0 {
			fmt.Fprintln(w, "  no instances")
			continue
		}
		if err := printInstances(w, g, f.At); err != nil {
			return err
		}
	}
	return nil
}

func countWords(g api.Group) string {
	var words []string
	for _, c := range []struct {
		n    int
		word string
	}{{g.Starting, "starting"}, {g.Out, "not serving"}, {g.Leaving, "leaving"}, {g.Failed, "failed"}} {
		if c.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return ", " + strings.Join(words, ", ")
}

func printInstances(w io.Writer, g api.Group, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "  INSTANCE\tSTAGE\tFOR\tADDRESS")
	for _, c := range lifeColumns {
		fmt.Fprint(t, "\t", c.head)
	}
	fmt.Fprintln(t, "\tTOTAL\tHEALTH\tLAST RUN\tNOTE")
	for _, i := range g.Instances {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s", i.Name, stageWord(i), shortDuration(now.Sub(i.Since)), dash(i.Address))
		for _, c := range lifeColumns {
			fmt.Fprint(t, "\t", stageSeconds(i, c.stage))
		}
		total := "-"
		if i.LeadSeconds > 0 {
			total = fmt.Sprintf("%.1fs", i.LeadSeconds)
		}
		fmt.Fprintf(t, "\t%s\t%s\t%s\t%s\n", total, healthWord(i), runWord(i, now), note(i))
	}
	return t.Flush()
}

func stageWord(i api.Instance) string {
	if i.Stage == instance.InService && !i.Out.IsZero() {
		return "out"
	}
	return string(i.Stage)
}

func stageSeconds(i api.Instance, s instance.Stage) string {
	for _, span := range i.Stages {
		if span.Stage == s {
			text := fmt.Sprintf("%.1fs", span.Seconds)
			if span.End.IsZero() {
				text += "…"
			}
			return text
		}
	}
	return "-"
}

func healthWord(i api.Instance) string {
	switch {
	case i.Stage != instance.InService && i.Stage != instance.Converging, i.Health.IsZero():
		return "-"
	case i.Health.Up:
		return "up"
	}
	return "DOWN " + i.Health.Detail
}

func runWord(i api.Instance, now time.Time) string {
	if i.LastRun.IsZero() {
		return "-"
	}
	text := i.LastRun.Status + " " + shortDuration(now.Sub(i.LastRun.At)) + " ago"
	if !i.Current && i.Stage == instance.InService {
		text += ", old code"
	}
	return text
}

// note is the most important thing to know about an instance.
func note(i api.Instance) string {
	switch {
	case i.Stage == instance.Failed:
		return fmt.Sprintf("failed in %s: %s", i.FailedIn, i.Reason)
	case i.Stage.Leaving():
		return strings.TrimSuffix(i.Reason+"; "+i.Waiting, "; ")
	case !i.Out.IsZero():
		return strings.TrimSuffix(i.Out.Reason+"; "+i.Waiting, "; ")
	case i.Waiting != "":
		return i.Waiting
	}
	return i.Reason
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// shortDuration renders a duration in at most two units.
func shortDuration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
