package hiera

import (
	"context"
	"fmt"
	"strings"

	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// optionsKey is the key whose value says how others are looked up.
const optionsKey = "lookup_options"

// options are the lookup_options that hold for the keys of one module.
type options struct {
	exact    map[string]keyOptions
	patterns []patternOptions
}

// keyOptions are the options of one key.
type keyOptions struct {
	merge     value.Value // nil: none
	convertTo value.Value // nil: none
}

type patternOptions struct {
	re *value.Regexp
	keyOptions
}

// optionsFor gives the options of a key: its own, else those of the first pattern that matches.
func (q *quest) optionsFor(ctx context.Context, root string) (keyOptions, error) {
	mod := moduleOf(root)
	all := q.s.options[mod]
	if all == nil {
		var err error
		if all, err = q.readOptions(ctx, mod); err != nil {
			return keyOptions{}, err
		}
		q.s.options[mod] = all
	}
	if o, ok := all.exact[root]; ok {
		return o, nil
	}
	for _, p := range all.patterns {
		loc, err := p.re.Find(root)
		if err != nil {
			return keyOptions{}, err
		}
		if loc != nil {
			return p.keyOptions, nil
		}
	}
	return keyOptions{}, nil
}

// readOptions merges the lookup_options of all layers. Those of a module hold for its own keys only.
func (q *quest) readOptions(ctx context.Context, mod string) (*options, error) {
	layers, err := q.s.layers(mod + "::")
	if err != nil {
		return nil, err
	}
	quiet := *q
	quiet.ex, quiet.keys = nil, []string{optionsKey}
	merged := value.NewHash(0)
	for _, c := range layers {
		for _, levels := range [][]level{c.levels, c.defaults} {
			found, err := quiet.inLevels(ctx, c, levels, optionsKey, strategy{name: "hash"}, nil)
			if err != nil {
				return nil, err
			}
			for _, v := range found {
				h, ok := v.(*value.Hash)
				if !ok {
					return nil, fmt.Errorf("%s: value of %s has wrong type, %s", c.path, optionsKey,
						types.Mismatch(types.HashOf(types.Any, types.Any), v))
				}
				if c.layer == layerModule {
					h = ownKeys(h, mod)
				}
				merged = h.Merge(merged)
			}
		}
	}
	return compileOptions(merged)
}

func ownKeys(h *value.Hash, mod string) *value.Hash {
	out := value.NewHash(h.Len())
	for k, v := range h.All() {
		if s := strings.TrimPrefix(k.String(), "^"); strings.HasPrefix(s, mod+"::") {
			out.Set(k, v)
		}
	}
	return out
}

func compileOptions(h *value.Hash) (*options, error) {
	out := &options{exact: map[string]keyOptions{}}
	for k, v := range h.All() {
		opts, ok := v.(*value.Hash)
		if !ok {
			return nil, fmt.Errorf("%s: the options of '%s' must be a hash", optionsKey, k)
		}
		var o keyOptions
		o.merge, _ = opts.GetString("merge")
		o.convertTo, _ = opts.GetString("convert_to")
		if o.merge != nil {
			if _, err := readStrategy(o.merge); err != nil {
				return nil, fmt.Errorf("%s of '%s': %w", optionsKey, k, err)
			}
		}
		key := k.String()
		if !strings.HasPrefix(key, "^") {
			out.exact[key] = o
			continue
		}
		re, err := value.NewRegexp(key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", optionsKey, err)
		}
		out.patterns = append(out.patterns, patternOptions{re, o})
	}
	return out, nil
}

// convert applies convert_to: the text of a type, or an array of it and further arguments of new.
func (o keyOptions) convert(key string, v value.Value) (value.Value, error) {
	if o.convertTo == nil || value.IsUndef(o.convertTo) {
		return v, nil
	}
	spec := []value.Value{o.convertTo}
	if a, ok := o.convertTo.(*value.Array); ok {
		spec = a.Elems()
	}
	if len(spec) == 0 {
		return nil, fmt.Errorf("convert_to of '%s' names no type", key)
	}
	t, err := types.Parse(spec[0].String())
	if err != nil {
		return nil, fmt.Errorf("convert_to of '%s': %w", key, err)
	}
	out, err := types.New(t, append([]value.Value{v}, spec[1:]...))
	if err != nil {
		return nil, fmt.Errorf("The convert_to lookup_option for key '%s' raised error: %w", key, err)
	}
	return out, nil
}
