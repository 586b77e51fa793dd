package sdk

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// Main serves p to the claimsmith that started this process, and exits when claimsmith asks for it. It never returns.
//
// It makes slog.Default the logger of the host.
func Main(p Plugin) { os.Exit(run(p, os.Stderr)) }

func run(p Plugin, stderr *os.File) int {
	d, err := p.Describe()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if os.Getenv(cookieKey) != cookieValue {
		fmt.Fprintf(stderr, "%s %s is a plugin of claimsmith, which starts it itself: declare it under plugins: in claimsmith.yaml.\n", d.Name, d.Version)
		return 2
	}
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	h := Host{Log: slog.New(newHandler(stderr)), Dir: dir}
	slog.SetDefault(h.Log)
	log.SetOutput(stderr) // SetDefault took package log along, and what is printed there may hold anything
	stayUntilAsked()

	s := newServer(p, h)
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: protocolVersion, MagicCookieKey: cookieKey, MagicCookieValue: cookieValue},
		Plugins:         goplugin.PluginSet{serviceName: &transport{server: s}},
		GRPCServer:      func(given []grpc.ServerOption) *grpc.Server { return grpc.NewServer(options(given)...) },
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: stderr, JSONFormat: true}),
	})
	s.shutdown()
	return 0
}

// stayUntilAsked leaves the end of this process to the host: a signal to the whole process group or control group must not
// cost the answers that the host still waits for. The transport ignores interrupts itself.
func stayUntilAsked() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGHUP)
	watchHost()
}

// transport hangs the service into go-plugin.
type transport struct {
	goplugin.NetRPCUnsupportedPlugin
	server *server
}

func (t *transport) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	pluginv1.RegisterLookupServiceServer(g, t.server)
	return nil
}

func (t *transport) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin is not a client")
}

// Serve serves p on l until ctx ends: the wire contract without handshake, TLS and process, for tests. Plugins call [Main].
// It closes l.
func Serve(ctx context.Context, l net.Listener, h Host, p Plugin) error {
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := p.Describe(); err != nil {
		return errors.Join(err, l.Close())
	}
	s := newServer(p, h)
	g := grpc.NewServer(options(nil)...)
	pluginv1.RegisterLookupServiceServer(g, s)
	stop := context.AfterFunc(ctx, g.Stop)
	defer stop()
	err := g.Serve(l)
	s.shutdown()
	if ctx.Err() != nil {
		return nil
	}
	return err
}
