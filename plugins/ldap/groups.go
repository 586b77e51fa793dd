package ldap

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"
)

const (
	maxGroups = 2000 // of one account
	groupPage = 500  // groups of one answer
	batch     = 50   // groups whose own groups are asked for at once
)

// groups gives the names of the groups of an account, sorted.
func (l *lookup) groups(ctx context.Context, c *conn, e *goldap.Entry) ([]string, error) {
	g := l.s.groups
	if g == nil {
		return nil, nil
	}
	filters, err := g.of(e)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	seen := map[string]bool{}
	for level := 0; level <= g.nested && len(filters) > 0; level++ {
		var found []string // DNs of groups that were not seen before
		for part := range slices.Chunk(filters, batch) {
			entries, err := c.search(ctx, query{
				what: "search for the groups of the account", base: g.base, scope: g.scope, filter: allOf(g.filter, anyOf(part)),
				want: []string{g.name}, limit: maxGroups, page: groupPage,
			})
			if err != nil {
				return nil, err
			}
			for _, group := range entries {
				if id := strings.ToLower(group.DN); !seen[id] {
					seen[id] = true
					found = append(found, group.DN)
				}
				name, err := nameOf(group, g.name)
				if err != nil {
					return nil, fmt.Errorf("%s of a group %w", g.name, err)
				}
				names[name] = true
			}
		}
		if len(seen) > maxGroups {
			return nil, fmt.Errorf("search for the groups of the account: %w", errTooMany)
		}
		filters = g.ofGroups(found)
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// of gives filters of which the groups of an account match at least one.
func (g *groupSettings) of(e *goldap.Entry) ([]string, error) {
	var filters []string
	for _, m := range g.match {
		values := []string{e.DN}
		if !m.byDN() {
			values = e.GetEqualFoldAttributeValues(m.User)
		}
		for _, value := range values {
			filters = append(filters, equals(m.Group, value))
		}
	}
	if g.primary {
		sid, err := primaryGroupOf(e)
		if err != nil {
			return nil, fmt.Errorf("%s or %s of the account %w", objectSID, primaryGroupID, err)
		}
		if sid != "" {
			filters = append(filters, equals(objectSID, sid))
		}
	}
	return filters, nil
}

// ofGroups gives filters of which groups that have one of some groups as a member match at least one.
func (g *groupSettings) ofGroups(dns []string) []string {
	var filters []string
	for _, dn := range dns {
		for _, m := range g.match {
			if m.byDN() {
				filters = append(filters, equals(m.Group, dn))
			}
		}
	}
	return filters
}
