package syntax

import (
	"sort"
	"sync"
	"unicode/utf8"
)

// File is a source text. Spans point into it; lines are only counted when somebody asks for a position.
// A File is immutable and safe for concurrent use.
type File struct {
	// Name is the path as the caller gave it; it may be empty for text without a file.
	Name string
	// Source is the text as it was parsed.
	Source string

	once  sync.Once
	lines []uint32 // byte offset of the start of each line
}

// NewFile returns a File for a text.
func NewFile(name, source string) *File { return &File{Name: name, Source: source} }

func (f *File) index() {
	f.lines = append(f.lines, 0)
	for i := 0; i < len(f.Source); i++ {
		if f.Source[i] == '\n' {
			f.lines = append(f.lines, uint32(i+1))
		}
	}
}

// Position returns the line and the column of a byte offset, both counted from 1. Columns count characters.
func (f *File) Position(offset int) (line, column int) {
	f.once.Do(f.index)
	offset = min(max(offset, 0), len(f.Source))
	n := sort.Search(len(f.lines), func(i int) bool { return int(f.lines[i]) > offset })
	return n, utf8.RuneCountInString(f.Source[f.lines[n-1]:offset]) + 1
}

// Line returns the text of a line (from 1), without its line break.
func (f *File) Line(n int) string {
	f.once.Do(f.index)
	if n < 1 || n > len(f.lines) {
		return ""
	}
	start, end := int(f.lines[n-1]), len(f.Source)
	if n < len(f.lines) {
		end = int(f.lines[n]) - 1
	}
	if end > start && f.Source[end-1] == '\r' {
		end--
	}
	return f.Source[start:end]
}

// Span is the place of a construct: the bytes [Start, End) of a file. The zero Span is "nowhere".
type Span struct {
	File       *File
	Start, End uint32
}

// IsZero reports whether the span points nowhere, as those of made-up nodes do.
func (s Span) IsZero() bool { return s.File == nil }

// Filename is the name of the file, or "" for nowhere.
func (s Span) Filename() string {
	if s.File == nil {
		return ""
	}
	return s.File.Name
}

// Line is the line (from 1) where the span starts, or 0 for nowhere.
func (s Span) Line() int {
	line, _ := s.Position()
	return line
}

// Position is the line and column (from 1) where the span starts, or 0, 0 for nowhere.
func (s Span) Position() (line, column int) {
	if s.File == nil {
		return 0, 0
	}
	return s.File.Position(int(s.Start))
}

// Text is the source text of the span.
func (s Span) Text() string {
	if s.File == nil {
		return ""
	}
	return s.File.Source[s.Start:s.End]
}

// To returns the span from the start of s to the end of e.
func (s Span) To(e Span) Span { return Span{File: s.File, Start: s.Start, End: max(s.End, e.End)} }

// Comment is a comment of the source, with its marks (`#…` without the line break, or `/*…*/`; in EPP also `<%#…%>`).
type Comment struct {
	Span Span
}
