package pluginhost

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// lookups is a plugin in this process that has nothing but answers.
type lookups struct {
	pluginv1.LookupServiceClient
	mu     sync.Mutex
	calls  int
	answer func(ctx context.Context, call int) (*pluginv1.LookupResponse, error)
}

func (l *lookups) Lookup(ctx context.Context, _ *pluginv1.LookupRequest, _ ...grpc.CallOption) (*pluginv1.LookupResponse, error) {
	l.mu.Lock()
	l.calls++
	n := l.calls
	l.mu.Unlock()
	return l.answer(ctx, n)
}

func (l *lookups) called() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// fakeInstance is an instance without a process.
func fakeInstance(pid int, api pluginv1.LookupServiceClient) (_ *instance, die func()) {
	exited := make(chan struct{})
	die = sync.OnceFunc(func() { close(exited) })
	return &instance{
		api: api, pid: pid, exited: exited, hush: func() {}, kill: die, stop: die, report: func() report { return report{how: "signal: killed"} },
		unlogged: func() int { return 0 },
		confined: func() *confine.Report { return nil },
	}, die
}

// fakePlugin is a plugin of h whose instances are fake. restart may be nil if it is never needed.
func fakePlugin(t *testing.T, h *Host, config string, api pluginv1.LookupServiceClient, restart func(context.Context) (*instance, error)) *Plugin {
	t.Helper()
	p := newPlugin(h, confine.Declaration{Name: "nas", Config: []byte(config)}, "")
	schema, err := facts.ParseFacts([]byte(factsSchema))
	if err != nil {
		t.Fatal(err)
	}
	p.desc = Description{Facts: schema, schemas: [3][]byte{2: []byte(factsSchema)}}
	p.answers = h.answers.Plugin(p.Name(), p.scope(), schema, p.lookup)
	p.answers.RenewWith(func(ctx context.Context) { p.renew(ctx, true) })
	inst, _ := fakeInstance(1, api)
	p.sup = supervise("nas", p.log, inst, restart)
	h.plugins = append(h.plugins, p)
	return p
}

// fakeHost is a host for fake plugins. It is not closed by the test's end, which is after its bubble's.
func fakeHost(t *testing.T, o Options) *Host {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	o.Dir = t.TempDir()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func found(age time.Duration) *pluginv1.LookupResponse {
	return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"name":"mum"}`), AgeMs: age.Milliseconds()}
}
