package dsm

import (
	"context"
	"fmt"
	"slices"
)

// Administrators is the group whose members rule the NAS.
const Administrators = "administrators"

// GroupsOf gives the names of the groups of a local user, sorted. It is one call, which DSM offers since 7.2.
// Errors: ErrUnsupported on an older DSM, where Memberships does; ErrUnknownUser.
func (c *Client) GroupsOf(ctx context.Context, user string) ([]string, error) {
	var data struct {
		Groups *[]string `json:"groups"`
	}
	r := request{api: apiUserGroup, method: "get", version: coreVersion, json: map[string]any{"name": user}}
	if err := c.call(ctx, r, &data); err != nil {
		return nil, err
	}
	if data.Groups == nil {
		return nil, fmt.Errorf("%s get: %w: no list of groups in it", apiUserGroup, ErrUnexpected)
	}
	return sorted(*data.Groups), nil
}

// Memberships gives, for each local user who is in any, the names of the groups, sorted. It lists every group: one
// call and one more for each group, at least. A DSM that does not show the group administrators gives an error.
func (c *Client) Memberships(ctx context.Context) (map[string][]string, error) {
	type entry struct {
		Name string `json:"name"`
	}
	name := func(e entry) string { return e.Name }
	groups, err := list(ctx, c, request{api: apiGroup, method: "list", version: coreVersion, json: map[string]any{
		"type": "local",
	}}, "groups", name)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(groups, entry{Administrators}) {
		return nil, fmt.Errorf("%s list: %w: no group %s in it", apiGroup, ErrUnexpected, Administrators)
	}
	of := map[string][]string{}
	for _, g := range groups {
		members, err := list(ctx, c, request{api: apiMember, method: "list", version: coreVersion, json: map[string]any{
			"group": g.Name, "ingroup": true,
		}}, "users", name)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			of[m.Name] = append(of[m.Name], g.Name)
		}
	}
	for user, names := range of {
		of[user] = sorted(names)
	}
	return of, nil
}

// sorted gives the names in order, each once.
func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
