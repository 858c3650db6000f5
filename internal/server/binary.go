package server

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"kickoff/internal/wire"
)

// ErrNoBinary says that no binary has the digest.
var ErrNoBinary = errors.New("no such binary")

var binaryDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// BinaryStore keeps binaries by digest in a directory: DIGEST and DIGEST.gz. Old ones stay, because launches pin them.
type BinaryStore struct{ dir string }

var _ Binaries = (*BinaryStore)(nil)

// NewBinaryStore uses a directory, which is made if it does not exist.
func NewBinaryStore(dir string) (*BinaryStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open binaries: %w", err)
	}
	return &BinaryStore{dir}, nil
}

// Add takes a program in and gives its digest. Taking it in again is cheap. Pack makes its compressed form.
func (b *BinaryStore) Add(path string) (digest string, err error) {
	src, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("add binary: %w", err)
	}
	defer src.Close()
	h := sha256.New()
	if _, err := io.Copy(h, src); err != nil {
		return "", fmt.Errorf("add binary %s: %w", path, err)
	}
	digest = hex.EncodeToString(h.Sum(nil))
	target := filepath.Join(b.dir, digest)
	if _, err := os.Stat(target); err == nil {
		return digest, nil
	}
	if err := b.put(src, target, digest, false); err != nil {
		return "", fmt.Errorf("add binary %s: %w", path, err)
	}
	return digest, nil
}

// Pack makes the compressed form of a binary, if there is none yet. It takes seconds; until it is done, the binary is
// served as it is.
func (b *BinaryStore) Pack(digest string) error {
	name := filepath.Join(b.dir, digest)
	if _, err := os.Stat(name + ".gz"); err == nil {
		return nil
	}
	src, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("pack binary: %w", err)
	}
	defer src.Close()
	if err := b.put(src, name+".gz", digest, true); err != nil {
		return fmt.Errorf("pack binary %s: %w", digest, err)
	}
	return nil
}

// put copies src to a file by way of a temporary one, and makes sure that it still has the digest.
func (b *BinaryStore) put(src io.ReadSeeker, target, digest string, packed bool) (err error) {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f, err := os.CreateTemp(b.dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	h := sha256.New()
	buffered := bufio.NewWriterSize(f, 1<<16)
	var w io.Writer = buffered
	var z *gzip.Writer
	if packed {
		z = gzip.NewWriter(buffered)
		w = z
	}
	_, err = io.Copy(io.MultiWriter(w, h), src)
	if z != nil {
		err = errors.Join(err, z.Close())
	}
	err = errors.Join(err, buffered.Flush(), f.Sync(), f.Close())
	if err == nil && hex.EncodeToString(h.Sum(nil)) != digest {
		err = errors.New("the file changed while it was read")
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

// Open implements Binaries.
func (b *BinaryStore) Open(digest string, packed bool) (http.File, error) {
	if !binaryDigest.MatchString(digest) {
		return nil, ErrNoBinary
	}
	name := filepath.Join(b.dir, digest)
	if packed {
		name += ".gz"
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoBinary
	}
	return f, err
}

// getBinary serves a program to a machine that has no certificate yet. What it asks for is no secret, and it checks the
// digest itself.
func (s *Server) getBinary(w http.ResponseWriter, r *http.Request) error {
	digest := r.PathValue("digest")
	packed := acceptsGzip(r)
	f, err := s.Binaries.Open(digest, packed)
	if errors.Is(err, ErrNoBinary) && packed {
		packed = false
		f, err = s.Binaries.Open(digest, packed)
	}
	if errors.Is(err, ErrNoBinary) {
		return missing("there is no binary with the SHA-256 %.80s", digest)
	}
	if err != nil {
		return serverError(err, "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return serverError(err, "%v", err)
	}
	if launch := r.URL.Query().Get("launch"); launch != "" && s.Observer != nil {
		s.Observer.BinaryRequested(r.Context(), launch)
	}
	// A slow link gets more time than the usual answer.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(4 * s.Timeouts.Write)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", wire.MediaOctets)
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	h.Set("Vary", "Accept-Encoding")
	if packed {
		h.Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.CopyN(w, f, info.Size()); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
