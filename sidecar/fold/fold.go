// Package fold tells names that differ in nothing but upper and lower case.
package fold

import (
	"strings"
	"unicode"
)

// Key returns the same for all strings that strings.EqualFold calls equal, and for no others.
func Key(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, s)
}
