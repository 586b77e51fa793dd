package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// Contract is what a client may rely on. It is judged after the rules, for every client that a request concerns; a token
// that breaks it is not issued.
type Contract struct {
	Pos             Pos
	Require         []Required
	Allow           []string // names of claims that rules may set for this client; nil means any
	Peers           []string // clients that may ask for tokens for this one
	MaxGroups       int      // zero means no limit
	MaxPayloadBytes int      // zero means no limit
}

// Required is a claim that must be there, with its type: string, bool, integer, number, list or object.
type Required struct {
	Claim, Type string
}

// admits reports whether client may ask for tokens for the holder of the contract.
func (c Contract) admits(client string) bool { return slices.Contains(c.Peers, client) }

func (r *run) contracts(patch claims.Patch) error {
	judge := func(client string) error {
		contract, has := r.pipeline.Contracts[client]
		if !has {
			return nil
		}
		if err := contract.judge(r.state.Claims, patch); err != nil {
			return &Error{Class: Internal, Path: "clients." + client, Pos: contract.Pos, Err: err}
		}
		return nil
	}
	if err := judge(r.in.Client); err != nil {
		return err
	}
	for _, audience := range r.in.Audience {
		if audience == r.in.Client {
			continue
		}
		if err := judge(audience); err != nil {
			return err
		}
	}
	return nil
}

func (c Contract) judge(d *claims.Draft, patch claims.Patch) error {
	for _, want := range c.Require {
		value, there := d.Get(want.Claim)
		if !there {
			return fmt.Errorf("require: claim %q is missing", want.Claim)
		}
		if !hasType(value, want.Type) {
			return fmt.Errorf("require: claim %q is not of type %s", want.Claim, want.Type)
		}
	}
	for name := range patch.Set {
		if c.Allow != nil && !slices.Contains(c.Allow, name) {
			return fmt.Errorf("allow: claim %q is not listed", name)
		}
	}
	if groups, there := d.Get("groups"); there && c.MaxGroups > 0 {
		var list []json.RawMessage
		if err := json.Unmarshal(groups, &list); err == nil && len(list) > c.MaxGroups {
			return fmt.Errorf("maxGroups: %d groups are more than %d", len(list), c.MaxGroups)
		}
	}
	if c.MaxPayloadBytes > 0 {
		payload, err := d.Object().Apply(patch)
		if err != nil {
			return err
		}
		if len(payload) > c.MaxPayloadBytes {
			return fmt.Errorf("maxPayloadBytes: the payload has %d bytes, more than %d", len(payload), c.MaxPayloadBytes)
		}
	}
	return nil
}

// hasType looks at the first byte of a valid JSON value. An empty string is no user name, so it does not satisfy "string".
func hasType(value json.RawMessage, want string) bool {
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case '"':
		return want == "string" && string(value) != `""`
	case 't', 'f':
		return want == "bool"
	case '[':
		return want == "list"
	case '{':
		return want == "object"
	case 'n':
		return false
	}
	if want == "integer" {
		var n int64
		return json.Unmarshal(value, &n) == nil
	}
	return want == "number"
}
