package sidecar

import (
	"context"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/engine"
	"github.com/claimsmith/claimsmith/sidecar/operator"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

type (
	// Options is what a program passes; a configuration is what an operator writes.
	Options = compile.Options
	// Builtin is a plugin that comes with the program.
	Builtin = compile.Builtin
	// Description is how a plugin introduces itself.
	Description = compile.Description
	// Problem is something wrong with a file, at a place in it.
	Problem = compile.Problem
	// Problems is the error for a file that something is wrong with: all of it at once.
	Problems = compile.Problems
	// TestsFailed is the error for a configuration whose own tests do not hold.
	TestsFailed = replay.TestsFailed
	// LockedOut is the error for a configuration that keeps out everybody who was let in recently.
	LockedOut = engine.LockedOut
	// ShadowReport is how a candidate compares with the rules in use since it was loaded. It holds no values.
	ShadowReport = engine.ShadowReport
)

// Server is a loaded configuration with its plugins running. New makes it, Serve answers calls, Close ends it.
type Server struct{ engine *engine.Server }

// New loads a configuration, starts its plugins and runs its tests. The error is a *Problems when something is wrong with the
// file and a *TestsFailed when its tests do not hold. The caller closes the server, also when Serve was never called.
func New(ctx context.Context, file string, o Options) (*Server, error) {
	e, err := engine.New(ctx, file, o)
	if err != nil {
		return nil, err
	}
	return &Server{e}, nil
}

// Serve answers calls, and the operator, until ctx ends; then calls under way get the budget of a request to finish. Over a network it
// first says that it stops, and answers until the hooks ask another sidecar. The plugins stay for Close.
func (s *Server) Serve(ctx context.Context) error {
	return s.engine.Serve(ctx, func(ctx context.Context) (func(), error) { return operator.Attend(ctx, s.engine) })
}

// Reload reads the configuration again. The new one serves only when nothing is wrong with it and its tests hold; until then,
// and if not, the old one goes on. Calls under way finish with the one they began with. fresh also starts plugins again whose
// declaration did not change, so that they read files again that it names, and reads the certificates again.
//
// The error is that of New, or a *LockedOut when the new one would keep out everybody who was let in recently. What needs a
// new start, such as another listen address, is not taken over, and is warned of.
func (s *Server) Reload(ctx context.Context, fresh bool) error {
	return s.engine.Reload(ctx, fresh, false)
}

// ReloadForced is Reload, but a configuration that keeps out everybody serves too.
func (s *Server) ReloadForced(ctx context.Context, fresh bool) error {
	return s.engine.Reload(ctx, fresh, true)
}

// Shadow reports on the candidate. It is nil when none is run.
func (s *Server) Shadow() *ShadowReport { return s.engine.Shadow() }

// Close stops the plugins, keeps what they said last, sends the spans that are left, and closes the store. It is safe to call twice.
func (s *Server) Close() error { return s.engine.Close() }

// PluginExec is what a program does when it is started as the wrapper of a plugin: it confines itself and becomes the plugin's
// command. On success it does not return.
func PluginExec(args []string) error { return confine.Exec(args) }

// Schema returns the JSON Schema of the configuration file, for editors.
func Schema() ([]byte, error) { return config.Schema() }
