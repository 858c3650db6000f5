package localcloud_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"kickoff/internal/fleet/cloud/cloudtest"
	"kickoff/internal/fleet/cloud/local"
	"kickoff/internal/localcloud/api"
)

func TestConformance(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	driver, nowhere := local.New(c.socket), local.New(filepath.Join(c.stateDir, "nobody.sock"))
	t.Cleanup(func() { _ = driver.Close() })
	cloudtest.Run(t, cloudtest.Harness{
		Cloud: driver, Unreachable: nowhere, Image: "debian-12", Type: "m7g.large", Patience: 30 * time.Second,
		UserData: []byte("#!/bin/sh\necho conformance on the console\n"), Console: "conformance on the console",
		LaunchForeign: func(t *testing.T) string {
			i, err := c.Launch(t.Context(), api.LaunchRequest{Token: newToken(), Image: "debian-12"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Terminate(t.Context(), i.ID) })
			return i.ID
		},
	})
}

// imds defines md PATH, which asks the metadata service.
const imds = `
base=http://169.254.169.254
token=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/latest/api/token)
md() { curl -sS -f -H "X-aws-ec2-metadata-token: $token" "$base/$1"; }
code() { curl -sS -o /dev/null -w '%{http_code}' --max-time 3 "$@"; }
`

// look is what a machine says about itself.
const look = imds + `
echo "boot seconds: $(cut -d' ' -f1 /proc/uptime)"
echo "pid one: $(cat /proc/1/comm)"
echo "failed units: $(systemctl --failed --no-legend --plain | wc -l) $(systemctl --failed --no-legend --plain)"
echo "system: $(timeout 20 systemctl is-system-running)"
echo "hostname: $(hostname)"
echo "address: $(ip -4 -o addr show dev eth0 | tr -s ' ' | cut -d' ' -f4)"
echo "container: $(systemd-detect-virt)"
echo "instance-id: $(md latest/meta-data/instance-id)"
echo "old version: $(md 2009-04-04/meta-data/instance-id)"
echo "versions: $(md '' | tr '\n' ' ')"
echo "listing: $(md latest/meta-data/ | tr '\n' ' ')"
echo "groups: $(md latest/meta-data/security-groups | tr '\n' ' ')"
echo "tags: $(md latest/meta-data/tags/instance | tr '\n' ' ')"
echo "tag: $(md latest/meta-data/tags/instance/app)"
echo "zone: $(md latest/meta-data/placement/availability-zone) $(md latest/meta-data/placement/region)"
echo "type: $(md latest/meta-data/instance-type)"
echo "mac: $(md latest/meta-data/mac) $(cat /sys/class/net/eth0/address)"
echo "user-data: $(md latest/user-data | head -c 9)"
echo "rsa2048: $(md latest/dynamic/instance-identity/rsa2048 | tr -d '\n')"
echo "document: $(md latest/dynamic/instance-identity/document | tr -d '\n')"
echo "no token: $(code $base/latest/meta-data/)"
echo "bad token: $(code -H 'X-aws-ec2-metadata-token: AAAA' $base/latest/meta-data/)"
echo "no ttl: $(code -X PUT $base/latest/api/token)"
echo "forwarded: $(code -X PUT -H 'X-Forwarded-For: 1.2.3.4' -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/latest/api/token)"
echo "unknown: $(code -H "X-aws-ec2-metadata-token: $token" $base/latest/meta-data/nothing)"
echo "capabilities: $(grep CapBnd /proc/self/status | tr -s '\t ' ' ')"
mknod /tmp/disk b 254 0 2>/dev/null && echo "mknod: works" || echo "mknod: refused"
date -s 2020-01-01 >/dev/null 2>&1 && echo "clock: works" || echo "clock: refused"
echo 0 2>/dev/null >/proc/sys/kernel/panic && echo "sysctl: works" || echo "sysctl: refused"
echo "devices: $(ls -d /dev/vda* /dev/sda* /dev/mem /dev/kmsg 2>/dev/null | wc -l)"
echo "man: $(test -d /usr/share/man/man1 && echo there)"
echo "environment: HOME=${HOME-unset}"
useradd -m worker && echo "su: $(su worker -c 'id -un')"
systemd-run --quiet --wait --pipe -p DynamicUser=yes -p ProtectSystem=strict true && echo "sandbox: works"
`

