package types

import (
	"slices"
	"unicode/utf8"
)

// scalarInto decides between types whose values have no parts, and references.
func scalarInto(t, u Type) bool {
	switch t := t.(type) {
	case *Integer:
		i, ok := u.(*Integer)
		return ok && t.Min <= i.Min && i.Max <= t.Max
	case *Float:
		f, ok := u.(*Float)
		return ok && t.Min <= f.Min && f.Max <= t.Max
	case *String:
		return textInto(t, u)
	case *Enum:
		return enumInto(t, u)
	case *Pattern:
		return patternInto(t, u)
	case *Regexp:
		re, ok := u.(*Regexp)
		return ok && (t.Pattern == nil || re.Pattern != nil && re.Pattern.Source() == t.Pattern.Source())
	case *Boolean:
		b, ok := u.(*Boolean)
		return ok && (t.Exact == nil || b.Exact != nil && *b.Exact == *t.Exact)
	case *SemVerType:
		s, ok := u.(*SemVerType)
		return ok && (len(t.Ranges) == 0 || t.Key() == s.Key())
	case *TimestampType:
		s, ok := u.(*TimestampType)
		return ok && (t.Min == nil || s.Min != nil && s.Min.Compare(t.Min) >= 0) &&
			(t.Max == nil || s.Max != nil && s.Max.Compare(t.Max) <= 0)
	case *TimespanType:
		s, ok := u.(*TimespanType)
		return ok && (t.Min == nil || s.Min != nil && s.Min.Compare(t.Min) >= 0) &&
			(t.Max == nil || s.Max != nil && s.Max.Compare(t.Max) <= 0)
	case *URIType:
		s, ok := u.(*URIType)
		return ok && (t.Parts.Len() == 0 || t.Key() == s.Key())
	case *Runtime:
		s, ok := u.(*Runtime)
		return ok && (t.Runtime == "" || t.Runtime == s.Runtime && (t.Class == "" || t.Class == s.Class))
	case *Resource:
		s, ok := u.(*Resource)
		return ok && (t.Kind == "" || t.Kind == s.Kind && (!t.HasTitle || s.HasTitle && t.Title == s.Title))
	case *Class:
		s, ok := u.(*Class)
		return ok && (t.Class == "" || t.Class == s.Class)
	case *Object:
		return objectInto(t, u)
	case *Init:
		return t.T != nil && Assignable(t.T, u)
	}
	return t.Key() == u.Key()
}

func objectInto(t *Object, u Type) bool {
	if t.ObjectName == "" && t.Init == nil {
		switch u.(type) {
		case *Object:
			return true
		}
		return u == Type(Deferred) || u == Type(Error)
	}
	for {
		o, ok := u.(*Object)
		if !ok {
			return false
		}
		if o.Key() == t.Key() {
			return true
		}
		if o.Parent == nil {
			return false
		}
		u = unalias(o.Parent)
	}
}

func textInto(t *String, u Type) bool {
	switch u := u.(type) {
	case *String:
		if t.Exact != nil {
			return u.Exact != nil && *u.Exact == *t.Exact
		}
		return t.Size.Covers(u.Size)
	case *Enum:
		if t.Exact != nil {
			return len(u.Values) == 1 && u.Values[0] == *t.Exact && !u.IgnoreCase
		}
		if len(u.Values) == 0 {
			return t.Size == anySize
		}
		return !slices.ContainsFunc(u.Values, func(s string) bool { return !t.Size.Holds(int64(utf8.RuneCountInString(s))) })
	case *Pattern:
		return t.Exact == nil && t.Size == anySize
	}
	return false
}

func enumInto(t *Enum, u Type) bool {
	if len(t.Values) == 0 {
		return isText(u)
	}
	switch u := u.(type) {
	case *String:
		return u.Exact != nil && t.has(*u.Exact)
	case *Enum:
		if len(u.Values) == 0 || u.IgnoreCase && !t.IgnoreCase {
			return false
		}
		return !slices.ContainsFunc(u.Values, func(s string) bool { return !t.has(s) })
	}
	return false
}

func isText(u Type) bool {
	switch u.(type) {
	case *String, *Enum, *Pattern:
		return true
	}
	return false
}

func patternInto(t *Pattern, u Type) bool {
	if len(t.Patterns) == 0 {
		return isText(u)
	}
	switch u := u.(type) {
	case *String:
		return u.Exact != nil && t.matches(*u.Exact)
	case *Enum:
		return len(u.Values) > 0 && !u.IgnoreCase &&
			!slices.ContainsFunc(u.Values, func(s string) bool { return !t.matches(s) })
	case *Pattern:
		if len(u.Patterns) == 0 {
			return false
		}
		for _, p := range u.Patterns {
			has := false
			for _, q := range t.Patterns {
				has = has || p.Source() == q.Source()
			}
			if !has {
				return false
			}
		}
		return true
	}
	return false
}
