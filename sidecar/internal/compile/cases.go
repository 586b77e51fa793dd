package compile

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// cases translates the tests block. Facts are completed by the plugin's schema, as they are when the plugin itself answers.
func (b *builder) cases() []fixture.Case {
	out := make([]fixture.Case, 0, len(b.cfg.Tests))
	for i := range b.cfg.Tests {
		t := &b.cfg.Tests[i]
		out = append(out, fixture.Case{Name: t.Name, Pos: pipeline.Pos(t.Pos), Path: t.Path, Given: b.given(&t.Given), Want: want(&t.Want)})
	}
	return out
}

func (b *builder) given(g *config.Given) fixture.Given {
	out := fixture.Given{
		Client: g.Client, Connector: g.Connector, Scopes: g.Scopes, Audience: g.Audience, Grant: g.Grant, Stage: pipeline.Stage(g.Stage),
		Identity: pipeline.Identity{
			UserID: g.Identity.UserID, Username: g.Identity.Username, PreferredUsername: g.Identity.PreferredUsername,
			Email: g.Identity.Email, EmailVerified: g.Identity.EmailVerified, Groups: g.Identity.Groups,
		},
		Facts: make(map[string]*pipeline.Answer, len(g.Facts)), Links: make(map[string]pipeline.Bond, len(g.Links)),
	}
	if g.Now != nil {
		out.Now = g.Now.Time
	}
	for i := range g.Links {
		l := &g.Links[i]
		if !slices.ContainsFunc(b.lookups, func(s *lookupStep) bool { return s.alias == l.Name && s.step.Pin != nil }) {
			b.add(b.src.KeyProblem(l.Path, fmt.Sprintf("no lookup with a pin gives facts called %q", l.Name), ""))
		}
		out.Links[l.Name] = pipeline.Bond(l.Is)
	}
	for i := range g.Facts {
		f := &g.Facts[i]
		for _, l := range b.lookups {
			if l.alias == f.Name && l.plugin != nil {
				out.Facts[f.Name] = b.answer(f, l)
			}
		}
	}
	return out
}

func (b *builder) answer(f *config.Facts, l *lookupStep) *pipeline.Answer {
	answer := &pipeline.Answer{Found: f.Found, Problem: f.Problem, Failed: f.Failed, Stale: f.Stale, Age: f.Age, Source: "given"}
	data, problems := l.plugin.facts.Given(f.Data)
	for _, p := range problems {
		p.Message += fmt.Sprintf(" (facts of the plugin %s)", l.step.Lookup)
		b.add(placedProblem(b.src, f.Path, p))
	}
	answer.Facts = data
	return answer
}

func want(w *config.Want) fixture.Want {
	out := wantOf(w.Claims, w.ClaimsExact, w.Removed)
	out.Failed = w.Failed
	if w.Denied != "" {
		out.Denied = &w.Denied
	}
	out.Only = map[pipeline.Kind]fixture.Want{}
	for kind, token := range map[pipeline.Kind]*config.Token{pipeline.KindID: w.ID, pipeline.KindAccess: w.Access} {
		if token != nil {
			out.Only[kind] = wantOf(token.Claims, token.ClaimsExact, token.Removed)
		}
	}
	return out
}

func wantOf(some, exact []config.Claim, removed []string) fixture.Want {
	out := fixture.Want{Claims: claimMap(some), Removed: removed}
	if exact != nil {
		out.Exact = claimMap(exact)
	}
	return out
}

func claimMap(list []config.Claim) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(list))
	for _, c := range list {
		m[c.Name] = c.JSON
	}
	return m
}
