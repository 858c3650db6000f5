package aptproxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// headSize is the fixed space at the beginning of a cache file for its head.
const headSize = 4096

// head describes a cached answer. It precedes the body in the same file, so
// that one rename makes both appear.
type head struct {
	URL          string `json:"url"`
	ContentType  string `json:"content_type,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	ETag         string `json:"etag,omitempty"`
}

func headOf(origin string, r *http.Response) head {
	return head{URL: origin, ContentType: r.Header.Get("Content-Type"),
		LastModified: r.Header.Get("Last-Modified"), ETag: r.Header.Get("ETag")}
}

func (h head) encode() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode head: %w", err)
	}
	if len(text) >= headSize {
		return nil, fmt.Errorf("head of %s is too large", h.URL)
	}
	return append(append(text, '\n'), make([]byte, headSize-len(text)-1)...), nil
}

// cache is a directory of answers. A file's modification time says when it
// was last used or found current.
type cache struct {
	dir string
	max int64

	mu    sync.Mutex
	total int64
}

func openCache(dir string, max int64) (*cache, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make apt cache: %w", err)
	}
	c := &cache{dir: dir, max: max}
	if err := c.prune(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *cache) path(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(c.dir, name[:2], name)
}

func (c *cache) bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// prune removes leftovers of killed downloads, and the files that were not
// used for the longest time until the rest fits.
func (c *cache) prune() error {
	type item struct {
		path string
		used time.Time
		size int64
	}
	var items []item
	var total int64
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // another process may have removed it
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if strings.HasPrefix(entry.Name(), ".new-") {
			if time.Since(info.ModTime()) > time.Hour {
				removeQuietly(path)
			}
			return nil
		}
		items = append(items, item{path, info.ModTime(), info.Size()})
		total += info.Size()
		return nil
	})
	if err != nil {
		return fmt.Errorf("read apt cache: %w", err)
	}
	slices.SortFunc(items, func(a, b item) int { return a.used.Compare(b.used) })
	for len(items) > 0 && total > c.max {
		removeQuietly(items[0].path)
		total -= items[0].size
		items = items[1:]
	}
	c.mu.Lock()
	c.total = total
	c.mu.Unlock()
	return nil
}

// cached is an open file of the cache.
type cached struct {
	head
	*os.File
	size    int64 // of the body
	checked time.Time
}

// open opens the cached answer of an address. A damaged file is no answer.
func (c *cache) open(origin string) (*cached, bool) {
	file, err := os.Open(c.path(origin))
	if err != nil {
		return nil, false
	}
	info, err := file.Stat()
	text := make([]byte, headSize)
	if err == nil {
		_, err = io.ReadFull(file, text)
	}
	f := &cached{File: file}
	if err == nil {
		line, _, _ := bytes.Cut(text, []byte("\n"))
		err = json.Unmarshal(line, &f.head)
	}
	if err != nil || f.URL != origin {
		file.Close()
		return nil, false
	}
	f.size, f.checked = info.Size()-headSize, info.ModTime()
	return f, true
}

// touch notes that a file was used or found current. For a file that never
// changes an hour is exact enough.
func (c *cache) touch(f *cached, immutable bool) {
	now := time.Now()
	if immutable && now.Sub(f.checked) < time.Hour {
		return
	}
	_ = os.Chtimes(f.Name(), now, now)
}

// condition makes a request for the case that the file has changed.
func (f *cached) condition(r *http.Request) {
	if f.ETag != "" {
		r.Header.Set("If-None-Match", f.ETag)
	}
	if f.LastModified != "" {
		r.Header.Set("If-Modified-Since", f.LastModified)
	}
}

// serve answers with the whole file, a range, or 304, as asked.
func (f *cached) serve(w http.ResponseWriter, r *http.Request) {
	contentType := f.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	w.Header().Set("Content-Type", contentType)
	if f.ETag != "" {
		w.Header().Set("ETag", f.ETag)
	}
	modified, _ := http.ParseTime(f.LastModified) // zero: not known
	http.ServeContent(w, r, "", modified, io.NewSectionReader(f.File, headSize, f.size))
}

// newFile is a cache file on its way.
type newFile struct {
	*os.File
	final string
	cache *cache
}

func (c *cache) create(h head) (*newFile, error) {
	text, err := h.encode()
	if err != nil {
		return nil, err
	}
	final := c.path(h.URL)
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return nil, fmt.Errorf("write apt cache: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(final), ".new-*")
	if err != nil {
		return nil, fmt.Errorf("write apt cache: %w", err)
	}
	f := &newFile{File: file, final: final, cache: c}
	if _, err := file.Write(text); err != nil {
		_ = f.abandon()
		return nil, fmt.Errorf("write apt cache: %w", err)
	}
	return f, nil
}

func (f *newFile) abandon() error {
	removeQuietly(f.Name())
	return nil
}

// commit makes the file visible under its name. The descriptor stays open for
// those who read it.
func (f *newFile) commit() error {
	info, err := f.Stat()
	if err == nil {
		err = os.Rename(f.Name(), f.final)
	}
	if err != nil {
		return fmt.Errorf("write apt cache: %w", err)
	}
	f.cache.mu.Lock()
	f.cache.total += info.Size()
	full := f.cache.total > f.cache.max
	f.cache.mu.Unlock()
	if full {
		return f.cache.prune()
	}
	return nil
}
