package resource

import (
	"fmt"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// Munge checks the attributes of a resource and brings them into the form that providers see: the name variables are
// set (from the title if need be), defaults are filled in, words are canonical, lists are arrays. Sensitive values are
// munged inside and stay Sensitive; Deferred ones stay as they are. The error is an *UnknownError or a *ValueError.
func (t *Type) Munge(title string, in Params) (Params, error) {
	out := make(Params, len(in)+4)
	for name, v := range in {
		if value.IsUndef(v) {
			continue
		}
		munged, err := t.MungeValue(title, name, v)
		if err != nil {
			return nil, err
		}
		out[name] = munged
	}
	if err := t.nameFromTitle(title, out); err != nil {
		return nil, err
	}
	t.fillDefaults(out)
	if err := t.check(title, out); err != nil {
		return nil, &ValueError{Ref: t.Ref(title), Reason: err.Error()}
	}
	return out, nil
}

// check runs Check on values without their Sensitive, and keeps these out of the error.
func (t *Type) check(title string, out Params) error {
	if t.Check == nil {
		return nil
	}
	open := make(Params, len(out))
	for name, v := range out {
		if s, ok := v.(*value.Sensitive); ok {
			v = s.Unwrap()
		}
		open[name] = v
	}
	err := t.Check(title, open)
	for name, v := range out {
		if _, ok := v.(*value.Sensitive); ok && err != nil {
			err = hideValue(err, open[name])
		}
	}
	return err
}

// MungeValue checks a single value and brings it into the form that providers see.
func (t *Type) MungeValue(title, name string, v value.Value) (value.Value, error) {
	a, ok := t.Attribute(name)
	if !ok {
		return nil, &UnknownError{Type: t.Name, Title: title, Name: name}
	}
	munged, err := a.munge(v)
	if err != nil {
		return nil, &ValueError{Ref: t.Ref(title), Name: name, Reason: err.Error()}
	}
	return munged, nil
}

func (t *Type) nameFromTitle(title string, out Params) error {
	for _, p := range t.TitlePatterns {
		m := p.Regexp.FindStringSubmatch(title)
		if m == nil {
			continue
		}
		for i, name := range p.Names {
			if _, set := out[name]; set {
				continue
			}
			v, err := t.MungeValue(title, name, value.String(m[i+1]))
			if err != nil {
				return err
			}
			out[name] = v
		}
		return nil
	}
	if _, set := out[t.NameVar()]; set {
		return nil
	}
	v, err := t.MungeValue(title, t.NameVar(), value.String(title))
	if err != nil {
		return err
	}
	out[t.NameVar()] = v
	return nil
}

func (t *Type) fillDefaults(out Params) {
	managed := false
	for name := range out {
		if i, ok := t.index[name]; ok && t.attributes[i].Kind == Property {
			managed = true
		}
	}
	if _, set := out["ensure"]; !set && managed && t.EnsureDefault != "" {
		out["ensure"] = value.String(t.EnsureDefault)
	}
	for i := range t.attributes {
		a := &t.attributes[i]
		if _, set := out[a.Name]; !set && a.Default != nil {
			out[a.Name] = a.Default
		} else if from, ok := out[a.DefaultFrom]; !set && a.DefaultFrom != "" && ok {
			out[a.Name] = from
		}
	}
}

// munge checks one value of the attribute.
func (a *Attribute) munge(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case *value.Sensitive:
		inner, err := a.munge(v.Unwrap())
		if err != nil {
			return nil, hideValue(err, v.Unwrap())
		}
		return value.NewSensitive(inner), nil
	case *value.Deferred:
		return v, nil
	case *value.Array:
		if a.List {
			return a.mungeList(v)
		}
		if a.Kind == Property && v.Len() > 0 {
			return a.mungeOne(v.At(0))
		}
	}
	munged, err := a.mungeOne(v)
	if err != nil || !a.List {
		return munged, err
	}
	return value.NewArray(munged), nil
}

func (a *Attribute) mungeList(v *value.Array) (value.Value, error) {
	out := make([]value.Value, 0, v.Len())
	for _, e := range v.Elems() {
		if nested, ok := e.(*value.Array); ok {
			flat, err := a.mungeList(nested)
			if err != nil {
				return nil, err
			}
			out = append(out, flat.(*value.Array).Elems()...)
			continue
		}
		munged, err := a.munge1(e)
		if err != nil {
			return nil, err
		}
		out = append(out, munged)
	}
	return value.NewArray(out...), nil
}

