package collect

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// statfsTimeout bounds how long a file system may take to answer: a dead NFS server must not hold up a run.
const statfsTimeout = time.Second

func (c *collector) glob(pattern string) []string {
	found, err := filepath.Glob(c.path(pattern))
	if err != nil {
		c.log.Debug("bad pattern", "pattern", pattern, "error", err)
	}
	return found
}

func (c *collector) mountpoints(context.Context) facts {
	points := facts{}
	for line := range strings.Lines(c.read("/proc/self/mounts")) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		device, path, fs := unescape(fields[0]), unescape(fields[1]), fields[2]
		if fs == "autofs" || fs == "rootfs" || fs != "tmpfs" && (under(path, "/proc") || under(path, "/sys")) {
			continue
		}
		f := facts{"device": device, "filesystem": fs, "options": anys(strings.Split(fields[3], ","))}
		if st, ok := c.statfs(path); ok {
			size, free := int64(st.Blocks)*st.Bsize, int64(st.Bfree)*st.Bsize
			available := int64(st.Bavail) * st.Bsize
			used := size - free
			f["size"], f["size_bytes"] = human(size), size
			f["available"], f["available_bytes"] = human(available), available
			f["used"], f["used_bytes"] = human(used), used
			f["capacity"] = capacity(used, used+available)
		}
		points[path] = f
	}
	return facts{"mountpoints": points, "filesystems": c.filesystems()}
}

func (c *collector) statfs(path string) (unix.Statfs_t, bool) {
	type answer struct {
		st  unix.Statfs_t
		err error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		a.err = unix.Statfs(c.path(path), &a.st)
		done <- a
	}()
	select {
	case a := <-done:
		return a.st, a.err == nil
	case <-time.After(statfsTimeout):
		c.log.Warn("file system does not answer", "path", path)
		return unix.Statfs_t{}, false
	}
}

func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// unescape replaces the octal escapes of /proc/mounts.
func unescape(s string) string {
	for _, e := range [][2]string{{`\040`, " "}, {`\011`, "\t"}, {`\012`, "\n"}, {`\134`, `\`}} {
		s = strings.ReplaceAll(s, e[0], e[1])
	}
	return s
}

func anys(ss []string) []any {
	out := make([]any, len(ss))
	for i, s := range ss {
		out[i] = s
	}
	return out
}

// filesystems are those on devices that the kernel knows.
func (c *collector) filesystems() string {
	var names []string
	for line := range strings.Lines(c.read("/proc/filesystems")) {
		line = strings.TrimRight(line, "\n")
		name, onDevice := strings.CutPrefix(line, "\t")
		if onDevice && name != "fuseblk" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func (c *collector) disks(context.Context) facts {
	disks := facts{}
	for _, dir := range c.glob("/sys/block/*") {
		name := filepath.Base(dir)
		if _, err := os.Stat(dir + "/device"); err != nil {
			continue
		}
		d := facts{"type": "ssd"}
		if c.attribute(name, "queue/rotational") == "1" {
			d["type"] = "hdd"
		}
		if sectors, err := strconv.ParseInt(c.attribute(name, "size"), 10, 64); err == nil {
			d["size"], d["size_bytes"] = human(sectors*512), sectors*512
		}
		for _, what := range []string{"model", "vendor", "serial"} {
			if v := c.attribute(name, "device/"+what); v != "" {
				d[what] = v
			}
		}
		disks[name] = d
	}
	if len(disks) == 0 {
		return nil
	}
	return facts{"disks": disks}
}

func (c *collector) attribute(disk, name string) string {
	text, err := os.ReadFile(c.path("/sys/block/" + disk + "/" + name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
