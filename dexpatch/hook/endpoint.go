package claimshook

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

const (
	lookEvery = 500 * time.Millisecond // how often a service is asked how it is
	lookLimit = time.Second            // and how long it may take to answer
)

// health is what a service said of itself when it was last asked. A lower one is preferred.
type health int

const (
	serving  health = iota
	draining        // it is about to stop, and still answers
	unknown         // it was not asked yet
	silent          // it did not answer
)

// endpoint is a service and the connection to it.
type endpoint struct {
	address string
	conn    *grpc.ClientConn
	hook    hookv1.ClaimsHookServiceClient
	health  grpc_health_v1.HealthClient
	stop    context.CancelFunc // of its watch

	// Guarded by the link.
	is    health
	calls int  // under way
	gone  bool // no new call is sent; the connection ends with the last one
}

func (e *endpoint) closeIfUnused() {
	if e.gone && e.calls == 0 {
		_ = e.conn.Close() // says only that it is closed already
	}
}

// watch tells the link when the endpoint changes, until ctx ends. Over a network it keeps it connected, and asks how it is: whoever
// hangs keeps its connections, so these say nothing of it.
func (l *link) watch(ctx context.Context, e *endpoint) {
	for ctx.Err() == nil {
		state, is := e.conn.GetState(), e.is // only written here
		pause, cancel := context.WithCancel(ctx)
		if l.network {
			switch state {
			case connectivity.Idle:
				e.conn.Connect()
			case connectivity.Ready:
				is = e.look(ctx)
			}
			cancel()
			pause, cancel = context.WithTimeout(ctx, lookEvery)
		}
		l.mu.Lock()
		e.is = is
		l.tell()
		l.mu.Unlock()
		e.conn.WaitForStateChange(pause, state)
		cancel()
	}
}

// look asks the service how it is. One that has no health service, or does not know the question, serves.
func (e *endpoint) look(ctx context.Context) health {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	answered := new(answer)
	r, err := e.health.Check(context.WithValue(ctx, markAnswer, answered), &grpc_health_v1.HealthCheckRequest{})
	switch {
	case err == nil && r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return draining
	case err == nil || answered.Load():
		return serving
	}
	return silent
}

// states are those of the metrics.
var states = [...]string{"idle", "connecting", "serving", "draining", "silent"}

func (e *endpoint) state() string {
	switch e.conn.GetState() {
	case connectivity.Idle:
		return "idle"
	case connectivity.Ready:
		return [...]string{serving: "serving", draining: "draining", unknown: "connecting", silent: "silent"}[e.is]
	}
	return "connecting"
}
