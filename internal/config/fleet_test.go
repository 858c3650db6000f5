package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goodFleet = `
server: https://kickoff.internal:8140
environment_path: code/environments
node_groups: node_groups.yml
clouds:
  local: {image: debian-12}
balancers:
  backend-production: {kind: haproxy, node_group: loadbalancer, listen: 80, port: 8080}
groups:
  loadbalancer: {cloud: local, security_groups: [loadbalancer], size: 1}
  backend-production:
    cloud: local
    types: [m7g.large, m6g.large]
    zones: [eu-west-1a, eu-west-1b]
    security_groups: [backend-production]
    tags: {app: api}
    balancer: backend-production
    health: {http: /health, port: 8080, from: balancer, healthy: 2, unhealthy: 3, every: 2s}
    drain: 30s
    limits: {min: 1, max: 20, floor: 1, launches_per_day: 200}
    size: 3
`

func TestParseFleet(t *testing.T) {
	f, err := ParseFleet("/srv/fleet.yaml", []byte(goodFleet))
	if err != nil {
		t.Fatal(err)
	}
	want := &Fleet{
		File: "/srv/fleet.yaml", Server: "https://kickoff.internal:8140",
		EnvironmentPath: "/srv/code/environments", NodeGroups: "/srv/node_groups.yml",
		Clouds:    map[string]Cloud{"local": {Name: "local", Kind: "local", Image: "debian-12", Socket: DefaultLocalSocket}},
		Balancers: map[string]Balancer{"backend-production": {Name: "backend-production", Kind: "haproxy", NodeGroup: "loadbalancer", Listen: 80, Port: 8080}},
		Groups: []Group{
			{Name: "loadbalancer", Cloud: "local", Image: "debian-12", SecurityGroups: []string{"loadbalancer"}, Drain: time.Minute, Limits: Limits{Max: DefaultMax}, Size: 1},
			{Name: "backend-production", Cloud: "local", Image: "debian-12", Types: []string{"m7g.large", "m6g.large"},
				Zones: []string{"eu-west-1a", "eu-west-1b"}, SecurityGroups: []string{"backend-production"},
				Tags: map[string]string{"app": "api"}, Balancer: "backend-production",
				Health: &Health{HTTP: "/health", Port: 8080, From: "balancer", Healthy: 2, Unhealthy: 3, Every: 2 * time.Second},
				Drain:  30 * time.Second, Limits: Limits{Min: 1, Max: 20, Floor: 1, LaunchesPerDay: 200}, Size: 3},
		},
	}
	if d := cmp.Diff(want, f); d != "" {
		t.Error(d)
	}
}

func TestParseFleetRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"unknown top key", "node_groups: node", "node_group: node", `/f.yaml:4:1: fleet.yaml: unknown key "node_group" (did you mean 'node_groups'?)`},
		{"unknown group key", "    drain: 30s", "    drane: 30s", `/f.yaml:19:5: group backend-production: unknown key "drane" (did you mean 'drain'?)`},
		{"unknown key far off", "    drain: 30s", "    whatever: red", "known: balancer, boot, cloud, drain"},
		{"unknown health key", "every: 2s", "evry: 2s", "did you mean 'every'?"},
		{"matches later", "    size: 3", "    size: 3\n    matches: [{calendar: fixtures}]", "/f.yaml:22:14: matches is not supported yet"},
		{"calendars later", "groups:\n", "calendars: {a: {url: x}}\ngroups:\n", "calendars is not supported yet"},
		{"load later", "    size: 3", "    size: 3\n    load: {metric: rps}", "load is not supported yet"},
		{"money later", "launches_per_day: 200", "money_per_day: 50", "money_per_day is not supported yet"},
		{"aws later", "  local: {image: debian-12}", "  local: {image: debian-12}\n  aws: {region: eu-west-1}", "clouds of kind aws are not supported yet"},
		{"elb later", "kind: haproxy", "kind: elb", "balancers of kind elb are not supported yet"},
		{"unknown cloud", "    cloud: local", "    cloud: lokal", `there is no cloud named "lokal" (did you mean 'local'?)`},
		{"unknown balancer", "    balancer: backend-production", "    balancer: backend-prod", "there is no balancer named"},
		{"unknown node group", "node_group: loadbalancer", "node_group: lb", `there is no group named "lb"`},
		{"balancer behind itself", "node_group: loadbalancer", "node_group: backend-production", "is also behind it"},
		{"size above max", "size: 3", "size: 30", "size 30 is outside of its limits 1 to 20"},
		{"min above max", "min: 1", "min: 21", "min 21 is above max 20"},
		{"size is text", "size: 3", "size: three", `size must be a whole number, not "three"`},
		{"negative", "size: 3", "size: -3", "must be from 0"},
		{"no groups of security", "security_groups: [backend-production]", "security_groups: []", "must name at least one group"},
		{"types not a list", "types: [m7g.large, m6g.large]", "types: m7g.large", "must be a list"},
		{"duplicate key", "    size: 3", "    size: 3\n    size: 4", "size was given before, on line 21"},
		{"http server", "https://kickoff.internal:8140", "http://kickoff.internal", "server: must be https://"},
		{"server injects shell", "https://kickoff.internal:8140", `"https://kickoff.internal:8140/$(id)"`, "server: must be https://"},
		{"bad duration", "drain: 30s", "drain: 30", "must be a duration such as 30s"},
		{"health without path", "http: /health, ", "", "http is missing"},
		{"health path injects", "http: /health", `http: "/h 1\nserver x"`, "http must be a path"},
		{"no health", "    health: {", "    #health: {", "needs a health check"},
		{"reserved tag", "app: api", `"kickoff:group": api`, "reserved"},
		{"broken yaml", "groups:\n", "groups: [\n", "not valid YAML"},
		{"value missing", "size: 3", "size:", "size has no value"},
		{"two documents", "\nserver:", "---\na: 1\n---\nserver:", "more than one YAML document"},
		{"name injects", "  backend-production: {kind", "  \"back end\": {kind", "the name may hold letters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := strings.Replace(goodFleet, tt.old, tt.new, 1)
			if src == goodFleet {
				t.Fatal("the test changes nothing")
			}
			_, err := ParseFleet("/f.yaml", []byte(src))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func FuzzParseFleet(f *testing.F) {
	f.Add([]byte(goodFleet))
	f.Add([]byte("groups: &a {x: *a}"))
	f.Add([]byte("- 1\n- : \n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		fl, err := ParseFleet("/f.yaml", src)
		if (fl == nil) == (err == nil) {
			t.Fatalf("value %v, error %v", fl, err)
		}
	})
}
