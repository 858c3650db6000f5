package machine

import (
	"encoding/json"
	"fmt"
	"io"
)

// spec is what the parent tells the child, as one line of JSON on
// descriptor specFD. A second line, "go", follows when the machine's network
// is complete. The child answers on errorFD: nothing at all when it became
// init (the descriptor closes on exec), else the text of its error.
type spec struct {
	Hostname string   `json:"hostname"`
	Lower    []string `json:"lower"`
	Dir      string   `json:"dir"`
	Init     []string `json:"init"`
	Env      []string `json:"env"`
	Volatile bool     `json:"volatile"`
}

// Descriptors of the child.
const (
	consoleFD = 3
	specFD    = 4
	errorFD   = 5
)

// goLine releases the child.
const goLine = "go\n"

func (s spec) write(w io.Writer) error {
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode machine: %w", err)
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("tell the machine: %w", err)
	}
	return nil
}
