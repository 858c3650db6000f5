package story

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"kickoff/internal/fleet/cloud"
	"kickoff/internal/fleet/cloud/local"
)

// LaunchMore plays the story up to the moment when all are in service, asks for the group's count of instances once
// more, and gives the time from that request to the service of the last of them. The machines of before are idle then:
// what is measured is the launch of the new ones alone.
func LaunchMore(ctx context.Context, p Params) (lead time.Duration, err error) {
	s, err := prepare(p)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.cleanUp(err == nil)) }()
	if err := s.startParts(ctx); err != nil {
		return 0, err
	}
	if err := s.inService(ctx, p.Count, 10*time.Minute); err != nil {
		return 0, err
	}
	asked := time.Now()
	if _, err := s.client.Launch(ctx, p.Group, p.Count); err != nil {
		return 0, err
	}
	if err := s.inService(ctx, 2*p.Count, 10*time.Minute); err != nil {
		return 0, err
	}
	fleet, err := s.client.Fleet(ctx, p.Group, false)
	if err != nil {
		return 0, err
	}
	for _, i := range fleet.Groups[0].Instances {
		if begin := i.Stages[0].Begin; begin.After(asked) {
			lead = max(lead, time.Duration(i.LeadSeconds*float64(time.Second)))
		}
	}
	return lead, nil
}

// ScriptStart launches the group's count of machines with a script as user-data, without a server, and gives the time
// until the last of them answers its health check.
func ScriptStart(ctx context.Context, p Params, script string, port int, path string) (lead time.Duration, err error) {
	userData, err := os.ReadFile(script)
	if err != nil {
		return 0, err
	}
	s, err := prepare(p)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.cleanUp(err == nil)) }()
	if err := s.startCloud(ctx); err != nil {
		return 0, err
	}
	driver := local.New(s.cloudSocket())
	defer driver.Close()
	begin := time.Now()
	for n := range p.Count {
		_, err := driver.Launch(ctx, cloud.LaunchRequest{
			Token: "script-" + strconv.Itoa(n), Group: p.Group, Image: "debian-12", UserData: userData,
			SecurityGroups: []string{p.Group},
		})
		if err != nil {
			return 0, err
		}
	}
	err = waitFor(ctx, "all machines of the script answer", 15*time.Minute, func() (bool, string, error) {
		machines, err := driver.Describe(ctx)
		if err != nil {
			return false, "", err
		}
		up := 0
		for _, m := range machines {
			if answers(m.PrivateIP, port, path) {
				up++
			}
		}
		return up == p.Count, fmt.Sprintf("%d of %d", up, p.Count), s.cloud.ended()
	})
	return time.Since(begin), err
}

func answers(address string, port int, path string) bool {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get("http://" + net.JoinHostPort(address, strconv.Itoa(port)) + path)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
