package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/diag"
)

var _ provider.Sources = (*workspace)(nil)

// renderDiagnostics shows diagnostics with their source lines.
func renderDiagnostics(list diag.List) string {
	var b strings.Builder
	_ = diag.Render(&b, list, func(file string) ([]byte, bool) { // writing to memory does not fail
		text, err := os.ReadFile(file)
		return text, err == nil
	})
	return b.String()
}

// locate finds the file of puppet:///modules/NAME/PATH on this machine.
func (w *workspace) locate(ctx context.Context, uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "puppet" {
		return "", fmt.Errorf("source %q is not puppet:///modules/NAME/PATH", uri)
	}
	parts := strings.SplitN(strings.Trim(u.Path, "/"), "/", 3)
	if parts[0] != "modules" || len(parts) < 2 {
		return "", fmt.Errorf("source %q: without a server there are only files of modules", uri)
	}
	env, err := w.library.Environment(ctx, w.env)
	if err != nil {
		return "", err
	}
	m := env.Module(parts[1])
	if m == nil {
		return "", fmt.Errorf("source %q: %w: there is no module %s", uri, provider.ErrNotFound, parts[1])
	}
	path := filepath.Join(m.Dir, "files")
	if len(parts) == 3 {
		if !filepath.IsLocal(parts[2]) {
			return "", fmt.Errorf("source %q leaves the module", uri)
		}
		path = filepath.Join(path, parts[2])
	}
	if _, err := os.Lstat(path); err != nil {
		return "", fmt.Errorf("source %q: %w", uri, provider.ErrNotFound)
	}
	return path, nil
}

// Metadata implements provider.Sources.
func (w *workspace) Metadata(ctx context.Context, uri string, q provider.MetadataQuery) (*provider.FileMetadata, error) {
	path, err := w.locate(ctx, uri)
	if err != nil {
		return nil, err
	}
	return localMetadata(path, ".", uri, q)
}

// Metadatas implements provider.Sources.
func (w *workspace) Metadatas(ctx context.Context, uri string, q provider.MetadataQuery) ([]*provider.FileMetadata, error) {
	root, err := w.locate(ctx, uri)
	if err != nil {
		return nil, err
	}
	var out []*provider.FileMetadata
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		skip := q.Recurse > 0 && rel != "." && strings.Count(rel, "/") >= q.Recurse
		for _, pattern := range q.Ignore {
			if ok, _ := filepath.Match(pattern, d.Name()); ok && rel != "." {
				skip = true
			}
		}
		if skip {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		m, err := localMetadata(path, rel, uri, q)
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", root, err)
	}
	return out, nil
}

func localMetadata(path, rel, uri string, q provider.MetadataQuery) (*provider.FileMetadata, error) {
	stat := os.Lstat
	if q.Links == "follow" {
		stat = os.Stat
	}
	st, err := stat(path)
	if err != nil {
		return nil, err
	}
	m := &provider.FileMetadata{Path: path, RelativePath: rel, Mode: uint32(st.Mode().Perm()), URI: uri, Owner: os.Getuid(), Group: os.Getgid()}
	if rel != "." {
		m.URI = strings.TrimSuffix(uri, "/") + "/" + (&url.URL{Path: rel}).EscapedPath()
	}
	switch {
	case st.IsDir():
		m.Type, m.Checksum = "directory", "{ctime}"+st.ModTime().Format("2006-01-02 15:04:05 -0700")
	case st.Mode()&fs.ModeSymlink != 0:
		m.Type = "link"
		m.Destination, err = os.Readlink(path)
	default:
		m.Type = "file"
		m.Checksum, err = fileSum(path)
	}
	return m, err
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "{sha256}" + hex.EncodeToString(h.Sum(nil)), nil
}

// Content implements provider.Sources.
func (w *workspace) Content(ctx context.Context, uri string, to io.Writer) error {
	path, err := w.locate(ctx, uri)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}
