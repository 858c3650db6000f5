package story

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/api"
	"kickoff/internal/fleet/instance"
)

// teller writes the story for a person.
type teller struct {
	out   io.Writer
	begin time.Time
	last  map[string]instance.Stage
}

func newTeller(out io.Writer) *teller {
	if out == nil {
		out = io.Discard
	}
	return &teller{out: out, begin: time.Now(), last: map[string]instance.Stage{}}
}

func (t *teller) act(format string, args ...any) {
	fmt.Fprintf(t.out, "\n== %s\n", fmt.Sprintf(format, args...))
}

func (t *teller) say(format string, args ...any) {
	fmt.Fprintf(t.out, "%6.1fs  %s\n", time.Since(t.begin).Seconds(), fmt.Sprintf(format, args...))
}

// quote shows the output of a command.
func (t *teller) quote(text []byte) {
	for line := range bytes.Lines(text) {
		fmt.Fprintf(t.out, "         | %s\n", bytes.TrimRight(line, "\n"))
	}
}

// step tells of one step of a rolling run.
func (t *teller) step(e api.RunEvent) {
	if e.Result == nil {
		t.say("%s", e.Message)
		return
	}
	t.say("%s: %s (%.1fs)", e.Result.Instance, e.Result.Status, e.Result.Seconds)
	for _, c := range e.Result.Changed {
		t.say("    changed %s", c)
	}
	for _, f := range e.Result.Failed {
		t.say("    FAILED %s", f)
	}
}

// progress tells of each instance that entered another stage.
func (t *teller) progress(f api.Fleet) {
	for _, g := range f.Groups {
		for _, i := range g.Instances {
			if t.last[i.LaunchID] == i.Stage {
				continue
			}
			t.last[i.LaunchID] = i.Stage
			text := string(i.Stage)
			if i.Reason != "" {
				text += ": " + i.Reason
			}
			t.say("%-20s %-22s %s", g.Name, i.Name, text)
		}
	}
}

// line is the state of the fleet in one line.
func (t *teller) line(f api.Fleet) string {
	var parts []string
	for _, g := range f.Groups {
		for _, i := range g.Instances {
			part := i.Name + " " + string(i.Stage)
			if i.Waiting != "" {
				part += " (" + i.Waiting + ")"
			}
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// columns of the table of stages.
var columns = []instance.Stage{
	instance.Requested, instance.Pending, instance.Booting, instance.Enrolling, instance.Converging,
	instance.InService, instance.Draining, instance.Terminating,
}

// stages prints the seconds that every instance spent in each stage.
func (t *teller) stages(f api.Fleet) {
	fmt.Fprintf(t.out, "\n         %-22s", "seconds in")
	for _, c := range columns {
		fmt.Fprintf(t.out, " %11s", strings.ReplaceAll(string(c), "_", " "))
	}
	fmt.Fprintf(t.out, " %13s\n", "to service")
	for _, g := range f.Groups {
		for _, i := range g.Instances {
			t.stageRow(i)
		}
	}
	fmt.Fprintln(t.out)
}

func (t *teller) stageRow(i api.Instance) {
	spent := map[instance.Stage]string{}
	for _, span := range i.Stages {
		spent[span.Stage] = strconv.FormatFloat(span.Seconds, 'f', 1, 64)
		if span.End.IsZero() && span.Stage == instance.InService {
			spent[span.Stage] = "serving"
		}
	}
	fmt.Fprintf(t.out, "         %-22s", i.Name)
	for _, c := range columns {
		fmt.Fprintf(t.out, " %11s", spent[c])
	}
	fmt.Fprintf(t.out, " %13.1f\n", i.LeadSeconds)
}

func (t *teller) summary(r Result) {
	t.act("What the users saw")
	t.say("requests %d, failures %d, p50 %s, p99 %s, slowest %s", r.Load.Requests, len(r.Load.Failures),
		r.Load.P50.Round(100*time.Microsecond), r.Load.P99.Round(100*time.Microsecond), r.Load.Max.Round(time.Millisecond))
	t.say("launch to in service %.1f s; agent run with nothing to change %s; resident memory: server %d MB, largest agent %d MB",
		r.Lead.Seconds(), r.AgentRun, r.ServerMemory>>20, r.AgentMemory>>20)
}

// residentBytes reads what /proc says of a process, 0 if it is gone.
func residentBytes(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// agentMemory is the resident memory of the largest `kickoff agent` on the machines, which are processes of this host.
func (s *Story) agentMemory() int64 {
	var largest int64
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		text, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		args := strings.Split(string(text), "\x00")
		if len(args) > 1 && filepath.Base(args[0]) == "kickoff" && args[1] == "agent" {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(p))); err == nil {
				largest = max(largest, residentBytes(pid))
			}
		}
	}
	return largest
}
