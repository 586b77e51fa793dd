package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/wire"
)

// TestCase makes an entry of tests from a recorded request: with frozen facts, and pseudonyms for what is personal. What it
// wants is what the rules make of it now. The note says where that is not what they made of the person.
func TestCase(ctx context.Context, set *compile.Set, r *journal.Request, names *Pseudonyms) (yaml, note string, err error) {
	req, err := example(r, names)
	if err != nil {
		return "", "", err
	}
	req.Now = r.At.UTC().Truncate(time.Minute)
	e, err := ExplainRequest(ctx, set, req)
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s\n    given:\n", quoted("from decision "+r.ID))
	field := func(name, value string) { fmt.Fprintf(&b, "      %s: %s\n", name, value) }
	field("client", quoted(req.Client))
	if req.Connector != "" {
		field("connector", quoted(req.Connector))
	}
	field("identity", flow(req.Identity))
	field("scopes", flow(req.Scopes))
	if len(req.Audience) != 1 || req.Audience[0] != req.Client {
		field("audience", flow(req.Audience))
	}
	if req.Grant != "" {
		field("grant", quoted(req.Grant))
	}
	field("stage", req.Stage)
	if set.Timed {
		field("now", req.Now.Format("2006-01-02T15:04Z"))
	}
	if len(req.Facts) > 0 {
		b.WriteString("      facts:\n")
		for _, alias := range slices.Sorted(maps.Keys(req.Facts)) {
			fmt.Fprintf(&b, "        %s: %s\n", alias, flow(req.Facts[alias]))
		}
	}
	if len(req.Links) > 0 {
		field("links", flow(req.Links))
	}
	fmt.Fprintf(&b, "    want: %s\n", e.wanted())
	if e.Outcome != string(r.Outcome) {
		note = fmt.Sprintf("It came out %s, and %s with pseudonyms: the configuration changed since, or a rule looks at a part of a name or at a claim that Dex had from elsewhere.", r.Outcome, e.Outcome)
	}
	return b.String(), note, nil
}

// example is the recorded request with pseudonyms.
func example(r *journal.Request, names *Pseudonyms) (Request, error) {
	id := r.Request.GetIdentity()
	req := Request{
		Client: r.Request.GetClientId(), Connector: r.Request.GetConnectorId(), Scopes: r.Request.GetScopes(), Audience: r.Request.GetAudience(),
		Grant: r.Request.GetGrantType(), Stage: wire.StageName(r.Request.GetStage()), Facts: map[string]json.RawMessage{},
		Identity: RequestIdentity{
			Email: names.Of("person", id.GetEmail()), EmailVerified: id.GetEmailVerified(), Username: names.Of("person", id.GetUsername()),
			PreferredUsername: names.Of("person", id.GetPreferredUsername()), UserID: names.Of("subject", id.GetUserId()),
		},
	}
	if req.Scopes == nil {
		req.Scopes = []string{}
	}
	for _, group := range id.GetGroups() {
		req.Identity.Groups = append(req.Identity.Groups, names.Of("group", group))
	}
	for _, a := range r.Asked {
		if _, known := req.Facts[a.Alias]; known {
			continue
		}
		facts, err := answerExample(a, names)
		if err != nil {
			return Request{}, fmt.Errorf("facts of %s: %w", a.Alias, err)
		}
		req.Facts[a.Alias] = facts
		if a.Bond != "" && a.Bond != pipeline.BondNone {
			if req.Links == nil {
				req.Links = map[string]string{}
			}
			req.Links[a.Alias] = string(a.Bond)
		}
	}
	return req, nil
}

// answerExample is an answer as tests give it.
func answerExample(a journal.Lookup, names *Pseudonyms) (json.RawMessage, error) {
	if a.Answer == nil {
		return json.RawMessage(`{"failed":true}`), nil
	}
	facts := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(a.Answer.Facts))
	d.UseNumber()
	if err := d.Decode(&facts); err != nil {
		return nil, err
	}
	for name, value := range facts {
		if facts[name] = pseudonymous(names, name, value); zero(value) {
			delete(facts, name)
		}
	}
	facts["found"] = a.Answer.Found
	if a.Answer.Problem != "" {
		facts["problem"] = a.Answer.Problem
	}
	if a.Answer.Stale {
		facts["stale"], facts["age"] = true, a.Answer.Age.Round(time.Second).String()
	}
	return marshal(facts)
}

// zero reports whether a fact need not be given: facts that are not have the zero value of their type.
func zero(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case bool:
		return !v
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, member := range v {
			if !zero(member) {
				return false
			}
		}
		return true
	}
	return value == nil
}

// pseudonymous replaces all text of a fact. What the text is can only be told from the name of the fact.
func pseudonymous(names *Pseudonyms, fact string, value any) any {
	switch v := value.(type) {
	case string:
		return names.Of(noun(fact), v)
	case []any:
		for i := range v {
			v[i] = pseudonymous(names, fact, v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = pseudonymous(names, name, v[name])
		}
	}
	return value
}

func noun(fact string) string {
	fact = strings.ToLower(fact)
	if strings.Contains(fact, "group") {
		return "group"
	}
	for _, part := range []string{"name", "mail", "login", "user", "account"} {
		if strings.Contains(fact, part) {
			return "person"
		}
	}
	return "text"
}

// wanted is what a test wants so that what came out comes out again.
func (e *Explanation) wanted() string {
	switch e.Outcome {
	case string(journal.Denied):
		return "{denied: " + quoted(e.Message) + "}"
	case string(journal.Failed):
		return "{failed: true}"
	}
	exact := map[string]json.RawMessage{}
	first, err := claims.Parse(e.Tokens[0].Claims)
	if err != nil {
		return "{}" // the pipeline made it, so it is an object
	}
	alike := len(e.Tokens) == 1
	for _, name := range first.Names() {
		if !claims.Reserved(name) {
			exact[name], _ = first.Get(name)
		}
	}
	if alike {
		return "{claimsExact: " + flow(exact) + "}"
	}
	// The kinds of token differ: only what they have in common can be wanted of both.
	second, err := claims.Parse(e.Tokens[1].Claims)
	if err != nil {
		return "{}"
	}
	maps.DeleteFunc(exact, func(name string, value json.RawMessage) bool {
		other, there := second.Get(name)
		return !there || string(other) != string(value)
	})
	if len(exact) == 0 {
		return "{removed: [nothing_in_common]}" // a test has to want something: that it is a token
	}
	return "{claims: " + flow(exact) + "}"
}