func TestMachine(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	col := c.collect(t)
	begin := time.Now()
	i := c.launch(t, col.say("look", look))
	t.Logf("launch call: %v", time.Since(begin))
	c.waitState(t, i.ID, api.Running)
	t.Logf("running after %v", time.Since(begin))
	r := col.next(t, c, i.ID)
	t.Logf("reported after %v", time.Since(begin))
	if r.from != i.PrivateIP {
		t.Errorf("report came from %s, want %s", r.from, i.PrivateIP)
	}
	got := values(r.body)
	short, _, _ := strings.Cut(i.PrivateDNSName, ".")
	bits := c.info.Subnet[strings.IndexByte(c.info.Subnet, '/'):]
	for key, want := range map[string]string{
		"pid one": "systemd", "failed units": "0", "hostname": short, "address": i.PrivateIP + bits, "instance-id": i.ID,
		"old version": i.ID, "groups": "web db", "tags": "app kickoff:fleet", "tag": "api", "zone": "eu-west-1b eu-west-1",
		"type": "m7g.large", "mac": i.MAC + " " + i.MAC, "user-data": "#!/bin/sh", "no token": "401", "bad token": "401",
		"no ttl": "400", "forwarded": "403", "unknown": "404", "mknod": "refused", "clock": "refused", "sysctl": "refused",
		"devices": "0", "man": "there", "su": "worker", "sandbox": "works", "environment": "HOME=unset",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	if !strings.HasSuffix(got["versions"], "latest") || !strings.Contains(got["listing"], "placement/ ") {
		t.Errorf("listings: %q, %q", got["versions"], got["listing"])
	}
	checkDocument(t, c, i, got["rsa2048"], got["document"])
	if t.Failed() {
		t.Logf("report:\n%s", r.body)
	}
}

// checkDocument verifies the signature as a careful receiver does: against
// the pinned certificate only, and reading the signed content only.
func checkDocument(t *testing.T, c *cloudProcess, i api.Instance, signed, plain string) {
	t.Helper()
	text, err := c.IdentityCertificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("identity certificate is not PEM: %q", text)
	}
	pinned, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(signed)
	if err != nil {
		t.Fatalf("rsa2048 is not base64: %v", err)
	}
	p7, err := pkcs7.Parse(der)
	if err != nil {
		t.Fatalf("rsa2048: %v", err)
	}
	p7.Certificates = []*x509.Certificate{pinned}
	if err := p7.Verify(); err != nil {
		t.Errorf("rsa2048 does not verify: %v", err)
	}
	var inside, outside map[string]any
	if err := json.Unmarshal(p7.Content, &inside); err != nil {
		t.Fatalf("signed content: %v", err)
	}
	if err := json.Unmarshal([]byte(plain), &outside); err != nil {
		t.Fatalf("document: %v", err)
	}
	for key, want := range map[string]string{
		"instanceId": i.ID, "privateIp": i.PrivateIP, "imageId": i.ImageID, "region": "eu-west-1",
		"accountId": c.info.AccountID, "instanceType": "m7g.large",
	} {
		if inside[key] != want || outside[key] != want {
			t.Errorf("document %s: signed %v, plain %v, want %v", key, inside[key], outside[key], want)
		}
	}
	pending, err := time.Parse(time.RFC3339, fmt.Sprint(inside["pendingTime"]))
	if err != nil || time.Since(pending) > 10*time.Minute {
		t.Errorf("pendingTime %v: %v", inside["pendingTime"], err)
	}
}

