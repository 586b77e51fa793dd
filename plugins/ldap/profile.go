package ldap

import goldap "github.com/go-ldap/ldap/v3"

// profile is what a kind of server has in common.
type profile struct {
	userFilter, name, displayName, id string
	groupFilter, groupName            string
	match                             []Match
	nested                            int
	primaryGroup                      bool
	disabled                          []string // attributes that tell whether an account is switched off
	mustHave                          string   // one of them that every account has
}

// profiles are the kinds of servers by the name that a configuration gives them.
func profiles() map[string]profile {
	posix := []Match{{Group: "memberUid", User: "uid"}, {Group: "gidNumber", User: "gidNumber"}}
	byDN := Match{Group: "member", User: "dn"}
	return map[string]profile{
		"openldap": {
			userFilter: "(objectClass=inetOrgPerson)", name: "uid", displayName: "displayName", id: "entryUUID",
			groupFilter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))", groupName: "cn",
			match:    append([]Match{byDN, {Group: "uniqueMember", User: "dn"}}, posix...),
			disabled: []string{pwdAccountLockedTime, pwdEndTime, shadowExpire, nsAccountLock, krbPrincipalExpiration},
		},
		"activeDirectory": {
			userFilter: "(&(objectClass=user)(!(objectClass=computer)))", name: "sAMAccountName", displayName: "displayName", id: "objectGUID",
			groupFilter: "(objectClass=group)", groupName: "sAMAccountName",
			match: []Match{byDN}, nested: deepest, primaryGroup: true,
			disabled: []string{userAccountControl, accountExpires}, mustHave: userAccountControl,
		},
		"synology": {
			userFilter: "(objectClass=posixAccount)", name: "uid", displayName: "gecos", id: "entryUUID",
			groupFilter: "(objectClass=posixGroup)", groupName: "cn",
			match: append([]Match{byDN}, posix...), nested: deepest,
			disabled: []string{shadowExpire},
		},
	}
}

// scope reads how far below its base a search goes.
func scope(check *checker, path, given string) int {
	switch given {
	case "", "sub":
		return goldap.ScopeWholeSubtree
	case "one":
		return goldap.ScopeSingleLevel
	}
	check.wrong(path, "an unknown scope", "known: sub, one")
	return goldap.ScopeWholeSubtree
}
