package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
	"kickoff/internal/fleet/plan"
)

type fleetPlanOptions struct {
	output, file, at, group string
	days                    int
}

func newFleetPlanCommand(sio *IO) *cobra.Command {
	var o fleetPlanOptions
	cmd := &cobra.Command{
		Use:   "plan -f fleet.yaml [GROUP]",
		Short: "Show the timetable to come: sizes, reasons, launches, cost",
		Long: `Show the timetable to come of a fleet.yaml, from now or from --at: when each size begins, when its launches begin, which
rule wins and which lose, what it costs, and what cannot be reached. It is made from the files alone; the server is not
asked, so overrides, load and measured lead times are not in it.`,
		Example: "  kickoff fleet plan -f fleet.yaml\n  kickoff fleet plan -f fleet.yaml backend-production --at 2026-03-28T00:00:00Z --days 3",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.group = args[0]
			}
			return planFleet(cmd.Context(), sio, o)
		},
	}
	addOutputFlag(cmd, &o.output)
	fs := cmd.Flags()
	fs.StringVarP(&o.file, "file", "f", "fleet.yaml", "the fleet.yaml to plan")
	fs.StringVar(&o.at, "at", "", "begin at this time (RFC 3339) instead of now")
	fs.IntVar(&o.days, "days", 14, "how many days to show")
	return cmd
}

// plannedSpan is one line of a timetable.
type plannedSpan struct {
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	// Launch is when the launches for it begin; zero when nothing is launched.
	Launch time.Time   `json:"launch,omitzero"`
	Size   int         `json:"size"`
	Cost   float64     `json:"cost"`
	Reason plan.Reason `json:"reason"`
}

type plannedGroup struct {
	Group       string         `json:"group"`
	Timezone    string         `json:"timezone"`
	Lead        string         `json:"lead"`
	Spans       []plannedSpan  `json:"spans"`
	ServerHours float64        `json:"server_hours"`
	Cost        float64        `json:"cost"`
	Warnings    []plan.Warning `json:"warnings,omitempty"`
}

func planFleet(ctx context.Context, sio *IO, o fleetPlanOptions) error {
	f, err := config.LoadFleetPlan(o.file)
	if err != nil {
		return err
	}
	from, err := momentOrNow(o.at)
	if err != nil {
		return err
	}
	if o.days < 1 || o.days > 3660 {
		return fmt.Errorf("--days must be from 1 to 3660, not %d", o.days)
	}
	src := plan.Source{Calendars: map[string]*calendar.Calendar{}, Durations: map[string]time.Duration{}, From: from, To: from.AddDate(0, 0, o.days)}
	for name, c := range f.Calendars {
		src.Durations[name] = c.DefaultDuration
		versions, err := calendarVersions(ctx, c)
		if err != nil { // said, and planned without
			fmt.Fprintf(sio.Err, "calendar %s: %v\n", name, err)
			continue
		}
		for i, v := range versions {
			if i == 0 || !v.From.After(from) {
				src.Calendars[name] = v.Calendar
			}
		}
	}
	var out []plannedGroup
	for _, g := range f.Groups {
		if o.group != "" && g.Name != o.group {
			continue
		}
		src.Group = g
		t, err := plan.Compile(src)
		if err != nil {
			return err
		}
		out = append(out, planned(t, g))
	}
	if len(out) == 0 {
		return fmt.Errorf("there is no group %q in %s", o.group, o.file)
	}
	if o.output == "json" {
		return writeJSON(sio.Out, out)
	}
	return printPlan(sio.Out, out)
}

// planned joins the segments of a timetable that have the same size for the same reason.
func planned(t *plan.Timetable, g config.Group) plannedGroup {
	lead := plan.LeadOf(g.Plan.Lead, g.Plan.Boot, max(g.Limits.Max, 1))
	p := plannedGroup{Group: g.Name, Timezone: t.Zone.String(), Lead: lead.Text, Warnings: t.Warnings,
		ServerHours: t.ServerHours(t.From, t.To), Cost: t.Cost(t.From, t.To)}
	for k := range t.Segments {
		s := &t.Segments[k]
		r := t.Reason(k)
		if n := len(p.Spans); n > 0 && p.Spans[n-1].Size == s.Size && p.Spans[n-1].Reason.Won == r.Won {
			p.Spans[n-1].End, p.Spans[n-1].Cost = s.End, p.Spans[n-1].Cost+t.Cost(s.Begin, s.End)
			continue
		}
		span := plannedSpan{Begin: s.Begin, End: s.End, Size: s.Size, Cost: t.Cost(s.Begin, s.End), Reason: r}
		if n := len(p.Spans); n > 0 && s.Size > p.Spans[n-1].Size {
			span.Launch = s.Begin.Add(-lead.Total(s.Size - p.Spans[n-1].Size))
		}
		p.Spans = append(p.Spans, span)
	}
	return p
}

func printPlan(w io.Writer, groups []plannedGroup) error {
	for i, g := range groups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		zone, err := time.LoadLocation(g.Timezone)
		if err != nil {
			zone = time.UTC
		}
		fmt.Fprintf(w, "%s: %.1f server hours, cost %.2f; times in %s; lead time: %s\n", g.Group, g.ServerHours, g.Cost, g.Timezone, g.Lead)
		for _, warning := range g.Warnings {
			fmt.Fprintln(w, "  !", warning.Text)
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "  FROM\tTO\tSIZE\tLAUNCH AT\tCOST\tWHY\tLOST")
		for _, s := range g.Spans {
			launch := "-"
			if !s.Launch.IsZero() {
				launch = s.Launch.In(zone).Format("15:04:05")
			}
			lost := "-"
			for n, c := range s.Reason.Lost {
				if n == 0 {
					lost = c.Why
				} else {
					lost += "; " + c.Why
				}
			}
			fmt.Fprintf(t, "  %s\t%s\t%d\t%s\t%.2f\t%s\t%s\n", s.Begin.In(zone).Format("Mon 2006-01-02 15:04 MST"), s.End.In(zone).Format("Mon 01-02 15:04"),
				s.Size, launch, s.Cost, s.Reason.Text(), lost)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}
