package types

import (
	"fmt"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// Mismatch says why v is no value of t, in Puppet's words without the subject: "expects an Integer value, got String".
func Mismatch(t Type, v value.Value) string {
	ms := describe(t, v, nil)
	if len(ms) == 0 {
		return "expects " + article(t.String()) + " value, got " + InferDetailed(v).String()
	}
	return strings.Join(ms, "\n")
}

// Assert gives an error in Puppet's words when v is no value of t: "parameter 'x' expects an Integer value, got String".
func Assert(subject string, t Type, v value.Value) error {
	if Instance(t, v) {
		return nil
	}
	ms := describe(t, v, []string{subject})
	return fmt.Errorf("%s", strings.Join(ms, "\n"))
}

// describe gives the sentences for all that is wrong, path being the subjects from the outside in.
func describe(t Type, v value.Value, path []string) []string {
	switch n := unalias(t).(type) {
	case *Optional:
		if value.IsUndef(v) {
			return nil
		}
		if deeper(n.T, v) {
			return describe(n.T, v, path)
		}
		return []string{sentence(path, expectsText(t), gotText(t, v))}
	case *NotUndef:
		if !value.IsUndef(v) {
			return describe(n.T, v, path)
		}
	case *Variant:
		return describeVariant(t, n, v, path)
	case *Struct:
		if h, ok := v.(*value.Hash); ok && n.Given {
			return describeStruct(n, h, path)
		}
	case *Tuple:
		if a, ok := v.(*value.Array); ok {
			return describeTuple(n, a, path)
		}
	case *Array:
		if a, ok := v.(*value.Array); ok {
			return describeArray(n, a, path)
		}
	case *Hash:
		if h, ok := v.(*value.Hash); ok {
			return describeHash(n, h, path)
		}
	case *Enum, *Pattern:
		if s, ok := v.(value.String); ok {
			return []string{sentence(path, "a match for "+aliasText(t), quote(string(s)))}
		}
	}
	return []string{sentence(path, expectsText(t), gotText(t, v))}
}

func sentence(path []string, expects, got string) string {
	return subject(path) + "expects " + expects + ", got " + got
}

func subject(path []string) string {
	if len(path) == 0 || len(path) == 1 && path[0] == "" {
		return ""
	}
	return strings.TrimSpace(strings.Join(path, " ")) + " "
}

// deeper tells that v has the kind of t and differs inside of it, so that the inside is worth describing.
func deeper(t Type, v value.Value) bool {
	switch n := unalias(t).(type) {
	case *Struct, *Hash:
		_, ok := v.(*value.Hash)
		return ok
	case *Array, *Tuple:
		_, ok := v.(*value.Array)
		return ok
	case *Enum, *Pattern:
		_, ok := v.(value.String)
		return ok
	case *Optional:
		return deeper(n.T, v)
	}
	return false
}

// describeVariant names all members when v is of the kind of none of them, else what is wrong with that member.
func describeVariant(t Type, n *Variant, v value.Value, path []string) []string {
	var inside []Type
	for _, m := range n.Types {
		if deeper(m, v) {
			inside = append(inside, m)
		}
	}
	if len(inside) == 1 && !allText(n) {
		return describe(inside[0], v, path)
	}
	return []string{sentence(path, expectsText(t), gotText(t, v))}
}

func allText(n *Variant) bool {
	for _, m := range n.Types {
		if !isText(unalias(m)) {
			return false
		}
	}
	return true
}

func describeStruct(t *Struct, h *value.Hash, path []string) []string {
	var out []string
	for _, m := range t.Members {
		v, ok := h.GetString(m.Key)
		switch {
		case !ok && !m.Optional():
			out = append(out, subject(path)+"expects a value for key '"+m.Key+"'")
		case ok && !Instance(m.Value, v):
			out = append(out, describe(m.Value, v, with1(path, "entry '"+m.Key+"'"))...)
		}
	}
	for _, k := range h.Keys() {
		if s, ok := k.(value.String); ok {
			if _, known := t.member(string(s)); known {
				continue
			}
		}
		out = append(out, subject(path)+"unrecognized key '"+k.String()+"'")
	}
	return out
}

// with1 gives path with one more subject, never changing path's array.
func with1(path []string, more string) []string {
	return append(append(make([]string, 0, len(path)+1), path...), more)
}

func describeTuple(t *Tuple, a *value.Array, path []string) []string {
	if !t.Size.Holds(int64(a.Len())) {
		return []string{sizeSentence(path, t.Size, a.Len())}
	}
	var out []string
	for i, e := range a.Elems() {
		if !Instance(t.at(i), e) {
			out = append(out, describe(t.at(i), e, with1(path, "index "+strconv.Itoa(i)))...)
		}
	}
	return out
}

func describeArray(t *Array, a *value.Array, path []string) []string {
	if !t.Size.Holds(int64(a.Len())) {
		return []string{sizeSentence(path, t.Size, a.Len())}
	}
	var out []string
	for i, e := range a.Elems() {
		if !Instance(t.Elem, e) {
			out = append(out, describe(t.Elem, e, with1(path, "index "+strconv.Itoa(i)))...)
		}
	}
	return out
}

func describeHash(t *Hash, h *value.Hash, path []string) []string {
	if !t.Size.Holds(int64(h.Len())) {
		return []string{sizeSentence(path, t.Size, h.Len())}
	}
	var out []string
	for k, v := range h.All() {
		if !Instance(t.KeyType, k) {
			out = append(out, describe(t.KeyType, k, with1(path, "key of entry "+quote(k.String())))...)
		}
		if !Instance(t.Value, v) {
			out = append(out, describe(t.Value, v, with1(path, "entry '"+k.String()+"'"))...)
		}
	}
	return out
}

func sizeSentence(path []string, s Size, n int) string {
	return subject(path) + "expects size to be " + rangeText(s.Min, s.Max) + ", got " + strconv.Itoa(n)
}

func rangeText(lo, hi int64) string {
	switch {
	case hi == maxInt:
		return fmt.Sprintf("at least %d", lo)
	case lo == hi:
		return strconv.FormatInt(lo, 10)
	case lo == 0:
		return fmt.Sprintf("at most %d", hi)
	}
	return fmt.Sprintf("between %d and %d", lo, hi)
}

// CountText words a wanted number: "no arguments", "1 argument", "between 1 and 2 arguments", "at least 1 argument".
func CountText(lo, hi int64, noun string) string {
	switch {
	case hi == 0:
		return "no " + noun + "s"
	case lo == hi:
		return fmt.Sprintf("%d %s", lo, plural(noun, lo))
	case hi == maxInt:
		return fmt.Sprintf("at least %d %s", lo, plural(noun, lo))
	case lo == 0:
		return fmt.Sprintf("at most %d %s", hi, plural(noun, hi))
	}
	return fmt.Sprintf("between %d and %d %s", lo, hi, plural(noun, hi))
}

func plural(noun string, n int64) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

func gotCount(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

// expectsText is what t demands: "an Integer value", "a value of type Undef or String", "a match for Enum['a']".
func expectsText(t Type) string {
	switch n := t.(type) {
	case *Alias:
		if inner, err := n.Resolve(); err == nil {
			return article(n.Name()) + " = " + strings.TrimPrefix(aliasInner(inner), " ") + " value"
		}
	case *Optional:
		return "a value of type Undef or " + memberText(n.T)
	case *Variant:
		return "a value of type " + unionText(n)
	}
	return article(t.String()) + " value"
}

func aliasInner(t Type) string { return " " + t.String() }

// aliasText is the type's text, an alias with what it stands for.
func aliasText(t Type) string {
	if a, ok := t.(*Alias); ok {
		inner, _ := a.Resolve()
		return a.Name() + " = " + inner.String()
	}
	return t.String()
}

func memberText(t Type) string {
	if v, ok := t.(*Variant); ok {
		return unionText(v)
	}
	return shortName(t)
}

func unionText(v *Variant) string {
	var names []string
	seen := map[string]bool{}
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			names = append(names, s)
		}
	}
	for _, m := range v.Types {
		if o, ok := m.(*Optional); ok {
			add("Undef")
			m = o.T
		}
		add(shortName(m))
	}
	if len(names) < 3 {
		return strings.Join(names, " or ")
	}
	return strings.Join(names[:len(names)-1], ", ") + ", or " + names[len(names)-1]
}

// shortName is a type in a list of alternatives: those with parts by their name only.
func shortName(t Type) string {
	switch t.(type) {
	case *Array, *Hash, *Struct, *Tuple, *Integer, *Float, *String, *Boolean, *Callable, *Meta:
		return t.Name()
	}
	return t.String()
}

// gotText is the kind of v, in more detail when its kind alone is what t demands.
func gotText(t Type, v value.Value) string {
	short := Generalize(Infer(v)).Name()
	if kind := unalias(t); kind.Name() == short {
		return InferDetailed(v).String()
	}
	return short
}
