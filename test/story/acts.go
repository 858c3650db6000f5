package story

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

// underLoad is the part of the story that users of the service must not notice.
func (s *Story) underLoad(ctx context.Context, load *Load, res *Result) error {
	if err := s.allAnswer(ctx, load); err != nil {
		return err
	}
	if err := s.rollout(ctx); err != nil {
		return err
	}
	var err error
	if res.AgentRun, err = s.agentRun(ctx); err != nil {
		return err
	}
	if err := s.shrink(ctx); err != nil {
		return err
	}
	return waitFor(ctx, "enough requests", 5*time.Minute, func() (bool, string, error) {
		n := load.Summary().Requests
		return n >= s.p.MinRequests, strconv.Itoa(n), nil
	})
}

func (s *Story) allAnswer(ctx context.Context, load *Load) error {
	err := waitFor(ctx, "every instance answers through the balancer", 30*time.Second, func() (bool, string, error) {
		now := load.Summary()
		return len(now.Answered) == s.p.Count, fmt.Sprint(now.Answered, firstFailures(now)), nil
	})
	if err == nil {
		s.tell.say("all %d answer: %v", s.p.Count, load.Summary().Answered)
	}
	return err
}

// rollout changes the data, runs the group one by one, and runs it again to see that nothing is left to change.
func (s *Story) rollout(ctx context.Context) error {
	s.tell.act("One change in %s, then: kickoff fleet run %s", s.p.ChangeFile, s.p.Group)
	if err := s.changeData(s.p.ChangeFile, s.p.ChangeFrom, s.p.ChangeTo); err != nil {
		return err
	}
	first, err := s.fleetRun(ctx)
	if err != nil {
		return err
	}
	if changed(first) != s.p.Count {
		return fmt.Errorf("the rolling run changed %d instances, %d were to change", changed(first), s.p.Count)
	}
	s.tell.act("The same again: nothing is left to change")
	second, err := s.fleetRun(ctx)
	if err != nil {
		return err
	}
	if n := changed(second); n != 0 {
		return fmt.Errorf("a second rolling run changed %d instances, none was to change: %+v", n, second.Results)
	}
	return nil
}

func changed(r api.Run) int {
	n := 0
	for _, res := range r.Results {
		if len(res.Changed) > 0 {
			n++
		}
	}
	return n
}

// fleetRun runs `kickoff fleet run`, tells every step of it, and gives what it did.
func (s *Story) fleetRun(ctx context.Context) (api.Run, error) {
	var run api.Run
	err := s.stream(ctx, func(line []byte) error {
		var e api.RunEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("read a step of the rolling run: %w: %s", err, line)
		}
		s.tell.step(e)
		if e.Run != nil {
			run = *e.Run
		}
		return nil
	}, "fleet", "run", s.p.Group, "-o", "json")
	if err != nil {
		return run, err
	}
	return run, s.inService(ctx, s.p.Count, 2*time.Minute)
}

// agentRun runs the agent by hand on one instance, where nothing is left to change, and gives the time it took from
// the start of its process to its end.
func (s *Story) agentRun(ctx context.Context) (time.Duration, error) {
	fleet, err := s.client.Fleet(ctx, s.p.Group, false)
	if err != nil {
		return 0, err
	}
	id := fleet.Groups[0].Instances[0].ID
	const script = `begin=$(date +%s%N); kickoff agent --test >&2; status=$?; echo $status $((($(date +%s%N) - begin) / 1000000))`
	out, err := s.kickoff(ctx, "local-cloud", "exec", "--socket", s.cloudSocket(), id, "--", "sh", "-c", script)
	if err != nil {
		return 0, err
	}
	var status, ms int
	if _, err := fmt.Sscan(string(out), &status, &ms); err != nil {
		return 0, fmt.Errorf("read the agent's time: %w: %s", err, out)
	}
	if status != 0 {
		return 0, fmt.Errorf("kickoff agent --test on %s ended with status %d, 0 (nothing to change) was to come", id, status)
	}
	took := time.Duration(ms) * time.Millisecond
	s.tell.say("kickoff agent --test on %s: nothing to change, %s from start to end of the process", id, took)
	return took, nil
}

