package types

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// named spreads new({from => x, radix => y}) into positional arguments.
func named(args []value.Value, names ...string) []value.Value {
	if len(args) != 1 {
		return args
	}
	h, ok := args[0].(*value.Hash)
	if !ok {
		return args
	}
	if _, ok := h.GetString(names[0]); !ok {
		return args
	}
	out := make([]value.Value, 0, len(names))
	for _, n := range names {
		v, ok := h.GetString(n)
		if !ok {
			v = value.Default{}
		}
		out = append(out, v)
	}
	return out
}

// count checks the number of arguments of a new function.
func count(name string, args []value.Value, lo, hi int) error {
	if len(args) >= lo && len(args) <= hi {
		return nil
	}
	return fmt.Errorf("%sexpects %s, got %s", newName(name), CountText(int64(lo), int64(hi), "argument"), gotCount(len(args)))
}

func newError(name string, v value.Value) error {
	return fmt.Errorf("%sValue of type %s cannot be converted to %s", newName(name), Generalize(Infer(v)), name)
}

// newName is how Puppet's messages name the function behind a type's new.
func newName(name string) string {
	switch name {
	case "Integer":
		return "'new' "
	case "Hash", "Regexp", "Binary", "URI", "SemVerRange":
		return ""
	}
	return "'new_" + strings.ToLower(name) + "' "
}

func newTextError(name, text string) error {
	return fmt.Errorf("%sThe string '%s' cannot be converted to %s", newName(name), text, name)
}

var (
	intText   = regexp.MustCompile(`^([+-]?)\s*(0[xX][0-9A-Fa-f]+|0[bB][01]+|0[oO]?[0-7]+|[0-9A-Za-z]+)$`)
	floatText = regexp.MustCompile(`^[+-]?\s*(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$`)
)

func newInteger(args []value.Value) (value.Value, error) {
	args = named(args, "from", "radix", "abs")
	if err := count("Integer", args, 1, 3); err != nil {
		return nil, err
	}
	n, err := toInteger(args)
	if err != nil {
		return nil, err
	}
	if len(args) == 3 && args[2] == value.Value(value.Bool(true)) && n < 0 {
		n = -n
	}
	return n, nil
}

func toInteger(args []value.Value) (value.Int, error) {
	switch v := args[0].(type) {
	case value.Int:
		return v, nil
	case value.Float:
		if math.Abs(float64(v)) >= 1<<63 || math.IsNaN(float64(v)) {
			return 0, fmt.Errorf("Integer value %s is out of range", v)
		}
		return value.Int(v), nil
	case value.Bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case *Timestamp:
		return value.Int(v.t.Unix()), nil
	case *Timespan:
		return value.Int(v.ns / 1e9), nil
	case value.String:
		radix := int64(0)
		if len(args) > 1 {
			if r, ok := args[1].(value.Int); ok {
				if r < 2 || r > 36 {
					return 0, fmt.Errorf("Illegal radix: %d, expected 2, 8, 10, 16, or default", r)
				}
				radix = int64(r)
			}
		}
		return parseInteger(string(v), int(radix))
	}
	return 0, newError("Integer", args[0])
}

func parseInteger(s string, radix int) (value.Int, error) {
	bad := newTextError("Integer", s)
	m := intText.FindStringSubmatch(s)
	if m == nil {
		return 0, bad
	}
	digits := strings.ToLower(m[2])
	prefix := map[string]int{"0x": 16, "0b": 2, "0o": 8}
	if len(digits) > 2 && prefix[digits[:2]] != 0 && (radix == 0 || radix == prefix[digits[:2]]) {
		radix, digits = prefix[digits[:2]], digits[2:]
	} else if radix == 0 {
		if radix = 10; len(digits) > 1 && digits[0] == '0' {
			radix = 8
		}
	}
	n, err := strconv.ParseInt(m[1]+digits, radix, 64)
	if err != nil {
		if new(big.Int).SetBit(new(big.Int), 63, 1) != nil && strings.Contains(err.Error(), "out of range") {
			return 0, fmt.Errorf("Integer value %s is out of range", s)
		}
		return 0, bad
	}
	return value.Int(n), nil
}

func newFloat(args []value.Value) (value.Value, error) {
	args = named(args, "from", "abs")
	if err := count("Float", args, 1, 2); err != nil {
		return nil, err
	}
	f, err := toFloat(args[0])
	if err != nil {
		return nil, err
	}
	if len(args) == 2 && args[1] == value.Value(value.Bool(true)) {
		f = value.Float(math.Abs(float64(f)))
	}
	return f, nil
}

func toFloat(v value.Value) (value.Float, error) {
	switch v := v.(type) {
	case value.Float:
		return v, nil
	case value.Int:
		return value.Float(v), nil
	case value.Bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case *Timestamp:
		return value.Float(v.Seconds()), nil
	case *Timespan:
		return value.Float(v.Seconds()), nil
	case value.String:
		if floatText.MatchString(string(v)) {
			f, err := strconv.ParseFloat(strings.ReplaceAll(string(v), " ", ""), 64)
			if err == nil {
				return value.Float(f), nil
			}
		}
		if n, err := parseInteger(string(v), 0); err == nil {
			return value.Float(n), nil
		}
		return 0, newTextError("Float", string(v))
	}
	return 0, newError("Float", v)
}

func newNumeric(args []value.Value) (value.Value, error) {
	args = named(args, "from", "abs")
	if err := count("Numeric", args, 1, 2); err != nil {
		return nil, err
	}
	n, err := ToNumber(args[0])
	if err != nil {
		return nil, err
	}
	if len(args) == 2 && args[1] == value.Value(value.Bool(true)) {
		switch x := n.(type) {
		case value.Int:
			n = max(x, -x)
		case value.Float:
			n = value.Float(math.Abs(float64(x)))
		}
	}
	return n, nil
}

