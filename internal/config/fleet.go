package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"kickoff/internal/diag"
)

// Fleet is a validated fleet.yaml. It is never changed after it was read.
type Fleet struct {
	// File is where it was read from.
	File string
	// Server is the URL by which machines reach this server.
	Server string
	// EnvironmentPath and NodeGroups are paths, made absolute relative to File.
	EnvironmentPath string
	NodeGroups      string

	Clouds    map[string]Cloud
	Balancers map[string]Balancer
	// Calendars are nil unless the file was read for planning.
	Calendars map[string]Calendar
	// Groups are in the order of the file.
	Groups []Group
}

// The kinds of clouds and balancers.
const (
	CloudLocal      = "local"
	BalancerHAProxy = "haproxy"
)

// Cloud is one cloud that instances are launched in.
type Cloud struct {
	Name string
	Kind string
	// Image is used by groups that name none.
	Image string
	// Socket is where the local cloud's API listens.
	Socket string
	// Prices of types per hour; nil unless the file was read for planning.
	Prices map[string]float64
}

// Balancer is one load balancer.
type Balancer struct {
	Name string
	Kind string
	// NodeGroup is the group whose instances run the balancer.
	NodeGroup string
	// Listen is the port clients use, Port that of the servers behind.
	Listen int
	Port   int
}

// Group is one group of equal instances.
type Group struct {
	Name           string
	Cloud          string
	Image          string
	Types          []string
	Zones          []string
	SecurityGroups []string
	Tags           map[string]string
	// Balancer names an entry of Balancers; empty for a group without.
	Balancer string
	// Health is nil for a group without health check.
	Health *Health
	Drain  time.Duration
	Limits Limits
	Size   int
	// Plan is nil unless the file was read for planning.
	Plan *Plan
}

// The places a health check may be made from.
const (
	// HealthFromBalancer believes the balancer's own checks.
	HealthFromBalancer = "balancer"
	// HealthFromAgent has the instance's agent ask itself.
	HealthFromAgent = "agent"
)

// Health says how to find out whether an instance is healthy.
type Health struct {
	// HTTP is the path to ask for; a status of 200 to 399 is healthy.
	HTTP  string
	Port  int
	From  string
	Every time.Duration
	// Healthy and Unhealthy are how many answers in a row change the opinion.
	Healthy   int
	Unhealthy int
}

// Limits bound a group whatever else asks for.
type Limits struct {
	Min, Max int
	// Floor is never gone below, not even by an operator.
	Floor int
	// LaunchesPerDay of 0 means no limit.
	LaunchesPerDay int
}

// Defaults of optional keys.
const (
	DefaultDrain = 60 * time.Second
	DefaultMax   = 20
	// DefaultLocalSocket is where a local cloud listens that was not told otherwise (localcloud.DefaultSocket).
	DefaultLocalSocket = "/run/kickoff/local-cloud.sock"
)

// Group finds a group by name.
func (f *Fleet) Group(name string) (Group, bool) {
	i := slices.IndexFunc(f.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return f.Groups[i], true
}

// LoadFleet reads and validates a fleet.yaml.
func LoadFleet(path string) (*Fleet, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseFleet(path, src)
}

// ParseFleet validates the text of a fleet.yaml. The error is a diag.List that
// names every problem with file and line.
func ParseFleet(file string, src []byte) (*Fleet, error) {
	return parseFleet(&fleetReader{file: file}, src)
}

func parseFleet(r *fleetReader, src []byte) (*Fleet, error) {
	file := r.file
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(src))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, diag.List{yamlError(file, err)}
	}
	if err := dec.Decode(&second); err == nil {
		r.errorf(&second, "fleet-documents", "the file holds more than one YAML document")
	}
	f := &Fleet{File: file, Clouds: map[string]Cloud{}, Balancers: map[string]Balancer{}}
	if len(doc.Content) == 0 {
		r.errorf(&yaml.Node{Line: 1, Column: 1}, "fleet-empty", "the file is empty")
		return nil, r.list
	}
	r.top(doc.Content[0], f)
	slices.SortStableFunc(r.list, func(a, b *diag.Diagnostic) int { return a.Range.Start.Line - b.Range.Start.Line })
	if r.list.HasErrors() {
		return nil, r.list
	}
	return f, nil
}

var topKeys = []string{"server", "environment_path", "node_groups", "clouds", "balancers", "calendars", "groups"}

