package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds the nesting of decoded JSON.
const maxDepth = 1000

// AppendJSON appends v as JSON, keeping the order of hashes. Values that JSON lacks are written as rich data.
func AppendJSON(buf []byte, v Value) []byte { return appendJSON(buf, v, false) }

// appendJSON writes v; plain says that v holds nothing any more but what JSON has.
func appendJSON(buf []byte, v Value, plain bool) []byte {
	switch v := v.(type) {
	case nil, Undef:
		return append(buf, "null"...)
	case Bool:
		return strconv.AppendBool(buf, bool(v))
	case Int:
		return strconv.AppendInt(buf, int64(v), 10)
	case String:
		return appendText(buf, string(v))
	case *Array:
		buf = append(buf, '[')
		for i, e := range v.Elems() {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendJSON(buf, e, plain)
		}
		return append(buf, ']')
	case *Hash:
		if plain || stringKeys(v) {
			return appendObject(buf, v, plain)
		}
	case Float:
		if s := v.String(); s != "NaN" && !strings.HasSuffix(s, "Infinity") {
			return append(buf, s...)
		}
	}
	return appendJSON(buf, ToRich(v), true)
}

func stringKeys(h *Hash) bool {
	for _, k := range h.Keys() {
		if s, ok := k.(String); !ok || s == ptypeKey {
			return false
		}
	}
	return true
}

func appendObject(buf []byte, h *Hash, plain bool) []byte {
	buf = append(buf, '{')
	for i, k := range h.keys {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendText(buf, k.String())
		buf = append(buf, ':')
		buf = appendJSON(buf, h.vals[i], plain)
	}
	return append(buf, '}')
}

// appendText quotes as JSON wants it, without the HTML escapes of encoding/json.
func appendText(buf []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(buf, `""`...)
	}
	return append(buf, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// ParseJSON reads one JSON text as plain values, keeping the order of objects; rich data stays in its hashed form,
// see FromRich.
func ParseJSON(data []byte) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parse(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("parse JSON: %w", err)
	}
	if dec.More() {
		return nil, fmt.Errorf("parse JSON: text after the value at offset %d", dec.InputOffset())
	}
	return v, nil
}

func parse(dec *json.Decoder, depth int) (Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '[' {
			return parseArray(dec, depth)
		}
		return parseObject(dec, depth)
	case json.Number:
		return parseNumber(tok)
	case string:
		return String(tok), nil
	case bool:
		return Bool(tok), nil
	}
	return Undef{}, nil
}

func parseNumber(n json.Number) (Value, error) {
	if i, err := n.Int64(); err == nil {
		return Int(i), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, err
	}
	return Float(f), nil
}

func parseArray(dec *json.Decoder, depth int) (Value, error) {
	var elems []Value
	for dec.More() {
		v, err := parse(dec, depth+1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	_, err := dec.Token()
	return NewArray(elems...), err
}

func parseObject(dec *json.Decoder, depth int) (Value, error) {
	h := NewHash(4)
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := parse(dec, depth+1)
		if err != nil {
			return nil, err
		}
		h.SetString(key.(string), v)
	}
	_, err := dec.Token()
	return h, err
}

// mapFromGo orders the entries by key, so that equal maps give equal hashes.
func mapFromGo[V any](m map[string]V) *Hash {
	h := NewHash(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		h.SetString(k, FromGo(any(m[k])))
	}
	return h
}
