// Package report holds what one agent run did, in the form of Puppet's report format 12: logs, metrics, the status of
// every resource and its events.
package report

import (
	"strconv"
	"time"

	"kickoff/internal/value"
)

// Format is the version of the report's form.
const Format = 12

// The statuses of a report.
const (
	StatusUnchanged = "unchanged"
	StatusChanged   = "changed"
	StatusFailed    = "failed"
)

// The statuses of an event.
const (
	EventSuccess = "success"
	EventFailure = "failure"
	EventNoop    = "noop"
	EventAudit   = "audit"
)

// The values of Report.CachedCatalogStatus.
const (
	CatalogNotUsed           = "not_used"
	CatalogExplicitlyRequest = "explicitly_requested"
	CatalogOnFailure         = "on_failure"
)

// Version is a configuration version: on the wire a number where it is one.
type Version string

// MarshalJSON writes a number where the version is one.
func (v Version) MarshalJSON() ([]byte, error) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && strconv.FormatInt(n, 10) == string(v) {
		return []byte(v), nil
	}
	return value.AppendJSON(nil, value.String(v)), nil
}

// UnmarshalJSON reads a number, a string or null.
func (v *Version) UnmarshalJSON(data []byte) error {
	parsed, err := value.ParseJSON(data)
	if err != nil {
		return err
	}
	*v = Version(parsed.String())
	return nil
}

// Any is a value of a property in an event, which may have any type.
type Any struct{ value.Value }

// MarshalJSON writes the value; none is null. A Sensitive is redacted.
func (a Any) MarshalJSON() ([]byte, error) {
	if a.Value == nil {
		return []byte("null"), nil
	}
	return value.AppendJSON(nil, value.Redact(a.Value)), nil
}

// UnmarshalJSON reads any value.
func (a *Any) UnmarshalJSON(data []byte) error {
	v, err := value.ParseJSON(data)
	if err != nil {
		return err
	}
	a.Value = v
	return nil
}

// Equal compares by content.
func (a Any) Equal(b Any) bool {
	if value.IsUndef(a.Value) || value.IsUndef(b.Value) {
		return value.IsUndef(a.Value) == value.IsUndef(b.Value)
	}
	return value.Equal(a.Value, b.Value)
}

// Report is what one run did.
type Report struct {
	Host                 string                     `json:"host"`
	Time                 time.Time                  `json:"time"`
	ConfigurationVersion Version                    `json:"configuration_version"`
	TransactionUUID      string                     `json:"transaction_uuid"`
	ReportFormat         int                        `json:"report_format"`
	PuppetVersion        string                     `json:"puppet_version"`
	Status               string                     `json:"status"`
	TransactionCompleted bool                       `json:"transaction_completed"`
	Noop                 bool                       `json:"noop"`
	NoopPending          bool                       `json:"noop_pending"`
	Environment          string                     `json:"environment"`
	Logs                 []Log                      `json:"logs"`
	Metrics              map[string]*Metric         `json:"metrics"`
	ResourceStatuses     map[string]*ResourceStatus `json:"resource_statuses"`
	CorrectiveChange     bool                       `json:"corrective_change"`
	ServerUsed           string                     `json:"server_used,omitempty"`
	CatalogUUID          string                     `json:"catalog_uuid,omitempty"`
	CodeID               string                     `json:"code_id,omitempty"`
	JobID                string                     `json:"job_id,omitempty"`
	CachedCatalogStatus  string                     `json:"cached_catalog_status,omitempty"`
}

// Log is one line of the run's log.
type Log struct {
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Source  string    `json:"source"`
	Tags    []string  `json:"tags"`
	Time    time.Time `json:"time"`
	File    *string   `json:"file"`
	Line    *int      `json:"line"`
}

// Metric is a group of named numbers.
type Metric struct {
	Name   string        `json:"name"`
	Label  string        `json:"label"`
	Values []MetricValue `json:"values"`
}

// ResourceStatus is what became of one resource.
type ResourceStatus struct {
	Title            string    `json:"title"`
	File             *string   `json:"file"`
	Line             *int      `json:"line"`
	Resource         string    `json:"resource"`
	ResourceType     string    `json:"resource_type"`
	ProviderUsed     *string   `json:"provider_used"`
	ContainmentPath  []string  `json:"containment_path"`
	EvaluationTime   *float64  `json:"evaluation_time"`
	Tags             []string  `json:"tags"`
	Time             time.Time `json:"time"`
	Failed           bool      `json:"failed"`
	FailedToRestart  bool      `json:"failed_to_restart"`
	Changed          bool      `json:"changed"`
	OutOfSync        bool      `json:"out_of_sync"`
	Skipped          bool      `json:"skipped"`
	ChangeCount      int       `json:"change_count"`
	OutOfSyncCount   int       `json:"out_of_sync_count"`
	Events           []*Event  `json:"events"`
	CorrectiveChange bool      `json:"corrective_change"`
	// Restarted says that a refresh was made; it is counted in the metrics and not part of the wire.
	Restarted bool `json:"-"`
}

// Event is one change that was made, failed, or would have been made.
type Event struct {
	Audited          bool      `json:"audited"`
	Property         *string   `json:"property"`
	PreviousValue    Any       `json:"previous_value"`
	DesiredValue     Any       `json:"desired_value"`
	HistoricalValue  Any       `json:"historical_value"`
	Message          string    `json:"message"`
	Name             string    `json:"name"`
	Status           string    `json:"status"`
	Time             time.Time `json:"time"`
	Redacted         *bool     `json:"redacted"`
	CorrectiveChange bool      `json:"corrective_change"`
}

// Add records an event in the status and brings the counts up to date.
func (s *ResourceStatus) Add(e *Event) {
	s.Events = append(s.Events, e)
	s.OutOfSync = true
	s.OutOfSyncCount++
	switch e.Status {
	case EventSuccess:
		s.Changed = true
		s.ChangeCount++
	case EventFailure:
		s.Failed = true
	}
}

// AddLog appends a line to the log.
func (r *Report) AddLog(l Log) {
	if l.Tags == nil {
		l.Tags = []string{l.Level}
	}
	r.Logs = append(r.Logs, l)
}