func (r *fleetReader) top(n *yaml.Node, f *Fleet) {
	m, ok := r.mapping(n, "fleet.yaml", topKeys...)
	if !ok {
		return
	}
	r.unsupported(m, "calendars")
	f.Server = r.serverURL(m, n)
	f.EnvironmentPath = r.path(m, "environment_path", "code/environments")
	f.NodeGroups = r.path(m, "node_groups", "node_groups.yml")
	for _, e := range r.named(m, "clouds") {
		f.Clouds[e.name] = r.cloud(e)
	}
	for _, e := range r.named(m, "balancers") {
		f.Balancers[e.name] = r.balancer(e)
	}
	if r.planning {
		f.Calendars = map[string]Calendar{}
		for _, e := range r.named(m, "calendars") {
			f.Calendars[e.name] = r.calendar(e)
		}
	}
	for _, e := range r.named(m, "groups") {
		f.Groups = append(f.Groups, r.group(e, f))
	}
	if len(f.Groups) == 0 && m["groups"] == nil {
		r.errorf(n, "fleet-missing", "groups is missing: a fleet without groups has nothing to do")
	}
	for _, e := range r.named(m, "balancers") {
		r.checkBalancer(e, f)
	}
}

// checkBalancer checks what a balancer refers to, when all groups are known.
func (r *fleetReader) checkBalancer(e namedNode, f *Fleet) {
	b := f.Balancers[e.name]
	g, ok := f.Group(b.NodeGroup)
	switch {
	case b.NodeGroup == "":
	case !ok:
		names := make([]string, len(f.Groups))
		for i, g := range f.Groups {
			names[i] = g.Name
		}
		r.unknownName(e.val, "balancer "+e.name+": node_group", "group", b.NodeGroup, names)
	case g.Balancer == e.name:
		r.errorf(e.val, "fleet-balancer-loop", "balancer %s: its node_group %s is also behind it", e.name, g.Name)
	}
}

func (r *fleetReader) cloud(e namedNode) Cloud {
	what := "cloud " + e.name
	c := Cloud{Name: e.name, Kind: e.name, Socket: DefaultLocalSocket}
	m, ok := r.mapping(e.val, what, "kind", "image", "socket", "region", "key", "prices")
	if !ok {
		return c
	}
	if n := m["kind"]; n != nil {
		c.Kind = r.str(n, what+": kind")
	}
	if r.planning { // a plan needs no cloud, only its prices
		c.Prices = r.prices(m["prices"], what+": prices")
		if n := m["image"]; n != nil {
			c.Image = r.str(n, what+": image")
		}
		return c
	}
	switch c.Kind {
	case CloudLocal:
	case "aws", "ec2":
		r.errorf(e.key, "not-supported-yet", "%s: clouds of kind aws are not supported yet", what)
		return c
	default:
		r.unknownName(e.key, what+": kind", "kind of cloud", c.Kind, []string{CloudLocal})
		return c
	}
	for _, k := range []string{"region", "key", "prices"} {
		if n := m[k]; n != nil {
			r.errorf(n, "fleet-key-misplaced", "%s: %s has no meaning in a local cloud", what, k)
		}
	}
	if n := m["image"]; n != nil {
		c.Image = r.str(n, what+": image")
	}
	if n := m["socket"]; n != nil {
		c.Socket = r.str(n, what+": socket")
	}
	return c
}

func (r *fleetReader) balancer(e namedNode) Balancer {
	what := "balancer " + e.name
	b := Balancer{Name: e.name}
	m, ok := r.mapping(e.val, what, "kind", "node_group", "listen", "port")
	if !ok {
		return b
	}
	if n := r.required(m, e.val, what, "kind"); n != nil {
		b.Kind = r.str(n, what+": kind")
		switch b.Kind {
		case BalancerHAProxy, "":
		case "elb", "elbv2":
			if r.planning {
				return b
			}
			r.errorf(n, "not-supported-yet", "%s: balancers of kind %s are not supported yet", what, b.Kind)
		default:
			r.unknownName(n, what+": kind", "kind of balancer", b.Kind, []string{BalancerHAProxy})
		}
	}
	if n := r.required(m, e.val, what, "node_group"); n != nil {
		b.NodeGroup = r.str(n, what+": node_group")
	}
	if n := r.required(m, e.val, what, "port"); n != nil {
		b.Port = r.integer(n, what+": port", 1, 65535)
	}
	b.Listen = 80
	if n := m["listen"]; n != nil {
		b.Listen = r.integer(n, what+": listen", 1, 65535)
	}
	if !haproxyName.MatchString(e.name) {
		r.errorf(e.key, "fleet-name", "%s: the name may hold letters, digits, '_', '-' and '.' only", what)
	}
	return b
}
