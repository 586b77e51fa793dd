package sidecar

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
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// Server is a loaded configuration with its plugins running. New makes it, Serve answers calls, Close ends it.
type Server struct {
	options   Options
	file      string
	log       *slog.Logger
	host      *pluginhost.Host
	active    atomic.Pointer[generation]
	began     *config.Config // the first one
	warnings  []Problem      // of New, for the log of Serve
	reloading sync.Mutex     // one reload at a time
	shadow    shadow
	lifetimes lifetimes // of tokens
	tracing   *tracing  // nil: nothing is traced
	kept      stores
	failed    atomic.Pointer[failedReload] // the last reload; nil when it was none
	started   time.Time
	metrics   *metrics
	certs     *certificates // nil: it listens at a socket
	answered  atomic.Int64  // calls of the hook
}

const (
	connectionAge = 20 * time.Second // of a connection over a network: then it is made anew, with new certificates, and maybe to another sidecar
	longestCall   = time.Minute      // what a hook waits at most
	quiet         = time.Second      // without a question, once the sidecar said that it stops: the hooks ask another one
	leaving       = 5 * time.Second  // how long it goes on answering whoever knows no other
)

// New loads a configuration, starts its plugins and runs its tests. The error is a *Problems when something is wrong with the
// file and a *TestsFailed when its tests do not hold. The caller closes the server, also when Serve was never called.
func New(ctx context.Context, file string, o Options) (_ *Server, err error) {
	cfg, log, kept, forgetful := o.begin(file)
	options := hostOptions(o, log)
	if kept.facts != nil {
		options.Store = kept.facts
	}
	host, err := pluginhost.New(options)
	if err != nil {
		return nil, errors.Join(err, kept.close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, host.Close(), kept.close())
		}
	}()
	first, warnings, err := load(ctx, file, o, host, nil)
	switch {
	case err != nil:
		return nil, err // what is wrong with the files of state is said there, with its place
	case forgetful != nil:
		return nil, forgetful
	case cfg == nil || !sameKeeping(first.cfg, cfg):
		return nil, errors.New("the configuration changed while it was read: start again")
	}
	kept.keepFacts(first.cfg)
	tracing, err := newTracing(first.cfg.Tracing, o.Version, log)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, file: file, log: log, host: host, warnings: warnings, shadow: newShadow(log), kept: kept, tracing: tracing, started: time.Now()}
	if s.certs, err = newCertificates(first.cfg.Listen.TLS, log); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	s.active.Store(first)
	s.began = first.cfg
	s.useCandidate(ctx, first)
	return s, nil
}

func hostOptions(o Options, log *slog.Logger) pluginhost.Options {
	return pluginhost.Options{Log: log, Wrapper: o.Wrapper, Dir: o.WorkDir}
}

// begin looks into a configuration for what is needed before it is loaded: how to log, and what is remembered.
func (o Options) begin(file string) (_ *config.Config, log *slog.Logger, _ stores, err error) {
	cfg, _, problems := config.Load(file, config.Options{Builtins: o.builtinNames()})
	if config.HasErrors(problems) {
		return nil, o.log(nil), stores{}, nil
	}
	log = o.log(cfg)
	kept, err := newStores(cfg, log)
	return cfg, log, kept, err
}

// Close stops the plugins, keeps what they said last, sends the spans that are left, and closes the store. It is safe to call twice.
func (s *Server) Close() error {
	err := s.host.Close()
	s.tracing.close()
	return errors.Join(err, s.kept.close())
}

// Serve answers calls until ctx ends; then calls under way get the budget of a request to finish. Over a network it first says that it
// stops, and answers until the hooks ask another sidecar. The plugins stay for Close.
func (s *Server) Serve(ctx context.Context) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	creds, err := s.credentials()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log, cfg := s.log, s.active.Load().cfg
	s.warn(ctx, s.warnings)
	listener = &bounded{Listener: listener, full: s.full(ctx)}
	server := grpc.NewServer(s.ages(cfg), grpc.Creds(loggedHandshake{TransportCredentials: creds, log: log}), grpc.MaxRecvMsgSize(claims.MaxMessage), grpc.MaxSendMsgSize(claims.MaxMessage),
		grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(shakingTime), grpc.InTapHandle(s.patient),
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))),                                                              // their stacks have grown: those of new goroutines would grow at every call
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true})) // a hook asks every minute, and over a network every 10 s
	hookv1.RegisterClaimsHookServiceServer(server, &service{acquire: s.acquire, noted: s.noted, links: s.kept.links, tracing: s.tracing, log: log})
	alive := health.NewServer()
	healthv1.RegisterHealthServer(server, alive)
	if s.options.Reflection {
		log.WarnContext(ctx, "reflection is on: whoever reaches the socket can look around")
		reflection.Register(server)
	}
	alive.SetServingStatus(hookv1.ClaimsHookService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	if err := s.serveMetrics(ctx, cfg.Metrics); err != nil {
		return errors.Join(err, listener.Close())
	}
	stop, err := s.attend(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer stop() // after the last decision
	log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "version", s.options.Version,
		"digest", s.active.Load().digest, "steps", s.configuration().GetSteps(), "plugins", len(cfg.Plugins), "tests", len(cfg.Tests))

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
	if s.kept.facts != nil {
		watching.Go(func() { s.kept.facts.Run(ctx) })
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
	s.log.Info("stopping")
	alive.Shutdown()
	if s.certs != nil {
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
	p := keepalive.ServerParameters{MaxConnectionIdle: idleConn}
	if c.Listen.TLS != nil {
		p.MaxConnectionAge, p.MaxConnectionAgeGrace = cmp.Or(s.options.connectionAge, connectionAge), longestCall
		p.Time, p.Timeout = 10*time.Second, 5*time.Second
	}
	return grpc.KeepaliveParams(p)
}

// patient gives every call of the hook an end, also one whose request does not come: such a call would be kept for as long as its
// connection. That is longer than any caller waits.
func (s *Server) patient(ctx context.Context, call *tap.Info) (context.Context, error) {
	most := cmp.Or(s.options.longestCall, longestCall)
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= most || call.FullMethodName != hookv1.ClaimsHookService_ExtendPayload_FullMethodName {
		return ctx, nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	context.AfterFunc(ctx, cancel)
	return ctx, nil
}

// drain lets calls under way finish, but no longer than a request may take.
func (s *Server) drain(server *grpc.Server) {
	late := time.AfterFunc(s.active.Load().cfg.Budget+time.Second, server.Stop)
	defer late.Stop()
	server.GracefulStop()
}

// full warns of connections that were closed because there are too many, once a minute.
func (s *Server) full(ctx context.Context) func() {
	var said time.Time // of the accepting goroutine alone
	return func() {
		if now := time.Now(); now.Sub(said) >= time.Minute {
			said = now
			s.log.WarnContext(ctx, "too many connections: new ones are closed", "open", maxConns)
		}
	}
}

func (s *Server) warn(ctx context.Context, warnings []Problem) {
	for _, w := range warnings {
		s.log.WarnContext(ctx, "configuration", "problem", w.String())
	}
}

func (s *Server) listen() (net.Listener, error) {
	l := s.active.Load().cfg.Listen
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
	l := s.active.Load().cfg.Listen
	if s.certs != nil {
		return credentials.NewTLS(s.certs.config()), nil
	}
	if l.Socket == "" {
		return insecure.NewCredentials(), nil
	}
	return hookPeers(l.AllowUIDs, s.host)
}
