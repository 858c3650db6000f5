package types

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// mismatch is one thing that is wrong with a value, at a place inside of it.
type mismatch struct {
	path []string
	kind mismatchKind
	// expected are the types that would do; undef tells that undef would do too.
	expected []Type
	undef    bool
	actual   Type
	// text is the whole sentence of the kinds other than typeWanted and matchWanted.
	text string
}

type mismatchKind int

const (
	typeWanted mismatchKind = iota
	matchWanted
	sizeWanted
	keyWanted
)

// Mismatch says why v is no value of t, in Puppet's words without the subject: "expects an Integer value, got String".
func Mismatch(t Type, v value.Value) string { return strings.Join(Mismatches("", t, v), "\n") }

// Mismatches gives all that is wrong with v as a value of t, one sentence each, beginning with the subject.
func Mismatches(subject string, t Type, v value.Value) []string {
	var path []string
	if subject != "" {
		path = []string{subject}
	}
	actual := InferDetailed(v)
	ms := describe(t, actual, path)
	if len(ms) == 0 {
		ms = []mismatch{{path: path, expected: []Type{t}, actual: actual}}
	}
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = m.sentence()
	}
	return out
}

// Assert gives an error in Puppet's words when v is no value of t: "parameter 'x' expects an Integer value, got String".
func Assert(subject string, t Type, v value.Value) error {
	if Instance(t, v) {
		return nil
	}
	return errors.New(strings.Join(Mismatches(subject, t, v), "\n"))
}

// deeper gives path with one more element, never changing path's array.
func deeper(path []string, more string) []string {
	return append(append(make([]string, 0, len(path)+1), path...), more)
}

// describe gives what is wrong with a value of type actual.
func describe(t, actual Type, path []string) []mismatch {
	if Assignable(t, actual) {
		return nil
	}
	plain := []mismatch{{path: path, expected: []Type{t}, actual: actual}}
	switch n := t.(type) {
	case *Alias:
		inner, err := n.Resolve()
		if err != nil {
			return plain
		}
		if ms := describe(inner, actual, path); len(ms) > 0 && goesDeeper(ms, path) {
			return ms
		}
		return plain
	case *Optional:
		return describeOptional(n, actual, path)
	case *NotUndef:
		if n.T != Type(Any) {
			return describe(n.T, actual, path)
		}
	case *Variant:
		return describeVariant(n, actual, path)
	case *Enum, *Pattern:
		plain[0].kind = matchWanted
	case *Struct:
		return describeStruct(n, actual, path)
	case *Tuple, *Array:
		return describeList(t, actual, path)
	case *Hash:
		return describeHash(n, actual, path)
	}
	return plain
}

// goesDeeper reports whether one of the mismatches is inside of the value, or about its size or keys.
func goesDeeper(ms []mismatch, path []string) bool {
	return slices.ContainsFunc(ms, func(m mismatch) bool {
		return m.kind >= sizeWanted || len(withoutVariants(m.path)) > len(withoutVariants(path))
	})
}

func describeOptional(t *Optional, actual Type, path []string) []mismatch {
	ms := describe(t.T, actual, path)
	for i := range ms {
		if _, alias := ms[i].expected0().(*Alias); !alias && ms[i].kind <= matchWanted && slices.Equal(ms[i].path, path) {
			ms[i].undef = true
		}
	}
	return ms
}

func (m mismatch) expected0() Type {
	if len(m.expected) == 0 {
		return Any
	}
	return m.expected[0]
}

const variantMark = "variant "

func withoutVariants(path []string) []string {
	var out []string
	for _, p := range path {
		if !strings.HasPrefix(p, variantMark) {
			out = append(out, p)
		}
	}
	return out
}

// describeVariant gives one sentence with all alternatives when all members find fault at the same place, else the
// faults that each member finds.
func describeVariant(t *Variant, actual Type, path []string) []mismatch {
	var all []mismatch
	for i, m := range t.Types {
		all = append(all, describe(m, actual, deeper(path, variantMark+strconv.Itoa(i)))...)
	}
	if len(all) == 0 {
		return []mismatch{{path: path, expected: []Type{t}, actual: actual}}
	}
	merged := mismatch{path: withoutVariants(all[0].path), actual: all[0].actual}
	for _, m := range all {
		if m.kind > matchWanted || !slices.Equal(withoutVariants(m.path), merged.path) {
			return all
		}
		merged.kind = max(merged.kind, m.kind)
		merged.undef = merged.undef || m.undef
		for _, e := range m.expected {
			if e == Type(Undef) {
				merged.undef = true
				continue
			}
			merged.add(e)
		}
	}
	return []mismatch{merged}
}

// add adds an alternative; Enums become one.
func (m *mismatch) add(t Type) {
	for i, have := range m.expected {
		if have.Key() == t.Key() {
			return
		}
		a, aok := have.(*Enum)
		b, bok := t.(*Enum)
		if aok && bok && a.IgnoreCase == b.IgnoreCase {
			m.expected[i] = &Enum{Values: append(append([]string{}, a.Values...), b.Values...), IgnoreCase: a.IgnoreCase}
			return
		}
	}
	m.expected = append(m.expected, t)
}