// ToNumber is Numeric.new(v): an Integer where the text has no fraction and no exponent.
func ToNumber(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case value.Int, value.Float:
		return v, nil
	case value.Bool:
		return toInteger([]value.Value{v})
	case *Timestamp:
		return value.Float(v.Seconds()), nil
	case *Timespan:
		return value.Float(v.Seconds()), nil
	case value.String:
		if n, err := parseInteger(string(v), 0); err == nil {
			return n, nil
		}
		if f, err := toFloat(v); err == nil {
			return f, nil
		}
		return nil, newTextError("Numeric", string(v))
	}
	return nil, newError("Numeric", v)
}

func newBoolean(args []value.Value) (value.Value, error) {
	if err := count("Boolean", args, 1, 1); err != nil {
		return nil, err
	}
	switch v := args[0].(type) {
	case value.Bool:
		return v, nil
	case value.Int:
		return value.Bool(v != 0), nil
	case value.Float:
		return value.Bool(v != 0), nil
	case value.String:
		switch strings.ToLower(string(v)) {
		case "true", "yes", "y":
			return value.Bool(true), nil
		case "false", "no", "n":
			return value.Bool(false), nil
		}
		return nil, newTextError("Boolean", string(v))
	}
	return nil, newError("Boolean", args[0])
}

func newSensitive(args []value.Value) (value.Value, error) {
	if err := count("Sensitive", args, 1, 1); err != nil {
		return nil, err
	}
	return value.NewSensitive(args[0]), nil
}

func newRegexp(args []value.Value) (value.Value, error) {
	if err := count("Regexp", args, 1, 2); err != nil {
		return nil, err
	}
	switch v := args[0].(type) {
	case *value.Regexp:
		return v, nil
	case value.String:
		src := string(v)
		if len(args) == 2 && args[1] == value.Value(value.Bool(true)) {
			src = regexp.QuoteMeta(src)
		}
		return value.NewRegexp(src)
	}
	return nil, newError("Regexp", args[0])
}

func newBinary(args []value.Value) (value.Value, error) {
	args = named(args, "value", "format")
	if err := count("Binary", args, 1, 2); err != nil {
		return nil, err
	}
	switch v := args[0].(type) {
	case *value.Binary:
		return v, nil
	case *value.Array:
		b := make([]byte, v.Len())
		for i, e := range v.Elems() {
			n, ok := e.(value.Int)
			if !ok || n < 0 || n > 255 {
				return nil, newError("Binary", v)
			}
			b[i] = byte(n)
		}
		return value.NewBinary(b), nil
	case value.String:
		format := "%B"
		if len(args) == 2 {
			if f, ok := args[1].(value.String); ok {
				format = string(f)
			}
		}
		return binaryOf(string(v), format)
	}
	return nil, newError("Binary", args[0])
}

func binaryOf(s, format string) (value.Value, error) {
	var b []byte
	var err error
	switch format {
	case "%b":
		b, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	case "%B":
		b, err = base64.StdEncoding.DecodeString(s)
	case "%u":
		b, err = base64.URLEncoding.DecodeString(s)
	case "%s", "%r":
		b = []byte(s)
	default:
		return nil, fmt.Errorf("Unsupported Binary format '%s'", format)
	}
	if err != nil {
		return nil, fmt.Errorf("invalid base64: %w", err)
	}
	return value.NewBinary(b), nil
}

func newDeferred(args []value.Value) (value.Value, error) {
	args = named(args, "name", "arguments")
	if err := count("Deferred", args, 1, 2); err != nil {
		return nil, err
	}
	name, ok := args[0].(value.String)
	if !ok {
		return nil, fmt.Errorf("Deferred.new parameter 'name' expects a String value, got %s", Generalize(Infer(args[0])))
	}
	d := &value.Deferred{Name: string(name), Args: value.NewArray()}
	if len(args) == 2 {
		switch a := args[1].(type) {
		case *value.Array:
			d.Args = a
		case value.Undef, value.Default:
		default:
			return nil, fmt.Errorf("Deferred.new parameter 'arguments' expects an Array value, got %s", Generalize(Infer(a)))
		}
	}
	return d, nil
}

func newSemVer(args []value.Value) (value.Value, error) {
	if len(args) == 1 {
		switch v := args[0].(type) {
		case *SemVer:
			return v, nil
		case value.String:
			return ParseSemVer(string(v))
		case *value.Hash:
			args = named(append([]value.Value{}, v), "major", "minor", "patch", "prerelease", "build")
		}
	}
	if err := count("SemVer", args, 3, 5); err != nil {
		return nil, err
	}
	var text strings.Builder
	text.WriteString(fmt.Sprintf("%s.%s.%s", args[0], args[1], args[2]))
	for i, mark := range []string{"-", "+"} {
		if len(args) > 3+i {
			if s, ok := args[3+i].(value.String); ok {
				text.WriteString(mark + string(s))
			}
		}
	}
	return ParseSemVer(text.String())
}

func newSemVerRange(args []value.Value) (value.Value, error) {
	if err := count("SemVerRange", args, 1, 3); err != nil {
		return nil, err
	}
	switch v := args[0].(type) {
	case *VersionRange:
		return v, nil
	case value.String:
		return ParseVersionRange(string(v))
	}
	return nil, newError("SemVerRange", args[0])
}

func newURI(args []value.Value) (value.Value, error) {
	if err := count("URI", args, 1, 1); err != nil {
		return nil, err
	}
	switch v := args[0].(type) {
	case *URI:
		return v, nil
	case value.String:
		return ParseURI(string(v))
	}
	return nil, newError("URI", args[0])
}
