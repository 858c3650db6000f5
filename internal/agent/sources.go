package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/wire"
)

// sources gives the files named by puppet:/// URIs, from the server's file API.
type sources struct {
	client      *client
	environment func() string
}

var _ provider.Sources = (*sources)(nil)

// wireMetadata is the form of file_metadata.
type wireMetadata struct {
	Path         string  `json:"path"`
	RelativePath *string `json:"relative_path"`
	Links        string  `json:"links"`
	Owner        int     `json:"owner"`
	Group        int     `json:"group"`
	Mode         uint32  `json:"mode"`
	Checksum     struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"checksum"`
	Type        string  `json:"type"`
	Destination *string `json:"destination"`
}

// place takes mount and path out of puppet:///mount/path. A host in the URI must be our own server: a node has
// credentials for no other.
func (s *sources) place(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "puppet" {
		return "", fmt.Errorf("source %q is not puppet:///mount/path", uri)
	}
	if host, _, _ := strings.Cut(s.client.address, ":"); u.Hostname() != "" && u.Hostname() != host {
		return "", fmt.Errorf("source %q is on another server than %s", uri, host)
	}
	path := strings.Trim(u.Path, "/")
	if path == "" {
		return "", fmt.Errorf("source %q has no path", uri)
	}
	return path, nil
}

func (s *sources) query(q provider.MetadataQuery) url.Values {
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	v := url.Values{"environment": {s.environment()}}
	v.Set("links", or(q.Links, "manage"))
	v.Set("checksum_type", or(q.ChecksumType, "sha256"))
	v.Set("source_permissions", or(q.SourcePermissions, "ignore"))
	return v
}

// Metadata implements provider.Sources.
func (s *sources) Metadata(ctx context.Context, uri string, q provider.MetadataQuery) (*provider.FileMetadata, error) {
	place, err := s.place(uri)
	if err != nil {
		return nil, err
	}
	body, err := s.get(ctx, wire.PathFileMetadata+place, s.query(q))
	if err != nil {
		return nil, err
	}
	var w wireMetadata
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, fmt.Errorf("decode metadata of %s: %w", uri, err)
	}
	return w.metadata(uri), nil
}

// Metadatas implements provider.Sources.
func (s *sources) Metadatas(ctx context.Context, uri string, q provider.MetadataQuery) ([]*provider.FileMetadata, error) {
	place, err := s.place(uri)
	if err != nil {
		return nil, err
	}
	v := s.query(q)
	v.Set("recurse", "true")
	v.Set("max_files", "0")
	if q.Recurse > 0 {
		v.Set("recurselimit", strconv.Itoa(q.Recurse))
	}
	v["ignore"] = q.Ignore
	body, err := s.get(ctx, wire.PathFileMetadatas+place, v)
	if err != nil {
		return nil, err
	}
	var list []wireMetadata
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("decode metadata of %s: %w", uri, err)
	}
	out := make([]*provider.FileMetadata, 0, len(list))
	for _, w := range list {
		out = append(out, w.metadata(uri))
	}
	return out, nil
}

func (w wireMetadata) metadata(uri string) *provider.FileMetadata {
	m := &provider.FileMetadata{
		Path: w.Path, RelativePath: ".", Type: w.Type, Owner: w.Owner, Group: w.Group, Mode: w.Mode, Checksum: w.Checksum.Value,
		URI: uri,
	}
	if w.RelativePath != nil && *w.RelativePath != "." {
		m.RelativePath = *w.RelativePath
		m.URI = strings.TrimSuffix(uri, "/") + "/" + (&url.URL{Path: *w.RelativePath}).EscapedPath()
	}
	if w.Destination != nil {
		m.Destination = *w.Destination
	}
	return m
}

// Content implements provider.Sources.
func (s *sources) Content(ctx context.Context, uri string, to io.Writer) error {
	place, err := s.place(uri)
	if err != nil {
		return err
	}
	_, err = s.client.do(ctx, call{method: http.MethodGet, path: wire.PathFileContent + place,
		query: url.Values{"environment": {s.environment()}}, accept: wire.MediaOctets, to: to})
	return notFound(uri, err)
}

func (s *sources) get(ctx context.Context, path string, q url.Values) ([]byte, error) {
	body, err := s.client.do(ctx, call{method: http.MethodGet, path: path, query: q, accept: wire.MediaJSON + ", " + wire.MediaPSON})
	return body, notFound(path, err)
}

func notFound(what string, err error) error {
	if isStatus(err, http.StatusNotFound) {
		return fmt.Errorf("%s: %w", what, provider.ErrNotFound)
	}
	return err
}
