package address

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is an e-mail address in the form in which two of them are compared with ==. It can be the key of a map.
type Address struct{ local, domain string }

// Parse gives the form in which s is compared. Only A-Z is folded, because folding all of Unicode would let one person
// have the address of another (ſam and sam). A local part beyond ASCII is compared byte for byte, a domain goes
// through IDNA, nothing is trimmed and nothing left out. It is false for what equals no address: without a local part or a domain,
// with a domain that IDNA refuses, not valid UTF-8, or with the character that stands for what could not be decoded.
func Parse(s string) (Address, bool) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return Address{}, false
	}
	a := Address{local: s[:at], domain: s[at+1:]}
	if isASCII(a.local) {
		a.local = lower(a.local)
	}
	if plain := lower(a.domain); isASCII(plain) && !strings.Contains(plain, "xn--") {
		a.domain = plain
		return a, plain != ""
	}
	domain, err := idna.Lookup.ToASCII(a.domain)
	if err != nil || domain == "" {
		return Address{}, false
	}
	a.domain = domain
	return a, true
}

// lower folds A-Z and nothing else.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
