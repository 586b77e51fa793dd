package replay

import (
	"encoding/json"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Difference is what changes for requests when one configuration takes the place of another. It holds values: it is for
// whoever may see them.
type Difference struct {
	Old      string             `json:"old"` // names of the files
	New      string             `json:"new"`
	Requests int                `json:"requests"` // how many were compared
	Differ   int                `json:"differ"`
	Clients  []ClientDifference `json:"clients"` // all that requests came from, by name
}

// ClientDifference is what changes for the requests of a client.
type ClientDifference struct {
	Client      string              `json:"client"`
	Requests    int                 `json:"requests"`
	Differ      int                 `json:"differ"`
	Differences []RequestDifference `json:"differences"`
}

// RequestDifference is what changes for one request. Where nothing comes out but at one stage, or each comes out otherwise,
// Stage says which.
type RequestDifference struct {
	Name   string            `json:"name"`
	Place  string            `json:"place,omitempty"`
	Stage  string            `json:"stage,omitempty"`
	Change Change            `json:"change"`
	Old    RequestOutcome    `json:"old"`
	New    RequestOutcome    `json:"new"`
	Claims []ClaimDifference `json:"claims,omitempty"`
}

// Change says in a word what changes for a request.
type Change string

// The changes, from those that keep somebody out to those that do not.
const (
	NewlyRefused Change = "newlyRefused"
	NewlyFails   Change = "newlyFails"
	CannotBeTold Change = "cannotBeTold" // one of the two asks for facts that nobody gave, or cannot read those that were given
	OtherWords   Change = "otherWords"   // refused by both, with another sentence
	OtherClaims  Change = "otherClaims"
	NewlyLetIn   Change = "newlyLetIn"
	NoChange     Change = ""
)

// What a configuration makes of a request.
const (
	outcomeToken   = "token"
	outcomeDenied  = "denied"
	outcomeFailed  = "failed"
	outcomeUnknown = "unknown"
)

// RequestOutcome is what one configuration makes of a request: token, denied, failed or unknown.
type RequestOutcome struct {
	Outcome string `json:"outcome"`
	Message string `json:"message,omitempty"` // of a denial
	Rule    string `json:"rule,omitempty"`    // of a denial, or where it failed
	Err     string `json:"err,omitempty"`     // of a failure, or why it is unknown

	tokens map[pipeline.Kind]*claims.Object
}

// ClaimDifference is a claim that is not the same. An absent value means that the claim is not there.
type ClaimDifference struct {
	Claim string          `json:"claim"`
	Token string          `json:"token,omitempty"` // id or access; empty: both
	Old   json.RawMessage `json:"old,omitempty"`
	New   json.RawMessage `json:"new,omitempty"`
}

// add counts a request and takes in its differences.
func (d *Difference) add(client string, differences []RequestDifference) {
	i := slices.IndexFunc(d.Clients, func(c ClientDifference) bool { return c.Client == client })
	if i < 0 {
		i = len(d.Clients)
		d.Clients = append(d.Clients, ClientDifference{Client: client, Differences: []RequestDifference{}})
	}
	c := &d.Clients[i]
	d.Requests++
	c.Requests++
	if len(differences) > 0 {
		d.Differ++
		c.Differ++
		c.Differences = append(c.Differences, differences...)
	}
}
