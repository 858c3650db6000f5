package hiera

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"kickoff/internal/value"
)

// paths are the files of a level, for the variables of the scope.
func (q *quest) paths(ctx context.Context, c *config, lv *level) ([]string, error) {
	dir, err := q.place(ctx, lv.datadir)
	if err != nil {
		return nil, err
	}
	switch lv.kind {
	case "mapped_paths":
		return q.mappedPaths(ctx, dir, lv)
	case "glob", "globs":
		var out []string
		for _, g := range lv.places {
			pattern, err := q.place(ctx, g)
			if err != nil {
				return nil, err
			}
			out = append(out, c.files.Glob(dir, pattern)...)
		}
		return out, nil
	}
	var out []string
	for _, p := range lv.places {
		path, err := q.join(ctx, dir, p)
		if err != nil {
			return nil, err
		}
		if path != "" {
			out = append(out, path)
		}
	}
	return out, nil
}

// place interpolates a path; only variables are allowed in it.
func (q *quest) place(ctx context.Context, template string) (string, error) {
	v, err := q.interpolate(ctx, value.String(template), false)
	if err != nil {
		return "", err
	}
	return v.String(), nil
}

// join gives the path of a template below dir, or "" when a variable's value leads out of dir: facts come from nodes,
// which have no say in what the server reads.
func (q *quest) join(ctx context.Context, dir, template string) (string, error) {
	p, err := q.place(ctx, template)
	if err != nil {
		return "", err
	}
	if filepath.IsAbs(template) {
		return filepath.Clean(p), nil
	}
	path := filepath.Join(dir, p)
	if !strings.Contains(template, "..") && !strings.HasPrefix(path, filepath.Clean(dir)+"/") {
		q.ex.add("Path %q leads out of the data directory and is not read", p)
		return "", nil
	}
	return path, nil
}

// mappedPaths interpolates the template once for every element of a variable.
func (q *quest) mappedPaths(ctx context.Context, dir string, lv *level) ([]string, error) {
	v, err := q.variable(lv.places[0])
	if err != nil {
		return nil, err
	}
	var elems []value.Value
	switch v := v.(type) {
	case *value.Array:
		elems = v.Elems()
	case *value.Hash:
		for k, e := range v.All() {
			elems = append(elems, value.NewArray(k, e))
		}
	case value.Undef:
	default:
		elems = []value.Value{v}
	}
	var out []string
	for _, e := range elems {
		in := *q
		in.local = map[string]value.Value{lv.places[1]: e}
		path, err := in.join(ctx, dir, lv.places[2])
		if err != nil {
			return nil, err
		}
		if path != "" {
			out = append(out, path)
		}
	}
	return out, nil
}

// read gives the data of a file, nil when there is no such file.
func (s *Session) read(c *config, lv *level, path string) (*value.Hash, error) {
	if have, ok := s.data[path]; ok {
		return have.data, have.err
	}
	l := &loaded{}
	l.data, l.err = s.readFile(c, lv, path)
	s.data[path] = l
	return l.data, l.err
}

func (s *Session) readFile(c *config, lv *level, path string) (*value.Hash, error) {
	src := c.files
	if s.outside(path) {
		src = disk{}
	}
	text, err := src.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read data file %s: %w", path, err)
	}
	return s.h.opt.Cache.load(path, text, lv.parse)
}

// outside reports whether a path belongs to no directory of the environment's snapshot.
func (s *Session) outside(path string) bool {
	env := s.h.opt.Environment
	if env == nil {
		return true
	}
	for _, dir := range append([]string{env.Dir}, env.ModulePath...) {
		if strings.HasPrefix(path, dir+"/") {
			return false
		}
	}
	return true
}
