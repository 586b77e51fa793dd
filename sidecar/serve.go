package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// Server is a loaded configuration with its plugins running. New makes it, Serve answers calls, Close ends it.
type Server struct {
	options Options
	log     *slog.Logger
	cfg     *config.Config
	host    *pluginhost.Host
	active  atomic.Pointer[ruleSet]

	// Warnings are what Check would warn of. They are in the log too.
	Warnings []Problem
}

// New loads a configuration, starts its plugins and runs its tests. The error is a *Problems when something is wrong with the
// file and a *TestsFailed when its tests do not hold. The caller closes the server, also when Serve was never called.
func New(ctx context.Context, file string, o Options) (_ *Server, err error) {
	if !o.AllowWritable {
		if err := config.WritableByOthers(file); err != nil {
			return nil, err
		}
	}
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.builtinNames()})
	problems = append(problems, tlsProblems(cfg, src)...)
	if config.HasErrors(problems) {
		// Nothing is started for a file that cannot be served; what else is wrong with it is found without plugins.
		_, all := build(ctx, cfg, src, problems, offline{options: o})
		return nil, all
	}
	log := o.log(cfg)
	host, err := pluginhost.New(hostOptions(o, log))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, host.Close())
		}
	}()
	set, all := build(ctx, cfg, src, problems, online{options: o, host: host})
	if set == nil {
		return nil, all
	}
	if r := report(fixture.Run(ctx, set.pipeline, set.cases)); r.Failed() > 0 {
		return nil, &TestsFailed{Report: r}
	}
	s := &Server{options: o, log: log, cfg: cfg, host: host, Warnings: all.List}
	s.active.Store(set)
	return s, nil
}

func hostOptions(o Options, log *slog.Logger) pluginhost.Options {
	return pluginhost.Options{Log: log, Wrapper: o.Wrapper, Dir: o.WorkDir}
}

// Close stops the plugins. It is safe to call twice.
func (s *Server) Close() error { return s.host.Close() }

// Serve answers calls until ctx ends; then calls under way get the budget of a request to finish. The plugins stay for Close.
func (s *Server) Serve(ctx context.Context) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	creds, err := s.credentials()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log := s.log
	for _, w := range s.Warnings {
		log.WarnContext(ctx, "configuration", "problem", w.String())
	}
	server := grpc.NewServer(grpc.Creds(loggedHandshake{TransportCredentials: creds, log: log}), grpc.MaxRecvMsgSize(maxRequest), grpc.MaxSendMsgSize(MaxMessage))
	hookv1.RegisterClaimsHookServiceServer(server, &service{active: s.active.Load, log: log})
	alive := health.NewServer()
	healthv1.RegisterHealthServer(server, alive)
	if s.options.Reflection {
		log.WarnContext(ctx, "reflection is on: whoever reaches the socket can look around")
		reflection.Register(server)
	}
	alive.SetServingStatus(hookv1.ClaimsHookService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "version", s.options.Version,
		"steps", len(s.cfg.Pipeline), "plugins", len(s.cfg.Plugins), "tests", len(s.cfg.Tests))

	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	alive.Shutdown()
	s.drain(server)
	return <-done
}

// drain lets calls under way finish, but no longer than a request may take.
func (s *Server) drain(server *grpc.Server) {
	s.log.Info("stopping")
	late := time.AfterFunc(s.cfg.Budget+time.Second, server.Stop)
	defer late.Stop()
	server.GracefulStop()
}

func (s *Server) listen() (net.Listener, error) {
	l := s.cfg.Listen
	if l.TCP != "" {
		listener, err := net.Listen("tcp", l.TCP)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", l.TCP, err)
		}
		return listener, nil
	}
	where := socket{path: l.Socket, mode: l.Mode, group: -1}
	if l.Group != nil {
		where.group = *l.Group
	}
	return where.listen()
}

func (s *Server) credentials() (credentials.TransportCredentials, error) {
	l := s.cfg.Listen
	if l.TLS != nil {
		c, err := serverTLS(l.TLS)
		if err != nil {
			return nil, err
		}
		return credentials.NewTLS(c), nil
	}
	if len(l.AllowUIDs) > 0 {
		return newPeerCheck(insecure.NewCredentials(), l.AllowUIDs)
	}
	return insecure.NewCredentials(), nil
}
