package dsmtest

import (
	"maps"
	"slices"
)

// listGroups answers SYNO.Core.Group list. Recorded from MIKE and CCSYNC: without gid on 7.2; N4S4 saw it elsewhere.
func (n *NAS) listGroups(c *call) (any, *failure) {
	kind, ok := c.params.text("type")
	set(&kind, "local")
	if !ok || !known(kind) {
		return nil, fail(codeBadParameter)
	}
	namesOnly, ok := c.params.truth("name_only", false)
	if !ok {
		return nil, fail(codeBadParameter)
	}
	groups := n.sortedGroups(kind)
	page, offset, f := cut(n, c, groups)
	if f != nil {
		return nil, f
	}
	items := make([]map[string]any, len(page))
	for i, g := range page {
		items[i] = map[string]any{"name": g.Name}
		if !namesOnly {
			items[i]["description"] = g.Description
		}
		if n.o.GroupIDs {
			items[i]["gid"] = g.GID
		}
	}
	return map[string]any{"groups": items, "offset": offset, "total": len(groups)}, nil
}

func (n *NAS) sortedGroups(kind string) []Group {
	n.mu.Lock()
	defer n.mu.Unlock()
	var groups []Group
	for _, name := range slices.Sorted(maps.Keys(n.groups)) {
		if n.groups[name].Type == kind {
			groups = append(groups, n.groups[name])
		}
	}
	return groups
}

// getGroups answers SYNO.Core.Group get: the known ones, and an error for each other one.
func (n *NAS) getGroups(c *call) (any, *failure) {
	names, f := c.names(codeBadGroup)
	if f != nil {
		return nil, f
	}
	items, errors := []map[string]any{}, []map[string]any{}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range names {
		if g, there := n.groups[name]; there {
			items = append(items, map[string]any{"name": g.Name, "gid": g.GID, "description": g.Description})
		} else {
			errors = append(errors, map[string]any{"code": codeNoGroup, "name": name})
		}
	}
	return map[string]any{"groups": items, "errors": errors}, nil
}

// listMembers answers SYNO.Core.Group.Member list. Recorded from N4S4: name, uid and description, no address; 3201
// without a group recorded from MIKE.
func (n *NAS) listMembers(c *call) (any, *failure) {
	group, ok := c.params.text("group")
	if !ok || group == "" {
		return nil, fail(codeBadGroup)
	}
	inside, ok := c.params.truth("ingroup", true)
	if !ok {
		return nil, fail(codeBadParameter)
	}
	members, f := n.members(group, inside)
	if f != nil {
		return nil, f
	}
	page, offset, f := cut(n, c, members)
	if f != nil {
		return nil, f
	}
	items := make([]map[string]any, len(page))
	for i, a := range page {
		items[i] = userItem(a, []string{"uid", "description"})
	}
	return map[string]any{"offset": offset, "total": len(members), "users": items}, nil
}

// members returns the accounts that are in a group, or those of its kind that are not.
func (n *NAS) members(group string, inside bool) ([]Account, *failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g, there := n.groups[group]
	if !there {
		return nil, fail(codeNoGroup)
	}
	return n.sorted(func(a Account) bool {
		return (inside || a.Type == g.Type) && slices.Contains(a.Groups, group) == inside
	}), nil
}

// listAdmins answers SYNO.Core.Group.ValidLocalAdmin list: administrators that may sign in. Recorded from MIKE.
func (n *NAS) listAdmins(*call) (any, *failure) {
	admins, f := n.members(administrators, true)
	if f != nil {
		return nil, f
	}
	now := n.o.Now()
	items := []map[string]any{}
	for _, a := range admins {
		if a.usable(now) {
			items = append(items, userItem(a, nil))
		}
	}
	return map[string]any{"users": items}, nil
}