func TestMachinesReachEachOtherUnderTheirOwnAddress(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	col := c.collect(t)
	server := c.launch(t, `perl -MIO::Socket::INET -e '
		my $l = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
		while (my $c = $l->accept) { print $c "you are ", $c->peerhost, "\n"; close $c }' &
`+col.say("ready", "true"))
	col.next(t, c, server.ID)
	// The second machine takes the first one's address as well, and uses it.
	client := c.launch(t, col.say("client", imds+`
exec 2>/dev/null
peer() { perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(PeerAddr => shift, PeerPort => 8080, LocalAddr => shift, Timeout => 3) or die; print <$s>' "$@"; }
own=$(ip -4 -o addr show dev eth0 | tr -s ' ' | cut -d' ' -f4 | cut -d/ -f1)
echo "honest: $(peer `+server.PrivateIP+` $own)"
ip route get `+server.PrivateIP+` >/dev/null
ip addr add 10.255.255.1/32 dev eth0
ip addr add `+server.PrivateIP+`/32 dev eth0
echo "forged metadata: $(curl -s -o /dev/null -w '%{http_code}' --max-time 3 --interface `+server.PrivateIP+` -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/latest/api/token)"
echo "forged host: $(curl -s -o /dev/null -w '%{http_code}' --max-time 3 --interface `+server.PrivateIP+` --noproxy '*' --data forged `+col.url+`/forged)"
echo "forged other: $(curl -s -o /dev/null -w '%{http_code}' --max-time 3 --interface 10.255.255.1 --noproxy '*' --data forged `+col.url+`/forged)"
ip addr del `+server.PrivateIP+`/32 dev eth0
`))
	r := col.next(t, c, client.ID)
	if r.path != "/client" {
		t.Fatalf("got report %+v", r)
	}
	got := values(r.body)
	for key, want := range map[string]string{
		"honest": "you are " + client.PrivateIP, "forged metadata": "000", "forged host": "000", "forged other": "000",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
}

func TestAptComesThroughTheProxyAndNothingElse(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	col := c.collect(t)
	port := col.url[strings.LastIndexByte(col.url, ':')+1:]
	i := c.launch(t, col.say("apt", imds+`
apt-get -q update >/tmp/update 2>&1; echo "update: $?"
DEBIAN_FRONTEND=noninteractive apt-get -q -y install tree >/tmp/install 2>&1; echo "install: $?"
echo "tree: $(command -v tree)"
via() { code -x http://169.254.169.254:3142 "$@"; }
echo "other host: $(via http://example.com/)"
echo "the host: $(via http://`+c.info.HostAddress+":"+port+`/through-proxy)"
echo "loopback: $(via http://127.0.0.1/)"
echo "metadata: $(via $base/latest/api/token)"
echo "connect: $(via https://deb.debian.org/)"
echo "post: $(via --data x http://deb.debian.org/debian/)"
echo "good: $(via http://deb.debian.org/debian/dists/bookworm/InRelease)"
echo "missing: $(via http://deb.debian.org/debian/dists/bookworm/no-such-file)"
`))
	got := values(col.next(t, c, i.ID).body)
	for key, want := range map[string]string{
		"update": "0", "install": "0", "tree": "/usr/bin/tree", "other host": "403", "the host": "403", "loopback": "403",
		"metadata": "403", "connect": "000", "post": "403", "good": "200", "missing": "404",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
}

func TestReboot(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	col := c.collect(t)
	// A unit that runs at every boot reports; user-data runs only once.
	unit := `cat >/etc/systemd/system/each-boot.service <<'END'
[Service]
Type=oneshot
ExecStart=/usr/bin/curl -sS --data-binary @/var/lib/count ` + col.url + `/boot
[Install]
WantedBy=multi-user.target
END
echo run >>/var/lib/count
systemctl enable --now each-boot.service
`
	i := c.launch(t, unit)
	boot := func(how string) {
		t.Helper()
		if r := col.next(t, c, i.ID); r.body != "run\n" || r.from != i.PrivateIP {
			t.Errorf("%s: report %+v, want one run of user-data, from %s", how, r, i.PrivateIP)
		}
	}
	boot("first boot")
	if got := strings.TrimSpace(inside(t, c, i.ID, "hostname", "-I")); got != i.PrivateIP {
		t.Errorf("inside, hostname -I says %q, want %s", got, i.PrivateIP)
	}
	if err := c.Reboot(t.Context(), i.ID); err != nil {
		t.Fatal(err)
	}
	boot("reboot by the API")
	inside(t, c, i.ID, "systemctl", "reboot")
	boot("reboot by the machine")
	if now := c.waitState(t, i.ID, api.Running); now.Boots != 3 {
		t.Errorf("%d boots, want 3", now.Boots)
	}
	inside(t, c, i.ID, "systemctl", "poweroff")
	if now := c.waitState(t, i.ID, api.Terminated); !strings.HasPrefix(now.StateReason, "Client.InstanceInitiatedShutdown") {
		t.Errorf("reason = %q", now.StateReason)
	}
	if err := c.Reboot(t.Context(), i.ID); err == nil {
		t.Error("a terminated instance was rebooted")
	}
}

// Without enough inotify instances about the twentieth systemd hangs.
func TestManyMachines(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	col := c.collect(t)
	const count = 24
	begin := time.Now()
	var last api.Instance
	for range count {
		last = c.launch(t, "curl -sS --noproxy '*' --data up "+col.url+"/up\n")
	}
	from := map[string]bool{}
	for range count {
		from[col.next(t, c, last.ID).from] = true
	}
	t.Logf("%d machines booted and ran user-data in %v", count, time.Since(begin))
	if len(from) != count {
		t.Errorf("reports from %d addresses, want %d", len(from), count)
	}
}

func TestFail(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet())
	i := c.launch(t, "sleep 1000\n")
	c.waitState(t, i.ID, api.Running)
	if err := c.Fail(t.Context(), i.ID); err != nil {
		t.Fatal(err)
	}
	if now := c.waitState(t, i.ID, api.Terminated); !strings.HasPrefix(now.StateReason, "Server.SpotInstanceTermination") {
		t.Errorf("reason = %q", now.StateReason)
	}
}

func TestCloudInitRunsTheSameBytes(t *testing.T) {
	needRoot(t)
	c := startCloud(t, stateDir(t), freeSubnet(), "--image", "debian-12,debian-12-cloud-init")
	col := c.collect(t)
	script := col.say("ran", `
echo "cloud-init: $(command -v cloud-init)"
echo "directory: $(pwd)"
echo "user: $(id -un)"
echo "environment: HOME=${HOME-unset}"
echo "parent: $(cat /proc/$PPID/comm)"`)
	begin := time.Now()
	blank := c.launchImage(t, "debian-12", script)
	with := c.launchImage(t, "debian-12-cloud-init", script)
	reports := map[string]map[string]string{}
	for range 2 {
		r := col.next(t, c, with.ID)
		t.Logf("%s after %v", r.from, time.Since(begin))
		reports[r.from] = values(r.body)
	}
	if got := reports[with.PrivateIP]["cloud-init"]; got != "/usr/bin/cloud-init" {
		t.Errorf("in the image with cloud-init it is at %q", got)
	}
	if got, ok := reports[blank.PrivateIP]["cloud-init"]; ok {
		t.Errorf("in the blank image there is cloud-init at %q", got)
	}
	for _, key := range []string{"directory", "user", "environment"} {
		if a, b := reports[blank.PrivateIP][key], reports[with.PrivateIP][key]; a != b || a == "" {
			t.Errorf("%s: %q in the blank image, %q under cloud-init", key, a, b)
		}
	}
}
