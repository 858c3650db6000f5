package file

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// diffContext is how many equal lines are shown around a difference.
const diffContext = 3

// maxEdits bounds the work for a difference; beyond it the whole content is shown as replaced.
const maxEdits = 600

// Unified gives the difference of two contents in the unified format. The headers name the file, and the time of the
// old content.
func Unified(name string, modified time.Time, from, to []byte) string {
	if !isText(from) || !isText(to) {
		return fmt.Sprintf("Binary files %s and (new content) differ\n", name)
	}
	a, b := splitLines(from), splitLines(to)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\t%s\n+++ (new content)\n", name, modified.Format("2006-01-02 15:04:05.000000000 -0700"))
	for _, h := range hunks(edits(a, b)) {
		h.write(&out, a, b)
	}
	return out.String()
}

func isText(b []byte) bool { return !bytes.ContainsRune(b, 0) && utf8.Valid(b) }

// splitLines keeps line breaks, so that a last line without one differs from one that has it.
func splitLines(b []byte) []string {
	lines := strings.SplitAfter(string(b), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// edit is one step from a to b: both lines (op ' '), a line of a that goes ('-'), or one of b that comes ('+').
type edit struct {
	op   byte
	a, b int
}

// edits finds a shortest list of steps by Myers' algorithm.
func edits(a, b []string) []edit {
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	v := make([]int, 2*limit+2)
	at := func(k int) *int { return &v[k+limit] }
	var trace [][]int
	for d := 0; d <= limit; d++ {
		trace = append(trace, append([]int(nil), v...))
		for k := -d; k <= d; k += 2 {
			x := 0
			switch {
			case d == 0:
			case k == -d || k != d && *at(k - 1) < *at(k + 1):
				x = *at(k + 1)
			default:
				x = *at(k - 1) + 1
			}
			y := x - k
			for x < n && y < m && a[x] == b[y] {
				x, y = x+1, y+1
			}
			*at(k) = x
			if x >= n && y >= m {
				return backtrack(trace, d, limit, n, m)
			}
		}
	}
	return replaceAll(n, m)
}

func replaceAll(n, m int) []edit {
	out := make([]edit, 0, n+m)
	for i := range n {
		out = append(out, edit{'-', i, 0})
	}
	for j := range m {
		out = append(out, edit{'+', n, j})
	}
	return out
}

func backtrack(trace [][]int, d, limit, x, y int) []edit {
	var rev []edit
	for ; d > 0; d-- {
		v := trace[d]
		k := x - y
		prevK := k - 1
		if k == -d || k != d && v[k-1+limit] < v[k+1+limit] {
			prevK = k + 1
		}
		prevX := v[prevK+limit]
		prevY := prevX - prevK
		for x > prevX && y > prevY && x > 0 && y > 0 {
			x, y = x-1, y-1
			rev = append(rev, edit{' ', x, y})
		}
		if x == prevX {
			y--
			rev = append(rev, edit{'+', x, y})
		} else {
			x--
			rev = append(rev, edit{'-', x, y})
		}
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		rev = append(rev, edit{' ', x, y})
	}
	out := make([]edit, len(rev))
	for i, e := range rev {
		out[len(rev)-1-i] = e
	}
	return out
}

type hunk []edit

// hunks cuts the steps into pieces with context.
func hunks(all []edit) []hunk {
	var out []hunk
	start, last := -1, -1
	for i, e := range all {
		if e.op == ' ' {
			continue
		}
		if start >= 0 && i-last > 2*diffContext {
			out = append(out, all[start:min(last+1+diffContext, len(all))])
			start = -1
		}
		if start < 0 {
			start = max(0, i-diffContext)
		}
		last = i
	}
	if start >= 0 {
		out = append(out, all[start:min(last+1+diffContext, len(all))])
	}
	return out
}

func (h hunk) write(out *strings.Builder, a, b []string) {
	na, nb := 0, 0
	for _, e := range h {
		if e.op != '+' {
			na++
		}
		if e.op != '-' {
			nb++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", position(h.first('-'), na), position(h.first('+'), nb))
	for _, e := range h {
		line := ""
		if e.op == '+' {
			line = b[e.b]
		} else {
			line = a[e.a]
		}
		out.WriteByte(e.op)
		out.WriteString(line)
		if !strings.HasSuffix(line, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// first is the index at which the hunk begins in a ('-') or in b ('+').
func (h hunk) first(side byte) int {
	if side == '-' {
		return h[0].a
	}
	return h[0].b
}

// position is a line number with a count, as diff writes it: counts of one are left out, and an empty range names the
// line before.
func position(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, count)
}
