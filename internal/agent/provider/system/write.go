package system

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Attrs are the owner and mode of a file. -1 leaves an owner as the system chooses it.
type Attrs struct {
	UID, GID int
	Mode     fs.FileMode
}

// Replace writes a file in such a way that at any time either the old or the new content is there in full: to a
// temporary file beside it, synced, checked, renamed. check, if it is not nil, sees the temporary file's path.
func Replace(path string, attrs Attrs, write func(io.Writer) error, check func(tmp string) error) (err error) {
	dir, base := filepath.Split(path)
	f, err := os.OpenFile(tempName(dir, base), os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	tmp := f.Name()
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(tmp)
		}
	}()
	if err := write(f); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := chown(f, attrs); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if check != nil {
		if err := check(tmp); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(dir)
}

func chown(f *os.File, attrs Attrs) error {
	if attrs.UID >= 0 || attrs.GID >= 0 {
		if err := f.Chown(attrs.UID, attrs.GID); err != nil {
			return err
		}
	}
	return syscall.Fchmod(int(f.Fd()), uint32(UnixMode(attrs.Mode)))
}

// tempName is a name beside the file that globs of configuration directories (*.conf) do not take.
func tempName(dir, base string) string {
	if len(base) > 200 {
		base = base[:200]
	}
	for i := 0; ; i++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s.kickoff%d-%d", base, os.Getpid(), i))
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) || i > 1000 {
			return name
		}
	}
}

// syncDir makes a rename durable. Some file systems cannot sync a directory, which is no error.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// UnixMode gives the twelve permission bits of a mode.
func UnixMode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// FileMode is the inverse of UnixMode.
func FileMode(bits uint32) fs.FileMode {
	m := fs.FileMode(bits & 0o777)
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if bits&bit != 0 {
			m |= flag
		}
	}
	return m
}

// Owner gives the numbers of a file's user and group.
func Owner(st fs.FileInfo) (uid, gid int) {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), int(s.Gid)
	}
	return -1, -1
}

// Lines splits text at line breaks, without an empty line at the end.
func Lines(s string) []string {
	s = strings.TrimRight(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
