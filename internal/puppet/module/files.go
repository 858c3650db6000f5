package module

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// file is one file of a snapshot.
type file struct {
	path string
	sum  [sha256.Size]byte
	// text is the content, nil for files that are only hashed (those that agents fetch, and large ones).
	text []byte
	stat stat
}

// stat is what tells that a file was not changed.
type stat struct {
	size  int64
	mtime time.Time
	mode  os.FileMode
	inode uint64
	ctime int64
}

// fileCache keeps the digest and text of files while their stat stays the same. Safe for concurrent use.
type fileCache struct {
	mu sync.Mutex
	m  map[string]*file
}

func newFileCache() *fileCache { return &fileCache{m: map[string]*file{}} }

// maxText is the size up to which the text of a file is kept in memory.
const maxText = 1 << 20

// racy is the age under which a file's time stamp is not trusted: a second change may fall into the same tick.
const racy = 50 * time.Millisecond

func (c *fileCache) get(path string, info os.FileInfo, now time.Time) (*file, error) {
	st := statOf(info)
	c.mu.Lock()
	old := c.m[path]
	c.mu.Unlock()
	if old != nil && old.stat == st && now.Sub(st.mtime) > racy {
		return old, nil
	}
	f, err := readFile(path, st)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.m[path] = f
	c.mu.Unlock()
	return f, nil
}

// sweep drops files that the environment had and no longer has.
func (c *fileCache) sweep(env *Environment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for path := range c.m {
		if strings.HasPrefix(path, env.Dir+"/") && env.files[path] == nil {
			delete(c.m, path)
		}
	}
}

func readFile(path string, st stat) (*file, error) {
	f := &file{path: path, stat: st}
	if keepText(path) && st.size <= maxText {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f.text, f.sum = text, sha256.Sum256(text)
		if f.text == nil {
			f.text = []byte{}
		}
		return f, nil
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return nil, err
	}
	h.Sum(f.sum[:0])
	return f, nil
}

// keepText tells which files the compiler reads as text. What lies below files/ or lib/ is served or run elsewhere.
func keepText(path string) bool {
	return !strings.Contains(path, "/files/") && !strings.Contains(path, "/lib/")
}

// walker collects the files below directories.
type walker struct {
	cache *fileCache
	out   map[string]*file
	now   time.Time
}

// maxDirDepth ends walks through circular links.
const maxDirDepth = 40

// walk adds all files below dir; skip is asked with the path and the path relative to the start.
func (w *walker) walk(ctx context.Context, dir string, skip func(path, rel string) bool, depth int) error {
	return w.walkBelow(ctx, dir, "", skip, depth)
}

func (w *walker) walkBelow(ctx context.Context, dir, rel string, skip func(path, rel string) bool, depth int) error {
	if depth > maxDirDepth {
		return fmt.Errorf("%s: directories nested deeper than %d (a circular link?)", dir, maxDirDepth)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path, below := filepath.Join(dir, e.Name()), filepath.Join(rel, e.Name())
		if skip(path, below) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			if os.IsNotExist(err) {
				continue // a dangling link, or removed meanwhile
			}
			return err
		}
		switch {
		case info.IsDir():
			err = w.walkBelow(ctx, path, below, skip, depth+1)
		case info.Mode().IsRegular():
			err = w.addFile(path, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add adds a file or a whole directory; a path that does not exist adds nothing.
func (w *walker) add(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return w.walk(ctx, path, func(string, string) bool { return false }, 0)
	}
	return w.addFile(path, info)
}

func (w *walker) addFile(path string, info os.FileInfo) error {
	f, err := w.cache.get(path, info, w.now)
	if err != nil {
		return err
	}
	w.out[path] = f
	return nil
}
