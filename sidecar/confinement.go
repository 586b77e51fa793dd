package sidecar

import (
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// What a plugin may use unless its limits say something else.
const (
	pluginMemory      = 256 << 20
	pluginDescriptors = 256
)

// limitsOf are the limits of a plugin with their defaults.
func limitsOf(p *config.Plugin) pluginhost.Limits {
	l := pluginhost.Limits{
		Memory: int64(p.Limits.Memory), Descriptors: p.Limits.Descriptors, Processes: p.Limits.Processes,
		Readable: p.Limits.Readable, Writable: p.Limits.Writable, Connect: p.Limits.Connect,
	}
	if l.Memory == 0 {
		l.Memory = pluginMemory
	}
	if l.Descriptors == 0 {
		l.Descriptors = pluginDescriptors
	}
	return l
}

// confinementProblems are the plugins that must not run beside each other on this system.
func confinementProblems(cfg *config.Config, src *config.Source, o Options) []config.Problem {
	if cfg == nil {
		return nil
	}
	var set []pluginhost.Declaration
	paths := map[string]string{}
	for i := range cfg.Plugins {
		p := &cfg.Plugins[i]
		set = append(set, declaration(p, o))
		paths[p.Name] = p.Path
	}
	var out []config.Problem
	for _, wrong := range pluginhost.Unsafe(set) {
		out = append(out, src.Problem(config.Join(paths[wrong.Plugin], wrong.Path), wrong.Message, wrong.Hint))
	}
	return out
}
