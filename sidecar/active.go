package sidecar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// generation is one version of the configuration with the plugins that it uses. Calls hold it while they run, so that it is
// taken down only when none does.
type generation struct {
	set     *ruleSet
	cfg     *config.Config
	plugins []runningPlugin
	digest  string // of the file, to see whether it changed
	loaded  time.Time
	sources map[string]*facts.Type // what the plugins' answers are typed by, by plugin

	candidate atomic.Pointer[candidate] // run beside it; nil when there is none
	tried     string                    // digest of the last candidate that was tried; guarded by Server.reloading

	calls   sync.RWMutex // held for reading by each call
	retired bool         // guarded by calls
}

// runningPlugin is a plugin with what it was started from.
type runningPlugin struct {
	declared pluginhost.Declaration
	plugin   *pluginhost.Plugin
}

// acquire returns the active generation, held for a call, or nil when there is none.
func (s *Server) acquire() *generation {
	for {
		g := s.active.Load()
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

func (g *generation) release() { g.calls.RUnlock() }

// retire waits for the calls of a replaced generation.
func (g *generation) retire() {
	g.calls.Lock()
	g.retired = true
	g.calls.Unlock()
}

// load makes a generation of the file as it is now. Plugins that keep has running from the same declaration are used again.
// The error is a *Problems or a *TestsFailed where the file is to blame, and then nothing that was started is left.
func load(ctx context.Context, file string, o Options, host *pluginhost.Host, keep []runningPlugin) (_ *generation, _ []Problem, err error) {
	if err := o.guarded(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	digest, unread := digestOf(file)
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.builtinNames()})
	problems = append(append(problems, tlsProblems(cfg, src)...), keptProblems(cfg, src)...)
	problems = append(problems, confinementProblems(cfg, src, o)...)
	if config.HasErrors(problems) {
		// Nothing is started for a file that cannot be served; what else is wrong with it is found without plugins.
		_, all := build(ctx, cfg, src, problems, offline{options: o})
		return nil, nil, all
	}
	if unread != nil {
		return nil, nil, unread // and yet it was loaded: it has only just come
	}
	plugins := &fleet{options: o, host: host, keep: keep}
	defer func() {
		if err != nil {
			plugins.drop()
		}
	}()
	set, all := build(ctx, cfg, src, problems, plugins)
	if set == nil {
		return nil, nil, all
	}
	if r := report(fixture.Run(ctx, set.pipeline, set.cases)); r.Failed() > 0 {
		return nil, nil, &TestsFailed{Report: r}
	}
	return &generation{set: set, cfg: cfg, plugins: plugins.used, digest: digest, loaded: time.Now(), sources: set.sources()}, all.List, nil
}

func digestOf(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the configuration: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6]), nil
}

// fleet is the describer of a server: it starts plugins, puts them to use, and knows which it started.
type fleet struct {
	options Options
	host    *pluginhost.Host
	keep    []runningPlugin
	used    []runningPlugin
	started []*pluginhost.Plugin
}

func (f *fleet) describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	d := declaration(p, f.options)
	for _, running := range f.keep {
		if reflect.DeepEqual(running.declared, d) {
			f.used = append(f.used, running)
			return describedBy(running.plugin), nil
		}
	}
	plugin, out, problems := startPlugin(ctx, f.host, d, p, src, false)
	if plugin != nil {
		f.started = append(f.started, plugin)
		f.used = append(f.used, runningPlugin{declared: d, plugin: plugin})
	}
	return out, problems
}

// drop stops what was started for a generation that never came to be.
func (f *fleet) drop() {
	for _, p := range slices.Backward(f.started) {
		f.host.Stop(p)
	}
}

// unused returns the plugins of old that are not in now.
func unused(old, now []runningPlugin) (out []*pluginhost.Plugin) {
	for _, o := range old {
		if !slices.ContainsFunc(now, func(n runningPlugin) bool { return n.plugin == o.plugin }) {
			out = append(out, o.plugin)
		}
	}
	return out
}
