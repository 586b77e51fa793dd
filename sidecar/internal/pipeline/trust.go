package pipeline

import (
	"strings"

	"golang.org/x/net/idna"
)

// Trust says for which domains a connector's word on an address counts, and who speaks. The zero value trusts nothing.
type Trust struct {
	Domains map[string]bool // as Domain returns them
	Any     bool            // every domain
	Issuer  string          // the provider behind the connector; empty: nobody said. It is compared with that of links
}

// email returns the address if the connector verified it and is trusted for its domain; else "".
func (t Trust) email(id Identity) string {
	if t.doubt(id) != "" {
		return ""
	}
	return id.Email
}

// doubt says why an address does not count, or "".
func (t Trust) doubt(id Identity) string {
	if !id.EmailVerified {
		return "the connector does not call it verified"
	}
	at := strings.LastIndexByte(id.Email, '@')
	if at <= 0 {
		return "it is no address"
	}
	if domain, ok := Domain(id.Email[at+1:]); !ok || !t.Any && !t.Domains[domain] {
		return "its domain is none of emailDomains of the connector"
	}
	return ""
}

// Doubt says why rules see no address of somebody whose connector gave one, or "".
func (p *Pipeline) Doubt(in *Input) string {
	t, known := p.Connector[in.Connector]
	switch {
	case in.Identity.Email == "":
		return ""
	case !known:
		return "the connector is not in connectors, where emailDomains says for which domains its word counts"
	}
	return t.doubt(in.Identity)
}

// Domain returns the form in which the domains of addresses are compared: ASCII, lower case (RFC 5891). False means that it
// is no domain, or not written as one: what lookups of names map to another domain, such as capital letters beyond A-Z, full-width
// letters, other dots and characters that are dropped, is no other way to write that one.
func Domain(s string) (string, bool) {
	s = lowerASCII(s)
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil || ascii == "" {
		return "", false
	}
	shown, err := idna.Lookup.ToUnicode(ascii)
	if err != nil {
		return "", false
	}
	written, a, u := strings.Split(s, "."), strings.Split(ascii, "."), strings.Split(shown, ".")
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

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
