package ldap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Config is what the operator writes.
type Config struct {
	URL                string       `json:"url,omitempty" doc:"address of the server, like ldaps://ldap.example.org or ldap://ldap.example.org:389, or a domain whose DNS names the servers, like ldap+srv://example.org; exactly one of url and urls is needed"`
	URLs               []string     `json:"urls,omitempty" doc:"addresses of up to 8 servers of one directory, all ldaps:// or all ldap://; the first that answers is used"`
	StartTLS           bool         `json:"startTLS,omitempty" doc:"whether a connection to ldap:// is encrypted before anything is asked; default: false"`
	AllowPlain         bool         `json:"allowPlain,omitempty" doc:"whether ldap:// may be used without startTLS, where everybody on the way can read the password and change the answers; default: false"`
	CAFile             string       `json:"caFile,omitempty" doc:"file with the certificate, in PEM, of the authority that signed the server's certificate; default: the authorities that the machine knows"`
	ServerName         string       `json:"serverName,omitempty" doc:"name that the server's certificate must have; default: the host of its address, with +srv the name that DNS gives, which must be below the domain"`
	ClientCertFile     string       `json:"clientCertFile,omitempty" doc:"file with a certificate, in PEM, that the plugin shows the server; without bindDN it is also what the plugin signs in with (SASL EXTERNAL)"`
	ClientKeyFile      string       `json:"clientKeyFile,omitempty" doc:"file with the key of clientCertFile, in PEM, that not everybody can read"`
	BindDN             string       `json:"bindDN,omitempty" doc:"account that the plugin signs in as; it has to see the attributes that tell whether an account is switched off; Active Directory also takes name@domain"`
	PasswordFile       string       `json:"passwordFile,omitempty" doc:"file that holds the password of bindDN in one line, and that not everybody can read"`
	Anonymous          bool         `json:"anonymous,omitempty" doc:"whether the plugin asks without signing in; servers show strangers less, often not whether an account is switched off; default: false"`
	Profile            string       `json:"profile" doc:"kind of server, which gives the defaults below: openldap, activeDirectory or synology"`
	UserSearch         UserSearch   `json:"userSearch" doc:"where accounts are and which attributes say what"`
	GroupSearch        *GroupSearch `json:"groupSearch,omitempty" doc:"where groups are; left out: no groups are read, and groups is empty for everybody"`
	DisabledAttributes []string     `json:"disabledAttributes,omitempty" doc:"attributes that tell whether an account is switched off or has expired; see below"`
	DisabledFilter     string       `json:"disabledFilter,omitempty" doc:"filter that the entries of accounts match which are switched off, beside those that disabledAttributes tell, like (loginShell=/bin/false)"`
	Texts              []TextSource `json:"texts,omitempty" doc:"further attributes that become the fact texts"`
	Timeout            sdk.Duration `json:"timeout,omitempty" doc:"how long a server may take for one answer; default: 5s"`
}

// UserSearch says how an account is found.
type UserSearch struct {
	BaseDN               string `json:"baseDN" doc:"entry below which the accounts are; whoever may write there decides who somebody is"`
	Filter               string `json:"filter,omitempty" doc:"filter that entries match which are accounts"`
	Scope                string `json:"scope,omitempty" doc:"sub: all below baseDN; one: only directly below it; default: sub"`
	EmailAttribute       string `json:"emailAttribute,omitempty" doc:"attribute with the e-mail addresses; it must be one that people cannot write themselves"`
	NameAttribute        string `json:"nameAttribute,omitempty" doc:"attribute with the name of the account"`
	DisplayNameAttribute string `json:"displayNameAttribute,omitempty" doc:"attribute with the name of the person"`
	UIDAttribute         string `json:"uidAttribute,omitempty" doc:"attribute with the number of the account"`
	IDAttribute          string `json:"idAttribute,omitempty" doc:"attribute that stays when an account is renamed and that no other account will ever have"`
}

