package config

import (
	"fmt"
	"strings"
)

// maxKnown is how many names a hint lists.
const maxKnown = 20

// Suggest is the hint for a name that is not known: the one that was probably meant, or all there are.
func Suggest(name string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if n := distance(squash(name), squash(k)); n < least && n <= len(k)/2 && n < len(name) {
			best, least = k, n
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return ""
	}
	if len(known) > maxKnown {
		return "known here: " + strings.Join(known[:maxKnown], ", ") + " and others"
	}
	return "known here: " + strings.Join(known, ", ")
}

// squash makes spellings alike: on_error, on-error and onError.
func squash(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// distance is the number of letters to insert, remove, change or exchange with their neighbour between two words. Long
// words count as far apart.
func distance(a, b string) int {
	const far = 99
	if len(a) > 40 || len(b) > 40 {
		return far
	}
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
