// Package measure times whole processes, ours and a peer's in turn, and prints medians with their ratio.
package measure

import (
	"fmt"
	"io"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// Sample is one run of a command.
type Sample struct {
	Wall, CPU time.Duration
	// Peak is the largest resident memory in bytes.
	Peak int64
}

// Run runs a command once. Its exit status must be one of those allowed (0 if none is given).
func Run(args []string, allowed ...int) (Sample, error) {
	if len(allowed) == 0 {
		allowed = []int{0}
	}
	cmd := exec.Command(args[0], args[1:]...)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(begin)
	if cmd.ProcessState == nil {
		return Sample{}, fmt.Errorf("run %v: %w", args, err)
	}
	if !slices.Contains(allowed, cmd.ProcessState.ExitCode()) {
		return Sample{}, fmt.Errorf("run %v: %w: %s", args, err, out)
	}
	s := Sample{Wall: wall, CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.Peak = usage.Maxrss << 10
	}
	return s, nil
}

// Compare runs both commands in turn, once to warm up and then n times, and prints medians and the ratio of wall
// times. An empty peer measures ours alone.
func Compare(w io.Writer, name string, ours, peer []string, n int, allowed ...int) error {
	a, b := []Sample{}, []Sample{}
	for i := range n + 1 {
		for _, side := range []struct {
			args []string
			into *[]Sample
		}{{ours, &a}, {peer, &b}} {
			if len(side.args) == 0 {
				continue
			}
			s, err := Run(side.args, allowed...)
			if err != nil {
				return err
			}
			if i > 0 {
				*side.into = append(*side.into, s)
			}
		}
	}
	ma := median(a)
	fmt.Fprintf(w, "%-34s kickoff %8.1f ms (cpu %.1f ms, %d MB)", name, ms(ma.Wall), ms(ma.CPU), ma.Peak>>20)
	if len(b) > 0 {
		mb := median(b)
		fmt.Fprintf(w, "   peer %8.1f ms (cpu %.1f ms, %d MB)   ratio %.3f", ms(mb.Wall), ms(mb.CPU), mb.Peak>>20, float64(ma.Wall)/float64(mb.Wall))
	}
	fmt.Fprintln(w)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(all []Sample) Sample {
	middle := func(pick func(Sample) int64) int64 {
		values := make([]int64, len(all))
		for i, s := range all {
			values[i] = pick(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Sample{
		Wall: time.Duration(middle(func(s Sample) int64 { return int64(s.Wall) })),
		CPU:  time.Duration(middle(func(s Sample) int64 { return int64(s.CPU) })),
		Peak: middle(func(s Sample) int64 { return s.Peak }),
	}
}