// GroupSearch says how the groups of an account are found.
type GroupSearch struct {
	BaseDN        string  `json:"baseDN" doc:"entry below which the groups are; whoever may write there decides who is in which group"`
	Filter        string  `json:"filter,omitempty" doc:"filter that entries match which are groups"`
	Scope         string  `json:"scope,omitempty" doc:"sub: all below baseDN; one: only directly below it; default: sub"`
	NameAttribute string  `json:"nameAttribute,omitempty" doc:"attribute with the name of the group"`
	Match         []Match `json:"match,omitempty" doc:"pairs of attributes: an account is in a group that has, for one of the pairs, a value of the account"`
	Nested        *int    `json:"nested,omitempty" doc:"how many levels of groups within groups are followed: 1 adds the groups that the groups of the account are members of; from 0 to 10"`
}

// Match is a way in which a group names its members.
type Match struct {
	Group string `json:"group" doc:"attribute of the group, like member"`
	User  string `json:"user" doc:"attribute of the account whose value is looked for there; dn is the account's DN"`
}

// TextSource is an attribute that becomes part of the fact texts.
type TextSource struct {
	Name      string `json:"name" doc:"what rules call it"`
	Attribute string `json:"attribute" doc:"what the directory calls it"`
}

const (
	deepest    = 10 // levels of groups within groups
	maxTexts   = 32 // attributes
	maxServers = 8
)

// settings are what a Config comes to.
type settings struct {
	dial   dialOptions
	users  userSettings
	groups *groupSettings // nil: no groups are read
	off    standing
	texts  []TextSource
	guid   bool // idAttribute holds the sixteen bytes of an objectGUID
}

type userSettings struct {
	base, filter, email, name, displayName, uid, id string
	scope                                           int
	attributes                                      []string // that are asked for
}

type groupSettings struct {
	base, filter, name string
	scope, nested      int
	match              []Match
	primary            bool // whether the account's primaryGroupID counts as a group, as in Active Directory
}

// checker collects what is wrong with a configuration.
type checker struct{ problems sdk.Problems }

// bad notes err as a problem of the field at path, if there is one.
func (c *checker) bad(path string, err error, hint string) {
	if err != nil {
		c.problems = append(c.problems, sdk.Problem{Path: path, Message: err.Error(), Hint: hint})
	}
}

// wrong is bad with the text of an error.
func (c *checker) wrong(path, message, hint string) { c.bad(path, errors.New(message), hint) }

// settle checks all of c, reads the files it names and makes no network call. Its error is sdk.Problems.
func (c Config) settle() (settings, error) {
	var check checker
	p, known := profiles()[c.Profile]
	if !known {
		check.wrong("profile", "an unknown profile", "known: openldap, activeDirectory, synology")
		p = profiles()["openldap"]
	}
	s := settings{dial: c.connection(&check), users: c.UserSearch.settle(&check, p), texts: c.Texts}
	s.dial.timeout = within(&check, "timeout", c.Timeout, 5*time.Second, 100*time.Millisecond, time.Minute)
	if c.GroupSearch != nil {
		g := c.GroupSearch.settle(&check, p)
		s.groups = &g
	}
	s.off = standing{attributes: c.disabledAttributes(&check, p), mustHave: p.mustHave}
	if c.DisabledFilter != "" {
		s.off.filter = filter(&check, "disabledFilter", c.DisabledFilter, "")
	}
	c.checkTexts(&check)
	s.guid = strings.EqualFold(s.users.id, "objectGUID")
	s.users.attributes = s.wanted()
	if len(check.problems) > 0 {
		return settings{}, check.problems
	}
	return s, nil
}

func (u UserSearch) settle(check *checker, p profile) userSettings {
	return userSettings{
		base:        base(check, "userSearch.baseDN", u.BaseDN),
		filter:      filter(check, "userSearch.filter", u.Filter, p.userFilter),
		scope:       scope(check, "userSearch.scope", u.Scope),
		email:       attribute(check, "userSearch.emailAttribute", u.EmailAttribute, "mail"),
		name:        attribute(check, "userSearch.nameAttribute", u.NameAttribute, p.name),
		displayName: attribute(check, "userSearch.displayNameAttribute", u.DisplayNameAttribute, p.displayName),
		uid:         attribute(check, "userSearch.uidAttribute", u.UIDAttribute, "uidNumber"),
		id:          attribute(check, "userSearch.idAttribute", u.IDAttribute, p.id),
	}
}

