package pipeline

import (
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/address"
)

// Trust says for which domains a connector's word on an address counts, and who speaks. The zero value trusts nothing.
type Trust struct {
	Domains map[string]bool // as address.Domain returns them
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
	if domain, ok := address.Domain(id.Email[at+1:]); !ok || !t.Any && !t.Domains[domain] {
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
