package collect

import (
	"context"
	"crypto/sha1" // an SSHFP record of type 1 is SHA-1 by definition
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// sshKinds are host keys by file, with their number in SSHFP records.
var sshKinds = []struct {
	name   string
	number int
}{{"rsa", 1}, {"dsa", 2}, {"ecdsa", 3}, {"ed25519", 4}}

func (c *collector) ssh(context.Context) facts {
	keys := facts{}
	for _, kind := range sshKinds {
		for _, dir := range []string{"/etc/ssh", "/usr/local/etc/ssh", "/etc", "/usr/local/etc"} {
			fields := strings.Fields(c.readQuietly(dir + "/ssh_host_" + kind.name + "_key.pub"))
			if len(fields) < 2 {
				continue
			}
			blob, err := base64.StdEncoding.DecodeString(fields[1])
			if err != nil {
				continue
			}
			one, two := sha1.Sum(blob), sha256.Sum256(blob)
			keys[kind.name] = facts{
				"type": fields[0], "key": fields[1], "fingerprints": facts{
					"sha1":   fmt.Sprintf("SSHFP %d 1 %s", kind.number, hex.EncodeToString(one[:])),
					"sha256": fmt.Sprintf("SSHFP %d 2 %s", kind.number, hex.EncodeToString(two[:])),
				},
			}
			break
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return facts{"ssh": keys}
}
