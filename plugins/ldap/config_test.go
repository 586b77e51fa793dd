package ldap

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// write makes a file in a folder of the test and returns its path.
func write(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever the mask
		t.Fatal(err)
	}
	return file
}

func TestConfigurationsAreChecked(t *testing.T) {
	password := write(t, "secret\n", 0o600)
	missing := filepath.Join(t.TempDir(), "none")
	open := write(t, "secret", 0o604)
	const search = `"userSearch": {"baseDN": "ou=people,dc=example,dc=org"}`
	login := `"bindDN": "cn=claimsmith", "passwordFile": "` + password + `"`
	good := `"profile": "openldap", "url": "ldaps://ldap.example.org", ` + search + `, ` + login
	url := func(url, more string) string {
		return `{"profile": "openldap", "url": "` + url + `", ` + search + `, ` + login + more + `}`
	}
	signIn := func(how string) string {
		return `{"profile": "openldap", "url": "ldaps://ldap.example.org", ` + search + how + `}`
	}
	tests := []struct {
		name, config string
		want         sdk.Problems
	}{
		{"the least", `{` + good + `}`, nil},
		{"everything", `{` + good + `, "groupSearch": {"baseDN": "ou=groups,dc=example,dc=org", "filter": "(cn=*)", "scope": "one", "nameAttribute": "cn",
			"match": [{"group": "member", "user": "DN"}], "nested": 10}, "disabledAttributes": ["nsaccountlock"], "disabledFilter": "(!(a=b))",
			"texts": [{"name": "a", "attribute": "b"}], "timeout": "1s", "serverName": "ldap"}`, nil},
		{"nothing", `{}`, sdk.Problems{{Message: "profile is missing"}, {Message: "userSearch is missing"}}},
		{"all problems come at once", `{"profile": "novell", "url": "ldap://ldap", "bindDN": "cn=x", "passwordFile": "` + missing + `",
			"userSearch": {"baseDN": "people", "filter": "(a=b", "scope": "base", "emailAttribute": "mail;x-1", "nameAttribute": "1.2.3"},
			"groupSearch": {"baseDN": "", "match": [{"group": "", "user": "a=b"}], "nested": 11},
			"disabledAttributes": ["uid"], "disabledFilter": "a", "texts": [{"name": "a", "attribute": "*"}, {"name": "a", "attribute": "b"}], "timeout": "1h"}`,
			sdk.Problems{
				{Path: "profile", Message: "an unknown profile", Hint: "known: openldap, activeDirectory, synology"},
				{Path: "url", Message: "ldap:// would send the password readable", Hint: "use ldaps://, or startTLS: true, or write allowPlain: true"},
				{Path: "passwordFile", Message: "no such file or directory", Hint: "write the secret into " + missing},
				{Path: "userSearch.baseDN", Message: "not a DN", Hint: "write it like ou=people,dc=example,dc=org"},
				{Path: "userSearch.filter", Message: "not a filter", Hint: "write it like (objectClass=person), with parentheses around it"},
				{Path: "userSearch.scope", Message: "an unknown scope", Hint: "known: sub, one"},
				{Path: "userSearch.emailAttribute", Message: "not the name of an attribute", Hint: "letters, digits and -, beginning with a letter"},
				{Path: "userSearch.nameAttribute", Message: "not the name of an attribute", Hint: "letters, digits and -, beginning with a letter"},
				{Path: "timeout", Message: "must be between 100ms and 1m0s"},
				{Path: "groupSearch.baseDN", Message: "the DN is empty", Hint: "write it like ou=people,dc=example,dc=org"},
				{Path: "groupSearch.match[0].group", Message: "not the name of an attribute", Hint: "letters, digits and -, beginning with a letter"},
				{Path: "groupSearch.match[0].user", Message: "not the name of an attribute", Hint: "letters, digits and -, beginning with a letter"},
				{Path: "groupSearch.nested", Message: "must be between 0 and 10"},
				{Path: "disabledAttributes[0]", Message: "an attribute that the plugin cannot read",
					Hint: "known: userAccountControl, accountExpires, pwdAccountLockedTime, pwdEndTime, shadowExpire, nsAccountLock, krbPrincipalExpiration; for others there is disabledFilter"},
				{Path: "disabledFilter", Message: "not a filter", Hint: "write it like (objectClass=person), with parentheses around it"},
				{Path: "texts[0].attribute", Message: "not the name of an attribute", Hint: "letters, digits and -, beginning with a letter"},
				{Path: "texts[1].name", Message: "given before"},
			}},
		{"groups within groups without DNs", `{` + good + `, "groupSearch": {"baseDN": "dc=org", "match": [{"group": "memberUid", "user": "uid"}], "nested": 1}}`,
			sdk.Problems{{Path: "groupSearch.nested", Message: "groups are found within groups only by their DN", Hint: "give match a pair with user: dn, or nested: 0"}}},
		{"a text without a name", `{` + good + `, "texts": [{"name": "", "attribute": "a"}]}`,
			sdk.Problems{{Path: "texts[0].name", Message: "must have between 1 and 64 characters"}}},

		{"another address", url("https://ldap", ""), sdk.Problems{{Path: "url", Message: "not the address of an LDAP server", Hint: "write it like ldaps://ldap.example.org"}}},
		{"an address with an account", url("ldaps://me:hidden@ldap", ""),
			sdk.Problems{{Path: "url", Message: "an account in the address is not used; there is bindDN for it", Hint: "write it like ldaps://ldap.example.org"}}},
		{"an address with a search", url("ldaps://ldap/dc=org?mail", ""),
			sdk.Problems{{Path: "url", Message: "only a host and a port can be given", Hint: "write it like ldaps://ldap.example.org"}}},
		{"several servers", url("", `, "urls": ["ldaps://a", "ldaps://b:1636"]`), nil},
		{"one and several", url("ldaps://a", `, "urls": ["ldaps://b"]`), sdk.Problems{{Path: "urls", Message: "given as well as url", Hint: "keep one of them"}}},
		{"no server", url("", ""), sdk.Problems{{Path: "url", Message: "nothing says where the server is", Hint: "give url, or urls where the directory has several servers"}}},
		{"servers with and without encryption", url("", `, "urls": ["ldaps://a", "ldap://b", "c"]`), sdk.Problems{
			{Path: "urls[1]", Message: "ldaps:// and ldap:// are mixed", Hint: "write the same for all servers"},
			{Path: "urls[2]", Message: "not the address of an LDAP server", Hint: "write it like ldaps://ldap.example.org"},
		}},
		{"a domain", url("ldap+srv://example.org", `, "startTLS": true`), nil},
		{"a domain with TLS from the start", url("ldaps+srv://example.org/", ``), nil},
		{"a domain without encryption", url("ldap+srv://example.org", `, "allowPlain": true`), sdk.Problems{
			{Path: "url", Message: "without encryption the password would go to whoever answers for DNS", Hint: "use startTLS: true, or ldaps+srv://"}}},
		{"a domain with a port", url("ldaps+srv://example.org:636", ``), sdk.Problems{
			{Path: "url", Message: "+srv takes a domain like example.org, without a port", Hint: "write it like ldaps://ldap.example.org"}}},
		{"a domain of one label", url("ldaps+srv://org", ``), sdk.Problems{
			{Path: "url", Message: "+srv takes a domain like example.org, without a port", Hint: "write it like ldaps://ldap.example.org"}}},
		{"a domain that is an address", url("ldaps+srv://192.0.2.1", ``), sdk.Problems{
			{Path: "url", Message: "+srv takes a domain like example.org, without a port", Hint: "write it like ldaps://ldap.example.org"}}},
		{"a domain beside others", url("", `, "urls": ["ldaps://a", "ldaps+srv://example.org"]`), sdk.Problems{
			{Path: "urls[1]", Message: "DNS gives all servers of a domain", Hint: "write it in url alone"}}},
		{"too many servers", url("", `, "urls": ["ldaps://a`+strings.Repeat(`", "ldaps://a`, maxServers)+`"]`), sdk.Problems{{Path: "urls", Message: "more than 8"}}},
		{"an address with port 0", url("ldaps://ldap:0", ""),
			sdk.Problems{{Path: "url", Message: "the port is not a number from 1 to 65535", Hint: "write it like ldaps://ldap.example.org"}}},
		{"plain as it is written", url("ldap://ldap:389/", `, "allowPlain": true`), nil},
		{"TLS twice", url("ldaps://ldap", `, "startTLS": true`),
			sdk.Problems{{Path: "startTLS", Message: "ldaps:// is encrypted from the start", Hint: "leave startTLS out, or write ldap:// in url"}}},
		{"certificates without TLS", url("ldap://ldap", `, "allowPlain": true, "caFile": "/a", "serverName": "b", "clientCertFile": "/c"`), sdk.Problems{
			{Path: "caFile", Message: "there is no certificate without TLS", Hint: "write ldaps:// in url, or startTLS: true"},
			{Path: "serverName", Message: "there is no certificate without TLS", Hint: "write ldaps:// in url, or startTLS: true"},
			{Path: "clientCertFile", Message: "there is no certificate without TLS", Hint: "write ldaps:// in url, or startTLS: true"},
		}},
		{"no authority", url("ldaps://ldap", `, "caFile": "`+password+`"`), sdk.Problems{{Path: "caFile", Message: "no certificate in PEM form in it"}}},
		{"an authority in another folder", url("ldaps://ldap", `, "caFile": "ca.pem"`),
			sdk.Problems{{Path: "caFile", Message: "not an absolute path, and a plugin works in a folder of its own"}}},
		{"a key that everybody can read", url("ldaps://ldap", `, "clientCertFile": "`+password+`", "clientKeyFile": "`+open+`"`),
			sdk.Problems{{Path: "clientKeyFile", Message: "every user of this machine can read or change the file", Hint: "chmod 0640 " + open}}},
		{"no certificate", url("ldaps://ldap", `, "clientCertFile": "`+password+`", "clientKeyFile": "`+password+`"`),
			sdk.Problems{{Path: "clientKeyFile", Message: "not a certificate in PEM form and its key"}}},
		{"a certificate without a key", url("ldaps://ldap", `, "clientCertFile": "`+password+`"`),
			sdk.Problems{{Path: "clientKeyFile", Message: "the name of the file is empty"}}},
		{"a key without a certificate", url("ldaps://ldap", `, "clientKeyFile": "`+password+`"`),
			sdk.Problems{{Path: "clientCertFile", Message: "missing beside clientKeyFile"}}},

		{"nobody", signIn(``), sdk.Problems{{Path: "bindDN", Message: "nothing says as whom the plugin signs in",
			Hint: "give bindDN and passwordFile, or clientCertFile, or write anonymous: true"}}},
		{"a stranger, as it is written", signIn(`, "anonymous": true`), nil},
		{"a stranger with a name", signIn(`, "anonymous": true, ` + login),
			sdk.Problems{{Path: "anonymous", Message: "given as well as bindDN or passwordFile", Hint: "keep one way to sign in"}}},
		{"a name without a password", signIn(`, "bindDN": "cn=a"`), sdk.Problems{{Path: "passwordFile", Message: "the name of the file is empty"}}},
		{"a password without a name", signIn(`, "passwordFile": "` + password + `"`),
			sdk.Problems{{Path: "bindDN", Message: "missing beside passwordFile", Hint: "name the account that the password belongs to"}}},
		{"a password that everybody can read", signIn(`, "bindDN": "cn=a", "passwordFile": "` + open + `"`),
			sdk.Problems{{Path: "passwordFile", Message: "every user of this machine can read or change the file", Hint: "chmod 0640 " + open}}},
		{"an empty password", signIn(`, "bindDN": "cn=a", "passwordFile": "` + write(t, "\n", 0o600) + `"`),
			sdk.Problems{{Path: "passwordFile", Message: "the file is empty"}}},
		{"two lines", signIn(`, "bindDN": "cn=a", "passwordFile": "` + write(t, "a\nb\n", 0o600) + `"`),
			sdk.Problems{{Path: "passwordFile", Message: "the file holds more than one line"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sdktest.Check(t, Plugin(), json.RawMessage(tt.config)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("problems\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestProblemsDoNotRepeatSecrets(t *testing.T) {
	_, err := Config{
		Profile: "openldap", URL: "ldaps://me:hidden@ldap", BindDN: "cn=a", PasswordFile: write(t, "a made-up\nsecret\n", 0o600),
		UserSearch: UserSearch{BaseDN: "dc=org"},
	}.settle()
	if err == nil || strings.Contains(err.Error(), "made-up") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("problems: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	s, err := Config{
		Profile: "synology", URL: "ldaps://[2001:db8::1]", BindDN: "cn=a", PasswordFile: write(t, "secret", 0o600),
		UserSearch: UserSearch{BaseDN: "cn=users,dc=org"}, GroupSearch: &GroupSearch{BaseDN: "cn=groups,dc=org"},
	}.settle()
	if err != nil {
		t.Fatal(err)
	}
	if s.dial.servers[0].tls.ServerName != "2001:db8::1" {
		t.Errorf("name of the server %q", s.dial.servers[0].tls.ServerName)
	}
	if password, err := s.dial.password.Value(); err != nil || password != "secret" {
		t.Errorf("password %q, %v", password, err)
	}
	s.dial.servers[0].tls, s.dial.password = nil, nil
	want := settings{
		dial: dialOptions{servers: []server{{name: "url", address: "[2001:db8::1]:636"}}, bindDN: "cn=a", timeout: 5 * time.Second},
		users: userSettings{
			base: "cn=users,dc=org", filter: "(objectClass=posixAccount)", scope: goldap.ScopeWholeSubtree,
			email: "mail", name: "uid", displayName: "gecos", uid: "uidNumber", id: "entryUUID",
			attributes: []string{"entryUUID", "gecos", "gidNumber", "mail", "shadowExpire", "uid", "uidNumber"},
		},
		groups: &groupSettings{
			base: "cn=groups,dc=org", filter: "(objectClass=posixGroup)", scope: goldap.ScopeWholeSubtree, name: "cn", nested: 10,
			match: []Match{{"member", "dn"}, {"memberUid", "uid"}, {"gidNumber", "gidNumber"}},
		},
		off: standing{attributes: []string{"shadowExpire"}},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("settings\n got %+v\nwant %+v", s, want)
	}
}