func describeSize(want Size, actual Type, path []string) []mismatch {
	got, ok := sizeOfType(actual)
	if !ok || want.Covers(got) {
		return nil
	}
	return []mismatch{{path: path, kind: sizeWanted,
		text: "expects size to be " + rangeText(want.Min, want.Max) + ", got " + rangeText(got.Min, got.Max)}}
}

func describeStruct(t *Struct, actual Type, path []string) []mismatch {
	s, ok := actual.(*Struct)
	if !ok || !t.Given {
		if h, isHash := actual.(*Hash); isHash && h.Size.Max == 0 {
			return describeSize(t.size(), actual, path)
		}
		return []mismatch{{path: path, expected: []Type{t}, actual: actual}}
	}
	var out, keys []mismatch
	for _, m := range t.Members {
		got, has := s.member(m.Key)
		switch {
		case has:
			out = append(out, describe(m.Value, got.Value, deeper(path, "entry '"+m.Key+"'"))...)
		case !m.Optional():
			keys = append(keys, mismatch{path: path, kind: keyWanted, text: "expects a value for key '" + m.Key + "'"})
		}
	}
	for _, m := range s.Members {
		if _, known := t.member(m.Key); !known {
			keys = append(keys, mismatch{path: path, kind: keyWanted, text: "unrecognized key '" + m.Key + "'"})
		}
	}
	if len(out) > 0 {
		return out
	}
	return keys
}

func describeList(t, actual Type, path []string) []mismatch {
	want, _ := sizeOfType(t)
	plain := []mismatch{{path: path, expected: []Type{t}, actual: actual}}
	switch u := actual.(type) {
	case *Tuple:
		if ms := describeSize(want, u, path); ms != nil {
			return ms
		}
		var out []mismatch
		for i, e := range u.Types {
			elem := Type(Any)
			switch t := t.(type) {
			case *Tuple:
				elem = t.at(i)
			case *Array:
				elem = t.Elem
			}
			out = append(out, describe(elem, e, deeper(path, "index "+strconv.Itoa(i)))...)
		}
		return out
	case *Array:
		if ms := describeSize(want, u, path); ms != nil {
			return ms
		}
	}
	return plain
}

func describeHash(t *Hash, actual Type, path []string) []mismatch {
	plain := []mismatch{{path: path, expected: []Type{t}, actual: actual}}
	switch u := actual.(type) {
	case *Struct:
		if ms := describeSize(t.Size, u, path); ms != nil {
			return ms
		}
		var out []mismatch
		for _, m := range u.Members {
			out = append(out, describe(t.KeyType, ExactString(m.Key), deeper(path, "key of entry '"+m.Key+"'"))...)
			out = append(out, describe(t.Value, m.Value, deeper(path, "entry '"+m.Key+"'"))...)
		}
		return out
	case *Hash:
		if ms := describeSize(t.Size, u, path); ms != nil {
			return ms
		}
		plain[0].actual = HashOf(u.KeyType, u.Value)
	}
	return plain
}

// sentence is the mismatch in words, with its place in front.
func (m mismatch) sentence() string {
	text := m.text
	switch m.kind {
	case typeWanted:
		text = "expects " + m.wantedTypes()
	case matchWanted:
		text = "expects " + m.wantedMatch()
	}
	if len(m.path) == 0 {
		return text
	}
	return strings.Join(m.path, " ") + " " + text
}

func (m mismatch) wantedMatch() string {
	want := VariantOf(m.expected...)
	text := "a match for " + aliasText(want)
	if m.undef {
		text = "an undef value or " + text
	}
	if s, ok := m.actual.(*String); ok && s.Exact != nil {
		return text + ", got " + quote(*s.Exact)
	}
	return text + ", got " + shortName(m.actual)
}

func (m mismatch) wantedTypes() string {
	detailed := slices.ContainsFunc(m.expected, func(t Type) bool { return unalias(t).Name() == m.actual.Name() })
	var names []string
	if m.undef {
		names = append(names, "Undef")
	}
	for _, t := range m.expected {
		if _, isAlias := t.(*Alias); detailed || isAlias {
			names = append(names, aliasText(t))
		} else {
			names = append(names, shortName(t))
		}
	}
	got := shortName(m.actual)
	if detailed {
		got = m.actual.String()
	}
	if len(names) == 1 {
		return article(names[0]) + " value, got " + got
	}
	return "a value of type " + orList(names) + ", got " + got
}

// orList joins alternatives: a or b; a, b, or c.
func orList(names []string) string {
	if len(names) < 3 {
		return strings.Join(names, " or ")
	}
	return strings.Join(names[:len(names)-1], ", ") + ", or " + names[len(names)-1]
}

// shortName is a type without the parameters that do not matter where the kind is another one.
func shortName(t Type) string {
	switch t.(type) {
	case *Array, *Hash, *Struct, *Tuple, *Integer, *Float, *String, *Boolean, *Regexp, *Collection, *Callable,
		*TimestampType, *TimespanType, *SemVerType, *URIType:
		return t.Name()
	}
	return t.String()
}
