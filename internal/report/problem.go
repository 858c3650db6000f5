package report

import "strings"

// maxProblem bounds the text that Problem gives, in bytes.
const maxProblem = 500

// Problem is what went wrong first, in one line for people: the source and message of the first error that was logged.
// It is empty if nothing went wrong.
func (r *Report) Problem() string {
	for _, l := range r.Logs {
		if l.Level != "err" {
			continue
		}
		text := l.Message
		if l.Source != "" && l.Source != "Puppet" {
			text = l.Source + ": " + text
		}
		if len(text) > maxProblem {
			text = strings.ToValidUTF8(text[:maxProblem], "") + "..."
		}
		return text
	}
	return ""
}
