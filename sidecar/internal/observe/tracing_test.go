package observe

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
)

func TestWithoutTracingThereIsNothing(t *testing.T) {
	off, err := NewTracing(nil, "test", nil)
	if off != nil || err != nil {
		t.Fatalf("%v, %v", off, err)
	}
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		same, span := off.Begin(ctx)
		span.End(nil)
		if same != ctx || span != nil {
			t.Error("there is a span")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	off.Close()
}

func TestNothingOfTracingOutlivesIt(t *testing.T) {
	before := goleak.IgnoreCurrent()
	hung, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	on, err := NewTracing(&config.Tracing{OTLPEndpoint: "http://" + hung.Addr().String(), Ratio: 1}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * spanBatch {
		_, span := on.Begin(t.Context())
		span.End(&journal.Entry{})
	}
	start := time.Now()
	on.Close()
	if took := time.Since(start); took > spanFlush+10*time.Second {
		t.Errorf("it took %v", took)
	}
	on.Close()
	goleak.VerifyNone(t, before)
}

func TestLostSpansAreToldOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(0, 0)
	plain := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	c := &collector{log: slog.New(slog.NewTextHandler(&log, plain)), now: func() time.Time { return now }}
	for _, at := range []time.Duration{0, 59 * time.Second, 59 * time.Second, time.Minute, 90 * time.Second} {
		now = time.Unix(0, 0).Add(at)
		c.lose(10, errors.New("it is asleep"))
	}
	want := `level=WARN msg="spans were lost on their way to the collector" spans=10 err="it is asleep"
level=WARN msg="spans were lost on their way to the collector" spans=30 err="it is asleep"
`
	if got := log.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
