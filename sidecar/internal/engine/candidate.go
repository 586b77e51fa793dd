package engine

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// candidate is a configuration that is run beside the one in use. It does not change once made.
type candidate struct {
	file, digest string
	loaded       time.Time
	set          *compile.Set
	usable       map[string]bool // plugins whose answers it can be given
	tally        *shadowTally
}

// loadCandidate makes the candidate of a generation. Nothing is started for it: what its plugins know comes from those that
// run, where they are the same programs, or else as offline. The error is that of load. A candidate that could not be served
// is not run either.
func loadCandidate(ctx context.Context, g *Generation, o compile.Options) (*candidate, error) {
	file := g.Cfg.Shadow.File
	digest, err := compile.DigestOf(file)
	if err != nil {
		return nil, err
	}
	if err := o.Guarded(file); err != nil {
		return nil, err
	}
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	problems = append(append(problems, compile.TLSProblems(cfg, src)...), compile.TableProblems(cfg, src, o)...)
	set, all := compile.Build(ctx, cfg, src, problems, compile.Beside{Offline: compile.Offline{Options: o}, Running: g.Plugins})
	if set == nil {
		return nil, all
	}
	if r := replay.Report(fixture.Run(ctx, set.Pipeline, set.Cases)); r.Failed() > 0 {
		return nil, &replay.TestsFailed{Report: r}
	}
	return &candidate{
		file: file, digest: digest, loaded: time.Now(), set: set, usable: replay.Alike(g.Set.Sources(), set.Sources()), tally: &shadowTally{},
	}, nil
}

// useCandidate loads the candidate of a generation, if it has one, and says in the log if it cannot be run: the rules in use do
// not depend on it.
func (s *Server) useCandidate(ctx context.Context, g *Generation) {
	if g.Cfg.Shadow == nil {
		return
	}
	c, err := loadCandidate(ctx, g, s.Options)
	g.tried, _ = compile.DigestOf(g.Cfg.Shadow.File) // one that cannot be read is tried again
	if err != nil {
		s.Log.ErrorContext(ctx, "the shadow is not run", append([]any{"file", g.Cfg.Shadow.File}, why(err)...)...)
		return
	}
	g.candidate.Store(c)
	s.Log.InfoContext(ctx, "the shadow is run", "file", c.file, "digest", c.digest, "tests", len(c.set.Cases))
}

// endCandidate says in the log what came of a candidate, if there was one.
func (s *Server) endCandidate(ctx context.Context, c *candidate) {
	if c != nil {
		r := c.report()
		s.Log.InfoContext(ctx, "the shadow is over", "digest", r.Digest, "same", r.Same, "changes", r.Changes, "not_asked", r.NotAsked, "dropped", r.Dropped)
	}
}

// refreshCandidate takes a candidate whose file changed. One that cannot be run leaves the old one where it is.
func (s *Server) refreshCandidate(ctx context.Context) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	g := s.Active.Load()
	if g.Cfg.Shadow == nil {
		return
	}
	digest, err := compile.DigestOf(g.Cfg.Shadow.File)
	if err != nil || digest == g.tried {
		return
	}
	before := g.candidate.Load()
	s.useCandidate(ctx, g)
	if before != g.candidate.Load() {
		s.endCandidate(ctx, before)
	}
}
