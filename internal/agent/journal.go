package agent

import (
	"sync"
	"time"

	"kickoff/internal/report"
)

// journal takes the lines of a run: they go to the console, and into the report.
type journal struct {
	level   string
	console func(report.Log)

	mu   sync.Mutex
	logs []report.Log
	also func(report.Log)
}

// listen gives further lines also to f, until it is called with nil.
func (j *journal) listen(f func(report.Log)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.also = f
}

// Log takes a line.
func (j *journal) Log(l report.Log) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l.Time.IsZero() {
		l.Time = time.Now()
	}
	if l.Source == "" {
		l.Source = "Puppet"
	}
	if l.Tags == nil {
		l.Tags = []string{l.Level}
	}
	if l.Level != "debug" {
		j.logs = append(j.logs, l)
	}
	if j.also != nil {
		j.also(l)
	}
	if j.console != nil && report.AtLeast(l.Level, j.level) {
		j.console(l)
	}
}

// say logs a line of the agent itself.
func (j *journal) say(level, message string) { j.Log(report.Log{Level: level, Message: message}) }

// take gives the lines so far, and forgets them.
func (j *journal) take() []report.Log {
	j.mu.Lock()
	defer j.mu.Unlock()
	logs := j.logs
	j.logs = nil
	return logs
}
