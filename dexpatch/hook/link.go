package claimshook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // health checks of the service config
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// maxMessageBytes is how large a message may be in either direction.
const maxMessageBytes = claims.MaxMessage

// errStranger says that the process at the other end of the socket is not the one that was configured.
var errStranger = errors.New("the socket is not served by serverUid")

// network is the service config for addresses behind which there may be several services: calls go to all of them in turn that
// say that they serve.
const network = `{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}`

// link is the connection to the service. It is made when first needed and again after it broke.
type link struct {
	conn   *grpc.ClientConn
	hook   hookv1.ClaimsHookServiceClient
	health grpc_health_v1.HealthClient
	dialed *dialer
}

func newLink(c Config) (*link, error) {
	d := &dialer{uid: c.ServerUID}
	target, creds := c.Address, insecure.NewCredentials()
	var more []grpc.DialOption
	if path, ok := c.socket(); ok {
		d.network, d.address, target = "unix", path, "passthrough:///claims-hook"
	} else {
		tlsConfig, err := c.TLS.load()
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		d.network, creds = "tcp", handshaker{credentials.NewTLS(tlsConfig), c.TLS, d}
		more = append(more, grpc.WithDefaultServiceConfig(network), grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: time.Minute, Timeout: 5 * time.Second, PermitWithoutStream: true,
		}))
	}
	conn, err := grpc.NewClient(target, append(more,
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(d.dial),
		grpc.WithNoProxy(),
		grpc.WithStatsHandler(watcher{}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: c.Timeout,
		}))...,
	)
	if err != nil {
		return nil, err
	}
	return &link{
		conn: conn, dialed: d,
		hook: hookv1.NewClaimsHookServiceClient(conn), health: grpc_health_v1.NewHealthClient(conn),
	}, nil
}

// Close ends the connection.
func (l *link) Close() error { return l.conn.Close() }

// wait returns when there is a connection, or with the reason that there is none after the limit.
func (l *link) wait(ctx context.Context, limit time.Duration) error {
	if l.conn.GetState() == connectivity.Ready {
		return nil // nearly always, and a timer costs more than this look
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if l.conn.GetState() == connectivity.TransientFailure {
		l.conn.ResetConnectBackoff() // somebody waits: try now
	}
	for {
		state := l.conn.GetState()
		if state == connectivity.Ready {
			return nil
		}
		if state == connectivity.Idle {
			l.conn.Connect()
		}
		if !l.conn.WaitForStateChange(ctx, state) {
			return l.dialed.reason()
		}
	}
}

// alive reports whether the service answers a health check with anything at all.
func (l *link) alive(ctx context.Context) bool {
	answered := new(answer)
	_, err := l.health.Check(context.WithValue(ctx, markAnswer, answered), &grpc_health_v1.HealthCheckRequest{})
	return status.Code(err) == 0 || answered.Load()
}

// dialer connects and remembers why it could not: the errors of gRPC mix its own words with those of the other side.
type dialer struct {
	network, address string // address is empty for names that gRPC resolves
	uid              *uint32
	last             atomic.Pointer[error]
}

func (d *dialer) dial(ctx context.Context, address string) (net.Conn, error) {
	if d.address != "" {
		address = d.address
	}
	conn, err := new(net.Dialer).DialContext(ctx, d.network, address)
	if err == nil && d.uid != nil {
		if err = checkPeer(conn, *d.uid); err != nil {
			conn.Close()
		}
	}
	if err != nil || d.network == "unix" {
		d.last.Store(&err) // over a network the first bytes decide
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// handshaker reads the certificates anew for each connection, so that rotated ones are taken, and makes the dialer remember a
// handshake that failed.
type handshaker struct {
	credentials.TransportCredentials
	files  *TLS
	dialed *dialer
}

func (h handshaker) ClientHandshake(ctx context.Context, name string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config, err := h.files.load()
	if err != nil {
		h.dialed.last.Store(&err)
		return nil, nil, err
	}
	secured, info, err := credentials.NewTLS(config).ClientHandshake(ctx, name, conn)
	if err != nil {
		h.dialed.last.Store(&err)
		return nil, nil, err
	}
	return &listening{Conn: secured, dialed: h.dialed}, info, nil
}

func (h handshaker) Clone() credentials.TransportCredentials {
	return handshaker{h.TransportCredentials.Clone(), h.files, h.dialed}
}

// listening is a connection that hears whether the other end takes our certificate: in TLS 1.3 it says so after the handshake.
type listening struct {
	net.Conn
	dialed *dialer
	heard  sync.Once
}

func (l *listening) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.heard.Do(func() {
		if op := new(net.OpError); err == nil || errors.As(err, &op) && op.Op == "remote error" {
			l.dialed.last.Store(&err)
		}
	})
	return n, err
}

func (d *dialer) reason() error {
	if err := d.last.Load(); err != nil && *err != nil {
		return *err
	}
	return errors.New("not established in time")
}

// checkPeer refuses a connection whose other end is not a process of the user id.
func checkPeer(conn net.Conn, uid uint32) error {
	peer, err := peerUID(conn)
	if err != nil {
		return fmt.Errorf("%w: who does is not known: %w", errStranger, err)
	}
	if peer != uid {
		return errStranger
	}
	return nil
}

func (t *TLS) load() (*tls.Config, error) {
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("caFile: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile: %s holds no certificate", t.CAFile)
	}
	cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certFile, keyFile: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: t.ServerName, Certificates: []tls.Certificate{cert}}, nil
}

// answer becomes true when the first bytes of an answer to a call arrive.
type answer = atomic.Bool

// watcher sets the answer of a call. The code of a status does not tell who made it: both ends use the same ones.
type watcher struct{}

func (watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (watcher) HandleRPC(ctx context.Context, s stats.RPCStats) {
	switch s.(type) {
	case *stats.InHeader, *stats.InTrailer:
		if a, ok := ctx.Value(markAnswer).(*answer); ok {
			a.Store(true)
		}
	}
}

func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (watcher) HandleConn(context.Context, stats.ConnStats) {}
