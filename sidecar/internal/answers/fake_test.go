package answers

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

const factsSchema = `{"type":"object","properties":{"name":{"type":"string"},"groups":{"type":"array","items":{"type":"string"}}}}`

const defaultCall = 10 * time.Second

// lookups is a plugin that has nothing but answers.
type lookups struct {
	mu     sync.Mutex
	calls  int
	fresh  []string // parameters of questions that wanted a fresh answer
	answer func(ctx context.Context, call int) (*pluginv1.LookupResponse, error)
}

func (l *lookups) called() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// lookup asks, and says what came of it in the words of a plugin host.
func (l *lookups) lookup(schema *facts.Type) Lookup {
	return func(ctx context.Context, params json.RawMessage, fresh bool) (*pipeline.Answer, error) {
		l.mu.Lock()
		l.calls++
		n := l.calls
		if fresh {
			l.fresh = append(l.fresh, string(params))
		}
		l.mu.Unlock()
		resp, err := l.answer(ctx, n)
		switch st := status.Convert(err); {
		case errors.Is(err, context.DeadlineExceeded) || st.Code() == codes.DeadlineExceeded:
			return nil, &CallError{Text: "plugin nas: lookup: no answer in time", Cause: context.DeadlineExceeded}
		case err != nil:
			return nil, &CallError{Text: "plugin nas: lookup: " + strings.ToLower(st.Code().String()) + ": " + st.Message(), Cause: err}
		}
		return answered(schema, resp)
	}
}

func answered(schema *facts.Type, resp *pluginv1.LookupResponse) (*pipeline.Answer, error) {
	values, err := schema.Decode(resp.GetFacts())
	if err != nil {
		return nil, fmt.Errorf("plugin nas: lookup: its answer: facts that are not in the schema: %w", err)
	}
	return &pipeline.Answer{
		Found: resp.GetFound(), Problem: resp.GetProblem(), Facts: values, Size: len(resp.GetFacts()),
		Age: time.Duration(resp.GetAgeMs()) * time.Millisecond, Source: "plugin",
	}, nil
}

func fakePlugin(t *testing.T, c *Cache, config string, api *lookups) *Plugin {
	t.Helper()
	return namedPlugin(t, c, "nas", config, api)
}

func namedPlugin(t *testing.T, c *Cache, name, config string, api *lookups) *Plugin {
	t.Helper()
	schema, err := facts.ParseFacts([]byte(factsSchema))
	if err != nil {
		t.Fatal(err)
	}
	scope := sha256.Sum256([]byte(name + config))
	return c.Plugin(name, scope[:], schema, api.lookup(schema))
}

// fakeCache is not closed by the test's end, which is after its bubble's.
func fakeCache(t *testing.T, o Options) *Cache {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Size == 0 {
		o.Size = 10_000
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = defaultCall
	}
	if o.CallsAtOnce == 0 {
		o.CallsAtOnce = 64
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func question(params string) pipeline.Question {
	return pipeline.Question{Connector: "google", Params: []byte(params)}
}

func found(age time.Duration) *pluginv1.LookupResponse {
	return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"name":"mum"}`), AgeMs: age.Milliseconds()}
}

// logBuffer is a log that a test can read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logger logs everything to l.
func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug - 4, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}
