package files

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Metadata describes a file to an agent.
type Metadata struct {
	// Path is that of the root on the server; RelativePath goes below it, "." for the root itself. Null for one file.
	Path         string   `json:"path"`
	RelativePath *string  `json:"relative_path"`
	Links        string   `json:"links"`
	Owner        uint32   `json:"owner"`
	Group        uint32   `json:"group"`
	Mode         uint32   `json:"mode"`
	Checksum     Checksum `json:"checksum"`
	Type         string   `json:"type"`
	// Destination is that of a link that is managed as such.
	Destination *string `json:"destination"`
}

// Checksum is a digest with its type twice, as Puppet writes it.
type Checksum struct {
	Type  string  `json:"type"`
	Value *string `json:"value"`
}

// Query is what an agent asks about files.
type Query struct {
	// Follow resolves symbolic links; otherwise they are described as links.
	Follow bool
	// ChecksumType is one of Puppet's.
	ChecksumType string
	// UsePermissions gives the true owner, group and mode; otherwise they are those of the server process and 0644.
	UsePermissions bool
	Recurse        bool
	// RecurseLimit bounds the depth below the root; 0 means no bound.
	RecurseLimit int
	// Ignore are shell patterns of base names.
	Ignore []string
}

// hashes makes the digests; the "lite" ones cover the first 512 bytes.
var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "md5lite": md5.New, "sha1": sha1.New, "sha1lite": sha1.New, "sha224": sha256.New224,
	"sha256": sha256.New, "sha256lite": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

const liteSize = 512

// ParseQuery reads the parameters of a request.
func ParseQuery(v url.Values) (Query, error) {
	q := Query{
		Follow: v.Get("links") == "follow", ChecksumType: v.Get("checksum_type"), Ignore: v["ignore"],
		UsePermissions: strings.HasPrefix(v.Get("source_permissions"), "use"),
		Recurse:        v.Get("recurse") == "true",
	}
	if q.ChecksumType == "" {
		q.ChecksumType = "sha256"
	}
	if _, ok := hashes[q.ChecksumType]; !ok && q.ChecksumType != "mtime" && q.ChecksumType != "ctime" && q.ChecksumType != "none" {
		return q, fmt.Errorf("%w: checksum type %.20q", ErrQuery, q.ChecksumType)
	}
	if limit := v.Get("recurselimit"); limit != "" && limit != "infinite" && limit != "inf" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 0 {
			return q, fmt.Errorf("%w: recurselimit %.20q", ErrQuery, limit)
		}
		q.RecurseLimit = n
	}
	for _, pattern := range q.Ignore {
		if _, err := path.Match(pattern, ""); err != nil {
			return q, fmt.Errorf("%w: ignore %.40q", ErrQuery, pattern)
		}
	}
	return q, nil
}

func (q Query) ignores(name string) bool {
	for _, pattern := range q.Ignore {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// describe makes the metadata of a path below root. hostPath is only told to the agent.
func (s *Server) describe(root *os.Root, rel, hostPath string, q Query) (*Metadata, error) {
	stat := root.Lstat
	links := "manage"
	if q.Follow {
		stat, links = root.Stat, "follow"
	}
	info, err := stat(rel)
	if err != nil {
		return nil, notFound(err)
	}
	md := &Metadata{Path: hostPath, Links: links, Owner: uint32(os.Getuid()), Group: uint32(os.Getgid()), Mode: 0o644}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fmt.Errorf("stat %s: the system gives no owner", hostPath)
	}
	if q.UsePermissions {
		md.Owner, md.Group, md.Mode = sys.Uid, sys.Gid, sys.Mode&0o7777
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		md.Type = "directory"
		md.Checksum = timeChecksum("ctime", time.Unix(sys.Ctim.Unix()))
	case mode.IsRegular():
		md.Type = "file"
		md.Checksum, err = s.checksum(root, rel, hostPath, info, sys, q.ChecksumType)
	case mode&fs.ModeSymlink != 0:
		md.Type = "link"
		err = s.describeLink(root, rel, hostPath, q, md)
	default:
		return nil, ErrNotFound // devices, sockets, FIFOs
	}
	return md, err
}

// describeLink adds where a link leads. Its checksum is that of the file it leads to, if that is in the module.
func (s *Server) describeLink(root *os.Root, rel, hostPath string, q Query, md *Metadata) error {
	target, err := root.Readlink(rel)
	if err != nil {
		return notFound(err)
	}
	md.Destination = &target
	md.Checksum = Checksum{Type: q.ChecksumType}
	info, err := root.Stat(rel)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		md.Checksum, err = s.checksum(root, rel, hostPath, info, sys, q.ChecksumType)
	}
	return err
}

func timeChecksum(typ string, t time.Time) Checksum {
	v := "{" + typ + "}" + t.UTC().Format("2006-01-02 15:04:05 +0000")
	return Checksum{typ, &v}
}

