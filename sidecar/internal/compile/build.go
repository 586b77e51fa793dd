package compile

import (
	"context"
	"errors"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/address"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/rules"
)

// ruleSet is a configuration that is ready to decide.
type Set struct {
	Pipeline *pipeline.Pipeline
	Cases    []fixture.Case
	Budget   time.Duration
	Lookups  bool                   // some step asks a plugin: the grant type must be known
	Timed    bool                   // some step is about the time
	Facts    map[string]*facts.Type // by alias
}

// builder turns a configuration into a rule set and collects what is wrong with it.
type builder struct {
	cfg      *config.Config
	src      *config.Source
	problems []config.Problem

	plugins  map[string]*described // by the name in the file; absent when it could not be described
	lookups  []*lookupStep         // in file order
	rules    *rules.Compiler
	perKind  bool
	timed    bool
	ruledAll bool
	ruled    map[string]bool
	asked    []string // aliases without which the steps that are being compiled are not come to
	advice   []config.Problem
}

// lookupStep is a lookup with the conditions under which it is made.
type lookupStep struct {
	step   *config.Step
	alias  string
	plugin *described
	whens  []*config.Condition // of the groups around it and its own

	reader  string   // the first step that needs it where it may not be made; empty: none does
	clients []string // that such steps are about; an empty one stands for all
}

// Build compiles what there is. The rule set is nil when anything is wrong.
func Build(ctx context.Context, cfg *config.Config, src *config.Source, problems []config.Problem, d describer) (*Set, *Problems) {
	b := &builder{cfg: cfg, src: src, problems: problems, plugins: map[string]*described{}, ruled: map[string]bool{}}
	for i := range cfg.Plugins {
		b.describe(ctx, &cfg.Plugins[i], d)
	}
	b.collect(cfg.Pipeline, nil)
	if err := b.compiler(); err != nil && !config.HasErrors(b.problems) { // a name that rules cannot use is on the list already
		b.add(src.Problem("plugins", err.Error(), ""))
	}
	set := &Set{Budget: cfg.Budget, Lookups: len(b.lookups) > 0, Facts: b.types()}
	if b.rules != nil {
		set.Pipeline = &pipeline.Pipeline{
			Steps: b.steps(cfg.Pipeline, nil), PerKind: b.perKind, Contracts: b.contracts(), Connector: b.trust(), Ruled: b.ruled, RuledAll: b.ruledAll,
			Budget: cfg.Budget,
		}
		b.unverified(cfg.Pipeline, set.Pipeline.Steps)
		set.Timed = b.timed
		set.Cases = b.cases()
		b.advise()
	}
	if set.Pipeline != nil {
		set.Pipeline.Outline = pipeline.Number(set.Pipeline.Steps)
	}
	all := &Problems{List: config.Sorted(b.problems), Source: src, advice: b.advice}
	if all.Failed() || b.rules == nil {
		return nil, all
	}
	return set, all
}

func (b *builder) add(p config.Problem) { b.problems = append(b.problems, p) }

func (b *builder) warn(p config.Problem) {
	p.Warning = true
	b.add(p)
}

// collect finds the lookups, so that rules above and below them know their facts.
func (b *builder) collect(steps []config.Step, whens []*config.Condition) {
	for i := range steps {
		s := &steps[i]
		around := whens
		if s.When != nil {
			around = append(around[:len(around):len(around)], s.When)
		}
		if s.Lookup != "" {
			b.lookups = append(b.lookups, &lookupStep{step: s, alias: s.Alias(), plugin: b.plugins[s.Lookup], whens: around})
		}
		b.collect(s.Steps, around)
	}
}

// compiler makes the compiler with the facts of all lookups. A plugin that could not be described has no facts to type rules
// with; its problem is on the list, and errors that only follow from it are not added to it.
func (b *builder) compiler() (err error) {
	types := b.types()
	if len(types) < len(b.lookups) {
		return nil
	}
	var connectors []string
	for _, c := range b.cfg.Connectors {
		connectors = append(connectors, c.Name)
	}
	if b.rules, err = rules.New(rules.Options{Facts: types, Tables: b.tables(), Connectors: connectors}); err == nil {
		b.rules = b.rules.After()
	}
	return err
}

// types are the facts of the lookups whose plugins could be described, by alias.
func (b *builder) types() map[string]*facts.Type {
	types := make(map[string]*facts.Type)
	for _, l := range b.lookups {
		if l.plugin != nil {
			types[l.alias] = l.plugin.facts
		}
	}
	return types
}

// located adds the problem of a failed compilation.
func (b *builder) located(s *config.Scalar, err error) {
	var at *rules.Error
	if errors.As(err, &at) {
		b.add(s.Problem(at.Offset, at.Message, at.Hint))
		return
	}
	b.add(s.Problem(-1, err.Error(), ""))
}

// reads takes note of what an expression reads.
func (b *builder) reads(r pipeline.Reads) {
	b.perKind = b.perKind || r.Token
	b.timed = b.timed || r.Time
	b.ruledAll = b.ruledAll || r.AnyClient
	for _, client := range r.Clients {
		b.ruled[client] = true
	}
}

func (b *builder) contracts() map[string]pipeline.Contract {
	contracts := make(map[string]pipeline.Contract, len(b.cfg.Clients))
	for _, c := range b.cfg.Clients {
		contract := pipeline.Contract{
			Pos: pipeline.Pos(c.Pos), Allow: c.Allow, Peers: c.Peers, MaxGroups: c.MaxGroups, MaxPayloadBytes: c.MaxPayloadBytes,
		}
		for _, r := range c.Require {
			contract.Require = append(contract.Require, pipeline.Required{Claim: r.Name, Type: r.Type})
		}
		if c.Trim != nil {
			for i, pattern := range c.Trim.Groups {
				glob, err := pipeline.NewGlob(pattern)
				if err != nil {
					b.add(b.src.Problem(config.Join(c.Trim.Path, "groups"+index(i)), "the pattern cannot be used: "+err.Error(), ""))
					continue
				}
				contract.TrimGroups = append(contract.TrimGroups, glob)
			}
		}
		contracts[c.Name] = contract
		b.ruled[c.Name] = true
	}
	return contracts
}

func (b *builder) trust() map[string]pipeline.Trust {
	trust := make(map[string]pipeline.Trust, len(b.cfg.Connectors))
	for _, c := range b.cfg.Connectors {
		t := pipeline.Trust{Domains: make(map[string]bool, len(c.EmailDomains)), Issuer: c.Issuer}
		for i, name := range c.EmailDomains {
			if name == "*" {
				t.Any = true
				continue
			}
			domain, ok := address.Domain(name)
			if !ok {
				path := config.Join(c.Path, "emailDomains"+index(i))
				b.add(b.src.Problem(path, "this is no domain, or not written as one", "write the part of an address after the @ in small letters, such as example.org"))
			}
			t.Domains[domain] = true
		}
		trust[c.Name] = t
	}
	return trust
}

// Sources are the facts of the plugins that the steps ask, by the name of the plugin.
func (set *Set) Sources() map[string]*facts.Type {
	out := make(map[string]*facts.Type)
	var walk func([]pipeline.Step)
	walk = func(steps []pipeline.Step) {
		for i := range steps {
			if l := steps[i].Lookup; l != nil {
				out[l.Plugin] = set.Facts[l.Alias]
			}
			walk(steps[i].Steps)
		}
	}
	walk(set.Pipeline.Steps)
	return out
}
