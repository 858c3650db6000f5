package file

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/value"
)

// liteSize is how much of a file the algorithms of the kind md5lite look at.
const liteSize = 512

func newHash(algorithm string) (hash.Hash, error) {
	switch strings.TrimSuffix(algorithm, "lite") {
	case "sha256":
		return sha256.New(), nil
	case "md5":
		return md5.New(), nil
	case "sha1":
		return sha1.New(), nil
	case "sha224":
		return sha256.New224(), nil
	case "sha384":
		return sha512.New384(), nil
	case "sha512":
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("checksum '%s' is not supported", algorithm)
}

// digest gives {algorithm}hex of what r holds.
func digest(algorithm string, r io.Reader) (string, error) {
	h, err := newHash(algorithm)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(algorithm, "lite") {
		r = io.LimitReader(r, liteSize)
	}
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return "{" + algorithm + "}" + hex.EncodeToString(h.Sum(nil)), nil
}

func digestFile(algorithm, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return digest(algorithm, f)
}

// wantedSum is the checksum of the content that is wanted.
func (p *Provider) wantedSum(_ context.Context, w *want) (string, error) {
	switch {
	case w.inline:
		return digest(w.algorithm, bytes.NewReader(w.content))
	case w.sum != "":
		return "{" + w.algorithm + "}" + strings.TrimPrefix(w.sum, "{"+w.algorithm+"}"), nil
	case w.source.local != "":
		return digestFile(w.algorithm, p.m.Path(w.source.local))
	case strings.HasPrefix(w.source.meta.Checksum, "{"+w.algorithm+"}"):
		return w.source.meta.Checksum, nil
	}
	return "", fmt.Errorf("the file server gave the checksum %q, and one of %s is wanted", w.source.meta.Checksum, w.algorithm)
}

func (p *Provider) localSource(uri, path, links string) (*source, error) {
	cur, err := p.look(path, links != "manage")
	if err != nil {
		return nil, err
	}
	src := &source{uri: uri, kind: cur.kind, local: path}
	switch cur.kind {
	case "absent":
		return nil, provider.ErrNotFound
	case "other":
		return nil, errors.New("it is neither a file nor a directory")
	case "link":
		to, err := os.Readlink(p.m.Path(path))
		if err != nil {
			return nil, err
		}
		src.meta = &provider.FileMetadata{Type: "link", Destination: to}
		return src, nil
	}
	src.meta = &provider.FileMetadata{Type: cur.kind, Owner: cur.uid, Group: cur.gid, Mode: system.UnixMode(cur.info.Mode())}
	return src, nil
}

// checkContent compares checksums, and makes the change with its diff.
func (p *Provider) checkContent(ctx context.Context, r *provider.Resource, w *want, cur *current) ([]provider.Change, error) {
	want, err := p.wantedSum(ctx, w)
	if err != nil {
		return nil, err
	}
	have, err := digestFile(w.algorithm, p.m.Path(w.path))
	if err != nil {
		return nil, err
	}
	if have == want {
		return nil, nil
	}
	c := provider.Change{
		Property: "content", Previous: value.String(have), Desired: value.String(want), Sensitive: w.secret,
		Apply: func(ctx context.Context) error {
			if err := p.backup(ctx, r, w, cur); err != nil {
				return err
			}
			return p.write(ctx, r, w, cur)
		},
	}
	if r.Text("show_diff") != "false" && !w.secret {
		c.Diff = p.diff(ctx, w)
	}
	return []provider.Change{c}, nil
}

// copyTo writes the wanted content.
func (p *Provider) copyTo(ctx context.Context, w *want, to io.Writer) error {
	switch {
	case w.inline:
		_, err := to.Write(w.content)
		return err
	case w.source == nil:
		return nil
	case w.source.local != "":
		f, err := os.Open(p.m.Path(w.source.local))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(to, f)
		return err
	}
	uri := w.source.meta.URI
	if uri == "" {
		uri = w.source.uri
	}
	return p.sources.Content(ctx, uri, to)
}

// maxDiff is the size of contents beyond which no difference is shown.
const maxDiff = 512 << 10

// diff gives the difference between the content that is there and the one that is wanted; "" if it cannot be shown.
func (p *Provider) diff(ctx context.Context, w *want) string {
	path := p.m.Path(w.path)
	st, err := os.Stat(path)
	if err != nil || st.Size() > maxDiff {
		return ""
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var next bytes.Buffer
	if err := p.copyTo(ctx, w, &capped{w: &next, left: maxDiff}); err != nil {
		return ""
	}
	return Unified(w.path, st.ModTime(), have, next.Bytes())
}

// capped refuses more than so many bytes.
type capped struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (c *capped) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		return 0, errors.New("too much for a difference")
	}
	return c.w.Write(b)
}

func isNotDir(err error) bool {
	pe, ok := errors.AsType[*fs.PathError](err)
	return ok && errors.Is(pe.Err, syscall.ENOTDIR)
}
