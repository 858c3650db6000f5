package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
)

// AllTags are the tags the instance shall carry: Tags with FleetTag and
// GroupTag.
func (r LaunchRequest) AllTags() map[string]string {
	tags := maps.Clone(r.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[FleetTag] = "kickoff"
	if r.Fleet != "" {
		tags[FleetTag] = r.Fleet
	}
	if r.Group != "" {
		tags[GroupTag] = r.Group
	}
	return tags
}

// Validate checks what every cloud demands; the error is KindInvalid.
func (r LaunchRequest) Validate() error {
	invalid := func(format string, args ...any) error {
		return &Error{Kind: KindInvalid, Op: "launch", Code: "InvalidParameterValue", Message: fmt.Sprintf(format, args...)}
	}
	if r.Token == "" || len(r.Token) > 64 {
		return invalid("client token must have 1 to 64 characters, has %d", len(r.Token))
	}
	for _, c := range []byte(r.Token) {
		if c <= ' ' || c > '~' {
			return invalid("client token %q has a character that is not printable ASCII", r.Token)
		}
	}
	if r.Image == "" {
		return invalid("no image")
	}
	if len(r.UserData) > MaxUserData {
		return invalid("user-data has %d bytes, the limit is %d", len(r.UserData), MaxUserData)
	}
	for _, tag := range []string{FleetTag, GroupTag} {
		if _, ok := r.Tags[tag]; ok {
			return invalid("tag %s is reserved", tag)
		}
	}
	for name := range r.Tags {
		if name == "" {
			return invalid("a tag has no name")
		}
	}
	return nil
}

// Fingerprint is a digest of everything in the request but the token: two
// requests are the same when their fingerprints are.
func (r LaunchRequest) Fingerprint() string {
	r.Token = ""
	if r.Fleet == "" {
		r.Fleet = "kickoff"
	}
	if len(r.Tags) == 0 {
		r.Tags = nil
	}
	if len(r.SecurityGroups) == 0 {
		r.SecurityGroups = nil
	}
	if len(r.UserData) == 0 {
		r.UserData = nil
	}
	// Strings, a map that encoding/json sorts, and bytes: encoding cannot fail.
	text, _ := json.Marshal(r)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
