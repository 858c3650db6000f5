package collect

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/value"
)

// machine is a root directory with the given files.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(full, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func collectFrom(t *testing.T, files map[string]string) map[string]any {
	t.Helper()
	h := Collect(t.Context(), Options{Root: machine(t, files), Environ: []string{}})
	return value.ToGo(h).(map[string]any)
}

func at(m map[string]any, path string) any {
	var v any = m
	for p := range strings.SplitSeq(path, ".") {
		h, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = h[p]
	}
	return v
}

func TestOperatingSystems(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"debian": {map[string]string{
			"/etc/os-release":     "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
			"/etc/debian_version": "12.11\n",
		}, "Debian Debian 12.11 12 11 bookworm"},
		"debian testing": {map[string]string{"/etc/os-release": "ID=debian\n", "/etc/debian_version": "trixie/sid\n"}, "Debian Debian   <nil> "},
		"ubuntu": {map[string]string{"/etc/os-release": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\n"},
			"Ubuntu Debian 22.04 22.04 <nil> jammy"},
		"rocky": {map[string]string{"/etc/os-release": "ID=\"rocky\"\nVERSION_ID=\"9.3\"\n"}, "Rocky RedHat 9.3 9 3 "},
		"rhel":  {map[string]string{"/etc/os-release": "ID=\"rhel\"\nVERSION_ID=\"9.3\"\n"}, "RedHat RedHat 9.3 9 3 "},
		"other": {map[string]string{"/etc/os-release": "ID=neon\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=1\n"}, "Neon Debian 1 1 <nil> "},
		"none":  {nil, " Linux   <nil> "},
	} {
		f := collectFrom(t, c.files)
		got := fmt.Sprint(at(f, "os.name"), " ", at(f, "os.family"), " ", at(f, "os.release.full"), " ", at(f, "os.release.major"), " ",
			at(f, "os.release.minor"), " ", at(f, "os.distro.codename"))
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	f := collectFrom(t, map[string]string{
		"/proc/meminfo": "MemTotal:       24684096 kB\nMemAvailable:   22186720 kB\nSwapTotal: 0 kB\n",
		"/proc/uptime":  "93784.25 100.0\n",
		"/proc/loadavg": "0.36 0.08 0.03 1/100 4242\n",
		"/proc/cpuinfo": "processor\t: 0\nmodel name\t: X\nphysical id\t: 0\nsiblings\t: 4\ncpu cores\t: 2\ncpu MHz\t: 2600.000\n\nprocessor\t: 1\nmodel name\t: X\nphysical id\t: 0\n",
	})
	for path, want := range map[string]any{
		"memory.system.total": "23.54 GiB", "memory.system.total_bytes": int64(25276514304), "memory.system.capacity": "10.12%", "memory.swap": nil,
		"system_uptime.uptime": "1 day", "system_uptime.hours": int64(26), "load_averages.1m": 0.36,
		"processors.count": int64(2), "processors.cores": int64(2), "processors.threads": int64(2), "processors.speed": "2.60 GHz",
		"processors.physicalcount": int64(1),
	} {
		if got := at(f, path); got != want {
			t.Errorf("%s = %v (%T), want %v", path, got, got, want)
		}
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.00 KiB", 462848: "452.00 KiB", 107374182400: "100.00 GiB", 1 << 60: "1024.00 PiB", 1<<63 - 1: "8.00 EiB"} {
		if got := human(n); got != want && !(n == 1<<60 && got == "1.00 EiB") {
			t.Errorf("human(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestVirtual(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		is    bool
	}{
		"bare":       {map[string]string{"/proc/cpuinfo": "flags\t: fpu vme\n"}, "physical", false},
		"guest":      {map[string]string{"/proc/cpuinfo": "flags\t: fpu hypervisor lm\n"}, "kvm", true},
		"virtualbox": {map[string]string{"/sys/class/dmi/id/product_name": "VirtualBox\n"}, "virtualbox", true},
		"ec2":        {map[string]string{"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n"}, "kvm", true},
		"nspawn":     {map[string]string{"/run/systemd/container": "systemd-nspawn\n"}, "systemd_nspawn", true},
		"kickoff":    {map[string]string{"/proc/1/environ": "a=b\x00container=kickoff\x00"}, "container_other", true},
		"docker":     {map[string]string{"/.dockerenv": ""}, "docker", true},
	} {
		f := collectFrom(t, c.files)
		if f["virtual"] != c.want || f["is_virtual"] != c.is {
			t.Errorf("%s: %v, %v", name, f["virtual"], f["is_virtual"])
		}
	}
	f := collectFrom(t, map[string]string{"/sys/class/dmi/id/bios_vendor": "innotek GmbH\n", "/sys/class/dmi/id/product_uuid": "u\n"})
	if at(f, "dmi.bios.vendor") != "innotek GmbH" || at(f, "dmi.product.uuid") != "u" {
		t.Errorf("dmi %v", f["dmi"])
	}
}

func TestDomain(t *testing.T) {
	if got := domainFromHosts("127.0.0.1 localhost\n# 1 web.x\n10.0.0.1 web.example.com web # here\n", "web"); got != "example.com" {
		t.Errorf("hosts: %q", got)
	}
	for text, want := range map[string]string{"search a.b c.d\n": "a.b", "search a.b\ndomain x.y\n": "x.y", "nameserver 1.1.1.1": ""} {
		if got := domainFromResolver(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestExternal(t *testing.T) {
	dir := "/etc/puppetlabs/facter/facts.d/"
	f := collectFrom(t, map[string]string{
		dir + "a.txt":               "Role=web\nnot a fact\nempty=\nurl=http://x/?a=b\r\n",
		dir + "b.json":              `{"tier": {"name": "x", "n": [1, 2.5]}, "role2": true}`,
		dir + "c.yaml":              "yes_fact: true\nmap:\n  1: one\n  list: [a]\n",
		dir + "d.sh":                "#!/bin/sh\necho script=1\necho other=two words\n",
		dir + "e":                   "#!/bin/sh\necho '{\"json_script\": {\"a\": 1}}'\n",
		dir + "broken.json":         "{",
		dir + "fails":               "#!/bin/sh\necho gone=1; exit 3\n",
		dir + "readme.md":           "kernel=Plan9\n",
		"/etc/facter/facts.d/z.txt": "role=outranked\n",
	})
	for path, want := range map[string]any{
		"role": "web", "url": "http://x/?a=b", "empty": "", "tier.name": "x", "role2": true, "yes_fact": true, "map.1": "one",
		"script": "1", "other": "two words", "json_script.a": int64(1), "gone": nil, "kernel": "Linux",
	} {
		if got := at(f, path); got != want {
			t.Errorf("%s = %v (%T), want %v", path, got, got, want)
		}
	}
}

func TestEnvironmentOutranks(t *testing.T) {
	h := Collect(t.Context(), Options{Root: t.TempDir(), Environ: []string{"FACTER_kernel=Plan9", "FACTER_Role=db", "FACTER_=x", "HOME=/"}})
	f := value.ToGo(h).(map[string]any)
	if f["kernel"] != "Plan9" || f["role"] != "db" {
		t.Errorf("kernel %v, role %v", f["kernel"], f["role"])
	}
}

func TestLegacy(t *testing.T) {
	h := Collect(t.Context(), Options{Root: machine(t, map[string]string{"/etc/os-release": "ID=debian\nVERSION_ID=12\n",
		"/proc/meminfo": "MemTotal: 2048 kB\nMemAvailable: 1024 kB\n"}), Legacy: true, Environ: []string{}})
	f := value.ToGo(h).(map[string]any)
	if f["osfamily"] != "Debian" || f["operatingsystemmajrelease"] != "12" || f["memorysize_mb"] != 2.0 || f["ipaddress_lo"] != "127.0.0.1" {
		t.Errorf("%v %v %v %v", f["osfamily"], f["operatingsystemmajrelease"], f["memorysize_mb"], f["ipaddress_lo"])
	}
}

func TestMetadata(t *testing.T) {
	tree := map[string]string{
		"": "ami-id\niam/\ninstance-id\nplacement/\npublic-keys/\n", "ami-id": "ami-1", "instance-id": "i-1", "placement/": "region\n",
		"placement/region": "eu", "public-keys/": "0=ops\n", "public-keys/0/": "openssh-key", "public-keys/0/openssh-key": "ssh-rsa A",
		"iam/": "security-credentials/",
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" {
			fmt.Fprint(w, "session")
			return
		}
		text, ok := tree[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
		if r.Header.Get("X-aws-ec2-metadata-token") != "session" || !ok || strings.Contains(r.URL.Path, "iam") {
			t.Errorf("unexpected request %s", r.URL.Path)
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	}))
	defer server.Close()
	root, cache := machine(t, map[string]string{"/etc/kickoff/ca.pem": ""}), t.TempDir()
	opt := Options{Root: root, MetadataURL: server.URL, CacheDir: cache, Environ: []string{}}
	want := map[string]any{"ami-id": "ami-1", "instance-id": "i-1", "placement": map[string]any{"region": "eu"},
		"public-keys": map[string]any{"ops": map[string]any{"openssh-key": "ssh-rsa A"}}}
	for range 2 {
		f := value.ToGo(Collect(t.Context(), opt)).(map[string]any)
		if diff := cmp.Diff(want, f["ec2_metadata"]); diff != "" {
			t.Error(diff)
		}
	}
	if n := asked.Load(); n != 9 {
		t.Errorf("%d requests: the cache was not used", n)
	}
	opt.Root = t.TempDir()
	if f := value.ToGo(Collect(t.Context(), opt)).(map[string]any); f["ec2_metadata"] != nil {
		t.Error("a machine that is no instance asked")
	}
}

func TestMetadataAway(t *testing.T) {
	opt := Options{Root: machine(t, map[string]string{"/etc/kickoff/x": ""}), MetadataURL: "http://127.0.0.1:1", Environ: []string{},
		Logger: slog.New(slog.DiscardHandler)}
	started := time.Now()
	f := value.ToGo(Collect(t.Context(), opt)).(map[string]any)
	if f["ec2_metadata"] != nil || time.Since(started) > time.Second {
		t.Errorf("%v after %s", f["ec2_metadata"], time.Since(started))
	}
}

func TestSSH(t *testing.T) {
	f := collectFrom(t, map[string]string{
		"/etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGqnuQNHEAWXDhhKmlqp+gt31l1mqCGef1FBsJGjYzp root@x\n",
		"/etc/ssh/ssh_host_rsa_key.pub":     "ssh-rsa not-base64!\n",
	})
	want := "SSHFP 4 2 57a2cf99732b9296b54fee790d123db1944c044b5bf66e2d46c6ac05364e2441"
	if got := at(f, "ssh.ed25519.fingerprints.sha256"); got != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if at(f, "ssh.rsa") != nil {
		t.Error("a broken key became a fact")
	}
}

func TestMountpoints(t *testing.T) {
	f := collectFrom(t, map[string]string{
		"/proc/self/mounts":   "/dev/vda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\nx /mnt/a\\040b ext4 rw 0 0\nshort\ncg /sys/fs/cgroup cgroup2 rw 0 0\n",
		"/proc/filesystems":   "nodev\tsysfs\n\text4\nnodev\ttmpfs\n\tbtrfs\n\tfuseblk\n",
		"/sys/block/vda/size": "2048\n", "/sys/block/vda/device/vendor": "0x1af4\n", "/sys/block/vda/queue/rotational": "1\n",
	})
	points := f["mountpoints"].(map[string]any)
	if len(points) != 2 || at(points, "/mnt/a b.filesystem") != "ext4" || points["/"].(map[string]any)["size_bytes"] == nil {
		t.Errorf("mountpoints %v", points)
	}
	if f["filesystems"] != "btrfs,ext4" || at(f, "disks.vda.size") != "1.00 MiB" || at(f, "disks.vda.type") != "hdd" {
		t.Errorf("filesystems %v, disks %v", f["filesystems"], f["disks"])
	}
}

func FuzzExternal(f *testing.F) {
	f.Add(".txt", []byte("a=b"))
	f.Add(".yaml", []byte("a: {1: [x, {b: c}]}"))
	f.Add("", []byte("a: b"))
	f.Fuzz(func(_ *testing.T, ext string, text []byte) {
		parsed, err := parseExternal(ext, text)
		if err == nil {
			value.FromGo(plain(parsed))
		}
	})
}

func BenchmarkCollect(b *testing.B) {
	for b.Loop() {
		Collect(b.Context(), Options{ExternalDirs: []string{}})
	}
}
