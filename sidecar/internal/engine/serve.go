package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/tap"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/observe"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
	"github.com/claimsmith/claimsmith/sidecar/internal/socket"
	"github.com/claimsmith/claimsmith/sidecar/internal/stores"
	"github.com/claimsmith/claimsmith/sidecar/internal/wire"
)

// Server is a loaded configuration with its plugins running. New makes it, Serve answers calls, Close ends it.
type Server struct {
	Options   compile.Options
	File      string
	Log       *slog.Logger
	Host      *pluginhost.Host
	Active    atomic.Pointer[Generation]
	Began     *config.Config    // the first one
	warnings  []compile.Problem // of New, for the log of Serve
	reloading sync.Mutex        // one reload at a time
	shadow    shadow
	Lifetimes lifetimes        // of tokens
	tracing   *observe.Tracing // nil: nothing is traced
	Kept      stores.Stores
	Failed    atomic.Pointer[FailedReload] // the last reload; nil when it was none
	Started   time.Time
	metrics   *metrics
	Certs     *socket.Certificates // nil: it listens at a socket
	answered  atomic.Int64         // calls of the hook
}

const (
	connectionAge = 20 * time.Second // of a connection over a network: then it is made again, with new certificates, and maybe to another sidecar
	longestCall   = time.Minute      // what a hook waits at most
	quiet         = time.Second      // without a question, once the sidecar said that it stops: the hooks ask another one
	leaving       = 5 * time.Second  // how long it goes on answering whoever knows no other
)

// New loads a configuration, starts its plugins and runs its tests. The error is a *Problems when something is wrong with the
// file and a *TestsFailed when its tests do not hold. The caller closes the server, also when Serve was never called.
func New(ctx context.Context, file string, o compile.Options) (_ *Server, err error) {
	cfg, log, kept, forgetful := begin(o, file)
	options := compile.HostOptions(o, log)
	if kept.Facts != nil {
		options.Store = kept.Facts
	}
	host, err := pluginhost.New(options)
	if err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, host.Close(), kept.Close())
		}
	}()
	first, warnings, err := load(ctx, file, o, host, nil)
	switch {
	case err != nil:
		return nil, err // what is wrong with the files of state is said there, with its place
	case forgetful != nil:
		return nil, forgetful
	case cfg == nil || !sameKeeping(first.Cfg, cfg):
		return nil, errors.New("the configuration changed while it was read: start again")
	}
	keepFacts(&kept, first.Cfg)
	tracing, err := observe.NewTracing(first.Cfg.Tracing, o.Version, log)
	if err != nil {
		return nil, err
	}
	s := &Server{Options: o, File: file, Log: log, Host: host, warnings: warnings, shadow: newShadow(log), Kept: kept, tracing: tracing, Started: time.Now()}
	if s.Certs, err = socket.NewCertificates(first.Cfg.Listen.TLS, log); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	s.Active.Store(first)
	s.Began = first.Cfg
	s.useCandidate(ctx, first)
	return s, nil
}

// begin looks into a configuration for what is needed before it is loaded: how to log, and what is remembered.
func begin(o compile.Options, file string) (_ *config.Config, log *slog.Logger, _ stores.Stores, err error) {
	cfg, _, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	if config.HasErrors(problems) {
		return nil, o.Log(nil), stores.Stores{}, nil
	}
	log = o.Log(cfg)
	kept, err := stores.New(cfg, log)
	return cfg, log, kept, err
}

// Close stops the plugins, keeps what they said last, sends the spans that are left, and closes the store. It is safe to call twice.
func (s *Server) Close() error {
	err := s.Host.Close()
	s.tracing.Close()
	return errors.Join(err, s.Kept.Close())
}

// Serve answers calls until ctx ends; then calls under way get the budget of a request to finish. Over a network it first says that it
// stops, and answers until the hooks ask another sidecar. The plugins stay for Close.
func (s *Server) Serve(ctx context.Context, attend func(context.Context) (stop func(), err error)) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	creds, err := s.credentials()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log, cfg := s.Log, s.Active.Load().Cfg
	s.warn(ctx, s.warnings)
	listener = &socket.Bounded{Listener: listener, Full: s.full(ctx)}
	server := grpc.NewServer(s.ages(cfg), grpc.Creds(socket.LoggedHandshake{TransportCredentials: creds, Log: log}), grpc.ForceServerCodecV2(wire.NewCodec()), grpc.MaxRecvMsgSize(claims.MaxMessage), grpc.MaxSendMsgSize(claims.MaxMessage),
		grpc.MaxConcurrentStreams(socket.MaxStreams), grpc.ConnectionTimeout(socket.ShakingTime), grpc.InTapHandle(s.patient),
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))),                                                              // their stacks have grown: those of new goroutines would grow at every call
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true})) // a hook asks every minute, and over a network every 10 s
	hookv1.RegisterClaimsHookServiceServer(server, &service{acquire: s.Acquire, noted: s.noted, links: s.Kept.Links, tracing: s.tracing, log: log})
	alive := health.NewServer()
	healthv1.RegisterHealthServer(server, alive)
	if s.Options.Reflection {
		log.WarnContext(ctx, "reflection is on: whoever reaches the socket can look around")
		reflection.Register(server)
	}
	alive.SetServingStatus(hookv1.ClaimsHookService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	if err := s.serveMetrics(ctx, cfg.Metrics); err != nil {
		return errors.Join(err, listener.Close())
	}
	stop, err := attend(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer stop() // after the last decision
	log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "version", s.Options.Version,
		"digest", s.Active.Load().Digest, "steps", s.Configuration().GetSteps(), "plugins", len(cfg.Plugins), "tests", len(cfg.Tests))

	return s.run(ctx, server, listener, alive)
}

