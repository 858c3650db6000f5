package types

import (
	"sort"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// quote writes a text as Puppet's type formatter does: in single quotes, or in double quotes when it has control
// characters.
func quote(s string) string {
	var b strings.Builder
	escape := strings.ContainsAny(s, "\n\t\r\x00\x1b")
	q := byte('\'')
	if escape {
		q = '"'
	}
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case escape && r == '$':
			b.WriteString(`\$`)
		case r < ' ':
			b.WriteString(`\u{` + strings.ToUpper(strconv.FormatInt(int64(r), 16)) + "}")
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(q)
	return b.String()
}

// Quote writes a string as a Puppet literal.
func Quote(s string) string { return quote(s) }

func regexpText(re *value.Regexp) string {
	var b strings.Builder
	src := re.Source()
	b.WriteByte('/')
	for i := 0; i < len(src); i++ {
		switch {
		case src[i] == '\\' && i+1 < len(src):
			b.WriteString(src[i : i+2])
			i++
		case src[i] == '/':
			b.WriteString(`\/`)
		default:
			b.WriteByte(src[i])
		}
	}
	b.WriteByte('/')
	return b.String()
}

// with writes Name[params].
func with(name string, params ...string) string {
	if len(params) == 0 {
		return name
	}
	return name + "[" + strings.Join(params, ", ") + "]"
}

// sizeParams are the size's parameters; none when it is free.
func sizeParams(s Size) []string {
	switch {
	case s == anySize:
		return nil
	case s.Max == maxInt:
		return []string{strconv.FormatInt(s.Min, 10)}
	}
	return []string{strconv.FormatInt(s.Min, 10), strconv.FormatInt(s.Max, 10)}
}

// bounds are the parameters of a range whose ends may be open (empty text).
func bounds(lo, hi string) []string {
	switch {
	case lo == "" && hi == "":
		return nil
	case hi == "":
		return []string{lo}
	case lo == "":
		return []string{"default", hi}
	}
	return []string{lo, hi}
}

func texts(ts []Type) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.String()
	}
	return out
}

// String implements value.Value.
func (t *Integer) String() string {
	lo, hi := "", ""
	if t.Min != minInt {
		lo = strconv.FormatInt(t.Min, 10)
	}
	if t.Max != maxInt {
		hi = strconv.FormatInt(t.Max, 10)
	}
	return with("Integer", bounds(lo, hi)...)
}

// String implements value.Value.
func (t *Float) String() string {
	lo, hi := "", ""
	if t.Min != -inf {
		lo = value.FormatFloat(t.Min)
	}
	if t.Max != inf {
		hi = value.FormatFloat(t.Max)
	}
	return with("Float", bounds(lo, hi)...)
}

// String implements value.Value. The type of one exact text shows as String, as in Puppet.
func (t *String) String() string {
	if t.Exact != nil {
		return "String"
	}
	return with("String", sizeParams(t.Size)...)
}

// String implements value.Value.
func (t *Enum) String() string {
	params := make([]string, len(t.Values), len(t.Values)+1)
	for i, v := range t.Values {
		params[i] = quote(v)
	}
	if t.IgnoreCase {
		params = append(params, "true")
	}
	return with("Enum", params...)
}

// String implements value.Value.
func (t *Pattern) String() string {
	params := make([]string, len(t.Patterns))
	for i, re := range t.Patterns {
		params[i] = regexpText(re)
	}
	return with("Pattern", params...)
}

// String implements value.Value.
func (t *Regexp) String() string {
	if t.Pattern == nil {
		return "Regexp"
	}
	return with("Regexp", regexpText(t.Pattern))
}

// String implements value.Value.
func (t *Boolean) String() string {
	if t.Exact == nil {
		return "Boolean"
	}
	return with("Boolean", strconv.FormatBool(*t.Exact))
}

// String implements value.Value.
func (t *SemVerType) String() string {
	params := make([]string, len(t.Ranges))
	for i, r := range t.Ranges {
		params[i] = quote(r.String())
	}
	return with("SemVer", params...)
}

// String implements value.Value.
func (t *TimestampType) String() string {
	lo, hi := "", ""
	if t.Min != nil {
		lo = quote(t.Min.String())
	}
	if t.Max != nil {
		hi = quote(t.Max.String())
	}
	return with("Timestamp", bounds(lo, hi)...)
}

// String implements value.Value.
func (t *TimespanType) String() string {
	lo, hi := "", ""
	if t.Min != nil {
		lo = quote(t.Min.String())
	}
	if t.Max != nil {
		hi = quote(t.Max.String())
	}
	return with("Timespan", bounds(lo, hi)...)
}

// String implements value.Value.
func (t *URIType) String() string {
	if t.Parts.Len() == 0 {
		return "URI"
	}
	return with("URI", FormatValue(t.Parts))
}

// String implements value.Value.
func (t *Runtime) String() string {
	if t.Runtime == "" {
		return "Runtime"
	}
	if t.Class == "" {
		return with("Runtime", quote(t.Runtime))
	}
	return with("Runtime", quote(t.Runtime), quote(t.Class))
}

// String implements value.Value.
func (t *Collection) String() string { return with("Collection", sizeParams(t.Size)...) }

