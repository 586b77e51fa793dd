package engine

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
	"github.com/claimsmith/claimsmith/sidecar/internal/stores"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// Generation is one version of the configuration with the plugins that it uses. Calls hold it while they run, so that it is
// taken down only when none does.
type Generation struct {
	Set     *compile.Set
	Cfg     *config.Config
	Plugins []compile.Running
	Digest  string // of the file, to see whether it changed
	loaded  time.Time
	sources map[string]*facts.Type // what the plugins' answers are typed by, by plugin

	candidate atomic.Pointer[candidate] // run beside it; nil when there is none
	tried     string                    // digest of the last candidate that was tried; guarded by Server.reloading

	calls   sync.RWMutex // held for reading by each call
	retired bool         // guarded by calls
}

// Acquire returns the active generation, held for a call, or nil when there is none.
func (s *Server) Acquire() *Generation {
	for {
		g := s.Active.Load()
		if g == nil {
			return nil
		}
		g.calls.RLock()
		if !g.retired {
			return g
		}
		g.calls.RUnlock() // it was replaced between the two lines above
	}
}

func (g *Generation) Release() { g.calls.RUnlock() }

// retire waits for the calls of a replaced generation.
func (g *Generation) retire() {
	g.calls.Lock()
	g.retired = true
	g.calls.Unlock()
}

// load makes a generation of the file as it is now. Plugins that keep has running from the same declaration are used again.
// The error is a *Problems or a *TestsFailed where the file is to blame, and then nothing that was started is left.
func load(ctx context.Context, file string, o compile.Options, host *pluginhost.Host, keep []compile.Running) (_ *Generation, _ []compile.Problem, err error) {
	if err := o.Guarded(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	digest, unread := compile.DigestOf(file)
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	problems = append(append(problems, compile.TLSProblems(cfg, src)...), stores.KeptProblems(cfg, src)...)
	problems = append(append(problems, compile.ConfinementProblems(cfg, src, o)...), compile.TableProblems(cfg, src, o)...)
	if config.HasErrors(problems) {
		// Nothing is started for a file that cannot be served; what else is wrong with it is found without plugins.
		_, all := compile.Build(ctx, cfg, src, problems, compile.Offline{Options: o})
		return nil, nil, all
	}
	if unread != nil {
		return nil, nil, unread // and yet it was loaded: it has only just come
	}
	plugins := &compile.Fleet{Options: o, Host: host, Keep: keep}
	defer func() {
		if err != nil {
			plugins.Drop()
		}
	}()
	set, all := compile.Build(ctx, cfg, src, problems, plugins)
	if set == nil {
		return nil, nil, all
	}
	if r := replay.Report(fixture.Run(ctx, set.Pipeline, set.Cases)); r.Failed() > 0 {
		return nil, nil, &replay.TestsFailed{Report: r}
	}
	return &Generation{Set: set, Cfg: cfg, Plugins: plugins.Used, Digest: digest, loaded: time.Now(), sources: set.Sources()}, all.List, nil
}

// keepFacts has facts kept for as long as some lookup may use them.
func keepFacts(k *stores.Stores, cfg *config.Config) {
	if k.Facts != nil {
		k.Facts.SetMaxAge(maxStale(cfg.Pipeline))
	}
}

func maxStale(steps []config.Step) (most time.Duration) {
	for i := range steps {
		if c := steps[i].Cache; c != nil {
			most = max(most, c.MaxStale)
		}
		most = max(most, maxStale(steps[i].Steps))
	}
	return most
}
