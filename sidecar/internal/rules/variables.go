package rules

import (
	"slices"
	"strings"
	"time"
)

// Variable is a value that expressions read. Facts come from the plugins' schemas and are not among them, but what the host
// adds to each lookup is, under the name ALIAS.
type Variable struct {
	Name string // as written, like identity.email
	Type string // boolean, string, integer, list of strings, or any
	Doc  string
}

// Variables returns all variables, for the documentation.
func Variables() []Variable {
	var all []Variable
	for _, v := range variables {
		all = append(all, v.Variable)
	}
	all = append(all, Variable{"claims.NAME", "any", "a claim as it is before the step; nil when it is not there. " +
		"at_hash, c_hash, jti, iat and exp cannot be read, because they may still change"})
	all = append(all, Variable{"tables.NAME", "object or list", "a table of the configuration"})
	for _, f := range hostFacts {
		all = append(all, Variable{"ALIAS." + f.name, f.typ, f.doc})
	}
	return all
}

// variable is a Variable with its value.
type variable struct {
	Variable
	value  func(r *run) any
	values []string // all that it can be, where that is known
}

// The names under which expressions are checked for what they read.
const (
	clientID        = "client.id"
	tokenKind       = "token"
	unverifiedEmail = "identity.unverifiedEmail"
)

const (
	typeBool    = "boolean"
	typeString  = "string"
	typeInt     = "integer"
	typeStrings = "list of strings"
)

// variables is the table of what Dex tells about a request.
var variables = []*variable{
	{Variable{"identity.isUser", typeBool, "a person logged in; false for client credentials"},
		func(r *run) any { return r.in.IsUser() }, nil},
	{Variable{"identity.userId", typeString, "the connector's id of the person"},
		func(r *run) any { return r.in.Identity.UserID }, nil},
	{Variable{"identity.username", typeString, "the display name that the connector gave"},
		func(r *run) any { return r.in.Identity.Username }, nil},
	{Variable{"identity.preferredUsername", typeString, "the login name that the connector gave; often empty"},
		func(r *run) any { return r.in.Identity.PreferredUsername }, nil},
	{Variable{"identity.email", typeString, "the address if it is verified and the connector is trusted for its domain; else empty"},
		func(r *run) any { return r.in.TrustedEmail }, nil},
	{Variable{unverifiedEmail, typeString, "the address as the connector gave it: nobody may have verified it"},
		func(r *run) any { return r.in.Identity.Email }, nil},
	{Variable{"identity.emailVerified", typeBool, "what the connector says, whether it is trusted or not"},
		func(r *run) any { return r.in.Identity.EmailVerified }, nil},
	{Variable{"identity.groups", typeStrings, "the groups that the connector gave"},
		func(r *run) any { return notNil(r.in.Identity.Groups) }, nil},
	{Variable{clientID, typeString, "the client that asks. Compared with another string it stands for every client that the " +
		"request concerns: the one that asks and those of the audience"},
		func(r *run) any { return r.in.Client }, nil},
	{Variable{"connector.id", typeString, "the connector of the login; empty for client credentials"},
		func(r *run) any { return r.in.Connector }, nil},
	{Variable{"scopes", typeStrings, "the scopes asked for"},
		func(r *run) any { return notNil(r.in.Scopes) }, nil},
	{Variable{"audience", typeStrings, "the clients that the token is for"},
		func(r *run) any { return notNil(r.in.Audience) }, nil},
	{Variable{"grant", typeString, "the grant type as on the wire, or implicit; empty when unknown"},
		func(r *run) any { return r.in.Grant }, nil},
	{Variable{"stage", typeString, "login right after the connector answered, token when one is signed"},
		func(r *run) any { return string(r.in.Stage) }, []string{"login", "token"}},
	{Variable{"now.day", typeString, "the day of the decision in UTC, like 2026-12-01; days are compared with < and >="},
		func(r *run) any { return r.in.Now.UTC().Format(time.DateOnly) }, nil},
	{Variable{"now.minute", typeString, "the minute of the decision in UTC, like 2026-12-01T18:00Z"},
		func(r *run) any { return r.in.Now.UTC().Format(minuteLayout) }, nil},
	{Variable{"now.weekday", typeString, "the day of the week of the decision in UTC"},
		func(r *run) any { return r.in.Now.UTC().Weekday().String() },
		[]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}},
	{Variable{tokenKind, typeString, "id or access. A step that reads it is run for each"},
		func(r *run) any { return string(r.state.Kind) }, []string{"id", "access"}},
}

// hostFact is what the host knows of a lookup.
type hostFact struct {
	name, typ, doc string
	always         bool // may be read of a lookup that was not asked or failed
}

var hostFacts = []hostFact{
	{"asked", typeBool, "the lookup was made in this request", true},
	{"failed", typeBool, "it was made, failed, and its onError is continue", true},
	{"found", typeBool, "it found exactly what was asked for", false},
	{"problem", typeString, "one word for why nothing was found, like none or disabled; else empty", false},
	{"stale", typeBool, "the answer is past its lifetime, because the plugin failed", false},
	{"age", typeInt, "how old the answer is, in seconds", false},
}

func hostFactOf(name string) *hostFact {
	for i := range hostFacts {
		if hostFacts[i].name == name {
			return &hostFacts[i]
		}
	}
	return nil
}

func variableOf(name string) *variable {
	for _, v := range variables {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// roots are the names that have fields.
var roots = []string{"identity", "client", "connector", "now", tablesRoot}

const tablesRoot = "tables"

// fieldsOf returns the fields of a root.
func fieldsOf(root string) []string {
	var names []string
	for _, v := range variables {
		if of, field, ok := strings.Cut(v.Name, "."); ok && of == root {
			names = append(names, field)
		}
	}
	return names
}

// topNames returns all names that stand alone, without those of lookups.
func topNames() []string {
	names := append(slices.Clone(roots), "claims")
	for _, v := range variables {
		if !strings.Contains(v.Name, ".") {
			names = append(names, v.Name)
		}
	}
	return names
}

// unreadable reports whether a claim may still change after the rules have run.
func unreadable(claim string) bool {
	for _, name := range []string{"at_hash", "c_hash", "jti", "iat", "exp"} {
		if strings.EqualFold(name, claim) {
			return true
		}
	}
	return false
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
