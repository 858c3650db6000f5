package cloudtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/cloud/cloudtest"
)

func TestFakeConforms(t *testing.T) {
	f := cloudtest.NewFake(nil)
	f.RejectImages("ami-0badbadbadbadbad0")
	cloudtest.Run(t, cloudtest.Harness{Cloud: f, Image: "debian-12", Type: "m7g.large", Patience: 5 * time.Second})
}

func TestFakeScript(t *testing.T) {
	f := cloudtest.NewFake(func() time.Time { return time.Unix(1000, 0) })
	ctx := context.Background()
	r := cloud.LaunchRequest{Token: "t1", Image: "debian-12"}
	throttled := &cloud.Error{Kind: cloud.KindThrottled, Op: "launch", Code: "RequestLimitExceeded"}
	broken := errors.New("connection reset")
	f.FailNext(cloudtest.OpLaunch, throttled)
	f.LoseAnswer(cloudtest.OpLaunch, broken)
	if _, err := f.Launch(ctx, r); !errors.Is(err, throttled) {
		t.Errorf("first launch: %v, want %v", err, throttled)
	}
	if n := len(f.Alive()); n != 0 {
		t.Errorf("%d instances after a failed launch", n)
	}
	if _, err := f.Launch(ctx, r); !errors.Is(err, broken) {
		t.Errorf("second launch: %v, want %v", err, broken)
	}
	if n := len(f.Alive()); n != 1 {
		t.Errorf("%d instances after a lost answer, want 1", n)
	}
	i, err := f.Launch(ctx, r)
	if err != nil || i.ID != f.Alive()[0].ID {
		t.Errorf("third launch: %v, %v", i, err)
	}
	f.SetCapacity(1)
	if _, err := f.Launch(ctx, cloud.LaunchRequest{Token: "t2", Image: "debian-12"}); !cloud.IsKind(err, cloud.KindNoCapacity) {
		t.Errorf("beyond capacity: %v", err)
	}
	f.SetState(i.ID, cloud.Terminated, "Server.SpotInstanceTermination")
	f.HideNew(2)
	late, err := f.Launch(ctx, cloud.LaunchRequest{Token: "t3", Image: "debian-12"})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Terminate(ctx, late.ID); !cloud.IsKind(err, cloud.KindNotFound) {
		t.Errorf("terminate a hidden one: %v", err)
	}
	if _, err := f.FindByToken(ctx, "t3"); !cloud.IsKind(err, cloud.KindNotFound) {
		t.Errorf("find a hidden one: %v", err)
	}
	if _, err := f.FindByToken(ctx, "t3"); err != nil {
		t.Errorf("find it at last: %v", err)
	}
	if n := len(f.Calls(cloudtest.OpLaunch)); n != 5 {
		t.Errorf("%d launches recorded, want 5", n)
	}
}
