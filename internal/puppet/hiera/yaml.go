package hiera

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"kickoff/internal/value"
)

// maxNodes bounds the size of a document after its aliases are followed (a "billion laughs" is an error).
const maxNodes = 5_000_000

// maxYAMLDepth bounds the nesting of a document.
const maxYAMLDepth = 500

// ParseYAML reads the first document of a YAML text with the meaning that Ruby's Psych gives it: YAML 1.1 with its
// booleans (yes, on), octals (010), base 60 (1:30), merge keys. What Puppet refuses in data is an error: dates, symbols,
// tags of Ruby objects.
func ParseYAML(file string, text []byte) (value.Value, error) {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return value.Undef{}, nil
		}
		return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return value.Undef{}, nil
	}
	d := decoder{file: file, done: map[*yaml.Node]anchored{}}
	v, _, err := d.node(doc.Content[0], 0)
	return v, err
}

// decoder turns nodes into values.
type decoder struct {
	file string
	done map[*yaml.Node]anchored
	open []*yaml.Node // anchored nodes that are being decoded
}

// anchored is the value of a node with an anchor, and its size in nodes.
type anchored struct {
	v value.Value
	n int
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) error {
	return errorAt(d.file, n.Line, format, args...)
}

// node gives the value of a node and its size.
func (d *decoder) node(n *yaml.Node, depth int) (value.Value, int, error) {
	if depth > maxYAMLDepth {
		return nil, 0, d.fail(n, "nested deeper than %d", maxYAMLDepth)
	}
	if n.Kind == yaml.AliasNode {
		return d.alias(n, depth)
	}
	if n.Anchor != "" {
		d.open = append(d.open, n)
		defer func() { d.open = d.open[:len(d.open)-1] }()
	}
	var v value.Value
	size := 1
	var err error
	switch n.Kind {
	case yaml.ScalarNode:
		v, err = d.scalar(n)
	case yaml.SequenceNode:
		if err := d.checkTag(n); err != nil {
			return nil, 0, err
		}
		v, size, err = d.sequence(n, depth)
	case yaml.MappingNode:
		if err := d.checkTag(n); err != nil {
			return nil, 0, err
		}
		v, size, err = d.mapping(n, depth)
	default:
		err = d.fail(n, "an unexpected kind of node")
	}
	if err == nil && size > maxNodes {
		err = d.fail(n, "more than %d values after following aliases", maxNodes)
	}
	if err == nil && n.Anchor != "" {
		d.done[n] = anchored{v, size}
	}
	return v, size, err
}

func (d *decoder) alias(n *yaml.Node, depth int) (value.Value, int, error) {
	if slices.Contains(d.open, n.Alias) {
		return nil, 0, d.fail(n, "alias *%s refers to the value it is part of", n.Value)
	}
	if done, ok := d.done[n.Alias]; ok {
		return done.v, done.n, nil
	}
	return d.node(n.Alias, depth+1)
}

func (d *decoder) sequence(n *yaml.Node, depth int) (value.Value, int, error) {
	elems := make([]value.Value, len(n.Content))
	size := 1
	for i, c := range n.Content {
		v, s, err := d.node(c, depth+1)
		if err != nil {
			return nil, 0, err
		}
		if elems[i] = v; s > maxNodes-size {
			return nil, 0, d.fail(c, "more than %d values after following aliases", maxNodes)
		}
		size += s
	}
	return value.NewArray(elems...), size, nil
}

func (d *decoder) mapping(n *yaml.Node, depth int) (value.Value, int, error) {
	h := value.NewHash(len(n.Content) / 2)
	size := 1
	for i := 0; i+1 < len(n.Content); i += 2 {
		kn, vn := n.Content[i], n.Content[i+1]
		v, s, err := d.node(vn, depth+1)
		if err != nil {
			return nil, 0, err
		}
		if s > maxNodes-size {
			return nil, 0, d.fail(vn, "more than %d values after following aliases", maxNodes)
		}
		size += s
		if kn.Kind == yaml.ScalarNode && kn.Value == "<<" && kn.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			if h, err = merged(h, v); err != nil {
				return nil, 0, d.fail(kn, "%v", err)
			}
			continue
		}
		k, _, err := d.node(kn, depth+1)
		if err != nil {
			return nil, 0, err
		}
		h.Set(k, v)
	}
	return h, size, nil
}

// merged does `<<: value` at its place, as Psych does: what is there already gives way.
func merged(h *value.Hash, v value.Value) (*value.Hash, error) {
	switch v := v.(type) {
	case *value.Hash:
		return h.Merge(v), nil
	case *value.Array:
		out := h
		for i := v.Len() - 1; i >= 0; i-- {
			m, ok := v.At(i).(*value.Hash)
			if !ok {
				h.SetString("<<", v)
				return h, nil
			}
			out = out.Merge(m)
		}
		return out, nil
	}
	h.SetString("<<", v)
	return h, nil
}

const quotedStyles = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

