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
		if strings.EqualFold(other, name) {
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