// shrink sets the size to one and checks that nothing of the leaving instances stays.
func (s *Story) shrink(ctx context.Context) error {
	s.tell.act("kickoff fleet scale %s 1", s.p.Group)
	text, err := s.kickoff(ctx, "fleet", "scale", s.p.Group, "1")
	s.tell.quote(text)
	if err != nil {
		return err
	}
	if err := s.inService(ctx, 1, 4*time.Minute); err != nil {
		return err
	}
	fleet, err := s.client.Fleet(ctx, s.p.Group, true)
	if err != nil {
		return err
	}
	s.tell.stages(fleet)
	gone := 0
	for _, i := range fleet.Groups[0].Instances {
		if i.Stage == instance.Gone {
			gone++
			if err := s.forgotten(ctx, i.ID); err != nil {
				return err
			}
		}
	}
	if gone != s.p.Count-1 {
		return fmt.Errorf("%d instances are gone, %d were to go", gone, s.p.Count-1)
	}
	s.tell.say("%d drained, deregistered, terminated; certificates revoked, exports and node data withdrawn", gone)
	return nil
}

// forgotten checks that an instance's certificate is revoked and that it is classified no more.
func (s *Story) forgotten(ctx context.Context, name string) error {
	raw, err := s.kickoff(ctx, "ca", "list", "--all", "-o", "json")
	if err != nil {
		return err
	}
	var list api.Certificates
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read ca list: %w: %s", err, raw)
	}
	found := false
	for _, c := range list.Certificates {
		if c.Name == name {
			found = true
			if c.State != "revoked" {
				return fmt.Errorf("the certificate of %s is %s, not revoked", name, c.State)
			}
		}
	}
	if !found {
		return fmt.Errorf("ca list does not know %s", name)
	}
	if out, err := s.kickoff(ctx, "enc", name); err == nil {
		return fmt.Errorf("%s is gone and still classified: %s", name, out)
	}
	return nil
}

// judge says whether the users of the service could be content.
func (s *Story) judge(l LoadSummary) error {
	if len(l.Failures) > 0 {
		return fmt.Errorf("%d of %d requests failed: %v", len(l.Failures), l.Requests, firstFailures(l))
	}
	if l.Requests < s.p.MinRequests {
		return fmt.Errorf("only %d requests were made, %d are needed to say anything", l.Requests, s.p.MinRequests)
	}
	return nil
}

func firstFailures(l LoadSummary) []string {
	var out []string
	for _, f := range l.Failures[:min(3, len(l.Failures))] {
		out = append(out, f.At.UTC().Format("15:04:05.000")+" "+f.Reason)
	}
	return out
}

func (s *Story) consoleLink(ctx context.Context) (string, error) {
	raw, err := s.kickoff(ctx, "console", "link")
	return strings.TrimSpace(string(raw)), err
}

// buildImage makes the local cloud's images once; it says nothing when they are there.
func (s *Story) buildImage(ctx context.Context) error {
	s.tell.say("base image of the local cloud (built once, then cached)")
	for _, name := range s.p.Images {
		if _, err := s.kickoff(ctx, "local-cloud", "image", name); err != nil {
			return err
		}
	}
	return nil
}

// cleanUp ends everything and checks that nothing stays on the machine.
func (s *Story) cleanUp(good bool) error {
	s.tell.act("Cleaning up")
	var problems []string
	note := func(err error) {
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	if s.client != nil {
		s.client.Close()
	}
	note(s.server.stop(30 * time.Second))
	if s.git != nil {
		note(s.git.Close())
	}
	note(s.cloud.stop(60 * time.Second))
	if after, err := Survey(s.dir, s.p.Binary); err != nil {
		note(err)
	} else if left := after.Since(s.before); len(left) > 0 {
		problems = append(problems, "left behind: "+strings.Join(left, ", "))
	}
	if len(problems) > 0 {
		return fmt.Errorf("clean-up: %s (logs are in %s)", strings.Join(problems, "; "), s.dir)
	}
	s.tell.say("no process, mount, link or cgroup stays")
	if !good {
		s.tell.say("the logs are kept in %s", s.dir)
		return nil
	}
	return os.RemoveAll(s.dir)
}
