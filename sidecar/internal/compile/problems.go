package compile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/claimsmith/claimsmith/sidecar/files"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/observe"
	"github.com/claimsmith/claimsmith/sidecar/internal/socket"
)

// Guarded returns an error when somebody else could change the configuration that is in file, unless the operator said that it may be.
func (o Options) Guarded(file string) error {
	if o.AllowWritable {
		return nil
	}
	return files.WritableByOthers(file)
}

// ModeProblems are the modes that Serve refuses: of the file, and of the folders of sockets that are there.
func ModeProblems(file string, cfg *config.Config, src *config.Source, o Options) (found []config.Problem) {
	if err := o.Guarded(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		found = append(found, config.Problem{File: file, Message: err.Error()})
	}
	if cfg == nil {
		return found
	}
	found = append(found, TableProblems(cfg, src, o)...)
	for _, s := range []struct{ path, socket string }{{"listen", cfg.Listen.Socket}, {"admin", cfg.Admin.Socket}} {
		if s.socket == "" || s.path == "admin" && filepath.Dir(s.socket) == filepath.Dir(cfg.Listen.Socket) {
			continue
		}
		dir := filepath.Dir(s.socket)
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() { // it is made, or refused when it is listened on
			continue
		}
		if err := socket.FolderGuarded(dir, info); err != nil {
			found = append(found, src.Problem(s.path, err.Error(), ""))
		}
	}
	return found
}

// TableProblems are the files of tables that others can change.
func TableProblems(cfg *config.Config, src *config.Source, o Options) (found []config.Problem) {
	for _, t := range cfg.Tables {
		if t.File == "" {
			continue
		}
		if err := o.Guarded(t.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
			found = append(found, src.Problem(config.Join(t.Path, "file"), err.Error(), ""))
		}
	}
	return found
}

// What a plugin may use unless its limits say something else.
const (
	pluginMemory      = 256 << 20
	pluginDescriptors = 256
)

// LimitsOf are the limits of a plugin with their defaults.
func LimitsOf(p *config.Plugin) confine.Limits {
	l := confine.Limits{
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

// ConfinementProblems are the plugins that must not run beside each other on this system.
func ConfinementProblems(cfg *config.Config, src *config.Source, o Options) []config.Problem {
	if cfg == nil {
		return nil
	}
	var set []confine.Declaration
	paths := map[string]string{}
	for i := range cfg.Plugins {
		p := &cfg.Plugins[i]
		set = append(set, Declaration(p, o))
		paths[p.Name] = p.Path
	}
	var out []config.Problem
	for _, wrong := range confine.Unsafe(set) {
		out = append(out, src.Problem(config.Join(paths[wrong.Plugin], wrong.Path), wrong.Message, wrong.Hint))
	}
	return out
}

// TLSProblems reports certificates that cannot be used, so that check finds them and serve starts no plugin for them.
func TLSProblems(cfg *config.Config, src *config.Source) (found []config.Problem) {
	// What is missing is the loader's to report.
	if t := cfg.Listen.TLS; t != nil && t.CertFile != "" && t.KeyFile != "" && t.ClientCAFile != "" {
		if _, err := socket.ServerTLS(t); err != nil {
			found = append(found, src.Problem(t.Path, err.Error(), ""))
		}
	}
	if t := cfg.Tracing; t != nil {
		if _, err := observe.CollectorTLS(t); err != nil {
			found = append(found, src.Problem(config.Join(t.Path, "caFile"), err.Error(), ""))
		}
	}
	return found
}
