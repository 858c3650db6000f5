package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
	"kickoff/internal/fleet/calendar/feed"
	"kickoff/internal/fleet/plan"
)

type fleetCalendarOptions struct {
	output, file, at, zone string
	days                   int
}

func newFleetCalendarCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "calendar",
		Short:   "Look at calendars of matches",
		Long:    "Look at calendars of matches before they are trusted with the fleet.",
		Example: "  kickoff fleet calendar check fixtures.ics",
	}
	var o fleetCalendarOptions
	check := &cobra.Command{
		Use:   "check FILE|URL",
		Short: "Show what each event of a calendar would do, and what is odd about it",
		Long: `Show the events of a calendar in the days to come, what each would do to the groups of a fleet.yaml (-f), and what is
odd about it: no end, no zone, an unknown zone, a time that a clock change skips or repeats, a rule that is refused.

Exit status: 0 when the calendar can be used, 1 when it cannot.`,
		Example: "  kickoff fleet calendar check https://example.com/fixtures.ics\n  kickoff fleet calendar check fixtures.ics -f fleet.yaml --days 60",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return checkCalendar(cmd.Context(), sio.Out, o, args[0])
		},
	}
	addOutputFlag(check, &o.output)
	fs := check.Flags()
	fs.StringVarP(&o.file, "file", "f", "", "a fleet.yaml whose rules are applied")
	fs.StringVar(&o.at, "at", "", "begin at this time (RFC 3339) instead of now")
	fs.IntVar(&o.days, "days", 365, "how many days to show")
	fs.StringVar(&o.zone, "timezone", "", "zone of times that name none (default: each group's, else UTC)")
	cmd.AddCommand(check)
	return cmd
}

// loadCalendar fetches a calendar once, without keeping anything.
func loadCalendar(ctx context.Context, c config.Calendar) (*calendar.Calendar, error) {
	if c.File != "" {
		return readCalendar(c.File)
	}
	got, err := feed.Fetcher{}.Fetch(ctx, c.URL, "", "")
	if err != nil {
		return nil, err
	}
	return calendar.Parse(got.Body)
}

// checkedEvent is one event with what it would do.
type checkedEvent struct {
	calendar.Occurrence
	Does []string `json:"does"`
}

type checkedCalendar struct {
	Events   []checkedEvent     `json:"events"`
	Problems []calendar.Problem `json:"problems"`
}

func checkCalendar(ctx context.Context, w io.Writer, o fleetCalendarOptions, source string) error {
	c := config.Calendar{File: source, DefaultDuration: config.DefaultEventDuration}
	if strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://") {
		c.File, c.URL = "", source
	}
	from, err := momentOrNow(o.at)
	if err != nil {
		return err
	}
	zone, groups, err := checkRules(o, &c, source)
	if err != nil {
		return err
	}
	cal, err := loadCalendar(ctx, c)
	if err != nil {
		return err
	}
	span := calendar.Span{From: from, To: from.AddDate(0, 0, o.days), Zone: zone, DefaultDuration: c.DefaultDuration}
	occurrences, problems := cal.Expand(span)
	ans := checkedCalendar{Events: []checkedEvent{}, Problems: append(cal.Problems, problems...)}
	for _, oc := range occurrences {
		ans.Events = append(ans.Events, checkedEvent{Occurrence: oc, Does: does(&oc, groups)})
	}
	if o.output == "json" {
		return writeJSON(w, ans)
	}
	return printCalendar(w, ans, zone, len(cal.Events))
}

func momentOrNow(at string) (time.Time, error) {
	if at == "" {
		return time.Now().UTC(), nil
	}
	return parseMoment("--at", at)
}

// checkRules reads the fleet.yaml and finds the zone of times without one.
func checkRules(o fleetCalendarOptions, c *config.Calendar, source string) (*time.Location, []config.Group, error) {
	zone := time.UTC
	var groups []config.Group
	if o.file != "" {
		f, err := config.LoadFleetPlan(o.file)
		if err != nil {
			return nil, nil, err
		}
		groups = f.Groups
		for _, g := range groups {
			if len(g.Plan.Matches) > 0 {
				zone = g.Plan.Timezone
			}
		}
		for _, fc := range f.Calendars {
			if fc.URL == source || len(f.Calendars) == 1 {
				c.DefaultDuration = fc.DefaultDuration
			}
		}
	}
	if o.zone == "" {
		return zone, groups, nil
	}
	zone, err := time.LoadLocation(o.zone)
	if err != nil {
		err = fmt.Errorf("--timezone: %w", err)
	}
	return zone, groups, err
}

// does says what an event would do to each group.
func does(o *calendar.Occurrence, groups []config.Group) []string {
	out := []string{}
	if o.Status == "CANCELLED" {
		return append(out, "nothing: it is cancelled")
	}
	for _, g := range groups {
		best, size := config.Match{}, -1
		for _, m := range g.Plan.Matches {
			if plan.Fits(m, o) && m.Size > size {
				best, size = m, m.Size
			}
		}
		if size >= 0 {
			out = append(out, fmt.Sprintf("%s: %d from %s to %s", g.Name, size, o.Start.Add(-best.Before).In(g.Plan.Timezone).Format("02 Jan 15:04"),
				o.End.Add(best.After).In(g.Plan.Timezone).Format("02 Jan 15:04 MST")))
		}
	}
	if len(out) == 0 && len(groups) > 0 {
		out = append(out, "nothing: no rule fits")
	}
	return out
}

func printCalendar(w io.Writer, c checkedCalendar, zone *time.Location, all int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BEGIN\tEND\tTITLE\tCATEGORY\tDOES")
	for _, e := range c.Events {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Start.In(zone).Format("Mon 2006-01-02 15:04 MST"), e.End.In(zone).Format("15:04"), e.Title,
			strings.Join(e.Categories, ","), strings.Join(e.Does, "; "))
		for _, odd := range e.Odd {
			fmt.Fprintf(t, "\t\t  ! %s\t\t\n", odd)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	broken := 0
	for _, p := range c.Problems {
		if p.Broken {
			broken++
		}
		fmt.Fprintf(w, "! %s: %s\n", dash(p.UID), p.Text)
	}
	fmt.Fprintf(w, "%d events in the file, %d in these days, %d that cannot be understood\n", all+broken, len(c.Events), broken)
	if all == 0 {
		return &ExitError{Code: 1, Err: errors.New("no event of this calendar can be used")}
	}
	return nil
}
