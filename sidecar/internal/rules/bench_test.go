package rules

import (
	"context"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// BenchmarkTenRules evaluates the rules of a household as one request does: nine conditions and values over one state, and a
// list of 20 groups.
func BenchmarkTenRules(b *testing.B) {
	c := newCompiler(b)
	var conditions []pipeline.Condition
	for _, src := range []string{
		`client.id == "synology"`, `connector.id == "google"`, `not nas.asked`, `identity.email == ""`,
		`nas.problem == "disabled" || nas.problem == "expired"`, `nas.problem == "ambiguous"`, `not nas.found`, `nas.admin`,
	} {
		cond, err := c.Condition(src)
		if err != nil {
			b.Fatal(err)
		}
		conditions = append(conditions, cond)
	}
	var values []pipeline.Value
	for name, src := range map[string]string{"username": `nas.name`, "groups": `filter(claims.groups, # startsWith "group-1")`} {
		v, err := c.Claim(name, src)
		if err != nil {
			b.Fatal(err)
		}
		values = append(values, v)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	s := stateWithGroups(b, 20)
	b.ReportAllocs()
	for b.Loop() {
		if s.Memo != nil { // each round is a request
			s.Memo.Release()
			s.Memo = nil
		}
		for _, cond := range conditions {
			if _, err := cond.Holds(ctx, s); err != nil {
				b.Fatal(err)
			}
		}
		for _, v := range values {
			if _, err := v.JSON(ctx, s); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkExpressions evaluates single expressions over a request that has evaluated others before.
func BenchmarkExpressions(b *testing.B) {
	c := newCompiler(b)
	for _, src := range []string{
		`identity.email == ""`, `client.id == "synology"`, `nas.asked && nas.found`, `claims.sub == "s"`, `"a" in ["b", "c"]`,
		`any(identity.groups, # startsWith "x")`, `len(filter(claims.groups, # startsWith "x")) == 0`,
	} {
		cond, err := c.Condition(src)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(src, func(b *testing.B) {
			s := stateWithGroups(b, 100)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cond.Holds(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompile compiles one expression.
func BenchmarkCompile(b *testing.B) {
	c := newCompiler(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Condition(`nas.asked && nas.found && identity.email endsWith "@example.org"`); err != nil {
			b.Fatal(err)
		}
	}
}