func (s *Server) checksum(root *os.Root, rel, hostPath string, info fs.FileInfo, sys *syscall.Stat_t, typ string) (Checksum, error) {
	switch typ {
	case "mtime":
		return timeChecksum(typ, info.ModTime()), nil
	case "ctime":
		return timeChecksum(typ, time.Unix(sys.Ctim.Unix())), nil
	case "none":
		none := "{none}"
		return Checksum{typ, &none}, nil
	}
	key := sumKey{typ, sys.Dev, sys.Ino, info.Size(), info.ModTime().UnixNano(), sys.Ctim.Nano()}
	sum, ok := s.sums.get(key)
	if !ok {
		f, err := root.Open(rel)
		if err != nil {
			return Checksum{}, notFound(err)
		}
		defer f.Close()
		var src io.Reader = f
		if strings.HasSuffix(typ, "lite") {
			src = io.LimitReader(f, liteSize)
		}
		h := hashes[typ]()
		if _, err := io.Copy(h, src); err != nil {
			return Checksum{}, fmt.Errorf("hash %s: %w", hostPath, err)
		}
		sum = hex.EncodeToString(h.Sum(nil))
		s.sums.put(key, sum, time.Now())
	}
	v := "{" + typ + "}" + sum
	return Checksum{typ, &v}, nil
}

// sumKey says which state of which file a digest is of. A file that was changed without its times moving cannot be told
// apart, so young files are not cached.
type sumKey struct {
	typ   string
	dev   uint64
	ino   uint64
	size  int64
	mtime int64
	ctime int64
}

type sumCache struct {
	mu sync.Mutex
	m  map[sumKey]string
}

const (
	maxSums = 20000
	minAge  = 2 * time.Second
)

func (c *sumCache) get(k sumKey) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.m[k]
	return v, ok
}

func (c *sumCache) put(k sumKey, v string, now time.Time) {
	if now.Sub(time.Unix(0, k.ctime)) < minAge {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxSums {
		c.m = map[sumKey]string{}
	}
	c.m[k] = v
}

// Search describes a directory and what is below it. A merged mount has exactly one root, and of two files with the same
// relative path the one of the first module.
func (s *Server) Search(t Tree, mount, p string, q Query) ([]*Metadata, error) {
	places, err := t.places(mount, p)
	if err != nil {
		return nil, err
	}
	if len(places) == 0 && mount != MountModules {
		if rel, _ := clean(p); rel == "." && t.Fallback != "" {
			places, q.Recurse = []place{{t.Fallback, "."}}, false
		}
	}
	var all []*Metadata
	seen := map[string]bool{}
	for _, pl := range places {
		if err := s.search(pl, q, seen, &all); err != nil && !absent(err) {
			return nil, fmt.Errorf("search %s/%s: %w", mount, p, err)
		}
	}
	if len(all) == 0 {
		return nil, ErrNotFound
	}
	return all, nil
}

func (s *Server) search(pl place, q Query, seen map[string]bool, all *[]*Metadata) error {
	outer, err := os.OpenRoot(pl.dir)
	if err != nil {
		return notFound(err)
	}
	defer outer.Close()
	hostPath := filepath.Join(pl.dir, filepath.FromSlash(pl.rel))
	w := walk{s: s, root: outer, base: pl.rel, hostPath: hostPath, q: q, seen: seen, all: all}
	return w.visit(".", 0)
}

// walk is one search below one root.
type walk struct {
	s        *Server
	root     *os.Root
	base     string
	hostPath string
	q        Query
	seen     map[string]bool
	all      *[]*Metadata
}

// maxDepth stops at links that lead in circles.
const maxDepth = 64

func (w *walk) visit(rel string, depth int) error {
	full := path.Join(w.base, rel)
	if !w.seen[rel] {
		md, err := w.s.describe(w.root, full, w.hostPath, w.q)
		if err != nil {
			return err
		}
		w.seen[rel] = true
		md.RelativePath = &rel
		*w.all = append(*w.all, md)
	}
	if !w.q.Recurse || (w.q.RecurseLimit > 0 && depth >= w.q.RecurseLimit) || depth >= maxDepth {
		return nil
	}
	stat := w.root.Lstat
	if w.q.Follow || rel == "." {
		stat = w.root.Stat
	}
	if info, err := stat(full); err != nil || !info.IsDir() {
		return notFound(err)
	}
	entries, err := fs.ReadDir(w.root.FS(), full)
	if err != nil {
		return notFound(err)
	}
	for _, e := range entries {
		if w.q.ignores(e.Name()) {
			continue
		}
		if err := w.visit(path.Join(rel, e.Name()), depth+1); err != nil && !absent(err) {
			return err
		}
	}
	return nil
}
