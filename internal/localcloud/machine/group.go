package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Hierarchy is a mounted cgroup2 hierarchy.
type Hierarchy struct{ root string }

// FindHierarchy finds where cgroup2 is mounted: /sys/fs/cgroup, or
// /sys/fs/cgroup/unified beside version 1.
func FindHierarchy() (Hierarchy, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Hierarchy{}, fmt.Errorf("look for cgroup2: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// id parent dev root mountpoint options ... - type source super
		before, after, found := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if found && len(fields) >= 5 && fields[3] == "/" && strings.HasPrefix(after, "cgroup2 ") {
			return Hierarchy{root: fields[4]}, nil
		}
	}
	if err := lines.Err(); err != nil {
		return Hierarchy{}, fmt.Errorf("look for cgroup2: %w", err)
	}
	return Hierarchy{}, errors.New("no cgroup2 hierarchy is mounted (mount -t cgroup2 none /sys/fs/cgroup/unified)")
}

// Group is the control group with this name at the top of the hierarchy.
func (h Hierarchy) Group(name string) Group { return Group{path: filepath.Join(h.root, name)} }

// Group is a control group, existing or not.
type Group struct{ path string }

// Path is the group's directory.
func (g Group) Path() string { return g.path }

// Sub is a group below this one.
func (g Group) Sub(name string) Group { return Group{path: filepath.Join(g.path, name)} }

// Make makes the group. Controllers that the parent offers are handed down as
// far as the host allows it.
func (g Group) Make() error {
	if err := os.MkdirAll(g.path, 0o755); err != nil {
		return fmt.Errorf("make cgroup: %w", err)
	}
	parent := filepath.Dir(g.path)
	offered, _ := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
	for name := range strings.FieldsSeq(string(offered)) {
		if slices.Contains([]string{"cpu", "memory", "pids", "io"}, name) {
			_ = os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+"+name), 0)
		}
	}
	return nil
}

// Kill kills every process in the group and below it. A group that does not
// exist has none.
func (g Group) Kill() error {
	err := os.WriteFile(filepath.Join(g.path, "cgroup.kill"), []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("kill cgroup: %w", err)
	}
	return nil
}

// Remove removes the group and all below it, waiting until ctx ends for
// processes that are still dying.
func (g Group) Remove(ctx context.Context) error {
	for {
		err := g.removeOnce()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove cgroup: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (g Group) removeOnce() error {
	var all []string
	err := filepath.WalkDir(g.path, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, path := range slices.Backward(all) {
		if err := unix.Rmdir(path); err != nil && !errors.Is(err, unix.ENOENT) {
			return &fs.PathError{Op: "rmdir", Path: path, Err: err}
		}
	}
	return nil
}

// Subgroups are the names of the groups directly below.
func (g Group) Subgroups() ([]string, error) {
	entries, err := os.ReadDir(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list cgroups: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}
