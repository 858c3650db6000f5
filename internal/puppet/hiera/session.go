package hiera

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// Variables gives the value of a variable as scope sees it, its name without "$", with or without a leading "::".
type Variables func(scope *eval.Scope, name string) (value.Value, bool)

// Session is the lookups of one compilation. It is used by one goroutine.
type Session struct {
	// StrictVariables makes the interpolation of an unknown variable an error, as Puppet 8 does.
	StrictVariables bool

	h       *Hiera
	vars    Variables
	options map[string]*options // by module
	data    map[string]*loaded  // by path

	global     *config
	globalErr  error
	globalRead bool
}

// loaded is a data file as this session sees it, nil data for one that is not there.
type loaded struct {
	data *value.Hash
	err  error
}

var _ eval.Binder = (*Session)(nil)

// Session starts the lookups of one compilation.
func (h *Hiera) Session(vars Variables) *Session {
	return &Session{h: h, vars: vars, options: map[string]*options{}, data: map[string]*loaded{}}
}

// Lookup implements eval.Binder. It is also where parameters of classes come from: key is "class::parameter", merge undef.
func (s *Session) Lookup(ctx context.Context, scope *eval.Scope, key string, merge value.Value) (value.Value, bool, error) {
	q := &quest{s: s, scope: scope}
	return q.lookup(ctx, key, merge)
}

// Explain looks a key up and tells how.
func (s *Session) Explain(ctx context.Context, scope *eval.Scope, key string, merge value.Value) (value.Value, bool, *Explanation, error) {
	ex := &Explanation{Text: fmt.Sprintf("Searching for %q", key)}
	q := &quest{s: s, scope: scope, ex: ex}
	v, found, err := q.lookup(ctx, key, merge)
	return v, found, ex, err
}

// quest is one lookup and those that its interpolation asks for.
type quest struct {
	s     *Session
	scope *eval.Scope
	keys  []string // under way, the outermost first
	ex    *Explanation
	local map[string]value.Value // the variable of mapped_paths
}

// maxKeys bounds how deep lookups may ask for others.
const maxKeys = 200

// sub is a lookup from within a value.
func (q *quest) sub(ctx context.Context, key string) (value.Value, bool, error) {
	inner := *q
	inner.local = nil
	inner.ex = q.ex.add("Sub key: %q", key)
	return inner.lookup(ctx, key, value.Undef{})
}

func (q *quest) lookup(ctx context.Context, key string, merge value.Value) (value.Value, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, fmt.Errorf("look up %s: %w", key, err)
	}
	if slices.Contains(q.keys, key) {
		return nil, false, fmt.Errorf("Lookup of key '%s' failed: Recursive lookup detected in [%s]", q.keys[0], strings.Join(q.keys, ", "))
	}
	if len(q.keys) >= maxKeys {
		return nil, false, fmt.Errorf("Lookup of key '%s' failed: lookups are nested deeper than %d", q.keys[0], maxKeys)
	}
	q.keys = append(slices.Clip(q.keys), key)
	segs, err := splitKey(key)
	if err != nil {
		return nil, false, err
	}
	root := segs[0].text
	if root == optionsKey {
		return nil, false, nil
	}
	opt, err := q.optionsFor(ctx, root)
	if err != nil {
		return nil, false, err
	}
	if value.IsUndef(merge) {
		merge = opt.merge
	}
	st, err := readStrategy(merge)
	if err != nil {
		return nil, false, err
	}
	v, found, err := q.search(ctx, root, st)
	if err != nil || !found {
		return nil, false, err
	}
	// the parts of a value are those of the merged value
	v, found, err = dig(v, key, segs[1:])
	if err != nil || !found {
		return nil, false, err
	}
	v, err = opt.convert(key, v)
	return v, true, err
}

// search goes through the layers, and through the default hierarchy of the module if no layer has the key.
func (q *quest) search(ctx context.Context, key string, st strategy) (value.Value, bool, error) {
	layers, err := q.s.layers(key)
	if err != nil {
		return nil, false, err
	}
	var found []value.Value
	for _, c := range layers {
		if found, err = q.inLevels(ctx, c, c.levels, key, st, found); err != nil {
			return nil, false, err
		}
		if len(found) > 0 && st.name == "first" {
			break
		}
	}
	if n := len(layers); len(found) == 0 && n > 0 && layers[n-1].layer == layerModule {
		c := layers[n-1]
		if found, err = q.inLevels(ctx, c, c.defaults, key, st, found); err != nil {
			return nil, false, err
		}
	}
	if len(found) == 0 {
		return nil, false, nil
	}
	v, err := st.merge(found)
	if err == nil && st.name != "first" {
		q.ex.add("Merged result: %s", types.FormatValue(v))
	}
	return v, err == nil, err
}

// globalConfig looks at the global configuration once for the session.
func (s *Session) globalConfig() (*config, error) {
	if !s.globalRead {
		s.global, s.globalErr = s.h.globalConfig()
		s.globalRead = true
	}
	return s.global, s.globalErr
}

// layers are the configurations in which a key is looked for, the strongest first.
func (s *Session) layers(root string) ([]*config, error) {
	var out []*config
	for _, get := range []func() (*config, error){
		s.globalConfig, s.h.envConfig, func() (*config, error) { return s.h.moduleConfig(moduleOf(root)) },
	} {
		c, err := get()
		if err != nil {
			return nil, err
		}
		if c != nil {
			out = append(out, c)
		}
	}
	return out, nil
}

// inLevels adds the values that the levels of a hierarchy have for a key.
func (q *quest) inLevels(ctx context.Context, c *config, levels []level, key string, st strategy, found []value.Value) ([]value.Value, error) {
	if len(levels) == 0 {
		return found, nil
	}
	in := *q
	in.ex = q.ex.add("%s (hiera configuration version 5)", c.layer)
	in.ex.add("Using configuration %q", c.path)
	for i := range levels {
		lv := &levels[i]
		at := in
		at.ex = in.ex.add("Hierarchy entry %q", lv.name)
		paths, err := at.paths(ctx, c, lv)
		if err != nil {
			return found, err
		}
		for _, p := range paths {
			v, ok, err := at.inFile(ctx, c, lv, p, key)
			if err != nil {
				return found, err
			}
			if !ok {
				continue
			}
			if found = append(found, v); st.name == "first" {
				return found, nil
			}
		}
	}
	return found, nil
}

// inFile looks into one data file.
func (q *quest) inFile(ctx context.Context, c *config, lv *level, path, key string) (value.Value, bool, error) {
	ex := q.ex.add("Path %q", path)
	data, err := q.s.read(c, lv, path)
	if err != nil {
		return nil, false, err
	}
	if data == nil {
		ex.add("Path not found")
		return nil, false, nil
	}
	raw, ok := data.GetString(key)
	if !ok {
		ex.add("No such key: %q", key)
		return nil, false, nil
	}
	in := *q
	in.ex = ex
	v, err := in.interpolate(ctx, raw, true)
	if err != nil {
		return nil, false, fmt.Errorf("%w (%s, key '%s')", err, path, key)
	}
	ex.add("Found key: %q value: %s", key, types.FormatValue(v))
	return v, true, nil
}
