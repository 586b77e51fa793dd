package address

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is an e-mail address in the form in which two of them are compared with ==. It can be the key of a map.
type Address struct{ local, domain string }

// Parse gives the form in which s is compared. Only A-Z is folded, because folding all of Unicode would let one person
// have the address of another (ſam and sam). A local part beyond ASCII is compared byte for byte, a domain as the Punycode of IDNA,
// nothing is trimmed and nothing left out. It is false for what equals no address: without a local part or a domain,
// with a domain that IDNA refuses, not valid UTF-8, with a control character, or with the character that stands for what could not be
// decoded. It is false too for what the mapping of IDNA would change, beyond A-Z: characters that are dropped, full-width
// letters, other dots, capital letters. Somebody writes an address like that to be taken for another.
func Parse(s string) (Address, bool) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }) {
		return Address{}, false
	}
	a := Address{local: s[:at], domain: Lower(s[at+1:])}
	if isASCII(a.local) {
		a.local = Lower(a.local)
	} else if mapped, err := mapping.ToUnicode(a.local); err != nil || mapped != Lower(a.local) {
		return Address{}, false
	}
	if isASCII(a.domain) && !strings.Contains(a.domain, "xn--") {
		return a, a.domain != ""
	}
	var ok bool
	a.domain, ok = Domain(a.domain)
	return a, ok
}

// mapping maps characters as IDNA does, and looks at nothing else.
var mapping = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.ValidateLabels(false))

// Domain returns the form in which the domains of addresses are compared: ASCII, lower case (RFC 5891). False means that it
// is no domain, or not written as one: what lookups of names map to another domain, such as capital letters beyond A-Z, full-width
// letters, other dots and characters that are dropped, is no other way to write that one.
func Domain(domain string) (string, bool) {
	domain = Lower(domain)
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" {
		return "", false
	}
	shown, err := idna.Lookup.ToUnicode(ascii)
	if err != nil {
		return "", false
	}
	written, a, u := strings.Split(domain, "."), strings.Split(ascii, "."), strings.Split(shown, ".")
	if len(written) != len(a) || len(a) != len(u) {
		return "", false
	}
	for i, label := range written {
		if label != a[i] && label != u[i] {
			return "", false
		}
	}
	return ascii, true
}

// Lower folds A-Z and nothing else.
func Lower(s string) string {
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
