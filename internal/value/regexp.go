package value

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Regexp is a regular expression with Ruby's (Onigmo's) meaning: ^ and $ are line anchors, \h is a hex digit, \Z and
// look-around work. Expressions that Go's engine understands with the same meaning run on it, in linear time; the
// others run on a backtracking engine with a time limit.
type Regexp struct {
	source string
	std    *regexp.Regexp
	back   *regexp2.Regexp
}

// matchTimeout bounds one match of the backtracking engine.
const matchTimeout = 2 * time.Second

// NewRegexp compiles the text between the slashes of a Puppet regular expression.
func NewRegexp(source string) (*Regexp, error) {
	translated := fromRuby(source)
	if std, err := regexp.Compile("(?m)" + translated); err == nil && !needsBacktracking(source) {
		return &Regexp{source: source, std: std}, nil
	}
	back, err := regexp2.Compile(translated, regexp2.Multiline)
	if err != nil {
		return nil, fmt.Errorf("regular expression /%s/: %w", source, err)
	}
	back.MatchTimeout = matchTimeout
	return &Regexp{source: source, back: back}, nil
}

// needsBacktracking finds constructs that Go's engine would refuse or read in another way.
func needsBacktracking(source string) bool {
	return strings.Contains(source, `\Z`) || strings.Contains(source, "(?<!") || strings.Contains(source, "(?<=")
}

// fromRuby writes Ruby's own escapes in the form that both engines know.
func fromRuby(source string) string {
	var b strings.Builder
	inClass := 0
	for i := 0; i < len(source); i++ {
		c := source[i]
		switch {
		case c == '\\' && i+1 < len(source):
			i++
			b.WriteString(rubyEscape(source[i], inClass > 0))
			continue
		case c == '[':
			inClass++
		case c == ']' && inClass > 0:
			inClass--
		case c == '(' && strings.HasPrefix(source[i:], "(?m"):
			b.WriteString("(?s")
			i += 2
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func rubyEscape(c byte, inClass bool) string {
	switch c {
	case 'h':
		if inClass {
			return "0-9a-fA-F"
		}
		return "[0-9a-fA-F]"
	case 'H':
		return "[^0-9a-fA-F]"
	case '/':
		return "/"
	}
	return `\` + string(c)
}

// Source is the text between the slashes.
func (r *Regexp) Source() string { return r.source }

// TypeName implements Value.
func (*Regexp) TypeName() string { return "Regexp" }

// String is the form in Puppet's source: /source/, slashes escaped.
func (r *Regexp) String() string {
	var b strings.Builder
	b.WriteByte('/')
	for i := 0; i < len(r.source); i++ {
		switch c := r.source[i]; c {
		case '\\':
			b.WriteByte(c)
			if i++; i < len(r.source) {
				b.WriteByte(r.source[i])
			}
		case '/':
			b.WriteString(`\/`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('/')
	return b.String()
}

// Key makes expressions with the same source the same hash key.
func (r *Regexp) Key() string { return r.source }

// Find gives the first match in s and its groups: group i is s[loc[2*i]:loc[2*i+1]], -1 where it took no part.
// The result is nil without a match. An error means that the time limit was reached.
func (r *Regexp) Find(s string) ([]int, error) {
	if r.std != nil {
		return r.std.FindStringSubmatchIndex(s), nil
	}
	m, err := r.back.FindStringMatch(s)
	if err != nil {
		return nil, fmt.Errorf("match /%s/: %w", r.source, err)
	}
	if m == nil {
		return nil, nil
	}
	offsets := runeOffsets(s)
	var loc []int
	for _, g := range m.Groups() {
		if len(g.Captures) == 0 {
			loc = append(loc, -1, -1)
			continue
		}
		loc = append(loc, offsets[g.Index], offsets[g.Index+g.Length])
	}
	return loc, nil
}

// runeOffsets maps the index of a rune to its byte offset; regexp2 counts runes.
func runeOffsets(s string) []int {
	offsets := make([]int, 0, len(s)+1)
	for i := range s {
		offsets = append(offsets, i)
	}
	return append(offsets, len(s))
}

// FindAll gives the places of all matches, as Find does, from left to right, at most n of them (all if n < 0).
func (r *Regexp) FindAll(s string, n int) ([][]int, error) {
	if r.std != nil {
		return r.std.FindAllStringSubmatchIndex(s, n), nil
	}
	var all [][]int
	for at := 0; at <= len(s) && (n < 0 || len(all) < n); {
		loc, err := r.Find(s[at:])
		if err != nil {
			return nil, err
		}
		if loc == nil {
			break
		}
		for i := range loc {
			if loc[i] >= 0 {
				loc[i] += at
			}
		}
		all = append(all, loc)
		at = loc[1]
		if loc[0] == loc[1] {
			at++
		}
	}
	return all, nil
}
