package localcloud

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/metadata"
)

// instance is one machine from launch until it is forgotten. Its fields are
// guarded by the engine's lock, except for those that never change.
type instance struct {
	api.Instance
	// Fingerprint is the digest of the launch request.
	Fingerprint string `json:"fingerprint"`
	// UserData is dropped at the end.
	UserData []byte `json:"user_data,omitempty"`
	// TokensOptional is an option of the image for its metadata service.
	TokensOptional bool `json:"tokens_optional,omitempty"`

	address netip.Addr
	dir     string
	console *console
	control chan order // capacity 1
	ordered bool       // its end has been ordered
}

// order is what a live instance is told.
type order struct {
	kind   orderKind
	reason string // the instance's state reason, for an end
}

type orderKind int

const (
	orderStop orderKind = iota // clean halt, then end
	orderKill                  // end at once
	orderReboot
)

// newID makes an id that looks like EC2's.
func newID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return "i-" + hex.EncodeToString(b[:])[:17]
}

// portName is the link's name in the router.
func (i *instance) portName() string { return "m" + i.ID[len(i.ID)-12:] }

// LogValue shows an instance in logs by id and address.
func (i *instance) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", i.ID), slog.String("ip", i.PrivateIP))
}

// fingerprint is the digest of a request but for its token.
func fingerprint(r api.LaunchRequest) (string, error) {
	r.Token = ""
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// metadata is the instance as its metadata service describes it.
func (i *instance) metadata() metadata.Instance {
	return metadata.Instance{
		ID: i.ID, Hostname: i.PrivateDNSName, IP: i.address, MAC: i.MAC, Type: i.Type, Zone: i.Zone,
		ImageID: i.ImageID, KeyName: i.KeyName, SecurityGroups: i.SecurityGroups, Tags: i.Tags,
		UserData: i.UserData, LaunchTime: i.LaunchTime, TokensOptional: i.TokensOptional,
	}
}

const recordName = "instance.json"

// save writes the record. It is not synced: after a power failure there are
// no machines either.
func (i *instance) save() error {
	text, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return fmt.Errorf("encode record of %s: %w", i.ID, err)
	}
	file := filepath.Join(i.dir, recordName)
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return fmt.Errorf("write record of %s: %w", i.ID, err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("write record of %s: %w", i.ID, err)
	}
	return nil
}

// removeFiles removes the machine's disk, keeping record and console.
func (i *instance) removeFiles() error {
	var all error
	for _, name := range []string{"root", "work", "upper"} {
		all = errors.Join(all, os.RemoveAll(filepath.Join(i.dir, name)))
	}
	return all
}

// loadRecords reads the records of earlier processes. A directory without a
// readable record is the remains of a launch that was never acknowledged, and
// is removed.
func loadRecords(dir string, log *slog.Logger) ([]*instance, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	var all []*instance
	for _, entry := range entries {
		i := &instance{dir: filepath.Join(dir, entry.Name())}
		text, err := os.ReadFile(filepath.Join(i.dir, recordName))
		if err == nil {
			err = json.Unmarshal(text, i)
		}
		if err == nil && i.ID != entry.Name() {
			err = fmt.Errorf("record is of %q", i.ID)
		}
		if err != nil {
			log.Warn("instance without a readable record is removed", "dir", i.dir, "error", err)
			if err := os.RemoveAll(i.dir); err != nil {
				return nil, fmt.Errorf("remove %s: %w", i.dir, err)
			}
			continue
		}
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *instance) int { return a.LaunchTime.Compare(b.LaunchTime) })
	return all, nil
}

// prepareDisk writes what differs between machines of one image.
func (i *instance) prepareDisk(hostName string, hostAddress netip.Addr) error {
	short, _, _ := strings.Cut(i.PrivateDNSName, ".")
	hosts := fmt.Sprintf("127.0.0.1\tlocalhost\n%s\t%s %s\n%s\t%s\n\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		i.PrivateIP, i.PrivateDNSName, short, hostAddress, hostName)
	etc := filepath.Join(i.dir, "upper", "etc")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		return fmt.Errorf("prepare disk: %w", err)
	}
	for name, text := range map[string]string{
		"hostname": short + "\n", "hosts": hosts, "resolv.conf": "# No name server: names are in /etc/hosts, apt uses a proxy.\n",
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("prepare disk: %w", err)
		}
	}
	return nil
}

// shutdownRecord is where the image's shutdown hook leaves its word.
const shutdownRecord = "var/lib/kickoff-shutdown"

// wantsReboot reports whether the machine ended in order to start again. The
// file is the machine's, so it is opened without following links out of the
// disk.
func (i *instance) wantsReboot() bool {
	root, err := os.OpenRoot(filepath.Join(i.dir, "upper"))
	if err != nil {
		return false
	}
	defer root.Close()
	info, err := root.Lstat(shutdownRecord)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 64 {
		return false
	}
	text, err := root.ReadFile(shutdownRecord)
	_ = root.Remove(shutdownRecord)
	return err == nil && strings.TrimSpace(string(text)) == "reboot"
}

// forgotten reports whether a terminated instance is no longer listed.
func (i *instance) forgotten(now time.Time, after time.Duration) bool {
	return i.State == api.Terminated && now.Sub(i.EndTime) > after
}