func (d *decoder) scalar(n *yaml.Node) (value.Value, error) {
	if n.Style&yaml.TaggedStyle != 0 {
		return d.tagged(n)
	}
	if n.Style&quotedStyles != 0 {
		return value.String(n.Value), nil
	}
	v, err := plain(n.Value)
	if err != nil {
		return nil, d.fail(n, "%v", err)
	}
	return v, nil
}

func (d *decoder) tagged(n *yaml.Node) (value.Value, error) {
	switch n.ShortTag() {
	case "!!str":
		return value.String(n.Value), nil
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, d.fail(n, "!binary: %v", err)
		}
		if utf8.Valid(b) {
			return value.String(b), nil
		}
		return value.NewBinary(b), nil
	case "!!float":
		v, err := plain(n.Value)
		if i, ok := v.(value.Int); ok {
			v = value.Float(i)
		}
		return v, err
	}
	if err := d.checkTag(n); err != nil {
		return nil, err
	}
	return plain(n.Value)
}

// checkTag refuses tags that would make objects of Ruby. Those that Psych does not know are as good as none.
func (d *decoder) checkTag(n *yaml.Node) error {
	tag := n.ShortTag()
	if n.Style&yaml.TaggedStyle == 0 || !strings.HasPrefix(tag, "!ruby/") && !strings.HasPrefix(tag, "!!") {
		return nil
	}
	switch tag {
	case "!!int", "!!bool", "!!null", "!!float", "!!str", "!!map", "!!seq":
		return nil
	}
	return d.fail(n, "tag %s is not allowed in data", n.Tag)
}

// ScalarOf gives the value of a plain (unquoted) scalar; one that is not allowed in data is a String here.
func ScalarOf(s string) value.Value {
	v, err := plain(s)
	if err != nil {
		return value.Undef{}
	}
	return v
}

// The forms of plain scalars, as Psych reads them.
var (
	yamlInt   = regexp.MustCompile(`^(?:[-+]?0b[01_,]+|[-+]?0[0-7_,]+|[-+]?(?:0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)|[-+]?0[xX][0-9a-fA-F_,]+)$`)
	yamlFloat = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_,]*)?\.[0-9]*(?:[eE][-+][0-9]+)?$`)
	yamlDate  = regexp.MustCompile(`^\d{4}-(?:1[012]|0\d|\d)-(?:[12]\d|3[01]|0\d|\d)$`)
	yamlTime  = regexp.MustCompile(`^-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?$`)
	yaml60    = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}$`)
	yaml60f   = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}\.[0-9_]*$`)
)

// plain resolves an unquoted scalar.
func plain(s string) (value.Value, error) {
	switch s {
	case "", "~":
		return value.Undef{}, nil
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return value.Float(inf), nil
	case "-.inf", "-.Inf", "-.INF":
		return value.Float(-inf), nil
	case ".nan", ".NaN", ".NAN":
		return value.Float(nan), nil
	}
	if c := s[0]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return word(s), nil
	}
	switch {
	case yamlInt.MatchString(s):
		return integer(s)
	case yamlFloat.MatchString(s) && s != "." && strings.ContainsAny(s, "0123456789"):
		return float(s), nil
	case yamlDate.MatchString(s):
		return nil, fmt.Errorf("%s is a date, which is not allowed in data: put it in quotes", s)
	case yamlTime.MatchString(s):
		return nil, fmt.Errorf("%s is a time, which is not allowed in data: put it in quotes", s)
	case yaml60.MatchString(s):
		return base60(s), nil
	case yaml60f.MatchString(s):
		return value.Float(sixty(s)), nil
	case len(s) > 1 && s[0] == ':':
		return nil, fmt.Errorf("%s is a symbol of Ruby, which is not allowed in data: put it in quotes", s)
	}
	return value.String(s), nil
}

func word(s string) value.Value {
	switch strings.ToLower(s) {
	case "yes", "true", "on":
		return value.Bool(true)
	case "no", "false", "off":
		return value.Bool(false)
	case "null":
		return value.Undef{}
	}
	return value.String(s)
}

func integer(s string) (value.Value, error) {
	clean := strings.NewReplacer("_", "", ",", "").Replace(s)
	n, err := strconv.ParseInt(clean, 0, 64)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("%s is out of the range of an Integer (64 bits)", s)
		}
		return value.String(s), nil
	}
	return value.Int(n), nil
}

func float(s string) value.Value {
	clean := strings.NewReplacer("_", "", ",", "").Replace(s)
	f, err := strconv.ParseFloat(clean, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return value.String(s)
	}
	return value.Float(f)
}

// base60 reads hours:minutes[:seconds], the sign belonging to the hours only, as Psych has it.
func base60(s string) value.Value { return value.Int(sixty(s)) }

func sixty(s string) float64 {
	sum := 0.0
	for i, part := range strings.Split(strings.ReplaceAll(s, "_", ""), ":") {
		n, _ := strconv.ParseFloat(part, 64)
		for range max(2-i, i-2) {
			n *= 60
		}
		sum += n
	}
	return sum
}
