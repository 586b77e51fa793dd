package pipeline

import (
	"strings"

	"golang.org/x/net/idna"
)

// Trust says for which domains a connector's word on an address counts. The zero value trusts nothing.
type Trust struct {
	Domains map[string]bool // as Domain returns them
	Any     bool            // every domain
}

// email returns the address if the connector verified it and is trusted for its domain; else "".
func (t Trust) email(id Identity) string {
	if !id.EmailVerified {
		return ""
	}
	at := strings.LastIndexByte(id.Email, '@')
	if at <= 0 {
		return ""
	}
	domain, ok := Domain(id.Email[at+1:])
	if !ok || !t.Any && !t.Domains[domain] {
		return ""
	}
	return id.Email
}

// Domain returns the form in which the domains of addresses are compared: ASCII, lower case (RFC 5891). False means that it
// is no domain.
func Domain(s string) (string, bool) {
	if s == "" {
		return "", false
	}
	ascii, err := idna.Lookup.ToASCII(s)
	return ascii, err == nil && ascii != ""
}
