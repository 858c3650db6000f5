package report

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// Summary is the content of last_run_summary.yaml, which monitoring reads.
type Summary struct {
	Version struct {
		Config Version `yaml:"config"`
		Puppet string  `yaml:"puppet"`
	} `yaml:"version"`
	Application struct {
		RunMode              string `yaml:"run_mode"`
		InitialEnvironment   string `yaml:"initial_environment"`
		ConvergedEnvironment string `yaml:"converged_environment"`
	} `yaml:"application"`
	Resources map[string]int     `yaml:"resources"`
	Time      map[string]Seconds `yaml:"time"`
	Changes   map[string]int     `yaml:"changes"`
	Events    map[string]int     `yaml:"events"`
}

// Seconds is a duration, or a time since 1970.
type Seconds float64

// MarshalYAML writes whole numbers without an exponent.
func (s Seconds) MarshalYAML() (any, error) {
	if n := int64(s); Seconds(n) == s {
		return n, nil
	}
	return float64(s), nil
}

// MarshalYAML writes a number where the version is one.
func (v Version) MarshalYAML() (any, error) {
	var x any
	text, err := v.MarshalJSON()
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(text, &x)
	if f, ok := x.(float64); ok {
		x = int64(f)
	}
	return x, err
}

// UnmarshalYAML reads any scalar.
func (v *Version) UnmarshalYAML(n *yaml.Node) error {
	*v = Version(n.Value)
	return nil
}

// Summary gives the short form of the report.
func (r *Report) Summary(runMode, initialEnvironment string) *Summary {
	s := &Summary{Resources: r.ints("resources"), Changes: r.ints("changes"), Events: r.ints("events"), Time: map[string]Seconds{}}
	s.Version.Config = r.ConfigurationVersion
	s.Version.Puppet = r.PuppetVersion
	s.Application.RunMode = runMode
	s.Application.InitialEnvironment = initialEnvironment
	s.Application.ConvergedEnvironment = r.Environment
	if m := r.Metrics["time"]; m != nil {
		for _, v := range m.Values {
			s.Time[v.Name] = Seconds(v.Value)
		}
	}
	s.Time["last_run"] = Seconds(r.Time.Unix())
	return s
}

func (r *Report) ints(name string) map[string]int {
	out := map[string]int{}
	if m := r.Metrics[name]; m != nil {
		for _, v := range m.Values {
			out[v.Name] = int(v.Value)
		}
	}
	return out
}

// YAML gives the text of last_run_summary.yaml.
func (s *Summary) YAML() ([]byte, error) {
	text, err := yaml.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode run summary: %w", err)
	}
	return append([]byte("---\n"), text...), nil
}

// ParseSummary reads what YAML and Puppet write.
func ParseSummary(text []byte) (*Summary, error) {
	var s Summary
	if err := yaml.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("decode run summary: %w", err)
	}
	return &s, nil
}

// YAML gives the text of last_run_report.yaml.
func (r *Report) YAML() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	out, err := yaml.Marshal(plain)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	return append([]byte("---\n"), out...), nil
}
