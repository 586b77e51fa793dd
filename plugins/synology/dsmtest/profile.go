package dsmtest

import "slices"

// profile is in what one release of DSM differs from 7.2. Recorded from HA and MIKE, whose Info maps and method lists cover 6.2 to
// 7.2.2. 7.3 and 7.4 are taken to be like 7.2: what is recorded of them (DSMCTL, PROBE) says nothing else.
type profile struct {
	name         string
	old          bool // DSM 6: CGIs of their own, logins from version 1 to 6, bare errors
	groupsOfUser bool // SYNO.Core.User.Group get
	oidc         bool // SYNO.Core.Directory.OIDC.SSO, the SSO client
	localSSO     bool // local accounts can use it
}

func profiles() map[string]profile {
	return map[string]profile{
		"6.2": {name: "6.2", old: true},
		"7.0": {name: "7.0"},
		"7.1": {name: "7.1", oidc: true},
		"7.2": {name: "7.2", oidc: true, localSSO: true, groupsOfUser: true},
		"7.3": {name: "7.3", oidc: true, localSSO: true, groupsOfUser: true},
		"7.4": {name: "7.4", oidc: true, localSSO: true, groupsOfUser: true},
	}
}

// trim takes from the API of 7.2 what the release does not have.
func (p profile) trim(apis map[string]api) map[string]api {
	if !p.groupsOfUser {
		a := apis["SYNO.Core.User.Group"]
		a.methods = slices.DeleteFunc(a.methods, func(m method) bool { return m.name == "get" })
		apis["SYNO.Core.User.Group"] = a
	}
	if !p.oidc {
		delete(apis, "SYNO.Core.Directory.OIDC.SSO")
	}
	if !p.localSSO {
		delete(apis, "SYNO.Core.Directory.SSO.Setting")
		delete(apis, "SYNO.Core.Directory.SSO.Profile")
	}
	if p.old {
		p.trimOld(apis)
	}
	return apis
}

// trimOld makes it DSM 6. Recorded from HA and MIKE: all versions of a login work, and only at auth.cgi.
func (p profile) trimOld(apis map[string]api) {
	for _, name := range []string{"SYNO.API.Auth.Type", "SYNO.API.Auth.UIConfig", "SYNO.Core.Group.ValidLocalAdmin"} {
		delete(apis, name)
	}
	for name, cgi := range oldCGIs() {
		a := apis[name]
		a.path, a.json = cgi, false
		apis[name] = a
	}
	a := apis["SYNO.API.Auth"]
	a.max = 6
	a.methods = slices.Clone(a.methods)
	for i := range a.methods {
		if a.methods[i].name == "login" {
			a.methods[i].min, a.methods[i].max = 1, 6
		}
	}
	apis["SYNO.API.Auth"] = a
}

// oldCGIs are the programs of their own that some APIs had before DSM 7, which keeps them beside entry.cgi: recorded from N4S4
// and CSI, which use them.
func oldCGIs() map[string]string {
	return map[string]string{"SYNO.API.Info": "query.cgi", "SYNO.API.Auth": "auth.cgi", "SYNO.API.Encryption": "encryption.cgi"}
}
