package claimshook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// maxMessageBytes is how large a message may be in either direction.
const maxMessageBytes = claims.MaxMessage

const (
	resolveEvery = time.Second     // how often the name of a network address is looked up
	resolveLimit = 5 * time.Second // and how long one lookup may take
)

// errStranger says that the process at the other end of the socket is not the one that was configured.
var errStranger = errors.New("the socket is not served by serverUid")

// link is the connections to the services behind the address, one to each. A socket has one service, which is connected to when there
// is something to ask. Over a network the name is looked up all the time, and each service is asked how it is: one that is added gets
// its share, and one that is gone, stops or hangs is passed over.
type link struct {
	network bool
	tries   int // how often one call is sent at most
	options []grpc.DialOption
	dialed  *dialer
	files   *files // nil for a socket

	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu        sync.Mutex
	endpoints []*endpoint
	turn      int           // whose turn it is
	changed   chan struct{} // closed and replaced when the endpoints changed, or how one is
}

func newLink(c Config, log *slog.Logger) (*link, error) {
	l := &link{tries: 2, dialed: &dialer{network: "unix", uid: c.ServerUID}, changed: make(chan struct{})}
	creds := insecure.NewCredentials()
	path, local := c.socket()
	if !local {
		var err error
		if l.files, err = newFiles(c.TLS, log); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		l.network, l.tries, l.dialed.network = true, 4, "tcp"
		creds = handshaker{credentials.NewTLS(l.files.config()), l.files, l.dialed}
		if c.TLS.ServerName == "" {
			l.options = append(l.options, grpc.WithAuthority(strings.TrimPrefix(c.Address, "dns:///")))
		}
		l.options = append(l.options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, Timeout: 3 * time.Second, PermitWithoutStream: true,
		}))
	}
	l.options = append(l.options,
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(),
		grpc.WithStatsHandler(watcher{}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: c.Timeout,
		}))
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	if local {
		if err := l.update(ctx, []string{path}); err != nil {
			stop()
			return nil, err
		}
		return l, nil
	}
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(c.Address, "dns:///")) // was checked
	l.tasks.Go(func() { l.resolve(ctx, host, port) })
	return l, nil
}

// Close ends the connections.
func (l *link) Close() error {
	l.stop()
	l.tasks.Wait()
	return l.update(context.Background(), nil)
}

// resolve looks the name up until ctx ends. While no answer can be had, the last one counts.
func (l *link) resolve(ctx context.Context, host, port string) {
	for ctx.Err() == nil {
		look, cancel := context.WithTimeout(ctx, resolveLimit)
		found, err := net.DefaultResolver.LookupNetIP(look, "ip", host)
		cancel()
		if err == nil {
			addresses := make([]string, len(found))
			for i, ip := range found {
				addresses[i] = net.JoinHostPort(ip.Unmap().String(), port)
			}
			err = l.update(ctx, addresses)
		}
		if err != nil && len(l.all()) == 0 {
			l.dialed.last.Store(&err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(resolveEvery*4/5 + rand.N(resolveEvery*2/5)):
		}
	}
}

// update connects to addresses that are new and lets go of those that are gone, once the calls to them have ended.
func (l *link) update(ctx context.Context, addresses []string) error {
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	l.mu.Lock()
	defer l.mu.Unlock()
	var now []*endpoint
	for _, e := range l.endpoints {
		if slices.Contains(addresses, e.address) {
			now = append(now, e)
			continue
		}
		e.gone = true
		e.stop()
		e.closeIfUnused()
	}
	var failed error
	for _, address := range addresses {
		if slices.ContainsFunc(now, func(e *endpoint) bool { return e.address == address }) {
			continue
		}
		e, err := l.connect(ctx, address)
		if err != nil {
			failed = err
			continue
		}
		now = append(now, e)
	}
	l.endpoints = now
	l.tell()
	return failed
}

// connect returns an endpoint that is watched. It connects by itself over a network, and else when it is asked for.
func (l *link) connect(ctx context.Context, address string) (*endpoint, error) {
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.dialed.dial(ctx, address) })
	conn, err := grpc.NewClient("passthrough:///claims-hook", append(slices.Clip(l.options), dial)...)
	if err != nil {
		return nil, err
	}
	e := &endpoint{address: address, conn: conn, hook: hookv1.NewClaimsHookServiceClient(conn), health: grpc_health_v1.NewHealthClient(conn)}
	if l.network {
		e.is = unknown
	}
	ctx, e.stop = context.WithCancel(ctx)
	l.tasks.Go(func() { l.watch(ctx, e) })
	return e, nil
}

// tell wakes who waits for a change. The caller holds the lock.
func (l *link) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) all() []*endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.endpoints)
}

// pick returns the service whose turn it is, of those that are connected and that were not tried: one that serves, if there is any. The
// caller gives it back with done. Nil: there is none.
func (l *link) pick(tried []*endpoint) *endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	var best *endpoint
	for i := range l.endpoints {
		e := l.endpoints[(l.turn+i)%len(l.endpoints)]
		if !slices.Contains(tried, e) && e.conn.GetState() == connectivity.Ready && (best == nil || e.is < best.is) {
			best = e
		}
	}
	if best != nil {
		l.turn++
		best.calls++
	}
	return best
}

func (l *link) done(e *endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.calls--
	e.closeIfUnused()
}

// wait is pick for whoever can wait: until the limit, and then it says why there is no connection.
func (l *link) wait(ctx context.Context, limit time.Duration) (*endpoint, error) {
	if e := l.pick(nil); e != nil {
		return e, nil // nearly always, and a timer costs more than this look
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, e := range l.all() {
		if e.conn.GetState() == connectivity.TransientFailure {
			e.conn.ResetConnectBackoff() // somebody waits: try now
		}
	}
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if e := l.pick(nil); e != nil {
			return e, nil
		}
		for _, e := range l.all() {
			if e.conn.GetState() == connectivity.Idle {
				e.conn.Connect()
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, l.dialed.reason()
		}
	}
}

// send asks one service, and gives it back.
func (l *link) send(ctx context.Context, e *endpoint, req *hookv1.ExtendPayloadRequest) attempt {
	defer l.done(e)
	var a attempt
	answered := new(answer)
	a.resp, a.err = e.hook.ExtendPayload(context.WithValue(ctx, markAnswer, answered), req, grpc.Trailer(&a.trailer))
	a.answered = answered.Load()
	return a
}

// broke is why a call was given up that was sent as often as it may be.
func (l *link) broke() string {
	if l.network {
		return "the connection broke each time before a reply"
	}
	return "the connection broke twice before a reply"
}

// alive reports whether any service answers a health check with anything at all.
func (l *link) alive(ctx context.Context) bool {
	all := l.all()
	answers := make(chan bool, len(all))
	for _, e := range all {
		go func() { answers <- e.look(ctx) != silent }() // ends with ctx
	}
	for range all {
		if <-answers {
			return true
		}
	}
	return false
}

// count returns how many endpoints there are in each state of the metrics.
func (l *link) count() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := make(map[string]int)
	for _, e := range l.endpoints {
		n[e.state()]++
	}
	return n
}

// dialer connects and remembers why it could not: the errors of gRPC mix its own words with those of the other side.
type dialer struct {
	network string
	uid     *uint32
	last    atomic.Pointer[error]
}

func (d *dialer) dial(ctx context.Context, address string) (net.Conn, error) {
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
