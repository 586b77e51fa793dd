package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// requestOf is the request that a test describes.
func requestOf(t *config.Test) NamedRequest {
	g, id := &t.Given, &t.Given.Identity
	out := NamedRequest{Name: t.Name, Place: pipeline.Pos(t.Pos).String(), Request: Request{
		Client: g.Client, Connector: g.Connector, Scopes: g.Scopes, Audience: g.Audience, Grant: g.Grant, Stage: g.Stage,
		Identity: RequestIdentity{
			UserID: id.UserID, Username: id.Username, PreferredUsername: id.PreferredUsername,
			Email: id.Email, EmailVerified: id.EmailVerified, Groups: id.Groups,
		},
		Facts: make(map[string]json.RawMessage, len(g.Facts)), Links: make(map[string]string, len(g.Links)),
	}}
	if out.Now = fixture.Day(); g.Now != nil {
		out.Now = g.Now.Time
	}
	for i := range g.Facts {
		out.Facts[g.Facts[i].Name] = factsOf(&g.Facts[i])
	}
	for i := range g.Links {
		out.Links[g.Links[i].Name] = g.Links[i].Is
	}
	return out
}

// factsOf are the facts of a lookup as a request gives them: those of the plugin beside those of the host.
func factsOf(f *config.Facts) json.RawMessage {
	all := map[string]any{}
	var own map[string]json.RawMessage
	if json.Unmarshal(f.Data, &own) == nil { // the loader made it: it is an object
		for name, value := range own {
			all[name] = value
		}
	}
	all["found"], all["problem"], all["failed"], all["stale"] = f.Found, f.Problem, f.Failed, f.Stale
	if f.Age != 0 {
		all["age"] = f.Age.Round(time.Nanosecond).String()
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return json.RawMessage("{}") // it cannot be: these are words, numbers and JSON
	}
	return raw
}

// outcome is what a rule set makes of a request at a stage, with the facts that the request gives.
func requestOutcome(ctx context.Context, set *compile.Set, r Request, stage pipeline.Stage) RequestOutcome {
	r.Stage, r.Facts = string(stage), known(set, r.Facts)
	given, err := Given(set, r)
	if err != nil {
		return RequestOutcome{Outcome: outcomeUnknown, Err: err.Error()}
	}
	in, answers, err := given.Request(stage)
	if err != nil {
		return RequestOutcome{Outcome: outcomeUnknown, Err: err.Error()}
	}
	result, err := set.Pipeline.Run(ctx, in)
	if alias := answers.Missing(); alias != "" {
		return unanswered(alias)
	}
	return OutcomeOf(in, result, err)
}

func unanswered(alias string) RequestOutcome {
	return RequestOutcome{Outcome: outcomeUnknown, Err: "the lookup " + alias + " is made, and nobody gave facts for it"}
}

// known leaves out the facts of lookups that this rule set does not have.
func known(set *compile.Set, facts map[string]json.RawMessage) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(facts))
	for alias, raw := range facts {
		if _, has := set.Facts[alias]; has {
			out[alias] = raw
		}
	}
	return out
}

func OutcomeOf(in *pipeline.Input, result *pipeline.Result, err error) RequestOutcome {
	switch _, rule := journal.Ended(result, err); {
	case err != nil:
		return RequestOutcome{Outcome: outcomeFailed, Err: err.Error(), Rule: rule}
	case result.Denial != nil:
		return RequestOutcome{Outcome: outcomeDenied, Message: result.Denial.Message, Rule: rule}
	}
	out := RequestOutcome{Outcome: outcomeToken, tokens: make(map[pipeline.Kind]*claims.Object, len(in.Kinds))}
	for _, kind := range in.Kinds {
		raw, err := in.Payload.Apply(result.Patches[kind])
		if err == nil {
			out.tokens[kind], err = claims.Parse(raw)
		}
		if err != nil {
			return RequestOutcome{Outcome: outcomeFailed, Err: fmt.Sprintf("%s token: %v", kind, err)}
		}
	}
	return out
}

// Judge finds out what changed.
func (d *RequestDifference) Judge() {
	old, now := &d.Old, &d.New
	switch {
	case old.Outcome == outcomeUnknown || now.Outcome == outcomeUnknown:
		d.Change = CannotBeTold // also where neither can: nobody should think that it was compared
	case now.Outcome == outcomeDenied && old.Outcome != outcomeDenied:
		d.Change = NewlyRefused
	case now.Outcome == outcomeFailed && old.Outcome != outcomeFailed:
		d.Change = NewlyFails
	case now.Outcome == outcomeToken && old.Outcome != outcomeToken:
		d.Change = NewlyLetIn
	case now.Outcome == outcomeDenied && old.Message != now.Message:
		d.Change = OtherWords
	case now.Outcome == outcomeToken:
		if d.Claims = differentClaims(old.tokens, now.tokens); len(d.Claims) > 0 {
			d.Change = OtherClaims
		}
	}
}

// same reports whether two differences differ in nothing but the stage.
func (d RequestDifference) same(other RequestDifference) bool {
	d.Stage, other.Stage = "", ""
	d.Old.tokens, d.New.tokens, other.Old.tokens, other.New.tokens = nil, nil, nil, nil
	return reflect.DeepEqual(d, other)
}

// differentClaims tells a claim once where it differs alike in both kinds of token.
func differentClaims(old, now map[pipeline.Kind]*claims.Object) []ClaimDifference {
	out := differentMembers(old[pipeline.KindAccess], now[pipeline.KindAccess])
	id := differentMembers(old[pipeline.KindID], now[pipeline.KindID])
	for i := range out {
		same := func(c ClaimDifference) bool { return reflect.DeepEqual(c, out[i]) }
		if at := slices.IndexFunc(id, same); at >= 0 {
			id = slices.Delete(id, at, at+1)
			continue
		}
		out[i].Token = string(pipeline.KindAccess)
	}
	for _, c := range id {
		c.Token = string(pipeline.KindID)
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b ClaimDifference) int { return cmp.Compare(a.Claim, b.Claim) })
	return out
}

// differentMembers compares two payloads by what they mean.
func differentMembers(old, now *claims.Object) (out []ClaimDifference) {
	before, after := members(old), members(now)
	for _, name := range bothNames(before, after) {
		was, there := before[name]
		is, still := after[name]
		if there != still || !fixture.Same(was, is) {
			out = append(out, ClaimDifference{Claim: name, Old: was, New: is})
		}
	}
	return out
}

func members(o *claims.Object) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	if o == nil {
		return m // this kind is not signed
	}
	for _, name := range o.Names() {
		m[name], _ = o.Get(name)
	}
	return m
}
