package report

import "strings"

// levels gives, for each log level, the word and the colour with which Puppet prints it.
var levels = map[string]struct{ word, colour string }{
	"debug":   {"Debug", "\x1b[0;36m"},
	"info":    {"Info", "\x1b[0;32m"},
	"notice":  {"Notice", "\x1b[m"},
	"warning": {"Warning", "\x1b[1;33m"},
	"err":     {"Error", "\x1b[1;31m"},
	"alert":   {"Alert", "\x1b[1;31m"},
	"emerg":   {"Emergency", "\x1b[1;31m"},
	"crit":    {"Critical", "\x1b[1;31m"},
}

// order is the order of log levels, the least important first.
var order = []string{"debug", "info", "notice", "warning", "err", "alert", "emerg", "crit"}

// AtLeast reports whether level is as important as threshold.
func AtLeast(level, threshold string) bool {
	for _, l := range order {
		if l == threshold {
			return true
		}
		if l == level {
			return false
		}
	}
	return true
}

// Text gives a line as Puppet prints it on a console: "Notice: /Stage[main]/...: text".
func Text(l Log) string {
	word := levels[l.Level].word
	if word == "" {
		word = "Notice"
	}
	if l.Source == "" || l.Source == "Puppet" {
		return word + ": " + l.Message
	}
	return word + ": " + l.Source + ": " + l.Message
}

// Coloured gives the line with the colours of a terminal.
func Coloured(l Log) string {
	var b strings.Builder
	b.WriteString(levels[l.Level].colour)
	b.WriteString(Text(l))
	b.WriteString("\x1b[0m")
	return b.String()
}
