// Package diag holds what every stage of the compiler says about source text: positions, diagnostics with stable
// codes, and their rendering together with the source line.
package diag

import (
	"fmt"
	"strings"
)

// Pos is a place in a file. Line and Column start at 1; Column counts characters. Offset is in bytes from 0.
// The zero Pos means "unknown".
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Offset int `json:"offset"`
}

// IsValid reports whether the position is known.
func (p Pos) IsValid() bool { return p.Line > 0 }

// Range is a stretch of a file, End exclusive.
type Range struct {
	File  string `json:"file,omitempty"`
	Start Pos    `json:"start"`
	End   Pos    `json:"end"`
}

// String renders the range as file:line:column, as far as these are known.
func (r Range) String() string {
	file := r.File
	if file == "" {
		file = "<unknown>"
	}
	switch {
	case r.Start.Line == 0:
		return file
	case r.Start.Column == 0:
		return fmt.Sprintf("%s:%d", file, r.Start.Line)
	}
	return fmt.Sprintf("%s:%d:%d", file, r.Start.Line, r.Start.Column)
}

// Severity orders diagnostics by how much they matter.
type Severity int

// The severities.
const (
	Error Severity = iota
	Warning
	Notice
)

// String gives the word that is printed in front of a diagnostic.
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Notice:
		return "notice"
	}
	return "error"
}

// MarshalText makes the severity a word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Frame is one call of the Puppet call stack.
type Frame struct {
	Name  string `json:"name"`
	Range Range  `json:"range"`
}

// Diagnostic says what is wrong, where, and what to do about it. It is an error.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Code is stable over releases, in lower-case words joined by hyphens, e.g. "syntax-error".
	Code string `json:"code"`
	// Summary is one sentence without a position and without a full stop.
	Summary string `json:"summary"`
	// Detail explains, if the summary does not say enough.
	Detail string `json:"detail,omitempty"`
	// Hint says what to do next, e.g. "did you mean 'ensure'?".
	Hint  string `json:"hint,omitempty"`
	Range Range  `json:"range"`
	// Stack is the Puppet call stack, innermost call first.
	Stack []Frame `json:"stack,omitempty"`
	// Cause is an underlying error, for errors.Is and errors.As.
	Cause error `json:"-"`
}

// New returns an error diagnostic.
func New(code string, r Range, format string, args ...any) *Diagnostic {
	return &Diagnostic{Severity: Error, Code: code, Summary: fmt.Sprintf(format, args...), Range: r}
}

// WithHint sets the hint and returns d.
func (d *Diagnostic) WithHint(format string, args ...any) *Diagnostic {
	d.Hint = fmt.Sprintf(format, args...)
	return d
}

// Error gives the diagnostic in one line: position, summary and hint.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	if d.Range.File != "" || d.Range.Start.IsValid() {
		b.WriteString(d.Range.String())
		b.WriteString(": ")
	}
	b.WriteString(d.Summary)
	if d.Hint != "" {
		b.WriteString(" (")
		b.WriteString(d.Hint)
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the underlying error.
func (d *Diagnostic) Unwrap() error { return d.Cause }

// List is several diagnostics in the order in which they were found.
type List []*Diagnostic

// Error joins the lines of all diagnostics.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the list as an error, or nil if it holds no diagnostic of severity Error.
func (l List) Err() error {
	if l.HasErrors() {
		return l
	}
	return nil
}

// HasErrors reports whether a diagnostic of severity Error is in the list.
func (l List) HasErrors() bool {
	for _, d := range l {
		if d.Severity == Error {
			return true
		}
	}
	return false
}
