package types

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"kickoff/internal/value"
)

// stringFormat is one %<flags><width>.<precision><verb> of String.new, with what containers have besides.
type stringFormat struct {
	alt, plus, zero, left, space bool
	open                         byte // the delimiter of containers: one of [({<|, 0 for the usual one
	width, prec                  int
	hasPrec                      bool
	verb                         byte
	sep, sep2                    *string
	elems                        formatMap // nil: elements are written as literals
}

// formatMap says how values of types are written, the first that fits counts.
type formatMap []typeFormat

type typeFormat struct {
	t Type
	f stringFormat
}

var stringFormatText = regexp.MustCompile(`^%([\s\[+#0{<(|-]*)([1-9][0-9]*)?(?:\.([0-9]+))?([a-zA-Z])$`)

// maxFormatWidth bounds the width that a format may ask for.
const maxFormatWidth = 1 << 16

func parseFormat(s string) (stringFormat, error) {
	m := stringFormatText.FindStringSubmatch(s)
	if m == nil {
		return stringFormat{}, fmt.Errorf("The format '%s' is not a valid format on the form '%%<flags><width>.<prec><format>'", s)
	}
	f := stringFormat{verb: m[4][0]}
	for _, ch := range []byte(m[1]) {
		switch ch {
		case '#':
			f.alt = true
		case '+':
			f.plus = true
		case '0':
			f.zero = true
		case '-':
			f.left = true
		case '[', '(', '{', '<', '|':
			f.open = ch
		default:
			f.space = true
		}
	}
	if m[2] != "" {
		n, _ := strconv.Atoi(m[2])
		f.width = min(n, maxFormatWidth)
	}
	if m[3] != "" {
		n, _ := strconv.Atoi(m[3])
		f.prec, f.hasPrec = min(n, maxFormatWidth), true
	}
	return f, nil
}

func newString(args []value.Value) (value.Value, error) {
	if err := count("String", args, 1, 2); err != nil {
		return nil, err
	}
	formats, err := readFormats(args)
	if err != nil {
		return nil, err
	}
	w := stringWriter{formats: formats}
	s, err := w.text(args[0], 0)
	return value.String(s), err
}

// readFormats reads the second argument: nothing, one format, or a hash of types and formats.
func readFormats(args []value.Value) (formatMap, error) {
	if len(args) == 1 {
		return nil, nil
	}
	switch spec := args[1].(type) {
	case value.Default:
		return nil, nil
	case value.String:
		f, err := parseFormat(string(spec))
		if err != nil {
			return nil, err
		}
		t := Generalize(Infer(args[0]))
		switch args[0].(type) {
		case *value.Array:
			t = ArrayOf(Any)
		case *value.Hash:
			t = HashOf(Any, Any)
		}
		return formatMap{{t, f}}, nil
	case *value.Hash:
		return mapFormats(spec)
	}
	return nil, fmt.Errorf("'new_string' parameter 'string_formats' expects a String or a Hash value, got %s",
		shortName(InferDetailed(args[1])))
}

func mapFormats(h *value.Hash) (formatMap, error) {
	out := formatMap{}
	for k, v := range h.All() {
		t, ok := k.(Type)
		if !ok {
			return nil, fmt.Errorf("'new_string' parameter 'string_formats' key of entry %s expects a Type value, got %s",
				FormatValue(k), shortName(InferDetailed(k)))
		}
		f, err := oneFormat(t, v)
		if err != nil {
			return nil, err
		}
		out = append(out, typeFormat{t, f})
	}
	// the most particular type counts
	slices.SortStableFunc(out, func(a, b typeFormat) int {
		ab, ba := Assignable(a.t, b.t), Assignable(b.t, a.t)
		switch {
		case ab && !ba:
			return 1
		case ba && !ab:
			return -1
		}
		return 0
	})
	return out, nil
}

// oneFormat reads a format, or the hash that a container may have.
func oneFormat(t Type, v value.Value) (stringFormat, error) {
	h, ok := v.(*value.Hash)
	if !ok {
		return parseFormat(v.String())
	}
	f := stringFormat{verb: 'a'}
	if t.Name() == "Hash" {
		f.verb = 'h'
	}
	for k, v := range h.All() {
		var err error
		switch k.String() {
		case "format":
			f, err = withFormat(f, v.String())
		case "separator":
			s := v.String()
			f.sep = &s
		case "separator2":
			s := v.String()
			f.sep2 = &s
		case "string_formats":
			inner, isHash := v.(*value.Hash)
			if !isHash {
				return f, fmt.Errorf("'string_formats' expects a Hash value, got %s", shortName(InferDetailed(v)))
			}
			f.elems, err = mapFormats(inner)
		default:
			err = fmt.Errorf("'string_formats' unrecognized key '%s'", k)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func withFormat(f stringFormat, text string) (stringFormat, error) {
	g, err := parseFormat(text)
	g.sep, g.sep2, g.elems = f.sep, f.sep2, f.elems
	return g, err
}

// stringWriter writes a value by formats. inside tells that the value is an element of a container.
type stringWriter struct {
	formats formatMap
	inside  bool
}

// format is how v is written: as the map says, else by the default of its type.
func (w stringWriter) format(v value.Value) stringFormat {
	for _, tf := range w.formats {
		if Instance(tf.t, v) {
			return tf.f
		}
	}
	f := stringFormat{verb: 's'}
	switch v.(type) {
	case *value.Array:
		f.verb = 'a'
	case *value.Hash:
		f.verb = 'h'
	case value.Float:
		f.verb = 'f'
	case value.Int:
		f.verb = 'd'
	case *value.Binary:
		f.verb = 'B'
	}
	if _, isContainer := Elements(v); w.inside && (f.verb == 'f' || f.verb == 's') && (!isContainer || v.TypeName() == "String") {
		f.verb = 'p'
	}
	return f
}

func (w stringWriter) text(v value.Value, level int) (string, error) {
	f := w.format(v)
	switch v := v.(type) {
	case value.Int:
		return f.integer(v)
	case value.Float:
		return f.float(v)
	case value.String:
		return f.string(string(v))
	case value.Bool:
		return f.boolean(bool(v))
	case nil, value.Undef:
		return f.undef()
	case value.Default:
		return f.defaultWord()
	case *value.Regexp:
		return f.regexp(v)
	case *value.Binary:
		return f.binary(v)
	case *value.Array:
		return w.array(f, v, level)
	case *value.Hash:
		return w.hash(f, v, level)
	}
	return f.other(v)
}

func (f stringFormat) bad(name, allowed string) error {
	return fmt.Errorf("Illegal format '%c' specified for value of %s type - expected one of the characters '%s'", f.verb, name, allowed)
}
