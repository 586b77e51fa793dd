package ldap

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// result is all that a lookup gives.
type result struct {
	found   bool
	problem string
	facts   Facts
	err     string
}

// ask asks a plugin over gRPC.
func ask(t *testing.T, c Config, p Params) result {
	t.Helper()
	var r result
	var err error
	r.found, r.problem, err = sdktest.Start(t, Plugin(), c).Lookup(t.Context(), p, &r.facts)
	if err != nil {
		r.err = status.Convert(err).Message()
	}
	return r
}

// person makes the facts of an account of the directory org.
func person(name, id string, change func(*Facts)) Facts {
	f := Facts{
		Name: name, DN: "uid=" + name + ",ou=people,dc=example,dc=org", ID: strings.ReplaceAll("xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx", "x", id),
	}
	if change != nil {
		change(&f)
	}
	return f
}

func TestAgainstASlapd(t *testing.T) {
	s := startSlapd(t)
	ada := person("ada", "1", func(f *Facts) {
		f.DisplayName, f.UID, f.Groups = "Ada Lovelace", 1001, []string{"admins", "choir", "everybody", "users"}
	})
	depth := func(n int) func(*Config) { return func(c *Config) { c.GroupSearch.Nested = &n } }
	adaIn := func(groups ...string) Facts {
		f := ada
		f.Groups = groups
		return f
	}
	byDisplayName := func(c *Config) { c.UserSearch.EmailAttribute, c.UserSearch.DisplayNameAttribute = "displayName", "cn" }
	many := func(c *Config) { c.GroupSearch.BaseDN = "ou=many,dc=example,dc=org" }
	var thousand []string
	for i := range 2*groupPage + 1 {
		thousand = append(thousand, fmt.Sprintf("g%04d", i))
	}
	tests := []struct {
		name   string
		config func(*Config)
		params Params
		want   result
	}{
		{"an account by its address", nil, Params{Email: "ada@example.org"}, result{found: true, facts: ada}},
		{"an account by another of its addresses, in another case", nil, Params{Email: "COUNTESS@eXample.org"}, result{found: true, facts: ada}},
		{"an account by its name", nil, Params{Name: "ada"}, result{found: true, facts: ada}},
		{"a name in another case is another name, though the server says it is not", nil, Params{Name: "Ada"}, result{problem: none}},
		{"nobody", nil, Params{Email: "nobody@example.org"}, result{problem: none}},
		{"a pattern finds nobody", nil, Params{Email: "*@example.org"}, result{problem: none}},
		{"a pattern of names finds nobody", nil, Params{Name: "*"}, result{problem: none}},
		{"what would end the filter finds nobody", nil, Params{Name: "ada)(uid=*"}, result{problem: none}},
		{"what would end the filter, in an address", nil, Params{Email: "x@y)(|(mail=*"}, result{problem: none}},
		{"a zero byte finds nobody", nil, Params{Name: "ada\x00"}, result{problem: none}},
		{"no address", nil, Params{Email: "ada"}, result{problem: none}},
		{"a value too long for a question", nil, Params{Name: strings.Repeat("a", maxValue+1)}, result{problem: none}},
		{"nothing asked", nil, Params{}, result{problem: noEmail}},
		{"an address and a name", nil, Params{Email: "ada@example.org", Name: "ada"},
			result{err: "asked for an address and a name at once: give one of email and name"}},
		{"every character that filters and DNs have a use for", nil, Params{Email: `j(d*o\e)@example.org`}, result{found: true, facts: Facts{
			Name: `j(d*o\e)`, DN: `cn=Doe\2C Jane (Ops*),ou=people,dc=example,dc=org`, ID: "22222222-2222-4222-8222-222222222222",
			Groups: []string{"ops", "users"},
		}}},
		{"two accounts, though one is switched off", nil, Params{Email: "twins@example.org"}, result{problem: ambiguous}},
		{"more accounts than the plugin reads", nil, Params{Email: "crowd@example.org"}, result{problem: ambiguous}},
		{"a blank at the end is another address, though the server says it is not", nil, Params{Email: "kim@example.org"},
			result{found: true, facts: person("kim", "3", nil)}},
		{"the server folds all of Unicode", byDisplayName, Params{Email: "sam@example.org"},
			result{found: true, facts: person("sam", "4", func(f *Facts) { f.DisplayName = "Sam" })}},
		{"which gives nobody the address of another", byDisplayName, Params{Email: "ſam@example.org"}, result{problem: none}},
		{"so many look alike that nobody knows", byDisplayName, Params{Email: "sssss@example.org"},
			result{err: "search for the account: the server has more entries than the plugin reads at once"}},
		{"an international domain counts as it is written, but for A-Z", byDisplayName, Params{Email: "mum@MÜNCHEN.example"}, result{problem: none}},
		{"an international domain", byDisplayName, Params{Email: "mum@münchen.EXAMPLE"},
			result{found: true, facts: person("mum", "5", func(f *Facts) { f.DisplayName = "Mum" })}},
		{"an international domain in Punycode", byDisplayName, Params{Email: "mum@xn--mnchen-3ya.example"},
			result{found: true, facts: person("mum", "5", func(f *Facts) { f.DisplayName = "Mum" })}},

		{"locked by the password policy", nil, Params{Email: "locked@example.org"}, result{problem: disabled, facts: person("locked", "6", nil)}},
		{"unless that does not count", func(c *Config) { c.DisabledAttributes = []string{"SHADOWEXPIRE"} }, Params{Email: "locked@example.org"},
			result{found: true, facts: person("locked", "6", nil)}},
		{"switched off", nil, Params{Email: "off@example.org"}, result{problem: disabled, facts: person("off", "7", nil)}},
		{"what the plugin's account may not see does not count", func(c *Config) { c.BindDN = "cn=blind,ou=services,dc=example,dc=org" },
			Params{Email: "off@example.org"}, result{found: true, facts: person("off", "7", nil)}},
		{"expired", nil, Params{Email: "tenant@example.org"},
			result{problem: expired, facts: person("tenant", "8", func(f *Facts) { f.Expires = "2019-04-14T00:00:00Z" })}},
		{"will expire", nil, Params{Email: "lodger@example.org"},
			result{found: true, facts: person("lodger", "9", func(f *Facts) { f.Expires = "7445-10-25T00:00:00Z" })}},
		{"not switched off, but for the filter", nil, Params{Email: "shell@example.org"},
			result{found: true, facts: person("shell", "a", func(f *Facts) { f.UID = 1002 })}},
		{"switched off by the filter", func(c *Config) { c.DisabledFilter = "(loginShell=/bin/false)" }, Params{Email: "shell@example.org"},
			result{problem: disabled, facts: person("shell", "a", func(f *Facts) { f.UID = 1002 })}},
		{"others are not", func(c *Config) { c.DisabledFilter = "(loginShell=/bin/false)" }, Params{Name: "ada"}, result{found: true, facts: ada}},

		{"no name", nil, Params{Email: "nameless@example.org"}, result{err: "uid of the account has not one name"}},
		{"two names, one of them in the DN", nil, Params{Name: "second"}, result{found: true, facts: person("first", "b", nil)}},
		{"two names", nil, Params{Email: "both@example.org"}, result{err: "uid of the account has not one name"}},

		{"groups of groups", depth(1), Params{Name: "ada"},
			result{found: true, facts: adaIn("admins", "choir", "everybody", "leaders", "users")}},
		{"groups of groups in a ring", depth(10), Params{Name: "ada"},
			result{found: true, facts: adaIn("admins", "board", "choir", "everybody", "leaders", "users")}},
		{"one way to be a member", func(c *Config) { c.GroupSearch.Match = []Match{{Group: "memberUid", User: "uid"}} }, Params{Name: "ada"},
			result{found: true, facts: adaIn("users")}},
		{"some groups only", func(c *Config) { c.GroupSearch.Filter = "(cn=*min*)" }, Params{Name: "ada"},
			result{found: true, facts: adaIn("admins")}},
		{"no groups", func(c *Config) { c.GroupSearch = nil }, Params{Name: "ada"}, result{found: true, facts: adaIn()}},
		{"groups on several pages", many, Params{Name: "joiner"},
			result{found: true, facts: person("joiner", "c", func(f *Facts) { f.Groups = thousand })}},
		{"more groups than can be read", many, Params{Name: "hoarder"},
			result{err: "search for the groups of the account: the server has more entries than the plugin reads at once"}},
		{"groups on pages as small as the server wants", func(c *Config) { many(c); c.BindDN = "cn=paged,ou=services,dc=example,dc=org" },
			Params{Name: "joiner"}, result{found: true, facts: person("joiner", "c", func(f *Facts) { f.Groups = thousand })}},
		{"more groups than the server shows", func(c *Config) { many(c); c.BindDN = "cn=blind,ou=services,dc=example,dc=org" }, Params{Name: "joiner"},
			result{err: "search for the groups of the account: there are more entries than the server shows the plugin's account: raise the limit for it (code 4)"}},
		{"groups that are not there", func(c *Config) { c.GroupSearch.BaseDN = "ou=none,dc=example,dc=org" }, Params{Name: "ada"},
			result{err: "search for the groups of the account: there is no entry baseDN, or the account of the plugin may not see it (code 32)"}},

		{"texts", func(c *Config) {
			c.GroupSearch = nil
			c.Texts = []TextSource{{"department", "departmentnumber"}, {"surname", "sn"}, {"title", "title"}}
		}, Params{Name: "ada"}, result{found: true, facts: func() Facts {
			f := adaIn()
			f.Texts = []Text{{"department", "7"}, {"department", "12"}, {"surname", "Lovelace"}}
			return f
		}()}},
		{"one level only", func(c *Config) { c.UserSearch.BaseDN, c.UserSearch.Scope = "dc=example,dc=org", "one" }, Params{Name: "ada"},
			result{problem: none}},
		{"all levels", func(c *Config) { c.UserSearch.BaseDN = "dc=example,dc=org" }, Params{Name: "ada"}, result{found: true, facts: ada}},
		{"accounts that are not there", func(c *Config) { c.UserSearch.BaseDN = "ou=none,dc=example,dc=org" }, Params{Name: "ada"},
			result{err: "search for the account: there is no entry baseDN, or the account of the plugin may not see it (code 32)"}},
		{"a branch that is hidden", func(c *Config) { c.UserSearch.BaseDN = "ou=hidden,dc=example,dc=org" }, Params{Name: "ada"},
			result{err: "search for the account: there is no entry baseDN, or the account of the plugin may not see it (code 32)"}},
		{"a branch on another server", func(c *Config) { c.UserSearch.BaseDN = "ou=elsewhere,ou=people,dc=example,dc=org" }, Params{Name: "ada"},
			result{err: "search for the account: the server refers to another one, which is not followed: set url to the server that has baseDN (code 10)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, s.config(tt.config), tt.params)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("lookup\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
	t.Run("other kinds of servers", func(t *testing.T) { testProfiles(t, s) })
	t.Run("ways to connect", func(t *testing.T) { testConnecting(t, s) })
	t.Run("refused logins", func(t *testing.T) { testRefusedLogins(t, s) })
	t.Run("a password that was mended", func(t *testing.T) { testAMendedPassword(t, s) })
	t.Run("nobody is named in log and errors", func(t *testing.T) { testNobodyIsNamed(t, s) })
	t.Run("several servers", func(t *testing.T) { testSeveralServers(t, s) })
	t.Run("servers in DNS", func(t *testing.T) { testServersInDNS(t, s) })
	t.Run("connections", func(t *testing.T) { testConnections(t, s) })
}

func testProfiles(t *testing.T, s *slapd) {
	windows := func(c *Config) {
		c.Profile, c.BindDN = "activeDirectory", "cn=claimsmith,dc=corp,dc=example,dc=net"
		c.UserSearch.BaseDN, c.GroupSearch.BaseDN = "dc=corp,dc=example,dc=net", "dc=corp,dc=example,dc=net"
		c.Texts = []TextSource{{"department", "department"}}
	}
	nas := func(c *Config) {
		c.Profile, c.BindDN = "synology", "uid=claimsmith,cn=users,dc=nas,dc=example,dc=com"
		c.UserSearch.BaseDN, c.GroupSearch.BaseDN = "cn=users,dc=nas,dc=example,dc=com", "cn=groups,dc=nas,dc=example,dc=com"
	}
	user := func(name, cn string) Facts {
		return Facts{Name: name, DN: "cn=" + cn + ",dc=corp,dc=example,dc=net"}
	}
	ada := user("Ada", "Ada Lovelace")
	ada.DisplayName, ada.ID = "Ada Lovelace", "03020100-0504-0706-0809-0a0b0c0d0e0f"
	ada.Groups, ada.Texts = []string{"Administrators", "Domain Admins", "engineers-1"}, []Text{{"department", "Engines"}}
	direct := ada
	direct.Groups = []string{"Domain Admins", "engineers-1"}
	tenant := user("tenant", "Tenant")
	tenant.Expires = "2021-01-01T00:00:00Z"
	tests := []struct {
		name   string
		config func(*Config)
		params Params
		want   result
	}{
		{"Active Directory, with the primary group and what it is in", windows, Params{Email: "ada@corp.example.net"}, result{found: true, facts: ada}},
		{"Active Directory, no groups of groups", func(c *Config) { windows(c); c.GroupSearch.Nested = new(int) }, Params{Name: "Ada"},
			result{found: true, facts: direct}},
		{"Active Directory, switched off", windows, Params{Name: "off"}, result{problem: disabled, facts: user("off", "Off")}},
		{"Active Directory, expired", windows, Params{Name: "tenant"}, result{problem: expired, facts: tenant}},
		{"Active Directory, nobody knows whether it is switched off", windows, Params{Name: "hidden"},
			result{err: "the server does not show userAccountControl, so nobody knows whether the account is switched off"}},
		{"Active Directory, a computer is nobody", windows, Params{Email: "machine@corp.example.net"}, result{problem: none}},
		{"Synology, with groups of groups", nas, Params{Email: "Mum@gmail.com"}, result{found: true, facts: Facts{
			Name: "mum", DN: "uid=mum,cn=users,dc=nas,dc=example,dc=com", ID: "dddddddd-dddd-4ddd-8ddd-dddddddddddd", DisplayName: "Mum",
			UID: 1000002, Groups: []string{"family", "parents", "users"},
		}}},
		{"Synology, deactivated", nas, Params{Email: "grandpa@gmail.com"}, result{problem: disabled, facts: Facts{
			Name: "grandpa", DN: "uid=grandpa,cn=users,dc=nas,dc=example,dc=com", ID: "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee",
			UID: 1000003, Groups: []string{"users"},
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, s.config(tt.config), tt.params)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("lookup\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func testConnecting(t *testing.T, s *slapd) {
	const found = "found"
	tests := []struct {
		name   string
		config func(*Config)
		want   string // or the error
	}{
		{"TLS from the start", nil, found},
		{"TLS after a request", func(c *Config) { c.URL, c.StartTLS = "ldap://"+s.ldap, true }, found},
		{"no TLS, as it is written", func(c *Config) { c.URL, c.AllowPlain, c.CAFile, c.ServerName = "ldap://"+s.ldap, true, "", "" }, found},
		{"a certificate instead of a password", func(c *Config) {
			c.BindDN, c.PasswordFile = "", ""
			c.ClientCertFile, c.ClientKeyFile = s.path("client.pem"), s.path("client.key")
		}, found},
		{"a certificate after a request, too", func(c *Config) {
			c.URL, c.StartTLS, c.BindDN, c.PasswordFile = "ldap://"+s.ldap, true, "", ""
			c.ClientCertFile, c.ClientKeyFile = s.path("client.pem"), s.path("client.key")
		}, found},
		{"a stranger", func(c *Config) { c.BindDN, c.PasswordFile, c.Anonymous = "", "", true },
			"search for the account: the account of the plugin may not search there (code 50)"},
		{"an authority that is not trusted", func(c *Config) { c.CAFile = s.path("stranger.pem") },
			"connect: start TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority: name the authority of the server's certificate in caFile"},
		{"an authority that is not trusted, after a request", func(c *Config) { c.URL, c.StartTLS, c.CAFile = "ldap://"+s.ldap, true, s.path("stranger.pem") },
			"connect: start TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority: name the authority of the server's certificate in caFile"},
		{"another name", func(c *Config) { c.ServerName = "dc1.example.org" },
			"connect: start TLS: tls: failed to verify certificate: x509: certificate is valid for ldap.example.org, ldap2.example.org, not dc1.example.org: write in url or serverName what the certificate says"},
		{"TLS where there is none", func(c *Config) { c.URL = "ldaps://" + s.ldap },
			"connect: start TLS: EOF: the server may not speak TLS on this port; port 389 wants ldap:// and startTLS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := ask(t, s.config(tt.config), Params{Name: "ada"})
			got := r.err
			if r.found {
				got = found
			}
			if got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}
