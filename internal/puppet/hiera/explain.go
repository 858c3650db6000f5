package hiera

import (
	"fmt"
	"strings"
)

// Explanation is a tree of what a lookup did.
type Explanation struct {
	Text     string         `json:"text"`
	Children []*Explanation `json:"children,omitempty"`
}

// add notes a step below e. A nil Explanation notes nothing.
func (e *Explanation) add(format string, args ...any) *Explanation {
	if e == nil {
		return nil
	}
	child := &Explanation{Text: fmt.Sprintf(format, args...)}
	e.Children = append(e.Children, child)
	return child
}

// String writes the tree, two blanks for each level.
func (e *Explanation) String() string {
	var b strings.Builder
	e.write(&b, "")
	return b.String()
}

func (e *Explanation) write(b *strings.Builder, indent string) {
	b.WriteString(indent + e.Text + "\n")
	for _, c := range e.Children {
		c.write(b, indent+"  ")
	}
}
