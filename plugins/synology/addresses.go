package synology

import (
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// HasAddress reports whether a lookup by e-mail could find an account: it has an address, and one that is an address.
func HasAddress(u dsm.User) bool {
	_, ok := address.Parse(u.Email)
	return ok
}

// SameAddress reports whether a lookup takes one address for the other. What is no address equals none.
func SameAddress(one, other string) bool {
	a, ok := address.Parse(one)
	b, also := address.Parse(other)
	return ok && also && a == b
}

// SharedAddresses are the names of the accounts that one address leads to, for each address that leads to more than one. Addresses are
// compared as those of lookups are. Accounts are sorted, and so are the lists.
func SharedAddresses(users []dsm.User) [][]string {
	var out [][]string
	for _, found := range newSnapshot(users, time.Time{}, 0).byAddress {
		if len(found) < 2 {
			continue
		}
		names := make([]string, len(found))
		for i, at := range found {
			names[i] = users[at].Name
		}
		slices.Sort(names)
		out = append(out, names)
	}
	slices.SortFunc(out, func(a, b []string) int { return slices.Compare(a, b) })
	return out
}
