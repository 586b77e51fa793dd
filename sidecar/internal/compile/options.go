package compile

import (
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// Options is what a program passes; a configuration is what an operator writes.
type Options struct {
	// Logger makes the log once the configuration is read; level and format are empty where it says nothing. Nil discards.
	Logger   func(level, format string) *slog.Logger
	Builtins map[string]Builtin // plugins that come with the program, by name
	Wrapper  []string           // argv in front of a plugin's command: confines it and ends it with its host; see PluginExec
	Version  string             // shown in logs

	Reload        <-chan struct{} // each value asks for a reload with plugins started again; twice forces one that would lock everybody out; nil: only changes of the file do
	Reflection    bool            // serve gRPC reflection: for looking around, not for production
	AllowWritable bool            // serve a configuration that others can write: anyone who can decides every login
	WorkDir       string          // where plugins get their folders; empty makes a temporary one
	ConnectionAge time.Duration   // in tests; else zero
	LongestCall   time.Duration   // in tests; else zero
}

// Builtin is a plugin that comes with the program: started by a command like any other, and able to describe itself without
// being started.
type Builtin struct {
	Command  []string
	Describe func() (Description, error)
	MaxAge   func(config []byte) (time.Duration, bool) // how old its answers may be; false, and nil: nobody says
}

// Description is how a plugin introduces itself: JSON Schemas in the subset of the plugin contract.
type Description struct {
	Name, Version         string
	Config, Params, Facts []byte
}

// Log makes the log for a configuration, which may be nil.
func (o Options) Log(c *config.Config) *slog.Logger {
	if o.Logger == nil || c == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger(c.Log.Level, c.Log.Format)
}

func (o Options) BuiltinNames() []string {
	names := make([]string, 0, len(o.Builtins))
	for name := range o.Builtins {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Problem is something wrong with a file, at a place in it.
type Problem = config.Problem

// Problems is the error for a file that something is wrong with: all of it at once.
type Problems struct {
	List   []Problem // errors and warnings, in the order of the file
	Source *config.Source
	advice []Problem // what Advise adds
}

// Error names the first problem and how many there are; Render shows them all.
func (p *Problems) Error() string {
	for _, first := range p.List {
		if !first.Warning {
			return first.String()
		}
	}
	return "no problems"
}

// Render writes the problems for people: place, message, the line with a caret, and a hint.
func (p *Problems) Render(w io.Writer) error { return p.Source.Render(w, p.List) }

// Advise adds warnings of what is plain in a file and may not be what is wanted: clients and grants in which a rule cannot be answered. It adds none
// to a file that cannot be served.
func (p *Problems) Advise() {
	if !p.Failed() {
		p.List, p.advice = config.Sorted(append(p.List, p.advice...)), nil
	}
}

// Failed reports whether there is anything but warnings.
func (p *Problems) Failed() bool { return config.HasErrors(p.List) }

func HostOptions(o Options, log *slog.Logger) pluginhost.Options {
	return pluginhost.Options{Log: log, Wrapper: o.Wrapper, Dir: o.WorkDir}
}