// String implements value.Value.
func (t *Array) String() string {
	size := sizeParams(t.Size)
	if t.Size == (Size{}) && t.Elem == Type(Unit) {
		return "Array[0, 0]"
	}
	if t.Elem == Type(Any) && len(size) == 0 {
		return "Array"
	}
	return with("Array", append([]string{t.Elem.String()}, size...)...)
}

// String implements value.Value.
func (t *Hash) String() string {
	size := sizeParams(t.Size)
	if t.Size == (Size{}) && t.KeyType == Type(Unit) {
		return "Hash[0, 0]"
	}
	if t.KeyType == Type(Any) && t.Value == Type(Any) && len(size) == 0 {
		return "Hash"
	}
	return with("Hash", append([]string{t.KeyType.String(), t.Value.String()}, size...)...)
}

// String implements value.Value.
func (t *Tuple) String() string {
	params := texts(t.Types)
	if t.Sized {
		params = append(params, strconv.FormatInt(t.Size.Min, 10))
		if t.Size.Max != maxInt {
			params = append(params, strconv.FormatInt(t.Size.Max, 10))
		}
	}
	return with("Tuple", params...)
}

// String implements value.Value.
func (t *Struct) String() string {
	if !t.Given {
		return "Struct"
	}
	members := make([]string, len(t.Members))
	for i, m := range t.Members {
		key := quote(m.Key)
		switch m.Presence {
		case Maybe:
			key = "Optional[" + key + "]"
		case Present:
			key = "NotUndef[" + key + "]"
		}
		members[i] = key + " => " + m.Value.String()
	}
	return "Struct[{" + strings.Join(members, ", ") + "}]"
}

// wrapped writes Name[T], or Name when T is Any.
func wrapped(name string, t Type) string {
	if t == Type(Any) {
		return name
	}
	return with(name, t.String())
}

// wrappedText is wrapped; the type of one text is written as the text.
func wrappedText(name string, t Type) string {
	if s, ok := t.(*String); ok && s.Exact != nil {
		return with(name, quote(*s.Exact))
	}
	return wrapped(name, t)
}

// String implements value.Value.
func (t *NotUndef) String() string { return wrappedText("NotUndef", t.T) }

// String implements value.Value.
func (t *Optional) String() string { return wrappedText("Optional", t.T) }

// String implements value.Value.
func (t *Sensitive) String() string { return wrapped("Sensitive", t.T) }

// String implements value.Value.
func (t *Meta) String() string { return wrapped("Type", t.T) }

// String implements value.Value.
func (t *Iterable) String() string { return wrapped("Iterable", t.T) }

// String implements value.Value.
func (t *Iterator) String() string { return wrapped("Iterator", t.T) }

// String implements value.Value.
func (t *Variant) String() string { return with("Variant", texts(t.Types)...) }

// String implements value.Value.
func (t *Init) String() string {
	if t.T == nil {
		return "Init"
	}
	params := []string{t.T.String()}
	for _, a := range t.Args {
		params = append(params, FormatValue(a))
	}
	return with("Init", params...)
}

// String implements value.Value.
func (t *Callable) String() string {
	if t.Params == nil && t.Return == nil {
		return "Callable"
	}
	params := callableParams(t)
	if t.Return == nil {
		return with("Callable", params...)
	}
	return "Callable[[" + strings.Join(params, ", ") + "], " + t.Return.String() + "]"
}

func callableParams(t *Callable) []string {
	if t.Params == nil {
		return nil
	}
	var params []string
	for _, p := range t.Params.Types {
		if p != Type(Unit) {
			params = append(params, p.String())
		}
	}
	switch {
	case t.Params.Sized && t.Params.Size.Max == maxInt:
		params = append(params, strconv.FormatInt(t.Params.Size.Min, 10), "default")
	case t.Params.Sized || len(t.Params.Types) == 0:
		params = append(params, strconv.FormatInt(t.Params.Size.Min, 10), strconv.FormatInt(t.Params.Size.Max, 10))
	}
	if t.Block != nil {
		params = append(params, t.Block.String())
	}
	return params
}

// String implements value.Value: File, File['/a'].
func (t *Resource) String() string {
	if t.Kind == "" {
		return "Resource"
	}
	if !t.HasTitle {
		return Capitalize(t.Kind)
	}
	return Capitalize(t.Kind) + "[" + quote(t.Title) + "]"
}

// String implements value.Value.
func (t *Class) String() string {
	if t.Class == "" {
		return "Class"
	}
	return "Class[" + t.Class + "]"
}

// String implements value.Value.
func (t *Reference) String() string {
	if t.Text == "" {
		return "TypeReference"
	}
	return with("TypeReference", quote(t.Text))
}

// String implements value.Value.
func (o *Object) String() string {
	if o.ObjectName != "" {
		return o.ObjectName
	}
	if o.Init == nil {
		return "Object"
	}
	return with("Object", formatInit(o.Init))
}

// formatInit writes the hash of an Object: its own keys bare, as Puppet does.
func formatInit(h *value.Hash) string {
	parts := make([]string, 0, h.Len())
	for k, v := range h.All() {
		parts = append(parts, k.String()+" => "+FormatValue(v))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// sortedKeys joins the keys of types in a fixed order, for types whose parameters are a set.
func sortedKeys(keys []string) string {
	sort.Strings(keys)
	return strings.Join(keys, ",")
}
