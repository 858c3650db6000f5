package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
	"kickoff/internal/fleet/simulate"
)

type fleetSimulateOptions struct {
	output, file, load, from, to, against, picture string
	seed                                           uint64
}

func newFleetSimulateCommand(sio *IO) *cobra.Command {
	var o fleetSimulateOptions
	cmd := &cobra.Command{
		Use:   "simulate -f fleet.yaml --load load.csv --from TIME --to TIME",
		Short: "Rehearse a fleet.yaml against a load: short minutes, server hours, cost",
		Long: `Rehearse a fleet.yaml against a load, without a server and without machines: the same functions decide as in the
controller, and instances boot as long as each group's boot distribution says. The same seed gives the same result.

load.csv has the columns time (RFC 3339), group and demand (in servers, fractional); a row holds until the group's next.
--from is inclusive, --to exclusive. The calendars are their final state, known from the start, unless fleet.yaml gives
their history. Paths in fleet.yaml are relative to it. At the beginning the wanted size serves already.

With --against another fleet.yaml is rehearsed with the same load, and shown beside it.`,
		Example: "  kickoff fleet simulate -f examples/season/fleet.yaml --load examples/season/load.csv --from 2025-08-01T00:00:00Z --to 2026-06-01T00:00:00Z\n" +
			"  kickoff fleet simulate -f fleet.yaml --load load.csv --from 2025-10-25T00:00:00Z --to 2025-10-27T00:00:00Z --picture out.svg -o json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return simulateFleet(cmd.Context(), sio, o) },
	}
	addOutputFlag(cmd, &o.output)
	fs := cmd.Flags()
	fs.StringVarP(&o.file, "file", "f", "fleet.yaml", "the fleet.yaml to rehearse")
	fs.StringVar(&o.load, "load", "", "the load: a CSV file with time, group, demand")
	fs.StringVar(&o.from, "from", "", "begin, inclusive (RFC 3339)")
	fs.StringVar(&o.to, "to", "", "end, exclusive (RFC 3339)")
	fs.Uint64Var(&o.seed, "seed", 1, "seed of the boot times and failures")
	fs.StringVar(&o.against, "against", "", "another fleet.yaml to compare with")
	fs.StringVar(&o.picture, "picture", "", "write a picture to this file (.svg)")
	for _, name := range []string{"load", "from", "to"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

// simulateAnswer is the JSON form; Against is only there when it was asked for.
type simulateAnswer struct {
	*simulate.Result
	Against *simulate.Result `json:"against,omitempty"`
}

func simulateFleet(ctx context.Context, sio *IO, o fleetSimulateOptions) error {
	if o.picture != "" && filepath.Ext(o.picture) != ".svg" {
		return fmt.Errorf("--picture %s: only .svg can be written", o.picture)
	}
	from, err := parseMoment("--from", o.from)
	if err != nil {
		return err
	}
	to, err := parseMoment("--to", o.to)
	if err != nil {
		return err
	}
	file, err := os.Open(o.load)
	if err != nil {
		return err
	}
	load, err := simulate.ReadLoad(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("read %s: %w", o.load, err)
	}
	opt := simulate.Options{Load: load, From: from, To: to, Seed: o.seed}
	var ans simulateAnswer
	if ans.Result, err = simulateFile(ctx, sio, o.file, opt); err != nil {
		return err
	}
	if o.against != "" {
		if ans.Against, err = simulateFile(ctx, sio, o.against, opt); err != nil {
			return err
		}
	}
	if o.picture != "" {
		if err := writePicture(o.picture, ans.Result); err != nil {
			return err
		}
	}
	if o.output == "json" {
		return writeJSON(sio.Out, ans)
	}
	return printSimulation(sio.Out, ans, o)
}

func parseMoment(what, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%s %q is not a time such as 2026-08-01T15:00:00Z", what, s)
	}
	return t.UTC(), nil
}

func simulateFile(ctx context.Context, sio *IO, path string, opt simulate.Options) (*simulate.Result, error) {
	f, err := config.LoadFleetPlan(path)
	if err != nil {
		return nil, err
	}
	opt.Fleet = f
	opt.Calendars = map[string][]simulate.CalendarVersion{}
	for name, c := range f.Calendars {
		if opt.Calendars[name], err = calendarVersions(ctx, c); err != nil {
			return nil, fmt.Errorf("calendar %s: %w", name, err)
		}
	}
	begin, shown := time.Now(), time.Now()
	opt.Progress = func(p float64) {
		if time.Since(shown) > time.Second {
			shown = time.Now()
			fmt.Fprintf(sio.Err, "%s: %.0f %%\n", path, 100*p)
		}
	}
	res, err := simulate.Run(opt)
	if err == nil {
		fmt.Fprintf(sio.Err, "%s: simulated in %s\n", path, time.Since(begin).Round(time.Millisecond))
	}
	return res, err
}

// calendarVersions loads a calendar as it is, or each version of its history.
func calendarVersions(ctx context.Context, c config.Calendar) ([]simulate.CalendarVersion, error) {
	if len(c.History) == 0 {
		cal, err := loadCalendar(ctx, c)
		return []simulate.CalendarVersion{{Calendar: cal}}, err
	}
	var out []simulate.CalendarVersion
	for _, h := range c.History {
		cal, err := readCalendar(h.File)
		if err != nil {
			return nil, err
		}
		out = append(out, simulate.CalendarVersion{From: h.From, Calendar: cal})
	}
	return out, nil
}

// readCalendar reads a file; one that is empty is a calendar without matches.
func readCalendar(path string) (*calendar.Calendar, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cal, err := calendar.Parse(src)
	if err != nil && !errors.Is(err, calendar.ErrEmpty) {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return cal, nil
}

func writePicture(path string, r *simulate.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(r.Picture(f), f.Close())
}

func printSimulation(w io.Writer, a simulateAnswer, o fleetSimulateOptions) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "GROUP\tSHORT MIN\tSHORT SERVER MIN\tSERVER HOURS\tWINDOWS ALONE\tOPTIMUM\tCOST\tOPTIMUM COST\tLAUNCHES\tLATE\t")
	rows := func(r *simulate.Result, suffix string) {
		for _, name := range groupNames(r) {
			g := r.Groups[name]
			fmt.Fprintf(t, "%s%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%d\t%d\t\n", name, suffix, g.ShortMinutes, g.ShortServerMinutes, g.ServerHours,
				g.WindowHours, g.OptimumHours, g.Cost, g.OptimumCost, g.Launches, g.LateAlarms)
		}
		fmt.Fprintf(t, "all%s\t%d\t%.1f\t%.1f\t\t\t%.2f\t%.2f\t%d\t%d\t\n", suffix, r.ShortMinutes, r.ShortServerMinutes, r.ServerHours, r.Cost, r.OptimumCost, r.Launches, r.LateAlarms)
	}
	rows(a.Result, "")
	if a.Against != nil {
		rows(a.Against, " ("+filepath.Base(o.against)+")")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range groupNames(a.Result) {
		fmt.Fprintf(w, "\n%s, %s to %s; lead: %s\n", name, a.From.Format(time.DateTime), a.To.Format(time.DateTime), a.Groups[name].Lead)
		for _, warning := range a.Groups[name].Warnings {
			fmt.Fprintln(w, "  !", warning.Text)
		}
		if err := a.Sketch(w, name, 100); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d decisions; all of them with their reasons: -o json\n", len(a.Decisions))
	return err
}

func groupNames(r *simulate.Result) []string {
	names := make([]string, 0, len(r.Groups))
	for n := range r.Groups {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
