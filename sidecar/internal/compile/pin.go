package compile

import (
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// pin compiles what a lookup links. Accounts have names or numbers; people are what the connector calls them.
func (b *builder) pin(s *config.Step, plugin *described, note func(pipeline.Reads)) *pipeline.Pin {
	p := s.Pin
	out := &pipeline.Pin{Pos: pipeline.Pos(p.Pos), Path: p.Path, Required: p.Required()}
	out.Subject = b.identifier(p.Subject, note, facts.String)
	out.Account = b.identifier(p.Account, note, facts.String, facts.Int)
	out.ID = b.identifier(p.ID, note, facts.String, facts.Int)
	out.Explicit = b.explicit(s, note)
	if _, has := plugin.facts.Fields["uid"]; has && p.ID == nil {
		b.warn(b.src.Problem(p.Path, "an account that is deleted and made again under its name is taken for the old one", "add id: "+s.Alias()+".uid"))
	}
	return out
}

// explicit compiles what says that the operator chose an account. It has to be something that this lookup found: otherwise it
// would open an administrator's account to whoever comes first.
func (b *builder) explicit(s *config.Step, note func(pipeline.Reads)) pipeline.Condition {
	e := s.Pin.Explicit
	if e == nil {
		return nil
	}
	condition, err := b.rules.Condition(e.Value)
	if err != nil {
		b.located(e, err)
		return nil
	}
	note(condition.Reads())
	own := func(fact string) bool { return strings.HasPrefix(fact, s.Alias()+".") }
	if !slices.ContainsFunc(condition.Reads().Facts, own) {
		b.add(e.Problem(-1, "this says nothing of the account that was found", "write a fact of the lookup that says that somebody chose the account, such as "+s.Alias()+".linked"))
	}
	return condition
}

// identifier compiles an expression of one of some kinds. It is nil where there is none, and where it is wrong.
func (b *builder) identifier(s *config.Scalar, note func(pipeline.Reads), kinds ...facts.Kind) pipeline.Value {
	if s == nil {
		return nil
	}
	var first error
	for _, kind := range kinds {
		value, err := b.rules.Param(s.Value, &facts.Type{Kind: kind})
		if err == nil {
			note(value.Reads())
			return value
		}
		if first == nil {
			first = err
		}
	}
	b.located(s, first)
	return nil
}
