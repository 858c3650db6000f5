package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"kickoff/internal/report"
)

// console prints log lines for people as Puppet does: warnings and errors on the error output, colours on a terminal.
type console struct {
	out, err           io.Writer
	outColor, errColor bool
	// journal puts the priority in front, in the form that systemd's journal takes off again.
	journal bool
	mu      sync.Mutex
}

func newConsole(sio *IO, color string) (*console, error) {
	c := &console{out: sio.Out, err: sio.Err, journal: os.Getenv("JOURNAL_STREAM") != "" && !isTerminal(sio.Out)}
	switch color {
	case "auto":
		plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
		c.outColor, c.errColor = !plain && isTerminal(sio.Out), !plain && isTerminal(sio.Err)
	case "true", "ansi", "always":
		c.outColor, c.errColor = true, true
	case "false", "never":
	default:
		return nil, fmt.Errorf("--color %q: auto, true or false is wanted", color)
	}
	return c, nil
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// priorities are those of syslog.
var priorities = map[string]int{
	"emerg": 0, "alert": 1, "crit": 2, "err": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7,
}

// Log prints a line.
func (c *console) Log(l report.Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to, color := c.out, c.outColor
	if report.AtLeast(l.Level, "warning") {
		to, color = c.err, c.errColor
	}
	text := report.Text(l)
	if color {
		text = report.Coloured(l)
	}
	if c.journal {
		text = fmt.Sprintf("<%d>%s", priorities[l.Level], text)
	}
	fmt.Fprintln(to, text)
}
