package replay

import (
	"encoding/json"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

// DeclaredPlugin is a plugin as a configuration declares it.
type DeclaredPlugin struct {
	Name    string          // what rules call it
	Builtin string          // the plugin that comes with claimsmith; empty: one of the operator's own
	Config  json.RawMessage // its own configuration, which nobody has checked
}

// DeclaredPlugins reads the plugins of a configuration, in the order of the file. It starts nothing. The error is a *Problems when the file
// cannot be used; rules are not compiled.
func DeclaredPlugins(file string, o compile.Options) ([]DeclaredPlugin, error) {
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	if all := (&compile.Problems{List: problems, Source: src}); all.Failed() {
		return nil, all
	}
	declared := make([]DeclaredPlugin, len(cfg.Plugins))
	for i, p := range cfg.Plugins {
		declared[i] = DeclaredPlugin{Name: p.Name, Builtin: p.Builtin, Config: p.Config}
	}
	return declared, nil
}
