package claims

import (
	"strings"
	"unicode"
)

// foldKey returns a string that is equal for exactly those names that strings.EqualFold holds equal: every character is
// replaced by the smallest of those it folds with.
func foldKey(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}
