package dsmtest

import (
	"encoding/json"
	"slices"
)

// Codes of users and groups. Recorded from MIKE, PROBE and CCSYNC; there is no table by the vendor.
const (
	codeWrongType    = 3101
	codeBadParameter = 3103
	codeNoUser       = 3106
	codeBadGroup     = 3201
	codeNoGroup      = 3205
)

// userFields returns what additional may ask for. Recorded from N4S4, DEXFORK and CCSYNC (uid).
func userFields(a Account) map[string]any {
	return map[string]any{
		"description": a.Description, "email": a.Email, "expired": a.Expired, "uid": a.UID, "2fa_status": a.TwoFactor,
		"cannot_chg_passwd": false, "passwd_never_expire": true, "password_last_change": 20000, "is_password_pending": false,
	}
}

// userItem is one user of a reply. Recorded from MIKE: without additional there is only the name.
func userItem(a Account, additional []string) map[string]any {
	item := map[string]any{"name": a.Name}
	fields := userFields(a)
	for _, name := range additional {
		if v, there := fields[name]; there {
			item[name] = v
		}
	}
	return item
}

// listUsers answers SYNO.Core.User list.
func (n *NAS) listUsers(c *call) (any, *failure) {
	users, f := n.ofType(c)
	if f != nil {
		return nil, f
	}
	additional, ok := c.params.list("additional")
	if !ok {
		return nil, fail(codeWrongType)
	}
	if direction, _ := c.params.text("sort_direction"); direction == "DESC" {
		slices.Reverse(users)
	}
	page, offset, f := cut(n, c, users)
	if f != nil {
		return nil, f
	}
	items := make([]map[string]any, len(page))
	for i, a := range page {
		items[i] = userItem(a, additional)
	}
	return map[string]any{"offset": offset, "total": len(users) + n.o.ExtraTotal, "users": items}, nil
}

// ofType returns the accounts of the type that is asked for. Recorded from DSMCTL: none without a domain.
func (n *NAS) ofType(c *call) ([]Account, *failure) {
	kind, ok := c.params.text("type")
	set(&kind, "local")
	if !ok || !known(kind) {
		return nil, fail(codeBadParameter)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	users := n.sorted(func(a Account) bool { return a.Type == kind })
	if len(users) == 0 && kind != "local" && n.o.NotJoinedCode != 0 {
		return nil, fail(n.o.NotJoinedCode)
	}
	return users, nil
}

// cut returns the part of a list between offset and limit. Recorded from N4S4: a limit of -1 means everything.
func cut[T any](n *NAS, c *call, all []T) (page []T, offset int, f *failure) {
	offset, okOffset := c.params.number("offset", 0)
	limit, okLimit := c.params.number("limit", -1)
	if !okOffset || !okLimit || offset < 0 || limit < -1 {
		return nil, 0, fail(codeBadParameter)
	}
	if limit == -1 {
		limit = len(all)
	}
	if n.o.PageCap > 0 {
		limit = min(limit, n.o.PageCap)
	}
	first := min(offset, len(all))
	return all[first:min(first+min(limit, len(all)), len(all))], offset, nil
}

// getUsers answers SYNO.Core.User get, for a name or an array of names. Recorded from N4S4: with uid, and with api, method
// and version beside the data.
func (n *NAS) getUsers(c *call) (any, *failure) {
	names, f := c.names(codeBadParameter)
	if f != nil {
		return nil, f
	}
	additional, ok := c.params.list("additional")
	if !ok {
		return nil, fail(codeWrongType)
	}
	items := []map[string]any{}
	for _, name := range names {
		a := n.account(name)
		if a == nil {
			return nil, fail(codeNoUser)
		}
		items = append(items, userItem(*a, append([]string{"uid"}, additional...)))
	}
	return map[string]any{"users": items}, nil
}

// names returns the parameter name, which may be one name or an array.
func (c *call) names(missing int) ([]string, *failure) {
	var list []string
	if json.Unmarshal([]byte(c.params.values["name"]), &list) == nil && len(list) > 0 {
		return list, nil
	}
	name, ok := c.params.text("name")
	if !ok || name == "" {
		return nil, fail(missing)
	}
	return []string{name}, nil
}

// getUserGroups answers SYNO.Core.User.Group get: names only. Recorded from CCSYNC, and 3103 without a name from MIKE.
func (n *NAS) getUserGroups(c *call) (any, *failure) {
	name, ok := c.params.text("name")
	if !ok || name == "" {
		return nil, fail(codeBadParameter)
	}
	a := n.account(name)
	if a == nil {
		return nil, fail(codeNoUser)
	}
	return map[string]any{"groups": append([]string{}, a.Groups...)}, nil
}

// getSelf answers SYNO.Core.NormalUser get: the caller's own record, for everybody. Recorded from PROBE.
func (n *NAS) getSelf(c *call) (any, *failure) {
	a := n.account(c.session.account)
	if a == nil {
		return nil, fail(codeNoSession)
	}
	return map[string]any{
		"username": a.Name, "fullname": a.Description, "email": a.Email, "editable": true, "disallowchpasswd": false,
		"password_last_change": 20000, "OTP_enable": a.TwoFactor, "OTP_enforced": false,
	}, nil
}
