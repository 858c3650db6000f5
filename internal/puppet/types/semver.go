package types

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// SemVer is a semantic version.
type SemVer struct {
	Major, Minor, Patch int64
	Prerelease          []string // dot-separated identifiers
	Build               string
}

var semverText = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$`)

// ParseSemVer reads a version such as 1.2.3-rc.1+build.
func ParseSemVer(s string) (*SemVer, error) {
	m := semverText.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("The string '%s' cannot be converted to a SemVer", s)
	}
	v := &SemVer{Major: atoi(m[1]), Minor: atoi(m[2]), Patch: atoi(m[3]), Build: m[5]}
	if m[4] != "" {
		v.Prerelease = strings.Split(m[4], ".")
	}
	return v, nil
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// TypeName implements value.Value.
func (*SemVer) TypeName() string { return "SemVer" }

// String implements value.Value.
func (v *SemVer) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if len(v.Prerelease) > 0 {
		s += "-" + strings.Join(v.Prerelease, ".")
	}
	if v.Build != "" {
		s += "+" + v.Build
	}
	return s
}

// Key implements value.Keyer.
func (v *SemVer) Key() string { return v.String() }

// Rich implements value.Richer.
func (v *SemVer) Rich() (string, value.Value) { return "SemVer", value.String(v.String()) }

// Compare orders versions: -1, 0, 1. Builds do not count.
func (v *SemVer) Compare(o *SemVer) int {
	for _, d := range []int64{v.Major - o.Major, v.Minor - o.Minor, v.Patch - o.Patch} {
		if d != 0 {
			return sign(d)
		}
	}
	return comparePrerelease(v.Prerelease, o.Prerelease)
}

func sign(d int64) int {
	switch {
	case d < 0:
		return -1
	case d > 0:
		return 1
	}
	return 0
}

func comparePrerelease(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return sign(int64(len(b) - len(a))) // no prerelease is the later version
	}
	for i := 0; i < len(a) && i < len(b); i++ {
		an, aerr := strconv.ParseInt(a[i], 10, 64)
		bn, berr := strconv.ParseInt(b[i], 10, 64)
		switch {
		case aerr == nil && berr == nil:
			if an != bn {
				return sign(an - bn)
			}
		case aerr == nil:
			return -1
		case berr == nil:
			return 1
		case a[i] != b[i]:
			return strings.Compare(a[i], b[i])
		}
	}
	return sign(int64(len(a) - len(b)))
}

// VersionRange is a SemVerRange: a union of intervals.
type VersionRange struct {
	text string
	alts []interval
}

// interval is min <= v < max (or <= when closed); nil is open.
type interval struct {
	min, max       *SemVer
	minExcl, maxIn bool
}

// ParseVersionRange reads ">=1.0.0 <2.0.0", "1.x", "~1.2.3", "^1.0.0", "1.0.0 - 2.0.0" and unions of them by "||".
func ParseVersionRange(s string) (*VersionRange, error) {
	r := &VersionRange{text: s}
	for alt := range strings.SplitSeq(s, "||") {
		iv, err := parseInterval(strings.TrimSpace(alt))
		if err != nil {
			return nil, fmt.Errorf("Unparsable version range: \"%s\"", s)
		}
		r.alts = append(r.alts, iv)
	}
	return r, nil
}

var (
	rangeSimple = regexp.MustCompile(`^(>=|<=|>|<|=|~>|~|\^)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*])(?:\.(\d+|[xX*])(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)?)?$`)
	rangeHyphen = regexp.MustCompile(`^(\S+)\s+-\s+(\S+)$`)
	rangeSpace  = regexp.MustCompile(`(>=|<=|>|<|=|~>|~|\^)\s+`)
)

func parseInterval(s string) (interval, error) {
	if s == "" || s == "*" || s == "x" {
		return interval{}, nil
	}
	if m := rangeHyphen.FindStringSubmatch(s); m != nil {
		lo, err := simpleInterval(">=" + m[1])
		if err != nil {
			return lo, err
		}
		hi, err := simpleInterval("<=" + m[2])
		if err != nil {
			return hi, err
		}
		return lo.intersect(hi), nil
	}
	var all interval
	for part := range strings.FieldsSeq(rangeSpace.ReplaceAllString(s, "$1")) {
		iv, err := simpleInterval(part)
		if err != nil {
			return all, err
		}
		all = all.intersect(iv)
	}
	return all, nil
}

// simpleInterval reads one comparison. A missing or wild part widens it to all versions with the given parts.
func simpleInterval(s string) (interval, error) {
	m := rangeSimple.FindStringSubmatch(s)
	if m == nil {
		return interval{}, fmt.Errorf("unparsable %q", s)
	}
	given := 0
	for given < 3 && m[2+given] != "" && !strings.ContainsAny(m[2+given], "xX*") {
		given++
	}
	nums := [3]int64{}
	for i := range given {
		nums[i] = atoi(m[2+i])
	}
	lo := &SemVer{Major: nums[0], Minor: nums[1], Patch: nums[2]}
	if given == 3 && m[5] != "" {
		lo.Prerelease = strings.Split(m[5], ".")
	}
	if given == 0 {
		return interval{}, nil
	}
	next := bump(nums, given)
	switch m[1] {
	case ">=":
		return interval{min: lo}, nil
	case ">":
		if given < 3 {
			return interval{min: next}, nil
		}
		return interval{min: lo, minExcl: true}, nil
	case "<":
		return interval{max: lo}, nil
	case "<=":
		if given < 3 {
			return interval{max: next}, nil
		}
		return interval{max: lo, maxIn: true}, nil
	case "~", "~>":
		return interval{min: lo, max: bump(nums, min(given, 2))}, nil
	case "^":
		level := 1
		for level < given && nums[level-1] == 0 {
			level++
		}
		return interval{min: lo, max: bump(nums, level)}, nil
	}
	if given == 3 {
		return interval{min: lo, max: lo, maxIn: true}, nil
	}
	return interval{min: lo, max: next}, nil
}

// bump is the first version behind all that share the first n numbers.
func bump(nums [3]int64, n int) *SemVer {
	for i := n; i < 3; i++ {
		nums[i] = 0
	}
	nums[n-1]++
	return &SemVer{Major: nums[0], Minor: nums[1], Patch: nums[2]}
}

func (a interval) intersect(b interval) interval {
	if a.min == nil || b.min != nil && (b.min.Compare(a.min) > 0 || b.min.Compare(a.min) == 0 && b.minExcl) {
		a.min, a.minExcl = b.min, b.minExcl
	}
	if a.max == nil || b.max != nil && (b.max.Compare(a.max) < 0 || b.max.Compare(a.max) == 0 && !b.maxIn) {
		a.max, a.maxIn = b.max, b.maxIn
	}
	return a
}

func (a interval) holds(v *SemVer) bool {
	if a.min != nil {
		if c := v.Compare(a.min); c < 0 || c == 0 && a.minExcl {
			return false
		}
	}
	if a.max != nil {
		if c := v.Compare(a.max); c > 0 || c == 0 && !a.maxIn {
			return false
		}
		// a prerelease of the excluded end is outside of the range
		if !a.maxIn && len(v.Prerelease) > 0 && len(a.max.Prerelease) == 0 &&
			v.Major == a.max.Major && v.Minor == a.max.Minor && v.Patch == a.max.Patch {
			return false
		}
	}
	return true
}

// Holds reports whether v is in the range.
func (r *VersionRange) Holds(v *SemVer) bool {
	for _, iv := range r.alts {
		if iv.holds(v) {
			return true
		}
	}
	return false
}

// TypeName implements value.Value.
func (*VersionRange) TypeName() string { return "SemVerRange" }

// String implements value.Value.
func (r *VersionRange) String() string { return r.text }

// Key implements value.Keyer.
func (r *VersionRange) Key() string { return r.text }

// Rich implements value.Richer.
func (r *VersionRange) Rich() (string, value.Value) { return "SemVerRange", value.String(r.text) }
