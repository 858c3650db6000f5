package cli

import (
	"fmt"
	"io"
	"os"
)

// IO is where a command reads and writes; tests give their own.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// SystemIO is the process's own standard input, output and error.
func SystemIO() *IO { return &IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// ExitError ends the program with a status. Err is printed unless it is nil.
type ExitError struct {
	Code int
	Err  error
}

// Error gives the message of Err.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives Err.
func (e *ExitError) Unwrap() error { return e.Err }
