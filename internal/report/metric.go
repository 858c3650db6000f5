package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MetricValue is one number of a metric; on the wire [name, label, value].
type MetricValue struct {
	Name, Label string
	Value       float64
}

// MarshalJSON writes the triple.
func (v MetricValue) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]any{v.Name, v.Label, v.Value})
}

// UnmarshalJSON reads the triple.
func (v *MetricValue) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("decode metric value: %w", err)
	}
	if len(parts) != 3 {
		return fmt.Errorf("decode metric value: %d parts, want 3", len(parts))
	}
	for i, to := range []any{&v.Name, &v.Label, &v.Value} {
		if err := json.Unmarshal(parts[i], to); err != nil {
			return fmt.Errorf("decode metric value: %w", err)
		}
	}
	return nil
}

// label is a name for people: failed_to_restart gives "Failed to restart".
func label(name string) string {
	text := strings.ReplaceAll(name, "_", " ")
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Get gives a number of a metric, 0 if there is none.
func (r *Report) Get(metric, name string) float64 {
	m := r.Metrics[metric]
	if m == nil {
		return 0
	}
	for _, v := range m.Values {
		if v.Name == name {
			return v.Value
		}
	}
	return 0
}

func metric(name string, values ...MetricValue) *Metric {
	return &Metric{Name: name, Label: label(name), Values: values}
}

func number(name string, v float64) MetricValue { return MetricValue{name, label(name), v} }

// Finish counts what the statuses say, and decides the status of the run. times are seconds by what they were spent on,
// beside those of the resource types.
func (r *Report) Finish(times map[string]float64) {
	counts := r.countResources()
	r.Metrics = map[string]*Metric{"resources": counts, "time": r.timeMetric(times)}
	events, changes := r.countEvents()
	r.Metrics["events"] = events
	r.Metrics["changes"] = metric("changes", number("total", changes))
	r.CorrectiveChange = r.Get("resources", "corrective_change") > 0
	switch {
	case !r.TransactionCompleted || r.Get("resources", "failed") > 0 || r.Get("resources", "failed_to_restart") > 0:
		r.Status = StatusFailed
	case changes > 0:
		r.Status = StatusChanged
	default:
		r.Status = StatusUnchanged
	}
}

func (r *Report) countResources() *Metric {
	names := []string{"total", "skipped", "failed", "failed_to_restart", "restarted", "changed", "out_of_sync", "scheduled", "corrective_change"}
	count := map[string]float64{"total": float64(len(r.ResourceStatuses))}
	for _, s := range r.ResourceStatuses {
		for name, is := range map[string]bool{
			"skipped": s.Skipped, "failed": s.Failed, "failed_to_restart": s.FailedToRestart, "restarted": s.Restarted,
			"changed": s.Changed, "out_of_sync": s.OutOfSync, "corrective_change": s.CorrectiveChange,
		} {
			if is {
				count[name]++
			}
		}
	}
	m := metric("resources")
	for _, name := range names {
		m.Values = append(m.Values, number(name, count[name]))
	}
	return m
}

func (r *Report) countEvents() (*Metric, float64) {
	count := map[string]float64{EventFailure: 0, EventSuccess: 0}
	total := 0.0
	for _, s := range r.ResourceStatuses {
		for _, e := range s.Events {
			count[e.Status]++
			total++
			r.NoopPending = r.NoopPending || e.Status == EventNoop
		}
	}
	m := metric("events", number("total", total))
	for _, name := range slices.Sorted(maps.Keys(count)) {
		m.Values = append(m.Values, number(name, count[name]))
	}
	return m, count[EventSuccess]
}

func (r *Report) timeMetric(times map[string]float64) *Metric {
	byType := map[string]float64{}
	for _, s := range r.ResourceStatuses {
		if s.EvaluationTime != nil {
			byType[strings.ToLower(s.ResourceType)] += *s.EvaluationTime
		}
	}
	m := metric("time")
	for _, group := range []map[string]float64{byType, times} {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			m.Values = append(m.Values, number(name, group[name]))
		}
	}
	return m
}

// ExitCode is the status with which a run ends when detailed exit codes are wanted: 0, 2, 4 or 6.
func (r *Report) ExitCode() int {
	code := 0
	if r.Get("changes", "total") > 0 {
		code |= 2
	}
	if r.Get("resources", "failed") > 0 || r.Get("resources", "failed_to_restart") > 0 {
		code |= 4
	}
	return code
}

// Changed gives the resources that were changed, sorted.
func (r *Report) Changed() []string {
	return r.pick(func(s *ResourceStatus) bool { return s.Changed })
}

// Failed gives the resources that failed, sorted.
func (r *Report) Failed() []string {
	return r.pick(func(s *ResourceStatus) bool { return s.Failed || s.FailedToRestart })
}

func (r *Report) pick(want func(*ResourceStatus) bool) []string {
	var refs []string
	for ref, s := range r.ResourceStatuses {
		if want(s) {
			refs = append(refs, ref)
		}
	}
	slices.Sort(refs)
	return refs
}
