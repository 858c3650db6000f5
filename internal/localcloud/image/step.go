package image

import (
	"bytes"
	"strings"
)

// stepWriter turns debootstrap's many lines ("I: Retrieving adduser 3.134")
// into one message per kind of step.
type stepWriter struct {
	say  func(step string)
	rest []byte
	seen map[string]bool
}

// Write never fails.
func (w *stepWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.rest = rest
		w.line(string(line))
	}
}

func (w *stepWriter) line(line string) {
	text, found := strings.CutPrefix(line, "I: ")
	if !found {
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "W: ") {
			w.say(line)
		}
		return
	}
	steps := map[string]string{
		"Retrieving": "downloading packages", "Extracting": "extracting packages",
		"Unpacking": "unpacking packages", "Configuring": "configuring packages",
	}
	first, _, _ := strings.Cut(text, " ")
	step, known := steps[first]
	if !known || w.seen[step] {
		return
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[step] = true
	w.say(step)
}