// run serves, and watches the configuration, until ctx ends or serving fails.
func (s *Server) run(ctx context.Context, server *grpc.Server, listener net.Listener, alive *health.Server) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx) })
	watching.Go(func() { s.shadow.work(ctx) })
	watching.Go(func() { s.recall(ctx) })
	watching.Go(func() { s.tellLost(ctx) })
	if s.Kept.Facts != nil {
		watching.Go(func() { s.Kept.Facts.Run(ctx) })
	}
	defer watching.Wait()
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.Log.Info("stopping")
	alive.Shutdown()
	if s.Certs != nil {
		s.leave()
	}
	s.drain(server)
	if stopped := <-served; !errors.Is(stopped, grpc.ErrServerStopped) { // what it says when it was stopped before it began
		return stopped
	}
	return nil
}

// leave waits until nobody asks any more: a hook that knows another sidecar goes to it when this one says that it stops. One that knows
// none is answered for a while, in which it may learn of one.
func (s *Server) leave() {
	end := time.After(leaving)
	for before := int64(-1); before != s.answered.Load(); {
		before = s.answered.Load()
		select {
		case <-time.After(quiet):
		case <-end:
			return
		}
	}
}

// ages is how long connections last.
func (s *Server) ages(c *config.Config) grpc.ServerOption {
	p := keepalive.ServerParameters{MaxConnectionIdle: socket.IdleConn}
	if c.Listen.TLS != nil {
		p.MaxConnectionAge, p.MaxConnectionAgeGrace = cmp.Or(s.Options.ConnectionAge, connectionAge), longestCall
		p.Time, p.Timeout = 10*time.Second, 5*time.Second
	}
	return grpc.KeepaliveParams(p)
}

// patient gives every call of the hook an end, also one whose request does not come: such a call would be kept for as long as its
// connection. That is longer than any caller waits.
func (s *Server) patient(ctx context.Context, call *tap.Info) (context.Context, error) {
	most := cmp.Or(s.Options.LongestCall, longestCall)
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= most || call.FullMethodName != hookv1.ClaimsHookService_ExtendPayload_FullMethodName {
		return ctx, nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	context.AfterFunc(ctx, cancel)
	return ctx, nil
}

// drain lets calls under way finish, but no longer than a request may take.
func (s *Server) drain(server *grpc.Server) {
	late := time.AfterFunc(s.Active.Load().Cfg.Budget+time.Second, server.Stop)
	defer late.Stop()
	server.GracefulStop()
}

// full warns of connections that were closed because there are too many, once a minute.
func (s *Server) full(ctx context.Context) func() {
	var said time.Time // of the accepting goroutine alone
	return func() {
		if now := time.Now(); now.Sub(said) >= time.Minute {
			said = now
			s.Log.WarnContext(ctx, "too many connections: new ones are closed", "open", socket.MaxConns)
		}
	}
}

func (s *Server) warn(ctx context.Context, warnings []compile.Problem) {
	for _, w := range warnings {
		s.Log.WarnContext(ctx, "configuration", "problem", w.String())
	}
}

func (s *Server) listen() (net.Listener, error) {
	l := s.Active.Load().Cfg.Listen
	if l.TCP != "" {
		listener, err := net.Listen("tcp", l.TCP)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", l.TCP, err)
		}
		return listener, nil
	}
	where := socket.Unix{Path: l.Socket, Mode: l.Mode, Group: -1}
	if l.Group != nil {
		where.Group = *l.Group
	}
	return where.Listen()
}

func (s *Server) credentials() (credentials.TransportCredentials, error) {
	l := s.Active.Load().Cfg.Listen
	if s.Certs != nil {
		return credentials.NewTLS(s.Certs.Config()), nil
	}
	if l.Socket == "" {
		return insecure.NewCredentials(), nil
	}
	return socket.HookPeers(l.AllowUIDs, s.Host)
}
