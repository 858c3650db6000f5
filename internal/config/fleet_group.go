package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

var groupKeys = []string{"cloud", "image", "types", "zones", "security_groups", "tags", "balancer", "health", "drain",
	"limits", "size", "timezone", "windows", "matches", "overlap", "load", "lead_time",
	"boot", "failure_rate", "refusal_rate"}

func (r *fleetReader) group(e namedNode, f *Fleet) Group {
	what := "group " + e.name
	g := Group{Name: e.name, Drain: DefaultDrain, Limits: Limits{Max: DefaultMax}, Size: 0}
	if !haproxyName.MatchString(e.name) {
		r.errorf(e.key, "fleet-name", "%s: the name may hold letters, digits, '_', '-' and '.' only", what)
	}
	m, ok := r.mapping(e.val, what, groupKeys...)
	if !ok {
		return g
	}
	r.unsupported(m, "timezone", "windows", "matches", "overlap", "load", "lead_time", "boot", "failure_rate", "refusal_rate")

	r.groupCloud(m, e, f, &g)
	g.Types = r.strings(m["types"], what+": types")
	g.Zones = r.strings(m["zones"], what+": zones")
	if r.planning {
		g.Plan = r.plan(m, e, f, &g)
	}
	if n := r.required(m, e.val, what, "security_groups"); n != nil {
		if g.SecurityGroups = r.strings(n, what+": security_groups"); len(g.SecurityGroups) == 0 {
			r.errorf(n, "fleet-value", "%s: security_groups must name at least one group: it decides what the instance is", what)
		}
	}
	g.Tags = r.stringMap(m["tags"], what+": tags")
	for name := range g.Tags {
		if strings.HasPrefix(name, "kickoff:") {
			r.errorf(m["tags"], "fleet-value", "%s: tag %s: names that begin with kickoff: are reserved", what, name)
		}
	}
	if n := m["balancer"]; n != nil {
		g.Balancer = r.str(n, what+": balancer")
		if _, ok := f.Balancers[g.Balancer]; !ok && g.Balancer != "" {
			r.unknownName(n, what+": balancer", "balancer", g.Balancer, slices.Collect(maps.Keys(f.Balancers)))
		}
	}
	if n := m["drain"]; n != nil {
		g.Drain = r.duration(n, what+": drain", 0, time.Hour)
	}
	r.groupHealth(m, e, f, &g)
	r.groupLimits(m, e, &g)
	return g
}

func (r *fleetReader) groupCloud(m map[string]*yaml.Node, e namedNode, f *Fleet, g *Group) {
	what := "group " + e.name
	n := r.required(m, e.val, what, "cloud")
	if n == nil {
		return
	}
	g.Cloud = r.str(n, what+": cloud")
	c, ok := f.Clouds[g.Cloud]
	if !ok {
		r.unknownName(n, what+": cloud", "cloud", g.Cloud, slices.Collect(maps.Keys(f.Clouds)))
		return
	}
	g.Image = c.Image
	if n := m["image"]; n != nil {
		g.Image = r.str(n, what+": image")
	}
	if g.Image == "" && !r.planning {
		r.errorf(e.key, "fleet-missing", "%s: neither the group nor its cloud %s names an image", what, g.Cloud)
	}
}

