package system

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Script is a Runner for tests: it answers commands from a list and keeps what it was asked.
type Script struct {
	// Answers are tried in order; the first whose Prefix the command line begins with is given.
	Answers []Answer

	mu  sync.Mutex
	ran []string
	in  []string
}

// Answer is what a Script gives for a command.
type Answer struct {
	Prefix string
	Result Result
	Err    error
	// Do is called with the command, e.g. to change a file as the real program would.
	Do func(Command)
	// Once takes the answer off the list when it was given.
	Once bool
}

// Run implements Runner.
func (s *Script) Run(_ context.Context, c Command) (Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := c.String()
	s.ran = append(s.ran, line)
	if c.Stdin != nil {
		data, err := io.ReadAll(c.Stdin)
		if err != nil {
			return Result{}, err
		}
		s.in = append(s.in, string(data))
	}
	for i, a := range s.Answers {
		if !strings.HasPrefix(line, a.Prefix) {
			continue
		}
		if a.Once {
			s.Answers = append(s.Answers[:i:i], s.Answers[i+1:]...)
		}
		if a.Do != nil {
			a.Do(c)
		}
		return a.Result, a.Err
	}
	return Result{Code: 127, Stderr: []byte("no answer for " + line)}, fmt.Errorf("no answer for %q", line)
}

// Ran gives the command lines so far, and forgets them.
func (s *Script) Ran() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.ran
	s.ran = nil
	return out
}

// Inputs gives what commands read from their standard input so far.
func (s *Script) Inputs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in
}
