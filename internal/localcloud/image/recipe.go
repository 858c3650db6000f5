// Package image builds the root file systems that machines start from: Debian
// by debootstrap, made once and kept in a cache directory outside the
// checkout.
//
// An image is known by its name and by the hash of its recipe, so a changed
// recipe is another image and machines that run on the old one keep it. An
// image appears in the cache by one rename, complete or not at all; two
// processes that build at the same time wait for each other.
package image

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strings"
)

//go:embed files
var files embed.FS

// Default is the name of the image a blank machine starts from.
const Default = "debian-12"

// WithCloudInit is the name of the image that runs user-data by Debian's
// cloud-init.
const WithCloudInit = "debian-12-cloud-init"

// Recipe says what an image is made of.
type Recipe struct {
	Name  string `json:"name"`
	Suite string `json:"suite"`
	// Mirror and Security are the archives it is built from and has in its
	// sources.list.
	Mirror   string   `json:"mirror"`
	Security string   `json:"security"`
	Packages []string `json:"packages"`
	// CloudInit runs user-data by cloud-init instead of by our own unit. Debian
	// 12's uses version 2 of the metadata service only where it recognises EC2
	// by the firmware, which a machine of namespaces does not have, so such an
	// image has EC2's option "tokens optional".
	CloudInit bool   `json:"cloud_init"`
	Arch      string `json:"arch"`
}

// Mirrors are Debian's archives.
type Mirrors struct{ Main, Security string }

// DebianMirrors are the archives anybody can reach.
func DebianMirrors() Mirrors {
	return Mirrors{Main: "http://deb.debian.org/debian", Security: "http://deb.debian.org/debian-security"}
}

// Recipes are the images there are, by name.
func Recipes(mirrors Mirrors) map[string]Recipe {
	blank := Recipe{
		Name: Default, Suite: "bookworm", Mirror: mirrors.Main, Security: mirrors.Security, Arch: runtime.GOARCH,
		Packages: []string{"systemd-sysv", "dbus", "udev", "iproute2", "ca-certificates", "curl", "procps", "netbase", "git"},
	}
	cloudInit := blank
	cloudInit.Name, cloudInit.CloudInit = WithCloudInit, true
	return map[string]Recipe{blank.Name: blank, cloudInit.Name: cloudInit}
}

// Names are the names of all images, sorted.
func Names() []string { return slices.Sorted(maps.Keys(Recipes(DebianMirrors()))) }

// file is one of the recipe's own files in the image.
type file struct {
	from, to string
	mode     fs.FileMode
}

// aptProxy is installed last: while the image is built there is no proxy.
var aptProxy = file{"apt.conf", "etc/apt/apt.conf.d/90kickoff", 0o644}

// files are the recipe's own files.
func (r Recipe) files() []file {
	all := []file{{"shutdown.sh", "usr/lib/systemd/system-shutdown/kickoff", 0o755}}
	if r.CloudInit {
		return append(all, file{"cloud.cfg", "etc/cloud/cloud.cfg.d/90_kickoff.cfg", 0o644})
	}
	return append(all, file{"user-data.sh", "usr/lib/kickoff/user-data", 0o755},
		file{"user-data.service", "usr/lib/systemd/system/kickoff-user-data.service", 0o644})
}

// Hash identifies everything that goes into the image.
func (r Recipe) Hash() string {
	sum := sha256.New()
	text, err := json.Marshal(r)
	if err != nil {
		text = fmt.Append(nil, r) // strings and a bool: not reached
	}
	sum.Write(text)
	for _, f := range append(r.files(), aptProxy) {
		content, _ := files.ReadFile("files/" + f.from) // the names are ours
		fmt.Fprintf(sum, "\n%s %o %d\n%s", f.to, f.mode, len(content), content)
	}
	fmt.Fprintf(sum, "\n%s", buildScript)
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// AMI is the id that the metadata service reports for the image.
func (r Recipe) AMI() string { return "ami-0" + r.Hash() }

// sources is the image's sources.list.
func (r Recipe) sources() string {
	return fmt.Sprintf("deb %[1]s %[3]s main\ndeb %[1]s %[3]s-updates main\ndeb %[2]s %[3]s-security main\n",
		r.Mirror, r.Security, r.Suite)
}

// AptHosts are the hosts that the image's apt sources name.
func (r Recipe) AptHosts() ([]string, error) {
	var hosts []string
	for _, mirror := range []string{r.Mirror, r.Security} {
		u, err := url.Parse(mirror)
		if err != nil {
			return nil, fmt.Errorf("mirror %q: %w", mirror, err)
		}
		if u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(mirror, " \t\n'\"") {
			return nil, fmt.Errorf("mirror %q: want a plain http:// address", mirror)
		}
		if !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts, nil
}
