package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a file. Line and Col count from one, Col in characters. The zero value means unknown.
type Pos struct {
	File string
	Line int
	Col  int
}

// Problem is one thing wrong with a file. As JSON its members keep their names and their meaning.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // zero: it is about the file as a whole
	Col     int    `json:"col,omitempty"`
	Path    string `json:"path,omitempty"` // computed from the document: pipeline[0].steps[1].when
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`    // how to mend it, where we know
	Warning bool   `json:"warning,omitempty"` // the file can be used all the same

	Secret bool `json:"-"` // the line may hold a secret: it is not shown
}

// String gives the first line of what Render prints.
func (p Problem) String() string {
	text := p.File
	if p.Line > 0 {
		text += fmt.Sprintf(":%d:%d", p.Line, p.Col)
	}
	if p.Warning {
		text += ": warning"
	}
	if p.Path != "" {
		text += ": " + p.Path
	}
	return oneLine(text + ": " + p.Message)
}

// HasErrors reports whether one of the problems is more than a warning.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

// Sorted returns the problems in the order of the file, each once. It does not change its argument.
func Sorted(problems []Problem) []Problem {
	sorted := slices.Clone(problems)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Path, b.Path), natural(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint))
	})
	return slices.Compact(sorted)
}

// natural compares texts as people order them: line 9 before line 10, where a plugin tells lines of a file of its own.
func natural(a, b string) int {
	rest, other := a, b
	for rest != "" && other != "" {
		n, m := digitsOf(rest), digitsOf(other)
		if n == "" || m == "" {
			if rest[0] != other[0] {
				return cmp.Compare(rest[0], other[0])
			}
			rest, other = rest[1:], other[1:]
			continue
		}
		x, y := strings.TrimLeft(n, "0"), strings.TrimLeft(m, "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
		rest, other = rest[len(n):], other[len(m):]
	}
	return cmp.Or(cmp.Compare(len(rest), len(other)), cmp.Compare(a, b))
}

// digitsOf are the digits that s begins with.
func digitsOf(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }
