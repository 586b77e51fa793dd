package rules

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// known is a lookup whose answer is at hand, as one from the cache is.
type known struct{ answer *pipeline.Answer }

func (k known) Ask(context.Context, pipeline.Question) (*pipeline.Answer, error) {
	return k.answer, nil
}

// tenRules are those of a household: a lookup, seven refusals, and a step that sets three claims, one of them from a list.
func tenRules(b *testing.B, change func(*Compiler)) *pipeline.Pipeline {
	b.Helper()
	c := newCompiler(b)
	if change != nil {
		change(c)
	}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	email, err := c.Param(`identity.email`, &facts.Type{Kind: facts.String})
	must(err)
	answer, err := schema(b).Decode([]byte(`{"name": "mum", "groups": ["users", "family"]}`))
	must(err)
	steps := []pipeline.Step{{Lookup: &pipeline.Lookup{
		Alias: "nas", Plugin: "nas", With: []pipeline.Assignment{{Name: "email", Value: email}},
		Asker: known{&pipeline.Answer{Found: true, Facts: answer, Source: "cache"}},
	}}}
	for _, src := range []string{
		`connector.id != "google"`, `identity.email == ""`, `nas.problem == "disabled" || nas.problem == "expired"`,
		`nas.problem == "ambiguous"`, `not nas.found`, `nas.admin`, `all(nas.groups, # startsWith "x")`,
	} {
		deny, err := c.Condition(src)
		must(err)
		message, err := c.Text(`Ask ${identity.email}.`)
		must(err)
		steps = append(steps, pipeline.Step{Deny: &pipeline.Deny{If: deny, Message: message}})
	}
	var set []pipeline.Assignment
	for _, claim := range [][2]string{
		{"username", `nas.name`}, {"preferred_username", `nas.name`}, {"groups", `filter(claims.groups, # startsWith "group-1")`},
	} {
		value, err := c.Claim(claim[0], claim[1])
		must(err)
		set = append(set, pipeline.Assignment{Name: claim[0], Value: value})
	}
	client, err := c.Condition(`client.id == "synology"`)
	must(err)
	steps = append(steps, pipeline.Step{Set: set})
	return &pipeline.Pipeline{
		Steps:     []pipeline.Step{{When: client, Steps: steps}},
		Connector: map[string]pipeline.Trust{"google": {Domains: map[string]bool{"gmail.com": true}}},
	}
}

// household is a request with 20 groups, as the rules of tenRules see it.
func householdInput(b *testing.B) *pipeline.Input {
	b.Helper()
	list := ""
	for i := range 20 {
		list += fmt.Sprintf(`,"group-%d"`, i)
	}
	o, err := claims.Parse([]byte(`{"iss":"https://dex.example.org","sub":"CgExEgZnb29nbGU","aud":"synology","exp":1800000000,"iat":1700000000,"at_hash":"x",` +
		`"email":"mum@gmail.com","email_verified":true,"name":"Mum","groups":[` + list[1:] + `]}`))
	if err != nil {
		b.Fatal(err)
	}
	return &pipeline.Input{
		Payload: o, Identity: pipeline.Identity{UserID: "1", Username: "Mum", Email: "mum@gmail.com", EmailVerified: true},
		Connector: "google", Client: "synology", Audience: []string{"synology"}, Scopes: []string{"openid", "groups"},
		Stage: pipeline.StageToken, Kinds: []pipeline.Kind{pipeline.KindAccess, pipeline.KindID}, Grant: "authorization_code", RequestID: "r",
	}
}

// BenchmarkDecision makes whole decisions with ten rules and a lookup whose answer is at hand.
func BenchmarkDecision(b *testing.B) {
	decide := decisions(b, tenRules(b, nil), householdInput(b))
	b.ReportAllocs()
	for b.Loop() {
		decide()
	}
}

func decisions(b *testing.B, p *pipeline.Pipeline, in *pipeline.Input) func() {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	b.Cleanup(cancel)
	return func() {
		copied := *in
		if result, err := p.Run(ctx, &copied); err != nil || len(result.Patches) != 2 {
			b.Fatal(err)
		}
	}
}

// BenchmarkCost tells what a part of a decision costs, as the ratio to decisions without it. Both are made in turn, so that a
// busy machine is busy for both; the ratio is the median of many.
func BenchmarkCost(b *testing.B) {
	contract := map[string]pipeline.Contract{"synology": {
		Require: []pipeline.Required{{Claim: "username", Type: "string"}, {Claim: "groups", Type: "list"}},
		Allow:   []string{"username", "preferred_username", "groups"}, MaxGroups: 50, MaxPayloadBytes: 2500,
	}}
	plain := tenRules(b, nil)
	contracts := tenRules(b, nil)
	contracts.Contracts = contract
	explained := householdInput(b)
	explained.Explain = true
	for _, bb := range []struct {
		name          string
		with, without func()
	}{
		{"deadline", decisions(b, plain, householdInput(b)), decisions(b, tenRules(b, func(c *Compiler) { c.unguarded = true }), householdInput(b))},
		{"contracts", decisions(b, contracts, householdInput(b)), decisions(b, plain, householdInput(b))},
		{"explain", decisions(b, plain, explained), decisions(b, plain, householdInput(b))},
		{"nothing", decisions(b, plain, householdInput(b)), decisions(b, tenRules(b, nil), householdInput(b))},
	} {
		b.Run(bb.name, func(b *testing.B) { ratio(b, bb.with, bb.without) })
	}
	b.Run("deadline in a list of 400", func(b *testing.B) {
		ratio(b, overList(b, false), overList(b, true))
	})
}

// overList evaluates one predicate over 400 groups.
func overList(b *testing.B, unguarded bool) func() {
	c := newCompiler(b)
	c.unguarded = unguarded
	cond, err := c.Condition(`none(identity.groups, # startsWith "x")`)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	b.Cleanup(cancel)
	s := stateWithGroups(b, 400)
	return func() {
		if yes, err := cond.Holds(ctx, s); err != nil || !yes {
			b.Fatal(err)
		}
	}
}

// ratio runs both in turn, in short batches, and reports the median of the ratios.
func ratio(b *testing.B, with, without func()) {
	const batch = 16
	took := func(f func()) time.Duration {
		start := time.Now()
		for range batch {
			f()
		}
		return time.Since(start)
	}
	took(with)
	took(without)
	var ratios []float64
	for i := 0; b.Loop(); i++ {
		var x, y time.Duration
		if i%2 == 0 { // neither is always the one that finds the caches warm
			x = took(with)
			y = took(without)
		} else {
			y = took(without)
			x = took(with)
		}
		ratios = append(ratios, float64(x)/float64(y))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-without")
	b.ReportMetric(0, "ns/op")
}
