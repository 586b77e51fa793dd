package dsmtest

import (
	"maps"
	"slices"
	"strings"
)

const entry = "entry.cgi"

// dsm72 is the Web API of DSM 7.2 as far as it is emulated. Paths, versions and methods are recorded from HA and MIKE
// (Info maps and method lists of DSM 7.0 to 7.2.2); who may call what is recorded from KWENT.
func (n *NAS) dsm72() map[string]api {
	return map[string]api{
		"SYNO.API.Info": {path: entry, min: 1, max: 1, json: true, methods: []method{
			{name: "query", run: n.queryInfo},
		}},
		// No JSON parameters here. A login with version 1 or 2 works on DSM 6 only.
		"SYNO.API.Auth": {path: entry, min: 1, max: 7, methods: []method{
			{name: "login", min: 3, max: 7, run: n.login},
			{name: "Login", min: 6, max: 6, run: n.login},
			{name: "logout", run: n.logout},
			{name: "Logout", min: 6, max: 6, run: n.logout},
			{name: "synotoken", min: 5, max: 6},
			{name: "session", min: 5, max: 6},
			{name: "oidc", min: 6, max: 6},
			{name: "token", min: 6, max: 6},
			{name: "reset", min: 6, max: 7},
			{name: "suspend", min: 7, max: 7},
			{name: "resume", min: 7, max: 7},
		}},
		"SYNO.API.Auth.Type": {path: entry, min: 1, max: 1, json: true, methods: []method{
			{name: "get", run: func(*call) (any, *failure) { return []map[string]string{{"type": "passwd"}}, nil }},
		}},
		"SYNO.API.Auth.UIConfig": {path: entry, min: 1, max: 1, json: true, methods: []method{{name: "get"}}},
		"SYNO.API.Encryption":    {path: entry, min: 1, max: 1, json: true, methods: []method{{name: "getinfo"}}},
		"SYNO.Core.User": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "list", right: rightAdmin, run: n.listUsers},
			{name: "get", right: rightAdmin, run: n.getUsers, echo: true},
		}, unemulated("set", "delete", "create", "invite", "import", "import_status", "import_stop", "parse_user_list")...)},
		// get is there from 7.2 on.
		"SYNO.Core.User.Group": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "get", right: rightAdmin, run: n.getUserGroups},
		}, unemulated("join", "join_stop", "join_list", "join_status")...)},
		"SYNO.Core.Group": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "list", right: rightAdmin, run: n.listGroups},
			{name: "get", right: rightAdmin, run: n.getGroups},
		}, unemulated("set", "delete", "create", "admin_check")...)},
		"SYNO.Core.Group.Member": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "list", right: rightAdmin, run: n.listMembers},
		}, unemulated("add", "remove", "change", "admin_check")...)},
		"SYNO.Core.Group.ValidLocalAdmin": {path: entry, min: 1, max: 1, json: true, methods: []method{
			{name: "list", right: rightAdmin, run: n.listAdmins},
		}},
		"SYNO.Core.NormalUser": {path: entry, min: 1, max: 2, json: true, methods: []method{
			{name: "get", min: 1, max: 1, right: rightUser, run: n.getSelf},
			{name: "set", min: 2, max: 2, right: rightUser},
		}},
		"SYNO.Core.Directory.OIDC.SSO": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "get", right: rightAdmin, run: n.getSSO},
		}, unemulated("set")...)},
		"SYNO.Core.Directory.SSO.Setting": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "get", right: rightAdmin, run: func(*call) (any, *failure) { return map[string]any{"sso_default_login": false}, nil }},
		}, unemulated("set")...)},
		"SYNO.Core.Directory.SSO.Profile": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "get", right: rightAdmin, run: func(*call) (any, *failure) {
				return map[string]any{"sso_enable": n.ssoConfig() != nil, "sso_profile": "oidc"}, nil
			}},
		}, unemulated("set", "list")...)},
		"SYNO.Core.Security.AutoBlock": {path: entry, min: 1, max: 1, json: true, methods: append([]method{
			{name: "get", right: rightAdmin, run: n.getAutoBlock},
		}, unemulated("set")...)},
		"SYNO.Entry.Request": {path: entry, min: 1, max: 2, json: true, methods: []method{
			{name: "request", run: n.runCompound},
		}},
	}
}

// getSSO answers SYNO.Core.Directory.OIDC.SSO get, the secret included. Recorded from MIKE and E4E.
func (n *NAS) getSSO(*call) (any, *failure) {
	c := n.ssoConfig()
	if c == nil {
		c = &SSOConfig{}
	}
	return map[string]any{
		"oidc_allow_local_user": c.AllowLocal, "oidc_name": c.Name, "oidc_wellknown": c.WellKnown, "oidc_client_id": c.ClientID,
		"oidc_client_secret": c.ClientSecret, "oidc_redirect_uri": c.RedirectURI, "oidc_scope": c.Scope, "oidc_user_claim": c.UsernameClaim,
	}, nil
}

// getAutoBlock answers SYNO.Core.Security.AutoBlock get. Recorded from MIKE: an expire_day of 0 is never.
func (n *NAS) getAutoBlock(*call) (any, *failure) {
	b := n.o.AutoBlock
	return map[string]any{
		"enable": !b.Off, "attempts": b.Attempts, "within_mins": int(b.Within.Minutes()), "expire_day": int(b.Expire.Hours() / 24),
	}, nil
}

// unemulated are methods that DSM has for administrators and that answer 100 here.
func unemulated(names ...string) []method {
	var methods []method
	for _, name := range names {
		methods = append(methods, method{name: name, right: rightAdmin})
	}
	return methods
}

// infoEntry is one entry of the reply of SYNO.API.Info. Recorded from HA: no requestFormat for SYNO.API.Auth.
type infoEntry struct {
	MaxVersion    int    `json:"maxVersion"`
	MinVersion    int    `json:"minVersion"`
	Path          string `json:"path"`
	RequestFormat string `json:"requestFormat,omitempty"`
}

// queryInfo answers SYNO.API.Info. Names that DSM does not know are left out. Without a query, as the client of HA asks, it answers with
// everything.
func (n *NAS) queryInfo(c *call) (any, *failure) {
	query, _ := c.params.text("query")
	names := slices.Collect(maps.Keys(n.apis))
	if query != "" && query != "all" && query != "ALL" {
		names = strings.Split(query, ",")
	}
	info := map[string]infoEntry{}
	for _, name := range names {
		if a, there := n.apis[name]; there {
			e := infoEntry{MaxVersion: a.max, MinVersion: a.min, Path: a.path}
			if a.json {
				e.RequestFormat = "JSON"
			}
			info[name] = e
		}
	}
	return info, nil
}
