package types

import (
	"fmt"
	"strconv"
)

// aliasText is the type's text with every alias followed by what it stands for, once: A = Integer[1, 5].
func aliasText(t Type) string { return expandAliases(t, map[*Alias]bool{}).String() }

// expandAliases replaces aliases by names that carry their meaning.
func expandAliases(t Type, open map[*Alias]bool) Type {
	each := func(ts []Type) []Type {
		out := make([]Type, len(ts))
		for i, m := range ts {
			out[i] = expandAliases(m, open)
		}
		return out
	}
	switch t := t.(type) {
	case *Alias:
		inner, err := t.Resolve()
		if err != nil || open[t] {
			return &Basic{name: t.String()}
		}
		open[t] = true
		defer delete(open, t)
		return &Basic{name: t.String() + " = " + expandAliases(inner, open).String()}
	case *Optional:
		return &Optional{T: expandAliases(t.T, open)}
	case *NotUndef:
		return &NotUndef{T: expandAliases(t.T, open)}
	case *Sensitive:
		return &Sensitive{T: expandAliases(t.T, open)}
	case *Meta:
		return &Meta{T: expandAliases(t.T, open)}
	case *Variant:
		return &Variant{Types: each(t.Types)}
	case *Array:
		return &Array{Elem: expandAliases(t.Elem, open), Size: t.Size}
	case *Hash:
		return &Hash{KeyType: expandAliases(t.KeyType, open), Value: expandAliases(t.Value, open), Size: t.Size}
	case *Tuple:
		return &Tuple{Types: each(t.Types), Size: t.Size, Sized: t.Sized}
	case *Struct:
		s := &Struct{Given: t.Given}
		for _, m := range t.Members {
			m.Value = expandAliases(m.Value, open)
			s.Members = append(s.Members, m)
		}
		return s
	}
	return t
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
