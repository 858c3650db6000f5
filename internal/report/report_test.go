package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/value"
)

func sample() *Report {
	property, file, line, seconds := "returns", "/etc/x.pp", 3, 0.25
	changed := &ResourceStatus{Title: "a", Resource: "File[a]", ResourceType: "File", File: &file, Line: &line,
		EvaluationTime: &seconds, Time: time.Unix(100, 0).UTC(), Tags: []string{"file"}, ContainmentPath: []string{"File[a]"}}
	changed.Add(&Event{Property: &property, PreviousValue: Any{value.String("absent")}, DesiredValue: Any{value.Strings("0")},
		Status: EventSuccess, Message: "created", Name: "file_created", Time: time.Unix(100, 0).UTC()})
	failed := &ResourceStatus{Title: "b", Resource: "Exec[b]", ResourceType: "Exec", Time: time.Unix(100, 0).UTC()}
	failed.Add(&Event{Status: EventFailure, Time: time.Unix(101, 0).UTC()})
	r := &Report{
		Host: "n", Time: time.Unix(100, 0).UTC(), ConfigurationVersion: "17", ReportFormat: Format, PuppetVersion: "8.0.0",
		TransactionCompleted: true, Environment: "production",
		ResourceStatuses: map[string]*ResourceStatus{"File[a]": changed, "Exec[b]": failed},
	}
	r.AddLog(Log{Level: "notice", Message: "hi", Source: "Puppet", Time: time.Unix(100, 0).UTC()})
	r.Finish(map[string]float64{"total": 1})
	return r
}

func TestFinish(t *testing.T) {
	r := sample()
	if r.Status != StatusFailed || r.ExitCode() != 6 {
		t.Errorf("status %s, exit code %d; want failed, 6", r.Status, r.ExitCode())
	}
	got := []float64{r.Get("resources", "total"), r.Get("resources", "failed"), r.Get("resources", "changed"),
		r.Get("events", "total"), r.Get("changes", "total"), r.Get("time", "file")}
	if diff := cmp.Diff([]float64{2, 1, 1, 2, 1, 0.25}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"File[a]"}, r.Changed()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Exec[b]"}, r.Failed()); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTrip(t *testing.T) {
	in := sample()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"configuration_version":17,`) {
		t.Errorf("version is no number: %s", text)
	}
	var out Report
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, &out); diff != "" {
		t.Error(diff)
	}
}

func TestRedaction(t *testing.T) {
	text, err := json.Marshal(Any{value.NewSensitive(value.String("hunter2"))})
	if err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSummary(t *testing.T) {
	s := sample().Summary("agent", "production")
	text, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseSummary(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseSummary([]byte("resources: [")); err == nil {
		t.Error("bad YAML was read")
	}
	if _, err := sample().YAML(); err != nil {
		t.Error(err)
	}
}

// The form of the report that a 7.23 agent sent, shortened.
const recorded = `{"host":"agent02.test","time":"2026-11-22T17:24:34.388927674+00:00","configuration_version":1795368279,
"transaction_uuid":"f49d0ebf","report_format":12,"puppet_version":"7.23.0","status":"changed","transaction_completed":true,
"noop":false,"noop_pending":false,"environment":"mini","logs":[{"level":"info","message":"m","source":"Puppet","tags":["info"],
"time":"2026-11-22T17:24:38.035013702+00:00","file":null,"line":null}],"metrics":{"time":{"name":"time","label":"Time",
"values":[["file","File",0.003]]}},"resource_statuses":{"Notify[n]":{"title":"n","file":"/x","line":7,"resource":"Notify[n]",
"resource_type":"Notify","provider_used":null,"containment_path":["Stage[main]","Demo","Notify[n]"],"evaluation_time":0.1,
"tags":["notify"],"time":"2026-11-22T17:24:38.0+00:00","failed":false,"failed_to_restart":false,"changed":true,
"out_of_sync":true,"skipped":false,"change_count":1,"out_of_sync_count":1,"events":[{"audited":false,"property":"message",
"previous_value":"absent","desired_value":"n","historical_value":null,"message":"x","name":"message_changed","status":"success",
"time":"2026-11-22T17:24:38.0+00:00","redacted":null,"corrective_change":false}],"corrective_change":false}},"corrective_change":false}`

func TestRecorded(t *testing.T) {
	var r Report
	if err := json.Unmarshal([]byte(recorded), &r); err != nil {
		t.Fatal(err)
	}
	if r.ConfigurationVersion != "1795368279" || len(r.ResourceStatuses["Notify[n]"].Events) != 1 || r.Get("time", "file") != 0.003 {
		t.Errorf("%+v", r)
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(recorded))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Report
		if json.Unmarshal(data, &r) != nil {
			return
		}
		if _, err := json.Marshal(&r); err != nil && !strings.Contains(err.Error(), "Time.MarshalJSON") {
			t.Fatal(err)
		}
	})
}
