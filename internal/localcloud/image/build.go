package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// buildScript runs inside the new root. It is part of the recipe's hash.
const buildScript = `set -e
mount -t proc proc /proc
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt-get -q update
if [ -n "$EXTRA" ]; then apt-get -q -y install $EXTRA; fi
apt-get clean
mkdir -p /usr/share/man/man1
for unit in console-getty.service getty@.service sys-kernel-debug.mount sys-kernel-tracing.mount \
	sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount systemd-remount-fs.service \
	systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service \
	apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer; do
	ln -sf /dev/null /etc/systemd/system/$unit
done
if [ -e /usr/lib/systemd/system/kickoff-user-data.service ]; then systemctl -q enable kickoff-user-data.service; fi
rm -rf /var/log/*.log /var/log/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/cache/ldconfig/* /debootstrap
rm -f /var/lib/dbus/machine-id /etc/hostname /etc/resolv.conf
: >/etc/machine-id
`

// Builder makes and finds images in a cache directory.
type Builder struct {
	// Dir is the cache directory.
	Dir string
	// Progress receives what happens, for people.
	Progress io.Writer
}

// Image is an image in the cache.
type Image struct {
	Recipe
	// Root is its root directory, not to be changed.
	Root string
}

// Find returns the image of a recipe if it has been built.
func (b Builder) Find(r Recipe) (Image, bool) {
	root := filepath.Join(b.Dir, r.Name+"-"+r.Hash())
	info, err := os.Stat(root)
	return Image{Recipe: r, Root: root}, err == nil && info.IsDir()
}

// Ensure returns the image of a recipe, building it if it is not there, which
// takes one to three minutes, needs root and the recipe's mirrors.
func (b Builder) Ensure(ctx context.Context, r Recipe) (Image, error) {
	if image, ok := b.Find(r); ok {
		return image, nil
	}
	if os.Geteuid() != 0 {
		return Image{}, fmt.Errorf("build image %s: only root can", r.Name)
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return Image{}, fmt.Errorf("build image %s: %w", r.Name, err)
	}
	unlock, err := b.lock(ctx, r)
	if err != nil {
		return Image{}, fmt.Errorf("build image %s: %w", r.Name, err)
	}
	defer unlock()
	image, ok := b.Find(r)
	if ok { // built by whom we waited for
		return image, nil
	}
	start := time.Now()
	if err := b.build(ctx, r, image.Root); err != nil {
		return Image{}, fmt.Errorf("build image %s: %w", r.Name, err)
	}
	b.say("image %s is ready after %.0f s: %s", r.Name, time.Since(start).Seconds(), image.Root)
	return image, nil
}

func (b Builder) say(format string, args ...any) {
	if b.Progress != nil {
		fmt.Fprintf(b.Progress, format+"\n", args...)
	}
}

// lock waits for its turn to build images of this name. The lock is the
// kernel's and ends with the process.
func (b Builder) lock(ctx context.Context, r Recipe) (func(), error) {
	file, err := os.OpenFile(filepath.Join(b.Dir, "."+r.Name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(err, file.Close())
		}
		if !waited {
			b.say("image %s: waiting for another process that builds it", r.Name)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// build makes the image beside its final place and moves it there.
func (b Builder) build(ctx context.Context, r Recipe, final string) (err error) {
	if _, err := r.AptHosts(); err != nil {
		return err
	}
	leftovers, _ := filepath.Glob(filepath.Join(b.Dir, ".build-"+r.Name+"-*"))
	for _, path := range leftovers { // of a killed build: we hold the lock
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove leftover: %w", err)
		}
	}
	dir := filepath.Join(b.Dir, fmt.Sprintf(".build-%s-%d", r.Name, os.Getpid()))
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	output, err := os.Create(filepath.Join(b.Dir, r.Name+".log"))
	if err != nil {
		return err
	}
	defer output.Close()
	if err := b.debootstrap(ctx, r, dir, output); err != nil {
		return fmt.Errorf("%w (see %s)", err, output.Name())
	}
	b.say("image %s: settings and package lists", r.Name)
	if err := install(r, dir); err != nil {
		return err
	}
	if err := b.finish(ctx, r, dir, output); err != nil {
		return fmt.Errorf("%w (see %s)", err, output.Name())
	}
	if err := copyEmbedded(aptProxy, dir); err != nil {
		return err
	}
	unix.Sync() // the rename must not overtake the files
	return os.Rename(dir, final)
}

// debootstrap makes a minimal Debian in dir.
func (b Builder) debootstrap(ctx context.Context, r Recipe, dir string, output io.Writer) error {
	if err := b.needDebootstrap(ctx, output); err != nil {
		return err
	}
	args := []string{"--variant=minbase", "--arch=" + r.Arch, "--include=" + strings.Join(r.Packages, ",")}
	const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	if _, err := os.Stat(keyring); err != nil {
		return fmt.Errorf("debootstrap needs %s (package debian-archive-keyring): %w", keyring, err)
	}
	args = append(args, "--keyring="+keyring, r.Suite, dir, r.Mirror)
	b.say("image %s: debootstrap of %s from %s", r.Name, r.Suite, r.Mirror)
	steps := &stepWriter{say: func(step string) { b.say("image %s:   %s", r.Name, step) }}
	cmd := exec.CommandContext(ctx, "debootstrap", args...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(output, steps), output
	return isolate(cmd, "debootstrap")
}

// needDebootstrap installs debootstrap on a host that has apt.
func (b Builder) needDebootstrap(ctx context.Context, output io.Writer) error {
	if _, err := exec.LookPath("debootstrap"); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("debootstrap is not installed, and there is no apt-get to install it with")
	}
	b.say("installing debootstrap")
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", "debootstrap", "debian-archive-keyring"}} {
		args = append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = output, output
		if err := cmd.Run(); err != nil && args[len(args)-1] != "update" { // an unreachable third party's archive is no obstacle
			return fmt.Errorf("install debootstrap: %w", err)
		}
	}
	return nil
}

// finish runs the build script inside the new root.
func (b Builder) finish(ctx context.Context, r Recipe, dir string, output io.Writer) error {
	extra := ""
	if r.CloudInit {
		extra = "cloud-init"
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", buildScript)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "EXTRA=" + extra}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
	return isolate(cmd, "finish")
}

// isolate runs a command in a mount and a process namespace of its own, so
// that neither its mounts nor its processes can stay.
func isolate(cmd *exec.Cmd, name string) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID
	cmd.SysProcAttr.Unshareflags = unix.CLONE_NEWNS // Go makes all mounts private with this one
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// install puts the recipe's own files into the root.
func install(r Recipe, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "etc/apt/sources.list"), []byte(r.sources()), 0o644); err != nil {
		return err
	}
	for _, f := range r.files() {
		if err := copyEmbedded(f, dir); err != nil {
			return err
		}
	}
	return nil
}

func copyEmbedded(f file, dir string) error {
	content, err := files.ReadFile("files/" + f.from)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, f.to)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, content, f.mode); err != nil {
		return err
	}
	return os.Chmod(to, f.mode) // whatever the umask is
}
