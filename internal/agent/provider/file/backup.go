package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
)

// Bucket keeps contents by their SHA-256 in a directory, in the layout of Puppet's clientbucket.
type Bucket struct{ dir string }

// NewBucket gives the bucket in a directory, which need not exist yet.
func NewBucket(dir string) *Bucket { return &Bucket{dir} }

// Keep puts a file into the bucket and gives its SHA-256. The content is readable by us alone.
func (b *Bucket) Keep(path, name string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	dir := filepath.Join(b.dir, strings.Join(strings.Split(sum[:8], ""), "/"), sum)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	contents := filepath.Join(dir, "contents")
	if _, err := os.Lstat(contents); errors.Is(err, fs.ErrNotExist) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		err := system.Replace(contents, system.Attrs{UID: -1, GID: -1, Mode: 0o440}, func(w io.Writer) error {
			_, err := io.Copy(w, f)
			return err
		}, nil)
		if err != nil {
			return "", err
		}
	}
	return sum, appendLine(filepath.Join(dir, "paths"), strings.TrimPrefix(name, "/"))
}

// appendLine adds a line to a file if it is not there yet.
func appendLine(path, line string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for l := range strings.Lines(string(old)) {
		if strings.TrimRight(l, "\n") == line {
			return nil
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// backup keeps the file that is about to be replaced, as the attribute backup says: false, a suffix, or a bucket. A
// secret is kept nowhere but in a bucket, which only we can read.
func (p *Provider) backup(_ context.Context, r *provider.Resource, w *want, cur *current) error {
	how := r.Text("backup")
	if how == "false" || cur == nil || cur.kind != "file" {
		return nil
	}
	path := p.m.Path(w.path)
	if strings.HasPrefix(how, ".") {
		a := system.Attrs{UID: cur.uid, GID: cur.gid, Mode: cur.info.Mode()}
		err := system.Replace(path+how, a, func(to io.Writer) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(to, f)
			return err
		}, nil)
		if err != nil {
			return fmt.Errorf("back up %s: %w", w.path, err)
		}
		return nil
	}
	if p.backups == nil {
		return nil
	}
	sum, err := p.backups.Keep(path, w.path)
	if err != nil {
		return fmt.Errorf("back up %s: %w", w.path, err)
	}
	r.Report(provider.Line{Level: provider.Info, Message: fmt.Sprintf("Filebucketed %s to puppet with sum %s", w.path, sum)})
	return nil
}
