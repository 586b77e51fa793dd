package claims

import (
	"strings"
	"unicode"
)

// oneCase writes the letters that only the full tables of Unicode take for letters of ASCII: ToUpper in most languages, casefold in Python and
// equalsIgnoreCase in Java do, strings.EqualFold does not.
var oneCase = strings.NewReplacer("ı", "i", "İ", "i", "ß", "ss", "ẞ", "ss", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st")

// EqualFold reports whether some reader takes two names for the same but for case: those that strings.EqualFold does, and those with
// a letter that is one or two of ASCII in the other case.
func EqualFold(a, b string) bool {
	if plain(a) && plain(b) {
		return equalASCII(a, b)
	}
	return strings.EqualFold(a, b) || foldKey(a) == foldKey(b)
}

// foldKey returns a string that is equal for exactly those names that EqualFold holds equal: every character is
// replaced by the smallest of those it folds with.
func foldKey(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, oneCase.Replace(name))
}

// names finds members that are equal under case folding. A few are compared one by one, many through a map.
type names struct {
	few   [fewNames]string
	count int
	many  map[string]string
}

const fewNames = 16

func (n *names) add(name string) (other string, again bool) {
	if n.many != nil {
		key := foldKey(name)
		if other, again = n.many[key]; !again {
			n.many[key] = name
		}
		return other, again
	}
	for _, other := range n.few[:n.count] {
		if EqualFold(other, name) {
			return other, true
		}
	}
	if n.count < fewNames {
		n.few[n.count] = name
		n.count++
		return "", false
	}
	n.many = make(map[string]string, 4*fewNames)
	for _, name := range append(n.few[:], name) {
		n.many[foldKey(name)] = name
	}
	return "", false
}
