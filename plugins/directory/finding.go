package directory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// maxFindings is how many are reported.
const maxFindings = 50

// place is where something begins in a file, from 1. Columns count characters.
type place struct{ line, column int }

// finding is something wrong in a file. Its text repeats no value: that may be a person's, and it stands at the place.
type finding struct {
	place
	message, hint string
}

// findings collects what is wrong.
type findings struct{ found []finding }

func (f *findings) add(at place, message, hint string) {
	f.found = append(f.found, finding{at, message, hint})
}

// problems are the findings of a file as problems of the configuration, in the order of the file.
func problems(file string, found []finding) sdk.Problems {
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var out sdk.Problems
	for i, f := range found {
		if i == maxFindings {
			out = append(out, sdk.Problem{Path: "file", Message: fmt.Sprintf("%s: and %d more like these", file, len(found)-i)})
			break
		}
		out = append(out, sdk.Problem{Path: "file", Message: fmt.Sprintf("%s:%d:%d: %s", file, f.line, f.column, f.message), Hint: f.hint})
	}
	return out
}

// near returns a hint at the one of names that was most likely meant: one that differs in a character or two.
func near(name string, names []string) string {
	best, least := "", min(3, len(name)/2+1)
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return "known here: " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// distance counts the characters to add, leave out or change to make b of a. It is large for names of very different length.
func distance(a, b string) int {
	if diff := len(a) - len(b); diff > 3 || diff < -3 {
		return 4
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
