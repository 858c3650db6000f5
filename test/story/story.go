// Package story plays kickoff's main job from beginning to end on real parts: blank machines of the local cloud boot,
// enrol, converge, enter a real haproxy, are changed by a rolling run, and leave. The demo and the end-to-end test
// play the same story with other applications, groups and counts.
package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

// Params are what differs from one telling to the next.
type Params struct {
	// Binary is the kickoff binary, Example the directory with fleet.yaml, node_groups.yml and code, App the
	// application that machines clone with git.
	Binary, Example, App string
	// Modules are further directories of Puppet modules that the example uses.
	Modules []string
	// BalancerGroup has one instance; Group has Count instances behind it.
	BalancerGroup, Group string
	Count                int
	// Port is where the balancer listens.
	Port int
	// InstanceHeader is the response header in which the application names its instance.
	InstanceHeader string
	// ChangeFile, ChangeFrom and ChangeTo are the one change of data in the middle of the story.
	ChangeFile, ChangeFrom, ChangeTo string
	// MinRequests is how many requests the load must have made at least.
	MinRequests int
	// Images are the images of the local cloud that the example uses; empty means debian-12.
	Images []string
	// Subnet is the machines' network; HostAddress the host's address in it; GitPort where it serves the application.
	Subnet, HostAddress, GitPort string
	// Console is where the console listens; empty for a free port of loopback.
	Console string
	// Keep leaves everything running at the end; see Stop.
	Keep bool
	// Dir is the work directory; empty for a new one.
	Dir string
	// Out is where the story is told.
	Out io.Writer
	// Visit, if set, is called with a login link when all are in service.
	Visit func(ctx context.Context, link string) error
}

// Result is what came of it.
type Result struct {
	Load LoadSummary
	// Lead is the longest time from request to service of the group's first instances.
	Lead time.Duration
	// AgentRun is the wall time of one run of an agent that has nothing to change.
	AgentRun time.Duration
	// ServerMemory and AgentMemory are resident bytes at the end of the load, the agent's being the largest.
	ServerMemory, AgentMemory int64
}

// Story is one telling.
type Story struct {
	p      Params
	dir    string
	tell   *teller
	client *api.Client
	cloud  *process
	server *process
	git    *http.Server
	before Traces
}

// Play tells the story. An error means that it did not come out as it should; what is needed to find out why is in the
// work directory, which is then kept.
func Play(ctx context.Context, p Params) (res Result, err error) {
	s, err := prepare(p)
	if err != nil {
		return res, err
	}
	defer func() {
		if p.Keep && err == nil {
			err = s.leaveRunning(ctx)
		}
		if p.Keep && err == nil {
			return
		}
		err = errors.Join(err, s.cleanUp(err == nil))
	}()
	if err := s.startParts(ctx); err != nil {
		return res, err
	}
	return s.acts(ctx)
}

func prepare(p Params) (*Story, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("the local cloud needs root: run this as root")
	}
	dir := p.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("/var/tmp", "kickoff-story-"); err != nil {
			return nil, err
		}
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if len(p.Images) == 0 {
		p.Images = []string{"debian-12"}
	}
	s := &Story{p: p, dir: dir, tell: newTeller(p.Out)}
	var err error
	s.before, err = Survey(dir, p.Binary)
	return s, err
}

func (s *Story) socket() string      { return filepath.Join(s.dir, "data", "kickoff.sock") }
func (s *Story) cloudSocket() string { return filepath.Join(s.dir, "local-cloud.sock") }

// startParts starts what the machines will need: the local cloud, the repository, the server.
func (s *Story) startParts(ctx context.Context) error {
	if err := s.startCloud(ctx); err != nil {
		return err
	}
	if err := s.copyExample(); err != nil {
		return err
	}
	return s.startServer(ctx)
}

// startCloud starts the local cloud and the repository of the application.
func (s *Story) startCloud(ctx context.Context) error {
	s.tell.act("Preparing in %s", s.dir)
	if err := s.buildImage(ctx); err != nil {
		return err
	}
	if err := s.makeRepository(); err != nil {
		return err
	}
	var err error
	s.cloud, err = s.start("local-cloud", 0, "local-cloud", "--state-dir", filepath.Join(s.dir, "cloud"),
		"--socket", s.cloudSocket(), "--subnet", s.p.Subnet, "--host-name", "kickoff.internal", "--socket-owner", strconv.Itoa(unprivileged),
		"--image", strings.Join(s.p.Images, ","))
	if err != nil {
		return err
	}
	if err := s.ready(ctx, "the local cloud", s.cloud, s.cloudSocket()); err != nil {
		return err
	}
	return s.serveRepository()
}

func (s *Story) startServer(ctx context.Context) error {
	console := s.p.Console
	if console == "" {
		console = "127.0.0.1:0"
	}
	var err error
	s.server, err = s.start("server", unprivileged, "server", "--fleet", filepath.Join(s.dir, "fleet.yaml"),
		"--data", filepath.Join(s.dir, "data"), "--listen", net.JoinHostPort(s.p.HostAddress, "8140"),
		"--console", console, "--binary", s.p.Binary)
	if err != nil {
		return err
	}
	if err := s.ready(ctx, "the server", s.server, s.socket()); err != nil {
		return err
	}
	s.client, err = api.NewClient(api.ClientOptions{Socket: s.socket()})
	if err != nil {
		return err
	}
	return waitFor(ctx, "the server answers", 20*time.Second, func() (bool, string, error) {
		_, err := s.client.Fleet(ctx, "", false)
		return err == nil, fmt.Sprint(err), s.server.ended()
	})
}

// ready waits until the process listens on its socket.
func (s *Story) ready(ctx context.Context, what string, p *process, socket string) error {
	return waitFor(ctx, what+" starts", 60*time.Second, func() (bool, string, error) {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return false, err.Error() + "\n" + tail(p.log, 10), p.ended()
		}
		_ = conn.Close()
		return true, "", nil
	})
}

// acts plays the story itself.
func (s *Story) acts(ctx context.Context) (Result, error) {
	var res Result
	if err := s.coldStart(ctx, &res); err != nil {
		return res, err
	}
	load, err := s.startLoad(ctx)
	if err != nil {
		return res, err
	}
	err = s.underLoad(ctx, load, &res)
	res.ServerMemory = residentBytes(s.server.cmd.Process.Pid)
	res.AgentMemory = s.agentMemory()
	res.Load = load.Stop()
	if err != nil {
		return res, errors.Join(err, fmt.Errorf("%d of %d requests had failed by then: %v", len(res.Load.Failures), res.Load.Requests, firstFailures(res.Load)))
	}
	s.tell.summary(res)
	return res, s.judge(res.Load)
}

// coldStart waits until the fleet that the configuration asks for is in service.
func (s *Story) coldStart(ctx context.Context, res *Result) error {
	s.tell.act("%d %s behind 1 %s, from blank machines", s.p.Count, s.p.Group, s.p.BalancerGroup)
	if err := s.inService(ctx, s.p.Count, 10*time.Minute); err != nil {
		return err
	}
	fleet, err := s.client.Fleet(ctx, "", true)
	if err != nil {
		return err
	}
	for _, g := range fleet.Groups {
		for _, i := range g.Instances {
			if g.Name == s.p.Group {
				res.Lead = max(res.Lead, time.Duration(i.LeadSeconds*float64(time.Second)))
			}
		}
	}
	s.tell.stages(fleet)
	if s.p.Visit != nil {
		link, err := s.consoleLink(ctx)
		if err != nil {
			return err
		}
		return s.p.Visit(ctx, link)
	}
	return nil
}

// inService waits until the group serves with so many instances and nothing is on its way in or out.
func (s *Story) inService(ctx context.Context, count int, limit time.Duration) error {
	return waitFor(ctx, fmt.Sprintf("%d instances of %s are in service", count, s.p.Group), limit, func() (bool, string, error) {
		if err := errors.Join(s.cloud.ended(), s.server.ended()); err != nil {
			return false, "", err
		}
		fleet, err := s.client.Fleet(ctx, "", false)
		if err != nil {
			return false, err.Error(), nil
		}
		s.tell.progress(fleet)
		done := true
		for _, g := range fleet.Groups {
			if g.Stopped != "" {
				return false, "", fmt.Errorf("%s stopped launching: %s", g.Name, g.Stopped)
			}
			want := 1
			if g.Name == s.p.Group {
				want = count
			}
			done = done && g.Serving == want && g.Starting+g.Out+g.Leaving == 0
		}
		return done, s.tell.line(fleet), nil
	})
}

func (s *Story) startLoad(ctx context.Context) (*Load, error) {
	fleet, err := s.client.Fleet(ctx, s.p.BalancerGroup, false)
	if err != nil {
		return nil, err
	}
	for _, g := range fleet.Groups {
		for _, i := range g.Instances {
			if i.Stage == instance.InService && i.Address != "" {
				url := "http://" + net.JoinHostPort(i.Address, strconv.Itoa(s.p.Port)) + "/"
				s.tell.act("Asking %s all the time, without retries", url)
				return StartLoad(ctx, url, 4, 50*time.Millisecond, s.p.InstanceHeader), nil
			}
		}
	}
	return nil, fmt.Errorf("no instance of %s is in service", s.p.BalancerGroup)
}
