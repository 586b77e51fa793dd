package sidecar

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// candidate is a configuration that is run beside the one in use. It does not change once made.
type candidate struct {
	file, digest string
	loaded       time.Time
	set          *ruleSet
	usable       map[string]bool // plugins whose answers it can be given
	tally        *shadowTally
}

// loadCandidate makes the candidate of a generation. Nothing is started for it: what its plugins know is told by those that
// run, where they are the same programs, or else as offline. The error is that of load. A candidate that could not be served
// is not run either.
func loadCandidate(ctx context.Context, g *generation, o Options) (*candidate, error) {
	file := g.cfg.Shadow.File
	digest, err := digestOf(file)
	if err != nil {
		return nil, err
	}
	if err := o.guarded(file); err != nil {
		return nil, err
	}
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.builtinNames()})
	problems = append(problems, tlsProblems(cfg, src)...)
	set, all := build(ctx, cfg, src, problems, beside{offline: offline{options: o}, running: g.plugins})
	if set == nil {
		return nil, all
	}
	if r := report(fixture.Run(ctx, set.pipeline, set.cases)); r.Failed() > 0 {
		return nil, &TestsFailed{Report: r}
	}
	return &candidate{
		file: file, digest: digest, loaded: time.Now(), set: set, usable: alike(g.set.sources(), set.sources()), tally: &shadowTally{},
	}, nil
}

// candidateProblems warns of a candidate that would not be run. It keeps nobody from being served. Nothing is started for it, so
// nothing is said of one whose plugins only the running ones can describe.
func candidateProblems(ctx context.Context, cfg *config.Config, src *config.Source, o Options) []config.Problem {
	if cfg.Shadow == nil || cfg.Shadow.File == "" {
		return nil
	}
	other, _, _ := config.Load(cfg.Shadow.File, config.Options{Builtins: o.builtinNames()})
	for _, p := range other.Plugins {
		if p.Builtin == "" && p.SchemaFile == "" {
			return nil
		}
	}
	report, err := Test(ctx, cfg.Shadow.File, o)
	if err == nil && report.Failed() > 0 {
		err = &TestsFailed{Report: report}
	}
	if err == nil {
		return nil
	}
	p := src.Problem(config.Join(cfg.Shadow.Path, "file"), "this candidate cannot be run: "+err.Error(), "claimsmith test -c "+cfg.Shadow.File+" says all that is wrong with it")
	p.Warning = true
	return []config.Problem{p}
}

// useCandidate loads the candidate of a generation, if it has one, and says in the log if it cannot be run: the rules in use do
// not depend on it.
func (s *Server) useCandidate(ctx context.Context, g *generation) {
	if g.cfg.Shadow == nil {
		return
	}
	c, err := loadCandidate(ctx, g, s.options)
	g.tried, _ = digestOf(g.cfg.Shadow.File) // one that cannot be read is tried again
	if err != nil {
		s.log.ErrorContext(ctx, "the shadow is not run", append([]any{"file", g.cfg.Shadow.File}, why(err)...)...)
		return
	}
	g.candidate.Store(c)
	s.log.InfoContext(ctx, "the shadow is run", "file", c.file, "digest", c.digest, "tests", len(c.set.cases))
}

// endCandidate says in the log what came of a candidate, if there was one.
func (s *Server) endCandidate(ctx context.Context, c *candidate) {
	if c != nil {
		r := c.report()
		s.log.InfoContext(ctx, "the shadow is over", "digest", r.Digest, "same", r.Same, "changes", r.Changes, "not_asked", r.NotAsked, "dropped", r.Dropped)
	}
}

// refreshCandidate takes a candidate whose file changed. One that cannot be run leaves the old one where it is.
func (s *Server) refreshCandidate(ctx context.Context) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	g := s.active.Load()
	if g.cfg.Shadow == nil {
		return
	}
	digest, err := digestOf(g.cfg.Shadow.File)
	if err != nil || digest == g.tried {
		return
	}
	before := g.candidate.Load()
	s.useCandidate(ctx, g)
	if before != g.candidate.Load() {
		s.endCandidate(ctx, before)
	}
}

// beside describes plugins by those that run, without putting them to use.
type beside struct {
	offline
	running []runningPlugin
}

func (b beside) describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	d := declaration(p, b.options)
	for _, r := range b.running {
		if len(d.Command) > 0 && slices.Equal(r.declared.Command, d.Command) && reflect.DeepEqual(r.declared.SHA256, d.SHA256) {
			out := describedBy(r.plugin)
			out.asker = func(*config.Cache) pipeline.Asker { return nobody{p.Name} }
			return out, configProblems(out.config, p, src)
		}
	}
	return b.offline.describe(ctx, p, src)
}
