// Package plan is the pure decision: how many instances a group should have
// now, why, and which should go when there are too many. It has no clock, no
// store and no network; the controller and a simulator call the same functions.
//
// A decision is made of claims. Each rule (size, override, later: load,
// windows, matches) claims a size; the claim of the highest rank wins and the
// others are kept as what lost. Then the floor and the hard limits bound it.
package plan

import (
	"fmt"
	"strings"
	"time"
)

// Rule names what asked for a size.
type Rule string

// The rules, from the weakest to the strongest.
const (
	RuleSize     Rule = "size"
	RuleOverride Rule = "override"
	// RuleFloor and RuleLimit bound whatever the others claim.
	RuleFloor Rule = "floor"
	RuleLimit Rule = "limit"
)

var rank = map[Rule]int{RuleSize: 0, RuleOverride: 10, RuleFloor: 20, RuleLimit: 30}

// Claim is one rule's wish.
type Claim struct {
	Rule Rule   `json:"rule"`
	Size int    `json:"size"`
	Why  string `json:"why"`
}

// Limits bound a group.
type Limits struct {
	Min   int `json:"min"`
	Max   int `json:"max"`
	Floor int `json:"floor"`
}

// Input is everything a decision depends on.
type Input struct {
	Now   time.Time `json:"now"`
	Group string    `json:"group"`
	// Size is the configured size.
	Size int `json:"size"`
	// Override is the operator's size, By and At who set it and when.
	Override   *int      `json:"override,omitempty"`
	OverrideBy string    `json:"override_by,omitempty"`
	OverrideAt time.Time `json:"override_at,omitzero"`
	Limits     Limits    `json:"limits"`
}

// Decision is the wanted size with its reasons.
type Decision struct {
	Size int `json:"size"`
	// Won is the claim that decided; Bound are the limits that changed it.
	Won   Claim   `json:"won"`
	Bound []Claim `json:"bound,omitempty"`
	// Lost are the claims of lower rank.
	Lost  []Claim `json:"lost,omitempty"`
	Input Input   `json:"input"`
}

// Decide says how many instances a group should have.
func Decide(in Input) Decision {
	d := Decision{Input: in}
	for _, c := range claims(in) {
		switch {
		case d.Won.Rule == "":
			d.Won = c
		case rank[c.Rule] > rank[d.Won.Rule]:
			d.Lost = append(d.Lost, d.Won)
			d.Won = c
		default:
			d.Lost = append(d.Lost, c)
		}
	}
	d.Size = d.Won.Size
	d.bound(d.Size < in.Limits.Floor, RuleFloor, in.Limits.Floor, "the protected floor")
	d.bound(d.Size < in.Limits.Min, RuleLimit, in.Limits.Min, "limits.min")
	d.bound(d.Size > in.Limits.Max, RuleLimit, in.Limits.Max, "limits.max")
	return d
}

func claims(in Input) []Claim {
	cs := []Claim{{Rule: RuleSize, Size: in.Size, Why: fmt.Sprintf("size: %d in fleet.yaml", in.Size)}}
	if in.Override != nil {
		why := fmt.Sprintf("override: %d", *in.Override)
		if in.OverrideBy != "" {
			why += " by " + in.OverrideBy
		}
		if !in.OverrideAt.IsZero() {
			why += " since " + in.OverrideAt.UTC().Format("2006-01-02 15:04:05Z")
		}
		cs = append(cs, Claim{Rule: RuleOverride, Size: *in.Override, Why: why})
	}
	return cs
}

func (d *Decision) bound(hit bool, rule Rule, size int, what string) {
	if !hit {
		return
	}
	d.Bound = append(d.Bound, Claim{Rule: rule, Size: size, Why: fmt.Sprintf("%s makes %d of %d", what, size, d.Size)})
	d.Size = size
}

// Why is the decision in one line.
func (d Decision) Why() string {
	var why strings.Builder
	why.WriteString(d.Won.Why)
	for _, b := range d.Bound {
		why.WriteString("; " + b.Why)
	}
	return why.String()
}