func (r *fleetReader) groupHealth(m map[string]*yaml.Node, e namedNode, f *Fleet, g *Group) {
	what := "group " + e.name + ": health"
	n := m["health"]
	if n == nil {
		if g.Balancer != "" {
			r.errorf(e.key, "fleet-missing", "group %s: health is missing: a group behind a balancer needs a health check", e.name)
		}
		return
	}
	h := &Health{From: HealthFromAgent, Healthy: 2, Unhealthy: 3, Every: 2 * time.Second}
	g.Health = h
	if g.Balancer != "" {
		h.From, h.Port = HealthFromBalancer, f.Balancers[g.Balancer].Port
	}
	hm, ok := r.mapping(n, what, "http", "port", "from", "healthy", "unhealthy", "every")
	if !ok {
		return
	}
	if p := r.required(hm, n, what, "http"); p != nil {
		if h.HTTP = r.str(p, what+": http"); !strings.HasPrefix(h.HTTP, "/") || strings.ContainsAny(h.HTTP, " \t\r\n\"'\\#") {
			r.errorf(p, "fleet-value", "%s: http must be a path that begins with / and holds no space, quote, '#' or backslash, not %q", what, h.HTTP)
		}
	}
	if p := hm["from"]; p != nil {
		h.From = r.str(p, what+": from")
		if h.From != HealthFromBalancer && h.From != HealthFromAgent {
			r.unknownName(p, what+": from", "place to check health from", h.From, []string{HealthFromBalancer, HealthFromAgent})
		}
		if h.From == HealthFromBalancer && g.Balancer == "" {
			r.errorf(p, "fleet-value", "%s: from: balancer needs a group with a balancer", what)
		}
		if h.From == HealthFromAgent && g.Balancer != "" {
			r.errorf(p, "not-supported-yet", "%s: from: agent is not supported yet for a group behind a balancer", what)
		}
	}
	r.healthNumbers(hm, n, what, g, f)
}

func (r *fleetReader) healthNumbers(hm map[string]*yaml.Node, n *yaml.Node, what string, g *Group, f *Fleet) {
	h := g.Health
	if p := hm["port"]; p != nil {
		h.Port = r.integer(p, what+": port", 1, 65535)
		if b, ok := f.Balancers[g.Balancer]; ok && b.Port != 0 && h.Port != b.Port {
			r.errorf(p, "not-supported-yet", "%s: port %d is not the balancer's port %d; different ports are not supported yet", what, h.Port, b.Port)
		}
	}
	if h.Port == 0 && g.Balancer == "" {
		r.errorf(n, "fleet-missing", "%s: port is missing", what)
	}
	if p := hm["healthy"]; p != nil {
		h.Healthy = r.integer(p, what+": healthy", 1, 100)
	}
	if p := hm["unhealthy"]; p != nil {
		h.Unhealthy = r.integer(p, what+": unhealthy", 1, 100)
	}
	if p := hm["every"]; p != nil {
		h.Every = r.duration(p, what+": every", 100*time.Millisecond, 10*time.Minute)
	}
}

func (r *fleetReader) groupLimits(m map[string]*yaml.Node, e namedNode, g *Group) {
	what := "group " + e.name
	at := e.key
	if n := m["limits"]; n != nil {
		at = n
		w := what + ": limits"
		lm, _ := r.mapping(n, w, "min", "max", "floor", "launches_per_day", "money_per_day")
		r.unsupported(lm, "money_per_day")
		if v := lm["money_per_day"]; v != nil && g.Plan != nil {
			g.Plan.MoneyPerDay = r.number(v, w+": money_per_day", 0, 1e9)
		}
		for key, to := range map[string]*int{"min": &g.Limits.Min, "max": &g.Limits.Max, "floor": &g.Limits.Floor, "launches_per_day": &g.Limits.LaunchesPerDay} {
			if v := lm[key]; v != nil {
				*to = r.integer(v, w+": "+key, 0, 100000)
			}
		}
	}
	l := g.Limits
	if l.Min > l.Max {
		r.errorf(at, "fleet-value", "%s: limits: min %d is above max %d", what, l.Min, l.Max)
	}
	if l.Floor > l.Max {
		r.errorf(at, "fleet-value", "%s: limits: floor %d is above max %d", what, l.Floor, l.Max)
	}
	g.Size = l.Min
	if n := m["size"]; n != nil {
		at = n
		g.Size = r.integer(n, what+": size", 0, 100000)
	}
	if g.Size < l.Min || g.Size > l.Max {
		r.errorf(at, "fleet-value", "%s: size %d is outside of its limits %d to %d", what, g.Size, l.Min, l.Max)
	}
}
