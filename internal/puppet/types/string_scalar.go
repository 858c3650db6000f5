package types

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kickoff/internal/value"
)

// pad brings a text to the width.
func (f stringFormat) pad(s string) string {
	if f.hasPrec && utf8.RuneCountInString(s) > f.prec {
		s = string([]rune(s)[:f.prec])
	}
	blanks := strings.Repeat(" ", max(0, f.width-utf8.RuneCountInString(s)))
	if f.left {
		return s + blanks
	}
	return blanks + s
}

// quoted is a text for %s, in double quotes with the flag #.
func (f stringFormat) quoted(s string) string {
	if f.alt {
		s = `"` + s + `"`
	}
	return f.pad(s)
}

// number writes by the rules of printf.
func (f stringFormat) number(n any, verb byte) string {
	var spec strings.Builder
	spec.WriteString("%")
	for _, flag := range []struct {
		on bool
		ch string
	}{{f.alt, "#"}, {f.plus, "+"}, {f.left, "-"}, {f.zero, "0"}, {f.space, " "}} {
		if flag.on {
			spec.WriteString(flag.ch)
		}
	}
	if f.width > 0 {
		spec.WriteString(strconv.Itoa(f.width))
	}
	if f.hasPrec {
		spec.WriteString("." + strconv.Itoa(f.prec))
	} else if verb == 'g' || verb == 'G' {
		spec.WriteString(".6")
	}
	if verb == 'B' {
		return strings.ReplaceAll(fmt.Sprintf(spec.String()+"b", n), "0b", "0B")
	}
	return fmt.Sprintf(spec.String()+string(verb), n)
}

func (f stringFormat) integer(n value.Int) (string, error) {
	switch f.verb {
	case 'd', 'x', 'X', 'o', 'b', 'B':
		if f.verb == 'd' {
			f.alt = false
		}
		return f.number(int64(n), f.verb), nil
	case 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return f.float(value.Float(n))
	case 'c':
		return f.pad(string(rune(n))), nil
	case 's':
		return f.quoted(n.String()), nil
	case 'p':
		return f.pad(n.String()), nil
	}
	return "", f.bad("Integer", "dxXobBeEfgGaAspc")
}

func (f stringFormat) float(n value.Float) (string, error) {
	switch f.verb {
	case 'e', 'E', 'f', 'g', 'G':
		return f.number(float64(n), f.verb), nil
	case 'a':
		return f.number(float64(n), 'x'), nil
	case 'A':
		return f.number(float64(n), 'X'), nil
	case 'd', 'x', 'X', 'o', 'b', 'B':
		return f.integer(value.Int(n))
	case 's':
		return f.quoted(n.String()), nil
	case 'p':
		return f.pad(n.String()), nil
	}
	return "", f.bad("Float", "dxXobBeEfgGaAsp")
}

func upperFirst(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

func (f stringFormat) string(s string) (string, error) {
	switch f.verb {
	case 's':
	case 'p':
		if f.alt {
			return f.pad(doubleQuote(s)), nil
		}
		return f.pad(quote(s)), nil
	case 'c':
		s = upperFirst(strings.ToLower(s))
	case 'C':
		parts := strings.Split(s, "::")
		for i, p := range parts {
			parts[i] = upperFirst(strings.ToLower(p))
		}
		s = strings.Join(parts, "::")
	case 'u':
		s = strings.ToUpper(s)
	case 'd':
		s = strings.ToLower(s)
	case 't':
		s = strings.TrimSpace(s)
	default:
		return "", f.bad("String", "cCudspt")
	}
	if f.alt && f.verb != 's' {
		s = quote(s)
	}
	return f.pad(s), nil
}

// doubleQuote writes a literal in double quotes.
func doubleQuote(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\t", `\t`, "\r", `\r`)
	return `"` + r.Replace(s) + `"`
}

func (f stringFormat) boolean(b bool) (string, error) {
	words := map[byte][2]string{'t': {"false", "true"}, 'T': {"False", "True"}, 'y': {"no", "yes"}, 'Y': {"No", "Yes"}}
	i := 0
	if b {
		i = 1
	}
	switch f.verb {
	case 't', 'T', 'y', 'Y':
		w := words[f.verb][i]
		if f.alt {
			w = w[:1]
		}
		return f.pad(w), nil
	case 'd', 'x', 'X', 'o', 'b', 'B', 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return f.integer(value.Int(i))
	case 's':
		return f.quoted(strconv.FormatBool(b)), nil
	case 'p':
		return f.pad(strconv.FormatBool(b)), nil
	}
	return "", f.bad("Boolean", "tTyYdxXobBeEfgGaAsp")
}

func (f stringFormat) undef() (string, error) {
	words := map[byte][2]string{
		'n': {"nil", "null"}, 'u': {"undef", "undefined"}, 'v': {"n/a", "n/a"}, 'V': {"N/A", "N/A"},
		's': {"", `""`}, 'p': {"undef", `"undef"`},
	}
	i := 0
	if f.alt {
		i = 1
	}
	switch f.verb {
	case 'd', 'x', 'X', 'o', 'b', 'B', 'e', 'E', 'f', 'g', 'G', 'a', 'A':
		return f.pad("NaN"), nil
	}
	if w, ok := words[f.verb]; ok {
		return f.pad(w[i]), nil
	}
	return "", f.bad("Undef", "nudxXobBeEfgGaAvVsp")
}

func (f stringFormat) defaultWord() (string, error) {
	word := "default"
	switch f.verb {
	case 'd', 's', 'p':
	case 'D':
		word = "Default"
	default:
		return "", f.bad("Default", "dDsp")
	}
	return f.quoted(word), nil
}

func (f stringFormat) regexp(re *value.Regexp) (string, error) {
	switch f.verb {
	case 's':
		s := strings.ReplaceAll(re.Source(), `\/`, "/")
		if f.alt {
			s = quote(s)
		}
		return f.pad(s), nil
	case 'p':
		return f.pad(regexpText(re)), nil
	}
	return "", f.bad("Regexp", "sp")
}

func (f stringFormat) binary(b *value.Binary) (string, error) {
	switch f.verb {
	case 's':
		if !utf8.Valid(b.Bytes()) {
			return "", fmt.Errorf("The given binary data contains characters that cannot be a String")
		}
		return f.quoted(string(b.Bytes())), nil
	case 'p':
		return f.pad(`Binary("` + b.String() + `")`), nil
	case 'b':
		s, lines := b.String(), ""
		for len(s) > 60 {
			lines, s = lines+s[:60]+"\n", s[60:]
		}
		return f.pad(lines + s + "\n"), nil
	case 'B':
		return f.pad(b.String()), nil
	case 'u':
		return f.pad(base64.URLEncoding.EncodeToString(b.Bytes())), nil
	case 't':
		return f.pad("Binary"), nil
	case 'T':
		return f.pad("BINARY"), nil
	}
	return "", f.bad("Binary", "bButTsp")
}

// other writes types, times, versions: by their own text.
func (f stringFormat) other(v value.Value) (string, error) {
	switch f.verb {
	case 's':
		return f.quoted(v.String()), nil
	case 'p':
		if _, ok := v.(*value.Sensitive); ok {
			return f.pad("#<" + v.String() + ">"), nil
		}
		return f.pad(v.String()), nil
	}
	return "", f.bad(v.TypeName(), "sp")
}
