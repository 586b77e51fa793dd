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

// adminGID is the number of the group administrators, whatever it is called.
const adminGID = 101

// group is an entry of a list of groups.
type group struct {
	Name string `json:"name"`
	GID  number `json:"gid"` // zero when DSM does not say
}

// Memberships gives, for each user who is in any group, the names of the groups, sorted. It lists every group, of each kind
// in Options.Kinds, and their members as many at once as DSM takes. A group with the number of administrators counts as that group
// too. A DSM that does not show the group administrators gives an error.
func (c *Client) Memberships(ctx context.Context) (map[string][]string, error) {
	groups, err := c.groups(ctx)
	if err != nil {
		return nil, err
	}
	members, err := c.membersOf(ctx, groups)
	if err != nil {
		return nil, err
	}
	of := map[string][]string{}
	for i, g := range groups {
		for _, name := range members[i] {
			of[name] = append(of[name], g.Name)
			if g.GID == adminGID {
				of[name] = append(of[name], Administrators)
			}
		}
	}
	for user, names := range of {
		of[user] = sorted(names)
	}
	return of, nil
}

func (c *Client) groups(ctx context.Context) (all []group, err error) {
	for _, kind := range c.options.Kinds {
		groups, err := list(ctx, c, request{api: apiGroup, method: "list", version: coreVersion, json: map[string]any{
			"type": string(kind),
		}}, "groups", func(g group) string { return g.Name }, nil)
		if err != nil && !notJoined(err) {
			return nil, err
		}
		all = append(all, groups...)
	}
	rules := func(g group) bool { return g.Name == Administrators || g.GID == adminGID }
	if slices.Contains(c.options.Kinds, Local) && !slices.ContainsFunc(all, rules) {
		return nil, fmt.Errorf("%s list: %w: no group %s in it", apiGroup, ErrUnexpected, Administrators)
	}
	return all, nil
}

// Administrators gives the names of those who rule the NAS. It is one call, as long as they are no crowd.
func (c *Client) Administrators(ctx context.Context) ([]string, error) {
	members, err := c.membersOf(ctx, []group{{Name: Administrators}})
	if err != nil {
		return nil, err
	}
	return members[0], nil
}

// sorted gives the names in order, each once.
func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
