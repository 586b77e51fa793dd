package fold

import (
	"strings"
	"testing"
)

func TestKeysAreEqualWhereFoldingIs(t *testing.T) {
	words := []string{"", "sub", "SUB", "Sub", "ſub", "kim", "\u212aIM", "straße", "strasse", "STRAẞE", "Σ", "ς", "σ", "ı", "i", "İ", "dž", "Dž"}
	for _, a := range words {
		for _, b := range words {
			if got, want := Key(a) == Key(b), strings.EqualFold(a, b); got != want {
				t.Errorf("%q and %q: equal %v, want %v", a, b, got, want)
			}
		}
	}
}
