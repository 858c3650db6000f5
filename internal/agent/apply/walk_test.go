package apply

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// notifyFake does what Puppet's notify does.
type notifyFake struct{}

func (notifyFake) Check(_ context.Context, r *provider.Resource) ([]provider.Change, error) {
	return []provider.Change{{
		Property: "message", Previous: value.String("absent"), Desired: value.String(r.Text("message")),
		Apply: func(context.Context) error {
			level, text := r.Text("loglevel"), r.Text("message")
			if r.Sensitive["message"] {
				text = value.Redacted
			}
			r.Report(provider.Line{Level: provider.Level(level), Bare: true, Message: text})
			return nil
		},
	}}, nil
}

// execFake runs three commands: true, false and echo.
type execFake struct{}

func (execFake) Name() string { return "posix" }

func (execFake) Check(_ context.Context, r *provider.Resource) ([]provider.Change, error) {
	if r.Text("refreshonly") == "true" {
		return nil, nil
	}
	return []provider.Change{{
		Property: "returns", Event: "executed_command", Previous: value.String("notrun"), Desired: value.Strings("0"),
		Message: "executed successfully", Apply: func(context.Context) error { return runFake(r) },
	}}, nil
}

func (execFake) Refresh(_ context.Context, r *provider.Resource) (bool, error) {
	return true, runFake(r)
}

func runFake(r *provider.Resource) error {
	command := r.Text("command")
	switch {
	case strings.HasPrefix(command, "/bin/echo "):
		if r.Text("logoutput") == "true" {
			r.Report(provider.Line{Property: "returns", Message: strings.TrimPrefix(command, "/bin/echo ")})
		}
		return nil
	case command == "/bin/true":
		return nil
	case command == "/bin/false":
		return errors.New("'/bin/false' returned 1 instead of one of [0]")
	}
	return errors.New("Could not find command '" + command + "'")
}

func fakes() map[string]provider.Provider {
	return map[string]provider.Provider{"notify": notifyFake{}, "exec": execFake{}}
}

// logged runs a catalog and gives its log as Puppet prints it, without debug lines.
func logged(t *testing.T, cat *catalog.Catalog, opt Options) (string, *Result, error) {
	t.Helper()
	var b strings.Builder
	opt.Types = resource.Builtin()
	if opt.Providers == nil {
		opt.Providers = fakes()
	}
	opt.Log = func(l report.Log) {
		if l.Level != "debug" {
			b.WriteString(report.Text(l) + "\n")
		}
	}
	result, err := Run(t.Context(), cat, opt)
	return b.String(), result, err
}

func readCatalog(t *testing.T, name string) *catalog.Catalog {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var cat catalog.Catalog
	if err := json.Unmarshal(text, &cat); err != nil {
		t.Fatal(err)
	}
	return &cat
}

// The catalogs were compiled, and the logs written, by Puppet 7.23 (puppet apply -v) with real commands.
func TestRecordedLogs(t *testing.T) {
	for _, c := range []struct {
		catalog, log string
		opt          Options
	}{
		{"relations", "relations", Options{}},
		{"relations", "relations-noop", Options{Noop: true}},
		{"containers", "containers", Options{}},
		{"containers", "containers-noop", Options{Noop: true}},
		{"containers", "containers-tags", Options{Tags: []string{"d"}}},
	} {
		t.Run(c.log, func(t *testing.T) {
			want, err := os.ReadFile("testdata/" + c.log + ".log")
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := logged(t, readCatalog(t, c.catalog), c.opt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("log (-puppet +kickoff):\n%s", diff)
			}
		})
	}
}