// munge1 munges an element of a list, which may be Sensitive by itself.
func (a *Attribute) munge1(v value.Value) (value.Value, error) {
	single := *a
	single.List = false
	return single.munge(v)
}

func (a *Attribute) mungeOne(v value.Value) (value.Value, error) {
	if len(a.Values) > 0 || len(a.Patterns) > 0 {
		word, err := a.word(v)
		if err != nil {
			return nil, err
		}
		v = word
	}
	if a.Munge == nil {
		return v, nil
	}
	return a.Munge(v)
}

// word finds v among the words and patterns that are allowed. true and false become Bool if they are words.
func (a *Attribute) word(v value.Value) (value.Value, error) {
	s := v.String()
	if to, ok := a.Aliases[s]; ok {
		s = to
	}
	for _, w := range a.Values {
		if w != s {
			continue
		}
		switch s {
		case "true":
			return value.Bool(true), nil
		case "false":
			return value.Bool(false), nil
		}
		return value.String(s), nil
	}
	for _, re := range a.Patterns {
		if re.MatchString(s) {
			return v, nil
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Invalid value %s.", inspect(v))
	if len(a.Values) > 0 {
		fmt.Fprintf(&b, " Valid values are %s.", strings.Join(a.Values, ", "))
	}
	if len(a.Patterns) > 0 {
		texts := make([]string, len(a.Patterns))
		for i, re := range a.Patterns {
			texts[i] = "/" + re.String() + "/"
		}
		fmt.Fprintf(&b, " Valid values match %s.", strings.Join(texts, ", "))
	}
	return nil, bad("%s", b.String())
}

// inspect shows a value as Ruby's inspect does, as far as messages need it.
func inspect(v value.Value) string {
	switch v := v.(type) {
	case value.String:
		return fmt.Sprintf("%q", string(v))
	case value.Undef:
		return "nil"
	}
	return v.String()
}

// hideValue takes a secret value out of a message.
func hideValue(err error, secret value.Value) error {
	text := secret.String()
	if text == "" || !strings.Contains(err.Error(), text) {
		return err
	}
	return bad("%s", strings.ReplaceAll(err.Error(), text, value.Redacted))
}

// boolean takes what Puppet's boolean parameters take (words() has checked it) and gives a Bool.
func boolean(v value.Value) (value.Value, error) {
	switch v.String() {
	case "true", "yes":
		return value.Bool(true), nil
	case "false", "no":
		return value.Bool(false), nil
	}
	return nil, bad("Munging failed for value %s in class boolean: expected a boolean value", inspect(v))
}

// text takes strings and numbers, and gives a String.
func text(v value.Value) (value.Value, error) {
	switch v.(type) {
	case value.String, value.Int, value.Float, value.Bool:
		return value.String(v.String()), nil
	}
	return nil, bad("a string is wanted, not %s", v.TypeName())
}

// absolutePath takes a fully qualified path; reason is the text of the error.
func absolutePath(reason string) func(value.Value) (value.Value, error) {
	return func(v value.Value) (value.Value, error) {
		s := v.String()
		if !strings.HasPrefix(s, "/") {
			return nil, bad("%s", strings.ReplaceAll(reason, "%s", s))
		}
		return value.String(s), nil
	}
}

// integer gives an Int of a number or of decimal digits.
func integer(reason string) func(value.Value) (value.Value, error) {
	return func(v value.Value) (value.Value, error) {
		if n, ok := asInt(v); ok {
			return n, nil
		}
		return nil, bad("%s", strings.ReplaceAll(reason, "%s", v.String()))
	}
}

func asInt(v value.Value) (value.Int, bool) {
	switch v := v.(type) {
	case value.Int:
		return v, true
	case value.String:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return 0, false
		}
		return value.Int(n), true
	}
	return 0, false
}

// reason is why a value is refused, in Puppet's words.
type reason string

// Error gives the words.
func (r reason) Error() string { return string(r) }

// bad makes a reason.
func bad(format string, args ...any) error { return reason(fmt.Sprintf(format, args...)) }
