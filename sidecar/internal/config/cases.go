package config

import (
	"encoding/json"
	"time"
)

// Test is one case of the tests block.
type Test struct {
	Place
	Name  string `key:"name" is:"required" doc:"What this case shows, as a sentence."`
	Given Given  `key:"given" is:"required" doc:"The request, and what the lookups find."`
	Want  Want   `key:"want" is:"required" doc:"What must come out: claims, a refusal or a failure."`
}

// Given is the request of a case.
type Given struct {
	Place
	Client    string   `key:"client" is:"required" doc:"Id of the client that asks."`
	Connector string   `key:"connector" doc:"Id of the connector that the person came through; none for client credentials."`
	Identity  Identity `key:"identity" doc:"What the connector returned."`
	Scopes    []string `key:"scopes" is:"empty" doc:"Default: openid, profile, email and groups."`
	Audience  []string `key:"audience" doc:"Default: the client."` // nil: the client
	Grant     string   `key:"grant" doc:"Grant type as on the wire. Default authorization_code; client_credentials without a connector."`
	Now       *Moment  `key:"now" doc:"When it is decided: a day or a minute in UTC. Default 2026-01-01."`
	Stage     string   `key:"stage" one:"login token" doc:"Default: the case is run at both."` // empty: both
	Links     []Bond   `key:"links" is:"named empty" doc:"What is known of the person and the account of a pinned lookup, by its name: none, first, explicit, other, changed or moved. Default none."`
	Facts     []Facts  `key:"facts" is:"named empty" doc:"Answers by the name of the lookup; one without an answer here is not asked."`
}

// Identity is what a connector returned. All of it may be empty.
type Identity struct {
	Place
	UserID            string `key:"userId" is:"empty" doc:"Id of the person at the connector."`
	Username          string `key:"username" is:"empty" doc:"Name of the person."`
	PreferredUsername string `key:"preferredUsername" is:"empty" doc:"Login name at the connector."`
	Email             string `key:"email" is:"empty" doc:"E-mail address."`
	EmailVerified     bool   `key:"emailVerified" doc:"Whether the connector says that the address is verified. Default false."`
	Groups            Groups `key:"groups" is:"empty" doc:"Groups at the connector."`
}

// Groups are names as a connector gives them, among them such as a person would not: empty, or a space.
type Groups []string

// Facts are the answer of one lookup.
type Facts struct {
	Place
	Name    string          // the lookup's alias
	Found   bool            `key:"found" doc:"Whether somebody was found."`
	Problem string          `key:"problem" is:"empty" doc:"Why nobody was found, in one word."`
	Failed  bool            `key:"failed" doc:"The lookup failed; nothing else is known."`
	Stale   bool            `key:"stale" doc:"The answer is older than it should be, because the plugin could not be asked."`
	Age     time.Duration   `key:"age" doc:"How old the answer is."`
	Data    json.RawMessage // a JSON object: what the plugin's schema declares
}

// Bond is what a case knows of the link of a pinned lookup.
type Bond struct {
	Place
	Name string
	Is   string
}

// Want is what must come out of a case. One of Claims (with Removed), ClaimsExact, Denied and Failed is used; ID and Access
// go with the first two.
type Want struct {
	Place
	Claims      []Claim  `key:"claims" is:"named" doc:"Claims that the token has, among others."`
	ClaimsExact []Claim  `key:"claimsExact" is:"named empty" doc:"All claims of the token but those that belong to Dex."` // nil: not asked for
	Removed     []string `key:"removed" doc:"Claims that the token does not have."`
	ID          *Token   `key:"id" doc:"What the ID token has besides, where it differs from the access token."`
	Access      *Token   `key:"access" doc:"What the access token has besides."`
	Denied      string   `key:"denied" doc:"The sentence with which the request is refused."`
	Failed      bool     `key:"failed" doc:"The request fails."`
}

// Token is what one kind of token must be.
type Token struct {
	Place
	Claims      []Claim  `key:"claims" is:"named" doc:"Claims that this token has, among others."`
	ClaimsExact []Claim  `key:"claimsExact" is:"named empty" doc:"All claims of this token but those that belong to Dex."` // nil: not asked for
	Removed     []string `key:"removed" doc:"Claims that this token does not have."`
}

// Claim is a name and the JSON that is expected.
type Claim struct {
	Place
	Name string
	JSON json.RawMessage
}
