package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/value"
)

// inherited are the parameters that what is below a directory takes over from it.
var inherited = []string{"owner", "group", "mode", "backup", "replace", "force", "links", "show_diff", "checksum",
	"source_permissions", "validate_cmd", "validate_replacement", "selinux_ignore_defaults", "seluser", "selrole",
	"seltype", "selrange"}

// Generate implements provider.Generator: files below a directory that is managed with recurse. The list is flat, each
// directory before what it holds; what is to be purged comes last.
func (p *Provider) Generate(ctx context.Context, r *provider.Resource) ([]*catalog.Resource, error) {
	recurse := r.Text("recurse")
	if recurse == "" || recurse == "false" || r.Text("ensure") == "absent" || r.Text("ensure") == "link" {
		return nil, nil
	}
	limit, err := depth(r)
	if err != nil {
		return nil, err
	}
	g := &generator{p: p, r: r, root: r.Text("path"), limit: limit, ignore: list(r, "ignore"), seen: map[string]bool{}}
	if r.Has("source") {
		if err := g.remote(ctx); err != nil {
			return nil, err
		}
	}
	if recurse != "remote" || r.Text("purge") == "true" {
		if err := g.local(); err != nil {
			return nil, err
		}
	}
	return g.out, nil
}

// depth is how many levels below the directory are managed; 0 is all.
func depth(r *provider.Resource) (int, error) {
	limit := r.Text("recurselimit")
	if limit == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(limit)
	if err != nil {
		return 0, fmt.Errorf("recurselimit %s is not a number", limit)
	}
	if n == 0 {
		return -1, nil
	}
	return n, nil
}

type generator struct {
	p      *Provider
	r      *provider.Resource
	root   string
	limit  int
	ignore []string
	seen   map[string]bool
	out    []*catalog.Resource
}

// add makes the resource of a path below the root, relative to it.
func (g *generator) add(rel string, params ...catalog.Param) {
	if g.seen[rel] {
		return
	}
	g.seen[rel] = true
	full := path.Join(g.root, rel)
	res := &catalog.Resource{Ref: catalog.Ref{Type: "File", Title: full}, Kind: "compilable_type"}
	res.SetParam("path", value.String(full))
	for _, name := range inherited {
		if v, ok := g.r.Params[name]; ok && !value.IsUndef(v) {
			res.SetParam(name, v)
		}
	}
	for _, q := range params {
		res.SetParam(q.Name, q.Value)
	}
	g.out = append(g.out, res)
}

func (g *generator) within(rel string) bool {
	if g.limit < 0 {
		return false
	}
	return g.limit == 0 || strings.Count(rel, "/")+1 <= g.limit
}

func (g *generator) ignored(rel string) bool {
	for _, pattern := range g.ignore {
		if ok, err := filepath.Match(pattern, path.Base(rel)); err == nil && ok {
			return true
		}
	}
	return false
}

// remote adds what the first source that exists holds.
func (g *generator) remote(ctx context.Context) error {
	for _, uri := range list(g.r, "source") {
		metas, err := g.metadatas(ctx, uri)
		if errors.Is(err, provider.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("source %s: %w", uri, err)
		}
		slices.SortFunc(metas, func(a, b *provider.FileMetadata) int { return strings.Compare(a.RelativePath, b.RelativePath) })
		for _, m := range metas {
			rel := path.Clean(m.RelativePath)
			if rel == "." || !filepath.IsLocal(rel) || !g.within(rel) {
				continue
			}
			params := []catalog.Param{{Name: "ensure", Value: value.String(m.Type)}}
			if m.Type == "link" {
				params = append(params, catalog.Param{Name: "target", Value: value.String(m.Destination)})
			} else {
				params = append(params, catalog.Param{Name: "source", Value: value.Strings(strings.TrimRight(uri, "/") + "/" + rel)})
			}
			g.add(rel, params...)
		}
		return nil
	}
	return &noSource{list(g.r, "source")}
}

func (g *generator) metadatas(ctx context.Context, uri string) ([]*provider.FileMetadata, error) {
	dir, ok := localPath(uri)
	if !ok {
		if g.p.sources == nil {
			return nil, errors.New("there is no file server in this run")
		}
		return g.p.sources.Metadatas(ctx, uri, provider.MetadataQuery{Links: g.r.Text("links"), Ignore: g.ignore,
			SourcePermissions: g.r.Text("source_permissions"), Recurse: max(g.limit, 0)})
	}
	if _, err := os.Lstat(g.p.m.Path(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, provider.ErrNotFound
	}
	var out []*provider.FileMetadata
	err := g.walk(dir, func(rel string, cur *current) error {
		m := &provider.FileMetadata{RelativePath: rel, Type: cur.kind}
		if cur.kind == "link" {
			to, err := os.Readlink(filepath.Join(g.p.m.Path(dir), rel))
			if err != nil {
				return err
			}
			m.Destination = to
		}
		out = append(out, m)
		return nil
	})
	return out, err
}

// walk visits what is below a directory, parents first, in the order of names.
func (g *generator) walk(dir string, visit func(rel string, cur *current) error) error {
	base := g.p.m.Path(dir)
	return filepath.WalkDir(base, func(full string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, full)
		if err != nil || rel == "." {
			return err
		}
		if g.ignored(rel) || !g.within(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		cur, err := g.p.look(path.Join(dir, rel), false)
		if err != nil || cur.kind == "absent" || cur.kind == "other" {
			return err
		}
		return visit(rel, cur)
	})
}

// local adds what is there, with the directory's owner and mode, or to be removed if it purges.
func (g *generator) local() error {
	purge := g.r.Text("purge") == "true"
	return g.walk(g.root, func(rel string, _ *current) error {
		if purge {
			g.add(rel, catalog.Param{Name: "ensure", Value: value.String("absent")})
			return nil
		}
		g.add(rel)
		return nil
	})
}