func (g GroupSearch) settle(check *checker, p profile) groupSettings {
	s := groupSettings{
		base:    base(check, "groupSearch.baseDN", g.BaseDN),
		filter:  filter(check, "groupSearch.filter", g.Filter, p.groupFilter),
		scope:   scope(check, "groupSearch.scope", g.Scope),
		name:    attribute(check, "groupSearch.nameAttribute", g.NameAttribute, p.groupName),
		match:   p.match,
		primary: p.primaryGroup,
		nested:  p.nested,
	}
	if len(g.Match) > 0 {
		s.match = nil
	}
	for i, m := range g.Match {
		at := fmt.Sprintf("groupSearch.match[%d]", i)
		s.match = append(s.match, Match{
			Group: attribute(check, at+".group", m.Group, ""), User: attribute(check, at+".user", m.User, ""),
		})
	}
	if g.Nested != nil {
		s.nested = *g.Nested
	}
	byDN := slices.ContainsFunc(s.match, func(m Match) bool { return m.byDN() })
	switch {
	case s.nested < 0 || s.nested > deepest:
		check.wrong("groupSearch.nested", fmt.Sprintf("must be between 0 and %d", deepest), "")
	case g.Nested != nil && s.nested > 0 && !byDN:
		check.wrong("groupSearch.nested", "groups are found within groups only by their DN", "give match a pair with user: dn, or nested: 0")
	case !byDN:
		s.nested = 0
	}
	return s
}

// byDN tells whether groups name their members by DN.
func (m Match) byDN() bool { return strings.EqualFold(m.User, "dn") }

func (c Config) disabledAttributes(check *checker, p profile) []string {
	if c.DisabledAttributes == nil {
		return p.disabled
	}
	all := readers()
	var names []string
	for i, given := range c.DisabledAttributes {
		at := fmt.Sprintf("disabledAttributes[%d]", i)
		known := slices.IndexFunc(all, func(r reader) bool { return strings.EqualFold(r.attribute, given) })
		if known < 0 {
			check.wrong(at, "an attribute that the plugin cannot read", "known: "+strings.Join(disabledNames(), ", ")+"; for others there is disabledFilter")
			continue
		}
		names = append(names, all[known].attribute)
	}
	return names
}

func (c Config) checkTexts(check *checker) {
	if len(c.Texts) > maxTexts {
		check.wrong("texts", fmt.Sprintf("more than %d", maxTexts), "")
		return
	}
	seen := map[string]bool{}
	for i, t := range c.Texts {
		at := fmt.Sprintf("texts[%d]", i)
		attribute(check, at+".attribute", t.Attribute, "")
		if t.Name == "" || len(t.Name) > 64 {
			check.wrong(at+".name", "must have between 1 and 64 characters", "")
		}
		if seen[t.Name] {
			check.wrong(at+".name", "given before", "")
		}
		seen[t.Name] = true
	}
}

// wanted lists the attributes of an account that are asked for.
func (s settings) wanted() []string {
	names := []string{s.users.email, s.users.name, s.users.displayName, s.users.uid, s.users.id}
	names = append(names, s.off.attributes...)
	if s.groups != nil {
		for _, m := range s.groups.match {
			if !m.byDN() {
				names = append(names, m.User)
			}
		}
		if s.groups.primary {
			names = append(names, primaryGroupID, objectSID)
		}
	}
	for _, t := range s.texts {
		names = append(names, t.Attribute)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(names, strings.EqualFold)
}

// within gives a duration, or its default, that lies between low and high.
func within(check *checker, path string, given sdk.Duration, otherwise, low, high time.Duration) time.Duration {
	switch d := time.Duration(given); {
	case d == 0:
		return otherwise
	case d < low || d > high:
		check.wrong(path, fmt.Sprintf("must be between %s and %s", low, high), "")
		return otherwise
	default:
		return d
	}
}
