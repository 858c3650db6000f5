package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAllTags(t *testing.T) {
	r := LaunchRequest{Group: "web", Tags: map[string]string{"app": "api"}}
	want := map[string]string{FleetTag: "kickoff", GroupTag: "web", "app": "api"}
	if diff := cmp.Diff(want, r.AllTags()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if len(r.Tags) != 1 {
		t.Errorf("the request's own tags changed: %v", r.Tags)
	}
}

func TestValidate(t *testing.T) {
	good := LaunchRequest{Token: strings.Repeat("~", 64), Image: "debian-12", UserData: make([]byte, MaxUserData)}
	if err := good.Validate(); err != nil {
		t.Errorf("good request: %v", err)
	}
	for name, bad := range map[string]LaunchRequest{
		"no token":   {Image: "x"},
		"long token": {Token: strings.Repeat("t", 65), Image: "x"},
		"control":    {Token: "a\nb", Image: "x"},
		"not ascii":  {Token: "ä", Image: "x"},
		"no image":   {Token: "t"},
		"user-data":  {Token: "t", Image: "x", UserData: make([]byte, MaxUserData+1)},
		"our tag":    {Token: "t", Image: "x", Tags: map[string]string{GroupTag: "y"}},
		"empty tag":  {Token: "t", Image: "x", Tags: map[string]string{"": "y"}},
	} {
		if err := bad.Validate(); !IsKind(err, KindInvalid) {
			t.Errorf("%s: error = %v, want kind %v", name, err, KindInvalid)
		}
	}
}

func TestFingerprint(t *testing.T) {
	base := LaunchRequest{Token: "a", Group: "g", Image: "i", SecurityGroups: []string{"x", "y"}, Tags: map[string]string{"k": "v"}}
	same := base
	same.Token, same.Fleet, same.UserData = "b", "kickoff", []byte{}
	if base.Fingerprint() != same.Fingerprint() {
		t.Error("token and defaults change the fingerprint")
	}
	for name, change := range map[string]func(*LaunchRequest){
		"fleet": func(r *LaunchRequest) { r.Fleet = "other" }, "group": func(r *LaunchRequest) { r.Group = "h" },
		"image": func(r *LaunchRequest) { r.Image = "j" }, "type": func(r *LaunchRequest) { r.Type = "t" },
		"zone": func(r *LaunchRequest) { r.Zone = "z" }, "key": func(r *LaunchRequest) { r.KeyName = "k" },
		"order": func(r *LaunchRequest) { r.SecurityGroups = []string{"y", "x"} },
		"tags":  func(r *LaunchRequest) { r.Tags = map[string]string{"k": "w"} },
		"data":  func(r *LaunchRequest) { r.UserData = []byte("x") },
	} {
		other := base
		change(&other)
		if base.Fingerprint() == other.Fingerprint() {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}

func TestKinds(t *testing.T) {
	for kind := range kindNames {
		if got := ParseKind(kind.String()); got != kind {
			t.Errorf("ParseKind(%q) = %v, want %v", kind.String(), got, kind)
		}
	}
	if got := ParseKind("no such kind"); got != KindOther {
		t.Errorf("unknown name = %v, want %v", got, KindOther)
	}
	cause := context.DeadlineExceeded
	err := fmt.Errorf("wave: %w", &Error{Kind: KindThrottled, Op: "launch", Code: "RequestLimitExceeded", Message: "slow down", Err: cause})
	if KindOf(err) != KindThrottled || !IsKind(err, KindThrottled) || IsKind(err, KindAuth) || !errors.Is(err, cause) {
		t.Errorf("kind or cause of %v is wrong", err)
	}
	if want := "wave: launch: RequestLimitExceeded: slow down: context deadline exceeded"; err.Error() != want {
		t.Errorf("text = %q, want %q", err, want)
	}
	if IsKind(nil, KindOther) || IsKind(errors.New("x"), KindOther) {
		t.Error("IsKind is true for what is no cloud error")
	}
}
