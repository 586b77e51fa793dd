package synology

import (
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// shortName is the name of a group without what names its directory.
func shortName(group string) string {
	if _, after, ok := strings.Cut(group, `\`); ok {
		return after
	}
	before, _, _ := strings.Cut(group, "@")
	return before
}

// short gives the short names, sorted, each once.
func short(groups []string) []string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = shortName(g)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// administrators tells whether the members of group rule the NAS. Those who rule the directory it has joined do so by default.
func administrators(group string) bool {
	name := shortName(group)
	return strings.EqualFold(name, dsm.Administrators) ||
		name != group && (strings.EqualFold(name, "domain admins") || strings.EqualFold(name, "enterprise admins"))
}
