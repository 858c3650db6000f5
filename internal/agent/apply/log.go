package apply

import (
	"slices"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
)

// emit hands a line to the log, one at a time.
func (w *walk) emit(l report.Log) {
	if l.Time.IsZero() {
		l.Time = w.opt.Now()
	}
	if l.Tags == nil {
		l.Tags = []string{l.Level}
	}
	if l.Source == "" {
		l.Source = "Puppet"
	}
	w.logMu.Lock()
	defer w.logMu.Unlock()
	w.opt.Log(l)
}

// line logs about a resource.
func (w *walk) line(it *item, l report.Log) {
	if l.Source == "" {
		l.Source = it.source
	}
	l.Tags = slices.Concat([]string{l.Level}, it.tags)
	if it.cat.File != "" {
		l.File, l.Line = &it.cat.File, &it.cat.Line
	}
	w.keep(it, l)
}

// keep logs a line, or keeps it back until it is the resource's turn.
func (w *walk) keep(it *item, l report.Log) {
	if it.lines == nil {
		w.emit(l)
		return
	}
	l.Time = w.opt.Now()
	w.logMu.Lock()
	defer w.logMu.Unlock()
	*it.lines = append(*it.lines, l)
}

// reporter shows the lines of a provider.
type reporter struct {
	w      *walk
	it     *item
	redact redactor
}

// Report implements provider.Reporter.
func (r reporter) Report(l provider.Line) {
	level := string(l.Level)
	if level == "" {
		level = string(provider.Notice)
	}
	message := r.redact.text(l.Message)
	switch {
	case l.Bare:
		r.w.keep(r.it, report.Log{Level: level, Message: message})
	case l.Property != "":
		r.w.line(r.it, report.Log{Level: level, Source: r.it.source + "/" + l.Property, Message: message})
	default:
		r.w.line(r.it, report.Log{Level: level, Message: message})
	}
}

// newStatus makes the status of a resource and enters it in the result. Workers call it for generated resources.
func (w *walk) newStatus(n *node) *report.ResourceStatus {
	r := n.item.cat
	s := &report.ResourceStatus{
		Title: r.Title, Resource: r.Ref.String(), ResourceType: r.Type, ContainmentPath: n.item.path,
		Tags: n.item.tags, Time: w.opt.Now(), Events: []*report.Event{},
	}
	if s.Tags == nil {
		s.Tags = []string{}
	}
	if r.File != "" {
		s.File, s.Line = &r.File, &r.Line
	}
	w.logMu.Lock()
	defer w.logMu.Unlock()
	w.statuses[s.Resource] = s
	return s
}

// wanted reports whether tags let a resource through.
func (w *walk) wanted(it *item) bool { return w.wantedTags(it.cat.Ref, it.tags) }

func (w *walk) wantedTags(ref catalog.Ref, have []string) bool {
	if len(w.opt.Tags) > 0 && !tagged(ref, have, w.opt.Tags) {
		return false
	}
	return len(w.opt.SkipTags) == 0 || !tagged(ref, have, w.opt.SkipTags)
}

func tagged(ref catalog.Ref, have, tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool {
		tag = strings.ToLower(strings.TrimSpace(tag))
		return strings.EqualFold(tag, ref.String()) || slices.Contains(have, tag)
	})
}

func (w *walk) tagText() string { return strings.Join(w.opt.Tags, ", ") }
