package file

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/value"
)

// want is what a resource asks for.
type want struct {
	path string
	// kind is "", present, absent, file, directory or link; "" manages what is there.
	kind               string
	owner, group, mode string
	target             string
	content            []byte
	inline             bool
	source             *source
	sum                string
	algorithm          string
	replace, force     bool
	secret             bool
}

// hasContent reports whether the content is managed.
func (w *want) hasContent() bool { return w.inline || w.source != nil && w.source.kind == "file" }

// source is the file that a resource is a copy of.
type source struct {
	uri string
	// kind is file, directory or link.
	kind string
	meta *provider.FileMetadata
	// local is the path of a source on this machine.
	local string
}

func (p *Provider) want(ctx context.Context, r *provider.Resource) (*want, error) {
	if err := supported(r); err != nil {
		return nil, err
	}
	w := &want{
		path: r.Text("path"), kind: r.Text("ensure"), owner: r.Text("owner"), group: r.Text("group"), mode: r.Text("mode"),
		target: r.Text("target"), replace: r.Text("replace") != "false", force: r.Text("force") == "true",
		algorithm: r.Text("checksum"), sum: r.Text("checksum_value"),
		secret: r.Sensitive["content"],
	}
	if w.algorithm == "" {
		w.algorithm = "sha256"
	}
	switch w.kind {
	case "", "present", "absent", "file", "directory", "link":
	default:
		w.kind, w.target = "link", w.kind
	}
	if v, ok := r.Params["content"]; ok && !value.IsUndef(v) {
		w.inline = true
		w.content = bytesOf(v)
	}
	if w.kind == "" && w.target != "" {
		w.kind = "link"
	}
	if w.kind == "link" && w.target == "" && !r.Has("source") {
		return nil, errors.New("a link needs a target")
	}
	if w.kind == "" && w.inline {
		w.kind = "file"
	}
	if w.kind == "absent" || !r.Has("source") {
		return w, nil
	}
	return w, p.resolve(ctx, r, w)
}

func bytesOf(v value.Value) []byte {
	if b, ok := v.(*value.Binary); ok {
		return b.Bytes()
	}
	return []byte(v.String())
}

// resolve finds the first source that exists, and takes over what it says.
func (p *Provider) resolve(ctx context.Context, r *provider.Resource, w *want) error {
	uris := list(r, "source")
	for _, uri := range uris {
		src, err := p.findSource(ctx, r, w, uri)
		if errors.Is(err, provider.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("source %s: %w", uri, err)
		}
		return w.take(src, r)
	}
	return &noSource{uris}
}

// noSource says that none of the sources exists.
type noSource struct{ uris []string }

// Error is Puppet's text without the environment.
func (e *noSource) Error() string {
	return "Could not retrieve information from source(s) " + strings.Join(e.uris, ", ")
}

func (w *want) take(src *source, r *provider.Resource) error {
	w.source = src
	if w.kind == "" || w.kind == "present" {
		w.kind = src.kind
	}
	switch {
	case w.kind == "link" && src.kind == "link":
		w.target = src.meta.Destination
	case w.kind != src.kind:
		return fmt.Errorf("source %s is a %s, and a %s is wanted", src.uri, src.kind, w.kind)
	}
	if r.Text("source_permissions") != "ignore" && src.meta != nil {
		if w.owner == "" {
			w.owner = fmt.Sprint(src.meta.Owner)
		}
		if w.group == "" {
			w.group = fmt.Sprint(src.meta.Group)
		}
		if w.mode == "" {
			w.mode = octal(src.meta.Mode)
		}
	}
	return nil
}

func (p *Provider) findSource(ctx context.Context, r *provider.Resource, w *want, uri string) (*source, error) {
	if path, ok := localPath(uri); ok {
		return p.localSource(uri, path, r.Text("links"))
	}
	if p.sources == nil {
		return nil, errors.New("there is no file server in this run")
	}
	meta, err := p.sources.Metadata(ctx, uri, provider.MetadataQuery{
		Links: r.Text("links"), ChecksumType: w.algorithm, SourcePermissions: r.Text("source_permissions")})
	if err != nil {
		return nil, err
	}
	return &source{uri: uri, kind: meta.Type, meta: meta}, nil
}

// localPath gives the path of a source on this machine.
func localPath(uri string) (string, bool) {
	if strings.HasPrefix(uri, "/") {
		return uri, true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return u.Path, true
}

func list(r *provider.Resource, name string) []string {
	v, ok := r.Params[name]
	if !ok || value.IsUndef(v) {
		return nil
	}
	arr, ok := v.(*value.Array)
	if !ok {
		return []string{v.String()}
	}
	out := make([]string, 0, arr.Len())
	for _, e := range arr.Elems() {
		out = append(out, e.String())
	}
	return out
}

// supported refuses what this provider does not do.
func supported(r *provider.Resource) error {
	if r.Text("sourceselect") == "all" {
		return errors.New("attribute 'sourceselect' => 'all' is not supported")
	}
	for _, name := range []string{"staging_location", "ctime", "mtime", "type"} {
		if r.Has(name) {
			return fmt.Errorf("attribute '%s' is not supported", name)
		}
	}
	switch c := r.Text("checksum"); c {
	case "mtime", "ctime", "none":
		if r.Has("content") || r.Has("source") {
			return fmt.Errorf("checksum => '%s' is not supported: contents are compared by digest", c)
		}
	}
	if r.Text("provider") != "" && r.Text("provider") != "posix" {
		return fmt.Errorf("provider '%s' is not supported: this agent manages files of POSIX systems", r.Text("provider"))
	}
	return nil
}
