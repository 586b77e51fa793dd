package compile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// runningPlugin is a plugin with what it was started from.
type Running struct {
	declared confine.Declaration
	Plugin   *pluginhost.Plugin
}

// FilesOf are a configuration and the files of its tables: when one changes, the configuration is another.
func FilesOf(file string) []string {
	cfg, _, _ := config.Load(file, config.Options{})
	names := []string{file}
	for _, t := range cfg.Tables {
		if t.File != "" {
			names = append(names, t.File)
		}
	}
	return names
}

// DigestOf is the beginning of the SHA-256 of a configuration, with the files of its tables behind it. A table that cannot be read counts as
// empty; a configuration that cannot be read is an error.
func DigestOf(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the configuration: %w", err)
	}
	sum := sha256.New()
	sum.Write(data)
	for _, table := range FilesOf(file)[1:] {
		data, _, _ := files.Read(table, maxTable)
		each := sha256.Sum256(data)
		sum.Write(each[:])
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// Fleet is the describer of a server: it starts plugins, puts them to use, and knows which it started.
type Fleet struct {
	Options Options
	Host    *pluginhost.Host
	Keep    []Running
	Used    []Running
	started []*pluginhost.Plugin
}

func (f *Fleet) describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	d := Declaration(p, f.Options)
	for _, running := range f.Keep {
		if reflect.DeepEqual(running.declared, d) {
			f.Used = append(f.Used, running)
			return describedBy(running.Plugin), nil
		}
	}
	plugin, out, problems := startPlugin(ctx, f.Host, d, p, src, false)
	if plugin != nil {
		f.started = append(f.started, plugin)
		f.Used = append(f.Used, Running{declared: d, Plugin: plugin})
	}
	return out, problems
}

// Drop stops what was started for a generation that never came to be.
func (f *Fleet) Drop() {
	for _, p := range slices.Backward(f.started) {
		f.Host.Stop(p)
	}
}

// Unused returns the plugins of old that are not in now.
func Unused(old, now []Running) (out []*pluginhost.Plugin) {
	for _, o := range old {
		if !slices.ContainsFunc(now, func(n Running) bool { return n.Plugin == o.Plugin }) {
			out = append(out, o.Plugin)
		}
	}
	return out
}

// Beside describes plugins by those that run, without putting them to use.
type Beside struct {
	Offline
	Running []Running
}

func (b Beside) describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	d := Declaration(p, b.Options)
	for _, r := range b.Running {
		if len(d.Command) > 0 && slices.Equal(r.declared.Command, d.Command) && reflect.DeepEqual(r.declared.SHA256, d.SHA256) {
			out := describedBy(r.Plugin)
			out.asker = func(*config.Cache) pipeline.Asker { return nobody{p.Name} }
			return out, configProblems(out.config, p, src)
		}
	}
	return b.Offline.describe(ctx, p, src)
}
