package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"kickoff/internal/config"
	"kickoff/internal/fleet/calendar"
)

// Fits reports whether a rule maps an event: a category is compared as a
// whole; title and location may be anywhere in the text, or be patterns with *.
// Case does not count.
func Fits(m config.Match, o *calendar.Occurrence) bool {
	if m.Category != "" && !slices.ContainsFunc(o.Categories, func(c string) bool { return pattern(m.Category, c, true) }) {
		return false
	}
	return (m.Title == "" || pattern(m.Title, o.Title, false)) && (m.Location == "" || pattern(m.Location, o.Location, false))
}

func pattern(want, have string, whole bool) bool {
	want, have = strings.ToLower(want), strings.ToLower(have)
	if strings.Contains(want, "*") {
		ok, err := path.Match(want, strings.ReplaceAll(have, "/", "_"))
		return ok && err == nil
	}
	if whole {
		return want == have
	}
	return strings.Contains(have, want)
}

// addMatches adds an entry for every event that a rule of the group maps. Of
// several rules for one event, the one that asks for most counts.
func (t *Timetable) addMatches(s Source, p *config.Plan) {
	used := make([]bool, len(p.Matches))
	var names []string
	margin := time.Duration(0)
	for _, m := range p.Matches {
		margin = max(margin, m.Before, m.After)
		if !slices.Contains(names, m.Calendar) {
			names = append(names, m.Calendar)
		}
	}
	for _, name := range names {
		cal := s.Calendars[name]
		if cal == nil {
			t.Warnings = append(t.Warnings, Warning{Text: fmt.Sprintf("calendar %s is not known yet: its matches are not in the plan", name)})
			continue
		}
		span := calendar.Span{From: t.From.Add(-margin), To: t.To.Add(margin), Zone: t.Zone, DefaultDuration: s.Durations[name]}
		occurrences, problems := cal.Expand(span)
		for _, pr := range problems {
			t.Warnings = append(t.Warnings, Warning{Text: fmt.Sprintf("calendar %s: event %s: %s", name, pr.UID, pr.Text)})
		}
		for i := range occurrences {
			t.addMatch(name, &occurrences[i], p, used)
		}
	}
	for i, m := range p.Matches {
		if !used[i] && s.Calendars[m.Calendar] != nil {
			t.Warnings = append(t.Warnings, Warning{Text: fmt.Sprintf("line %d: no event of calendar %s fits this rule from %s to %s", m.Line, m.Calendar,
				t.From.In(t.Zone).Format(time.DateOnly), t.To.In(t.Zone).Format(time.DateOnly))})
		}
	}
}

func (t *Timetable) addMatch(name string, o *calendar.Occurrence, p *config.Plan, used []bool) {
	best := -1
	for i, m := range p.Matches {
		if m.Calendar != name || !Fits(m, o) {
			continue
		}
		used[i] = true
		if best < 0 || m.Size > p.Matches[best].Size {
			best = i
		}
	}
	if best < 0 || o.Status == "CANCELLED" {
		return
	}
	m := p.Matches[best]
	title := o.Title
	if title == "" {
		title = o.UID
	}
	if len(o.Categories) > 0 {
		title += " (" + strings.Join(o.Categories, ", ") + ")"
	}
	t.add(Entry{Rule: RuleMatch, Size: m.Size, Begin: o.Start.Add(-m.Before), End: o.End.Add(m.After), Title: title,
		UID: o.UID, EventBegin: o.Start, EventEnd: o.End, Line: m.Line})
}
